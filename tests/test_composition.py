import time

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
        ("ca4s4", "did you mean Ca4S4"),
        ("Ca4S4?", "cannot read"),
        ("Ca4 S4x", "cannot read"),
        ("()2", "stands alone"),
        ("(Ca]", r"closes a '\('"),
        ("tio2", "did you mean TiO2"),
        ("co2", "did you mean Co2 or CO2"),
        ("NACL", "did you mean NaCl"),
        ("D2O", "deuterium.*as in H2O"),
        ("LiT", "tritium.*as in LiH"),
        ("Na+Cl-", "leave charges out, write NaCl"),
        ("SO4^2-", "write SO4"),
        ("PO₄³⁻", "leave charges out"),
        ("La1.8Sr0.2CuO4", "whole and positive, not 1.8"),
        ("CuSO4.5NH3", "a hydrate. write CuSO4.NH3.5"),
        ("CaSO4·1/2H2O", "not 1/2: multiply"),
        ("Fe0.9O", "not 0.9: multiply"),
        ("La0.67Sr0.33MnO3", "not 0.67: multiply"),
        ("CaSO4·0.5H2O", "not 0.5"),
        ("·CaO", "nothing stands before"),
        ("CaO·", "nothing stands after"),
        ("(" * 6000 + "C", "never closed"),
        ("(" * 6000 + "C" + ")2" * 6000, "more than 20,000 atoms"),
        ("C20001", "more than 20,000 atoms"),
        ("((Ca2000)10)S", "more than 20,000 atoms"),
        ("Ca" + "9" * 5000, "more than 20,000 atoms"),
    ],
)
def test_what_is_no_formula_is_refused_in_one_line(formula, complaint):
    with pytest.raises(InputError, match=complaint) as error:
        Composition.from_formula(formula)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300


@pytest.mark.parametrize(
    ("formula", "same"),
    [
        ("Mg[Al2]O4", "MgAl2O4"),
        ("K4[Fe(CN)6]", "K4FeC6N6"),
        ("{Ca}2", "Ca2"),
        ("CuSO4·5H2O", "CuSO9H10"),
        ("CuSO4*5H2O", "CuSO9H10"),
        ("CuSO4.5H2O", "CuSO9H10"),
        ("CuSO4 . 5(H2O)", "CuSO9H10"),
        ("NiSO4.(H2O)6", "NiSO10H12"),
        ("CaCl2.2H2O", "CaCl2H4O2"),
        ("CaO.SiO2", "CaO3Si"),
        ("2CaSO4·H2O", "Ca2S2O9H2"),
        ("TiO₂", "TiO2"),
        ("Ti O2", "TiO2"),
        ("Dy2O3", "Dy2O3"),
        ("(" * 6000 + "C" + ")" * 6000, "C"),
    ],
)
def test_formulas_as_people_write_them(formula, same):
    assert Composition.from_formula(formula) == Composition.from_formula(same)


@pytest.mark.parametrize("text", ["1", "C1.", "·", ".", "(", "+", "Ca0", "H2O.", "c"])
def test_long_nonsense_is_refused_at_once(text):
    start = time.process_time()
    with pytest.raises(InputError):
        Composition.from_formula(text * (200_000 // len(text)))
    assert time.process_time() - start < 5.0  # of work, whatever else the machine does


@given(st.dictionaries(st.sampled_from(["Ca", "S", "O", "Si", "Y", "Co", "C", "N"]), st.integers(1, 200), min_size=1))
def test_the_formula_reads_back(counts):
    composition = Composition(tuple(counts), tuple(counts.values()))
    assert Composition.from_formula(composition.formula) == composition
    assert len(composition.species) == composition.num_atoms
