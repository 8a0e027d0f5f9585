import pytest
from hypothesis import given
from hypothesis import strategies as st

from crysim.composition import Composition
from crysim.errors import InputError


def test_order_and_counts_as_given():
    garnet = Composition.from_formula("Ca24Al16(SiO4)24")
    assert garnet.elements == ("Ca", "Al", "Si", "O")
    assert garnet.counts == (24, 16, 24, 96)
    assert garnet.num_atoms == 160
    assert garnet.formula == "Ca24Al16Si24O96"
    assert garnet.reduced_formula == "Ca3Al2Si3O12"
    assert garnet.num_formula_units == 8


def test_formula_units_and_repeated_elements():
    assert Composition.from_formula("CaS", z=4) == Composition.from_formula("Ca4S4")
    assert Composition.from_formula("CaSCa3").counts == (4, 1)
    assert Composition.from_formula("C000020000").counts == (20_000,)
    with pytest.raises(InputError, match="more than"):
        Composition.from_formula("CaS", z=10_001)


@pytest.mark.parametrize(
    ("formula", "complaint"),
    [
        ("", "empty"),
        ("Ca4S0", "positive"),
        ("Ca4S1.5", "whole"),
        ("Xx2O", "unknown element 'Xx'"),
        ("Ca(S", "never closed"),
        ("Ca)S", "without its"),
        ("4", "stands alone"),
        ("ca4s4", "cannot read"),
        ("Ca4S4?", "cannot read"),
        ("Ca4 S4x", "cannot read"),
        ("()2", "stands alone"),
        ("C20001", "more than 20,000 atoms"),
        ("((Ca2000)10)S", "more than 20,000 atoms"),
        ("Ca" + "9" * 5000, "more than 20,000 atoms"),
    ],
)
def test_what_is_no_formula_is_refused_in_one_line(formula, complaint):
    with pytest.raises(InputError, match=complaint) as error:
        Composition.from_formula(formula)
    assert "\n" not in str(error.value)


@given(st.dictionaries(st.sampled_from(["Ca", "S", "O", "Si", "Y", "Co", "C", "N"]), st.integers(1, 200), min_size=1))
def test_the_formula_reads_back(counts):
    composition = Composition(tuple(counts), tuple(counts.values()))
    assert Composition.from_formula(composition.formula) == composition
    assert len(composition.species) == composition.num_atoms
