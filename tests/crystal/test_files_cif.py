"""CIFs as people have them: what is read is what the file says of itself, or it is refused in one line."""

from pathlib import Path

import numpy as np
import pytest
import spglib
from pymatgen.core import Lattice, Structure

from crysim.crystal import Crystal
from crysim.crystal.files import read_structure, read_structure_file, write_cif
from crysim.crystal.files.cif_names import number_of_name, settings_of_name, settings_of_number
from crysim.crystal.files.symbols import element_of_site
from crysim.crystal.files.text import UnreadableError
from crysim.crystal.identify import find_space_group
from crysim.errors import InputError

SITES = "label type_symbol fract_x fract_y fract_z"
FLUORITE = "Ca1 Ca 0 0 0\nF1 F 0.25 0.25 0.25"
CUBE = (5.463, 5.463, 5.463, 90, 90, 90)
FM3M = "_space_group_name_H-M_alt 'F m -3 m'"
SAYS_CAF2 = "_chemical_formula_sum 'Ca F2'\n_cell_formula_units_Z 4"
ONLY_XYZ = "loop_\n_symmetry_equiv_pos_as_xyz\n'x,y,z'"


def cif(symmetry: str = FM3M, cell=CUBE, sites: str = FLUORITE, columns: str = SITES, says: str = "") -> str:
    names = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
    items = "\n".join(f"_cell_{name} {value}" for name, value in zip(names, cell, strict=True))
    header = "\n".join(f"_atom_site_{column}" for column in columns.split())
    return f"data_test\n{items}\n{symmetry}\n{says}\nloop_\n{header}\n{sites}\n"


def read(tmp_path: Path, text: str | bytes):
    path = tmp_path / "test.cif"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_structure_file(path)


def found(tmp_path: Path, text: str | bytes) -> tuple[str, int]:
    structure = read(tmp_path, text).structure
    return structure.formula.replace(" ", ""), find_space_group(structure)


def refusal(tmp_path: Path, text: str | bytes) -> str:
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)
    message = str(caught.value)
    assert str(tmp_path / "test.cif") in message
    assert "\n" not in message
    return message


# ------------------------------------------------------------------------------------------------ names of groups


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("R -3 c :H", "R -3 c:H"),
        ("R -3 c H", "R -3 c:H"),
        ("R-3cH", "R -3 c:H"),
        ("R -3 c:R", "R -3 c:R"),
        ("R -3 m HR", "R -3 m:R"),
        ("R -3 2/c", "R -3 c:H"),
        ("R -3 m (hexagonal axes)", "R -3 m:H"),
        ("H 3 2", "R 3 2:H"),
        ("P 21/n", "P 1 21/n 1"),
        ("P21/n", "P 1 21/n 1"),
        ("P21/c", "P 1 21/c 1"),
        ("P 2_1/a", "P 1 21/a 1"),
        ("P 1 1 21/b", "P 1 1 21/b"),
        ("P 21/B", "P 1 1 21/b"),
        ("C 2/m", "C 1 2/m 1"),
        ("F m 3 m", "F m -3 m"),
        ("Fm3m", "F m -3 m"),
        ("FM-3M", "F m -3 m"),
        ("F4/m-32/m", "F m -3 m"),
        ("F 4/m 3 2/m", "F m -3 m"),
        ("Ia3d", "I a -3 d"),
        ("P a 3", "P a -3"),
        ("P 4 3 2", "P 4 3 2"),
        ("F d -3 m S", "F d -3 m:1"),
        ("F d -3 m Z", "F d -3 m:2"),
        ("Fd-3mZ", "F d -3 m:2"),
        ("P n -3 n :2", "P n -3 n:2"),
        ("Pn-3n (origin choice 2)", "P n -3 n:2"),
        ("P b n m", "P b n m"),
        ("C m c e", "C m c a"),
        ("A e m 2", "A b m 2"),
        ("P6<sub>3</sub>/mmc", "P 63/m m c"),
        ("P\\bar{1}", "P -1"),
        ("P −1", "P -1"),
        ("F 41/d -3 2/m (origin choice 2)", "F d -3 m:2"),
        ("P n m a (#62)", "P n m a"),
        ("C -1", "C -1"),
        ("P 1 c 1", "P 1 c 1"),
    ],
)
def test_spellings_of_space_groups(name, first):
    assert settings_of_name(name)[0].symbol == first


@pytest.mark.parametrize("name", ["F q -3 m", "nonsense", "P 21/d", "", "225"])
def test_what_is_no_symbol_of_a_space_group_is_none(name):
    assert number_of_name(name) is None


def test_axes_that_a_suffix_and_the_cell_tell_differently_are_read_by_the_cell_and_said(tmp_path):
    text = cif("_space_group_name_H-M_alt 'R -3 m :H'", ARSENIC, "As1 As 0.2276 0.2276 0.2276")
    assert "other axes" in read(tmp_path, text).notes[0]


def test_a_stale_name_beside_operations_that_fit_is_said(tmp_path):
    every = [(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)]
    rows = [f"Ca Ca {x} {y} {z}" for x, y, z in every]
    rows += [f"F F {x + d} {y + 0.25} {z + 0.25}" for x, y, z in every for d in (0.25, 0.75)]
    text = cif(f"_space_group_name_H-M_alt 'P 63 m c'\n{ONLY_XYZ}", sites="\n".join(rows), says=SAYS_CAF2)
    done = read(tmp_path, text)
    assert done.structure.formula == "Ca4 F8"
    assert "another space group" in done.notes[0]


def test_every_symbol_of_spglib_s_table_is_understood():
    """Short, full and setting symbols of the 530 settings name their own group."""
    for serial in range(1, 531):
        kind = spglib.get_spacegroup_type(serial)
        symbols = {kind.international_short, kind.international_full, kind.international.split("=")[-1]}
        for symbol in symbols:
            assert number_of_name(symbol) == kind.number, (serial, symbol)
            assert number_of_name(symbol.replace(" ", "")) == kind.number, (serial, symbol)


def test_a_number_alone_means_the_standard_setting_first():
    for number in range(1, 231):
        first = settings_of_number(number)[0]
        assert first.standard
        assert first.number == number


# ---------------------------------------------------------------------------------------------- axes and settings

ARSENIC = (4.131, 4.131, 4.131, 54.13, 54.13, 54.13)


@pytest.mark.parametrize(
    "symmetry",
    [
        "_space_group_name_H-M_alt 'R -3 m'",
        "_space_group_name_H-M_alt 'R -3 m :R'",
        "_space_group_name_H-M_alt 'R -3 m :H'",
        "_symmetry_space_group_name_H-M R-3mR",
        "_symmetry_Int_Tables_number 166",
        '_space_group_name_Hall "-P 3* 2"',
    ],
)
def test_rhombohedral_axes_are_told_by_the_cell(tmp_path, symmetry):
    text = cif(
        symmetry, ARSENIC, "As1 As 0.2276 0.2276 0.2276", says="_chemical_formula_sum As\n_cell_formula_units_Z 2"
    )
    assert found(tmp_path, text) == ("As2", 166)


@pytest.mark.parametrize("name", ["R -3 m", "R -3 m :H", "R -3 m :R", "R-3mH"])
def test_hexagonal_axes_are_told_by_the_cell(tmp_path, name):
    cell = (3.76, 3.76, 10.44, 90, 90, 120)
    text = cif(f"_space_group_name_H-M_alt '{name}'", cell, "As1 As 0 0 0.2276")
    assert found(tmp_path, text) == ("As6", 166)


BADDELEYITE = "Zr1 Zr {} \nO1 O {} \nO2 O {} "
SAYS_ZRO2 = "_chemical_formula_sum 'O2 Zr'\n_cell_formula_units_Z 4"
ZRO2 = [(0.2754, 0.0395, 0.2082), (0.0700, 0.3317, 0.3447), (0.4496, 0.7569, 0.4792)]


def monoclinic(name: str, beta: float, points) -> str:
    rows = BADDELEYITE.format(*(" ".join(f"{x:.6f}" for x in point) for point in points))
    cell = (5.15, 5.212, 5.317, 90, beta, 90)
    return cif(f"_space_group_name_H-M_alt '{name}'", cell, rows, says=SAYS_ZRO2)


@pytest.mark.parametrize("name", ["P 1 21/c 1", "P21/c", "P 21/c", "P2_1/c"])
def test_a_short_monoclinic_name_is_its_setting(tmp_path, name):
    assert found(tmp_path, monoclinic(name, 99.2, ZRO2)) == ("Zr4O8", 14)


def test_another_glide_than_the_sites_have_is_refused_with_the_distance(tmp_path):
    message = refusal(tmp_path, monoclinic("P 21/n", 99.2, ZRO2))
    assert "Å apart" in message
    assert "P 21/n" in message


def test_a_bare_number_takes_the_setting_that_fits(tmp_path):
    """The sites of P 1 21/c 1 in the cell with c' = -a-c are in P 1 21/n 1."""
    a, c, beta = 5.15, 5.317, np.radians(99.2)
    moved = np.sqrt(a * a + c * c + 2 * a * c * np.cos(beta))
    angle = np.degrees(np.arccos((-a * a - a * c * np.cos(beta)) / (a * moved)))
    points = [(x - z, y, -z) for x, y, z in ZRO2]
    rows = BADDELEYITE.format(*(" ".join(f"{v:.6f}" for v in point) for point in points))
    cell = (a, 5.212, moved, 90, angle, 90)
    named = cif("_space_group_name_H-M_alt 'P21/n'", cell, rows, says=SAYS_ZRO2)
    assert found(tmp_path, named) == ("Zr4O8", 14)
    numbered = read(tmp_path, cif("_space_group_IT_number 14", cell, rows, says=SAYS_ZRO2))
    assert numbered.structure.formula == "Zr4 O8"
    assert any("P 1 21/n 1" in note for note in numbered.notes)


DIAMOND = (3.567, 3.567, 3.567, 90, 90, 90)
SAYS_C8 = "_chemical_formula_sum C\n_cell_formula_units_Z 8"


@pytest.mark.parametrize(
    ("symmetry", "place"),
    [
        ("_space_group_name_H-M_alt 'F d -3 m :1'", "0 0 0"),
        ("_space_group_name_H-M_alt 'F d -3 m S'", "0 0 0"),
        ("_space_group_name_H-M_alt 'F d -3 m'", "0 0 0"),
        ("_space_group_name_H-M_alt 'F d 3 m'", "0.125 0.125 0.125"),
        ("_space_group_name_H-M_alt 'F d -3 m :2'", "0.125 0.125 0.125"),
        ("_space_group_IT_number 227", "0 0 0"),
        ("_space_group_IT_number 227", "0.125 0.125 0.125"),
        ("_space_group_IT_number 227\n_space_group_IT_coordinate_system_code 1", "0 0 0"),
        ("_space_group_name_Hall 'F 4d 2 3 -1d'", "0 0 0"),
    ],
)
def test_the_number_of_units_decides_between_origins(tmp_path, symmetry, place):
    assert found(tmp_path, cif(symmetry, DIAMOND, f"C1 C {place}", says=SAYS_C8)) == ("C8", 227)


def test_an_origin_that_nothing_decides_is_asked_for(tmp_path):
    message = refusal(tmp_path, cif("_space_group_name_H-M_alt 'F d -3 m'", (5.43,) * 3 + (90,) * 3, "Si1 Si 0 0 0"))
    assert "origin" in message
    assert "Si8" in message
    assert "Si16" in message


def test_multiplicities_decide_between_origins(tmp_path):
    sites, columns = "Si1 Si 0 0 0 8", f"{SITES} symmetry_multiplicity"
    text = cif("_space_group_name_H-M_alt 'F d -3 m'", (5.43,) * 3 + (90,) * 3, sites, columns)
    assert found(tmp_path, text) == ("Si8", 227)


# ----------------------------------------------------------------------------------- symmetry that is contradicted


@pytest.mark.parametrize(
    ("symmetry", "words"),
    [
        ("_space_group_name_H-M_alt 'F q -3 m'", "'F q -3 m', which is unknown"),
        ("_space_group_name_Hall 'nonsense'", "'nonsense', which is unknown"),
        ("_space_group_IT_number 999", "from 1 to 230"),
        (f"{FM3M}\n_space_group_IT_number 221", "225) and the number 221"),
        ("_space_group_name_H-M_alt 'P 63 m c'", "does not keep"),
        (f"{FM3M}\n_space_group_name_Hall '-P 4 2 3'", "-P 4 2 3"),
        (f"{FM3M}\n{ONLY_XYZ}", "correct one of the two"),
        ("loop_\n_space_group_symop_operation_xyz\nx,y,z\n'x,y,q'", "'x,y,q'"),
        ("loop_\n_space_group_symop_operation_xyz\nx,y,z\n'x+y,y,z'", "make no space group"),
        ("_cell_modulation_dimension 1", "modulated"),
    ],
)
def test_symmetry_that_cannot_be_is_named(tmp_path, symmetry, words):
    assert words in refusal(tmp_path, cif(symmetry))


def test_an_unknown_name_is_never_p1(tmp_path):
    refusal(tmp_path, cif("_space_group_name_H-M_alt 'F m q'\n"))
    read_by_number = read(
        tmp_path, cif("_space_group_name_H-M_alt 'F m q'\n_space_group_IT_number 225", says=SAYS_CAF2)
    )
    assert read_by_number.structure.formula == "Ca4 F8"
    assert "unknown" in read_by_number.notes[0]


def test_x_y_z_alone_beside_a_name_is_read_as_the_formula_says(tmp_path):
    by_name = read(tmp_path, cif(f"{FM3M}\n{ONLY_XYZ}", says=SAYS_CAF2))
    assert by_name.structure.formula == "Ca4 F8"
    assert "x,y,z" in by_name.notes[0]
    every = [(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)]
    rows = [f"Ca Ca {x} {y} {z}" for x, y, z in every]
    rows += [f"F F {x + d} {y + 0.25} {z + 0.25}" for x, y, z in every for d in (0.25, 0.75)]
    text = cif(f"{FM3M}\n{ONLY_XYZ}", sites="\n".join(rows), says=SAYS_CAF2)
    assert found(tmp_path, text) == ("Ca4F8", 225)


def test_a_file_without_symmetry_is_p1_only_where_the_formula_agrees(tmp_path):
    assert "names no space group" in refusal(tmp_path, cif("", says=SAYS_CAF2))
    unsaid = read(tmp_path, cif("", (4.2, 4.2, 4.2, 90, 90, 90), "Po1 Po 0 0 0"))
    assert unsaid.structure.formula == "Po1"
    assert "P 1" in unsaid.notes[0]


def test_operations_are_completed_to_a_group_and_it_is_said(tmp_path):
    operations = "'x,y,z'\n'-x,-y,-z'\n'y,z,x'\n'x,y+1/2,z+1/2'\n'-x,-y,z'\n'Y, X, -Z'\n'x+0.5,y,.5+z'"
    done = read(tmp_path, cif(f"loop_\n_space_group_symop_operation_xyz\n{operations}", says=SAYS_CAF2))
    assert done.structure.formula == "Ca4 F8"
    assert "completed to 192" in done.notes[0]


# ------------------------------------------------------------------------------------------- what the file states


@pytest.mark.parametrize(
    ("says", "words"),
    [
        ("_chemical_formula_sum 'Ca F'", "says Ca F, and its sites with 'F m -3 m' give Ca4F8"),
        ("_chemical_formula_sum 'Sr F2'", "says Sr F2"),
        ("_chemical_formula_sum 'Ca F2'\n_cell_formula_units_Z 1", "says Ca F2, Z 1"),
        ("_chemical_formula_sum 'Ca F2'\n_exptl_crystal_density_diffrn 0.79", "3.18 g/cm³ where it says 0.79"),
        ("_cell_volume 300.0", "says that its cell has 300 Å³"),
    ],
)
def test_contents_other_than_the_file_s_own_are_refused(tmp_path, says, words):
    assert words in refusal(tmp_path, cif(says=says))


@pytest.mark.parametrize(
    "says",
    [
        SAYS_CAF2,
        "_chemical_formula_sum 'Ca4 F8'\n_cell_formula_units_Z 4",  # as pymatgen and ASE write
        "_chemical_formula_sum 'F2 Ca1'",
        "_chemical_formula_sum 'Ca (F)2'\n_cell_formula_units_Z ?",
        "_chemical_formula_sum ?",
        "_chemical_formula_sum 'Ca F2'\n_exptl_crystal_density_diffrn 3.18(1)",
        "_cell_volume 163.0(2)",
    ],
)
def test_contents_as_the_file_says_are_read(tmp_path, says):
    assert found(tmp_path, cif(says=says)) == ("Ca4F8", 225)


PORTLANDITE = (3.592, 3.592, 4.906, 90, 90, 120)
P3M1 = "_space_group_name_H-M_alt 'P -3 m 1'"


@pytest.mark.parametrize("says", ["_chemical_formula_sum 'Ca H2 O2'\n_cell_formula_units_Z 1", ""])
def test_hydrogens_that_are_stated_and_not_placed(tmp_path, says):
    sites = "Ca1 Ca 0 0 0 0\nO1 O 0.3333 0.6667 0.2341 1"
    text = cif(P3M1, PORTLANDITE, sites, f"{SITES} attached_hydrogens", says)
    assert "hydrogens are missing" in refusal(tmp_path, text)


def test_hydrogens_without_a_place_are_named(tmp_path):
    sites = "Ca1 Ca 0 0 0\nO1 O 0.3333 0.6667 0.2341\nH1 H ? ? ?"
    assert "H1" in refusal(tmp_path, cif(P3M1, PORTLANDITE, sites))
    with_them = "Ca1 Ca 0 0 0\nO1 O 0.3333 0.6667 0.2341\nD1 D 0.3333 0.6667 0.4248"
    says = "_chemical_formula_sum 'Ca D2 O2'\n_cell_formula_units_Z 1"
    assert found(tmp_path, cif(P3M1, PORTLANDITE, with_them, says=says)) == ("Ca1H2O2", 164)


# ------------------------------------------------------------------------------------------------- special positions


@pytest.mark.parametrize("third", ["0.3333 0.6667", "0.333 0.667", "0.33 0.67", "1/3 2/3", "0.33333(2) 0.66667(2)"])
def test_cut_off_digits_on_a_special_position_are_one_atom(tmp_path, third):
    cell = (3.811, 3.811, 6.234, 90, 90, 120)
    sites = f"Cd1 Cd {third} 0\nS1 S {third} 0.377"
    text = cif("_space_group_name_H-M_alt 'P 63 m c'", cell, sites)
    assert found(tmp_path, text) == ("Cd2S2", 186)
    points = read(tmp_path, text).structure.frac_coords[:2, :2]
    assert np.allclose(np.sort(points, axis=1), [1 / 3, 2 / 3], atol=1e-9)


@pytest.mark.parametrize(
    ("sites", "words"),
    [
        ("Ca1 Ca 0 0 0\nCa2 Ca 0 0 0\nF1 F .25 .25 .25", "Ca1 and Ca2 0.000 Å apart (a duplicate site)"),
        ("Ca1 Ca 0 0 0\nCa2 Ca .5 .5 0\nF1 F .25 .25 .25", "a duplicate site"),
        ("Ca1 Ca 0 0 0\nSr1 Sr 0 0 0\nF1 F .25 .25 .25", "0.000 Å apart"),
        ("Ca1 Ca 0 0 0\nF1 F .05 0 0", "Å"),
    ],
)
def test_atoms_on_one_place_are_named_with_their_distance(tmp_path, sites, words):
    assert words in refusal(tmp_path, cif(sites=sites))


# ------------------------------------------------------------------------------------------------- sites and elements


@pytest.mark.parametrize(
    ("kind", "label", "stated", "element"),
    [
        (None, "Ca1", (), "Ca"),
        (None, "CA", (), "Ca"),
        (None, "CA", ("C", "H"), "C"),
        (None, "HO1", ("H", "O"), "H"),
        (None, "ca", (), "Ca"),
        (None, "OW", (), "O"),
        (None, "O2-", (), "O"),
        (None, "Na1+", (), "Na"),
        (None, "D1", (), "H"),
        (None, "Wat", ("O", "H", "W"), "W"),
        ("Fe3+", "x", (), "Fe"),
        ("NI", "x", (), "Ni"),
        ("Na+,spin=5", "x", (), "Na"),
        ("D", "x", (), "H"),
    ],
)
def test_elements_of_sites(kind, label, stated, element):
    assert element_of_site(kind, label, stated) == element


@pytest.mark.parametrize(
    ("kind", "label"),
    [(None, "M1"), (None, "X1"), (None, "Wat"), (None, "Vac"), ("M", "Na1"), ("A", "x"), ("X", "x"), ("Lp", "x"),
     ("OH", "x"), ("H2O", "x"), ("Nh4", "x"), ("Ca/Mg", "x"), ("Na K", "x")],
)  # fmt: skip
def test_placeholders_are_no_elements(kind, label):
    with pytest.raises(UnreadableError, match="is no element"):
        element_of_site(kind, label)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("Ca1 Ca 0 0 nan 1", "'nan'"),
        ("Ca1 Ca 0 0 inf 1", "'inf'"),
        ("Ca1 Ca 0 0 1e400 1", "'1e400'"),
        ("Ca1 Ca 0 0 '0,5' 1", "'0,5'"),
        ("Ca1 Ca 0 0 . 1", "no place for site Ca1"),
        ("Ca1 Ca 0 0 0 0.5", "partly occupied sites (Ca1"),
        ("Ca1 Ca 0 0 0 1.5", "occupancy '1.5'"),
        ("M1 M 0 0 0 1", "holds 'M', which is no element"),
        ("Ca1 Ca 0 0", "line"),
    ],
)
def test_a_site_that_cannot_be_is_named(tmp_path, row, words):
    assert words in refusal(tmp_path, cif(sites=row, columns=f"{SITES} occupancy"))


def test_occupancies_of_one_within_a_percent_and_dummies(tmp_path):
    sites = "Ca1 Ca 0 0 0 0.998 d\nF1 F .25 .25 .25 ? d\nQ1 X .1 .2 .3 1 dum"
    assert found(tmp_path, cif(sites=sites, columns=f"{SITES} occupancy calc_flag")) == ("Ca4F8", 225)


def test_a_site_outside_of_a_loop(tmp_path):
    site = "\n".join(
        f"_atom_site_{name} {value}" for name, value in zip(SITES.split(), "Po1 Po 0 0 0".split(), strict=True)
    )
    text = cif("_space_group_name_H-M_alt 'P m -3 m'", (3.36,) * 3 + (90,) * 3).split("loop_")[0] + site
    assert found(tmp_path, text) == ("Po1", 221)


# ---------------------------------------------------------------------------------------------------- cells and files


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ((0, 5, 5, 90, 90, 90), "not positive"),
        ((-5, 5, 5, 90, 90, 90), "not positive"),
        (("nan", 5, 5, 90, 90, 90), "'nan' as _cell_length_a"),
        (("?", 5, 5, 90, 90, 90), "gives no _cell_length_a"),
        ((5, 5, 5, 90, 90, 0), "between 0 and 180°"),
        ((5, 5, 5, 30, 30, 120), "close no volume"),
        ((5, 5, 1e7, 90, 90, 90), "long"),
        ((5, 5, 0.01, 90, 90, 90), "flat cell"),
        ((1, 1, 1, 90, 90, 90), "Å³ of its cell for each atom"),
    ],
)
def test_a_cell_that_cannot_be_is_named(tmp_path, cell, words):
    assert words in refusal(tmp_path, cif("_space_group_name_H-M_alt 'P 1'", cell, FLUORITE + "\nF2 F .7 .7 .7"))


@pytest.mark.parametrize(
    "encoded",
    [
        b"\xef\xbb\xbf" + cif().encode(),
        cif().encode("utf-16"),
        cif().replace("\n", "\r\n").encode(),
        cif().encode() + "# gemessen in Zürich".encode("latin-1"),
        cif().replace("data_test", "data_test\n_publ_section_title\n;\ndata_none\n;").encode(),
        b"data_global\n_audit_creation_method x\n" + cif().encode(),
    ],
)
def test_encodings_and_texts_around_a_structure(tmp_path, encoded):
    assert found(tmp_path, encoded) == ("Ca4F8", 225)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (cif() + cif().replace("data_test", "data_other"), "holds 2 structures (data_test, data_other)"),
        (cif() + cif(), "holds 2 structures"),
        (cif(sites="Ca1 Ca ? ? ?") + cif().replace("data_test", "data_other"), "data_test, data_other"),
        ("data_x\n_cell_length_a 5\n", "holds no structure"),
        (cif(columns="label type_symbol Cartn_x Cartn_y Cartn_z"), "fractional coordinates"),
        (cif(f"{FM3M}\n_cell_length_a 5.1"), "_cell_length_a twice"),
        ("this is no CIF\n", "is no CIF file that can be read"),
        ("", "it is empty"),
        (b"\x1f\x8b" + bytes(20), "compressed"),
        (bytes(100), "binary"),
        (cif(sites="\n".join(f"C{i} C 0 0 {i}e-5" for i in range(20_001))), "20,001 atoms: at most 20,000"),
    ],
)
def test_what_is_not_one_structure_is_named(tmp_path, text, words):
    assert words in refusal(tmp_path, text)


@pytest.mark.parametrize("ratio", [0.94, 1.05])
def test_a_tetragonal_cell_that_is_nearly_cubic_stays_so(ratio: float, tmp_path: Path) -> None:
    """Its primitive vectors are equally long, and their angles within 5° of a cube's."""
    cell = Lattice.tetragonal(2.9, 2.9 * ratio)
    crystal = Crystal.from_structure(Structure.from_spacegroup("I4/mmm", cell, ["Cu"], [[0, 0, 0]]))
    write_cif(crystal, tmp_path / "bct.cif")
    back = read_structure(tmp_path / "bct.cif")
    assert back.lattice.abc == pytest.approx((2.9, 2.9, 2.9 * ratio))
    assert "I4/mmm" not in (tmp_path / "bct.cif").read_text(), "in P1: pymatgen would list a cube's operations"
    write_cif(
        rock_salt := Crystal.from_structure(
            Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.6), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
        ),
        tmp_path / "salt.cif",
    )
    assert "Fm-3m" in (tmp_path / "salt.cif").read_text()
    assert rock_salt.space_group == 225
