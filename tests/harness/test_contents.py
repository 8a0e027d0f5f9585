"""Formula units as a person asks for them."""

import pytest

from crysim.errors import InputError
from crysim.harness.contents import contents_of, default_units, read_units
from crysim.harness.spec import space_groups


@pytest.mark.parametrize(
    ("value", "units"), [("4", (4,)), ("1-4", (1, 2, 3, 4)), ("4,1,2,2", (1, 2, 4)), (3, (3,)), ([2, 1], (1, 2))]
)
def test_a_number_a_list_and_a_range(value, units):
    assert read_units(value) == units


@pytest.mark.parametrize("value", ["0", "5-2", "0-3", "", "-1", "1.5", "a", "1,,2", "1-", [], 0])
def test_what_is_no_number_of_units_is_one_line(value):
    with pytest.raises(InputError, match=r"--z is .* from 1 on") as error:
        read_units(value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("formula", "units"),
    [
        ("Si", (1, 2, 3, 4, 6, 8, 12, 16)),
        ("ZnSb", (1, 2, 3, 4, 6, 8, 12)),
        ("TiO2", (1, 2, 3, 4, 6, 8)),
        ("SrTiO3", (1, 2, 3, 4)),
        ("Ca3Al2(SiO4)3", (1, 2, 3, 4)),
        ("K2MnH8(SO6)2", (1, 2, 3, 4)),
        ("Y6Co51", (1,)),
    ],
)
def test_usual_numbers_of_units_in_small_cells_and_four_at_most_in_larger_ones(formula, units):
    assert default_units(formula) == units


def test_a_limit_of_atoms_cuts_the_units():
    assert default_units("NaCl", max_atoms=11) == (1, 2, 3, 4)
    with pytest.raises(InputError, match="at most 1 "):
        default_units("NaCl", max_atoms=1)


def test_contents_beyond_the_limit_are_refused():
    assert [c.name for c in contents_of("NaCl", (1, 2), "primitive")] == ["NaCl-primitive", "Na2Cl2-primitive"]
    assert contents_of("NaCl", (200,))[0].num_atoms == 400
    with pytest.raises(InputError, match="402 atoms"):
        contents_of("NaCl", (1, 201))


def test_space_groups_by_number_range_and_symbol():
    assert space_groups("225,Fm-3m,195-197") == (225, 225, 195, 196, 197)
    assert space_groups([62, "R-3c"]) == (62, 167)
    assert space_groups(7) == (7,)
