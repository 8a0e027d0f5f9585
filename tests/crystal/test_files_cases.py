"""The structure files that users reported: every one is read as its author meant it, or refused with its reason."""

from pathlib import Path

import pytest

from crysim.crystal.files import read_structure_file
from crysim.crystal.identify import find_space_group
from crysim.errors import InputError

FOLDERS = [
    folder / "cases" / "structures"
    for folder in (p / "shared" for p in Path(__file__).resolve().parents)
    if folder.is_dir()
]

READ = {
    "Na4Cl4 225": [
        "Näcl 结构 (1).cif", "POSCAR.gz", "POSCAR_3scale", "POSCAR_K", "POSCAR_big", "POSCAR_bom", "POSCAR_dl",
        "POSCAR_labels", "POSCAR_negvol", "POSCAR_ok", "POSCAR_pv", "POSCAR_slash", "POSCAR_vel", "a_T.extxyz",
        "a_Z.extxyz", "a_lab.extxyz", "a_left.extxyz", "a_nopbc.extxyz", "a_noprops.xyz", "a_trail.extxyz", "bom.cif",
        "crlf.cif", "latin1.cif", "mb_publ.cif", "nacl.CIF", "nacl.cif", "nacl.mcif", "nacl_0p.cif", "nacl_label.cif",
        "nacl_ok.cif", "nacl_ox.cif", "nacl_spin.cif", "nacl_typo.cif", "nacl_unkn.cif", "partial999.cif",
        "textblock.cif",
    ],
    "H4Cl4 225": ["POSCAR_D"],
    "Na8 221": ["POSCAR_rep"],
    "Na1Cl1 8": ["POSCAR_sel"],
    "Na4Cl4 6": ["a_far.extxyz"],
    "Am4O8 225": ["amo2.vasp"],
    "Ti4O8 141": ["anatase_noor.cif", "anatase_o1.cif"],
    "Zr4O8 14": ["b112m.cif"],
    "Bi2 166": ["bi_R.cif", "bi_noR.cif"],
    "Ca6C6O18 167": [
        "calcite_H.cif", "calcite_H2.cif", "calcite_full.cif", "calcite_hcode.cif", "calcite_plain.cif",
        "calcite_short.cif",
    ],
    "Al1Ni1 221": ["co_label.cif"],
    "Cs2 229": ["cs.vasp"],
    "Zn2O2 186": ["esd.cif", "third.cif", "zno_2digits.cif", "zno_3digits.cif"],
    "H1 221": ["h_box.vasp"],
    "He4 225": ["he.vasp"],
    "Li4H4 225": ["lid.cif"],
    "Mn6O6 225": ["magnetic.cif", "magnetic.mcif"],
    "Ni3S2 155": ["ni3s2_R.cif"],
    "Mg4Si4O12 62": ["pbnm.cif"],
    "Si3O6 152": ["quartz_3digits.cif"],
    "Rn4O8 225": ["rno2.vasp"],
    "Si8 227": ["si_hall.cif", "si_noor.cif", "si_num.cif", "si_o1.cif", "si_o1S.cif"],
    "Mg8Al16O32 227": ["spinel_o1.cif"],
    "U4O8 225": ["uo2.vasp"],
    "W8O24 14": ["wo3_num14.cif", "wo3_p21n.cif", "wo3_p21n_long.cif", "wo3_p21n_s2.cif", "wo3_p21n_short.cif"],
}  # fmt: skip

REFUSED = {
    "POSCAR_Vac": "'Vac', which is no element",
    "POSCAR_X": "'X', which is no element",
    "POSCAR_counts": "names 2 elements in line 6 and gives 3 counts",
    "POSCAR_inf": "numbers",
    "POSCAR_nan": "numbers",
    "POSCAR_nanlat": "'nan' in line 2",
    "POSCAR_stars": "'******** 0 0'",
    "POSCAR_thin": "flat",
    "POSCAR_tiny": "Å³ of its cell for each atom",
    "POSCAR_trunc": "8 atoms, and 2 lines",
    "POSCAR_upper": "write 'Na'",
    "POSCAR_v4": "names no elements",
    "POSCAR_zero": "scale",
    "POSCAR_zerocount": "4 atoms, and 8 lines",
    "a_F.extxyz": "not periodic",
    "a_TTF.extxyz": "not periodic",
    "a_X.extxyz": "'X', which is no element",
    "a_flat.extxyz": "flat",
    "a_nan.extxyz": "not numbers",
    "a_nolat.xyz": "not periodic",
    "a_two.extxyz": "holds 2 structures",
    "a_zero.extxyz": "no atoms",
    "a_zl.extxyz": "flat",
    "brucite_attached.cif": "says H2 Mg O2, Z 1, and its atoms are MgO2: hydrogens are missing",
    "brucite_noH.cif": "says H2 Mg O2, Z 1, and its atoms are MgO2: hydrogens are missing",
    "brucite_unknownH.cif": "no place for site H1",
    "dup.cif": "a duplicate site",
    "dupsym.cif": "a duplicate site",
    "gathered.vasp": "holds 2 structures",
    "mb_one_bad.cif": "data_nacl_bad, data_LiD",
    "mb_same.cif": "holds 2 structures",
    "mb_two.cif": "holds 2 structures",
    "nacl.cif.gz": "no known format",
    "nacl_A.cif": "'A', which is no element",
    "nacl_M.cif": "'M', which is no element",
    "nacl_X.cif": "'X', which is no element",
    "nacl_bad.cif": "no place for site Na1",
    "nacl_lp.cif": "'Lp', which is no element",
    "nacl_mix.cif": "'Na K', which is no element",
    "nacl_nan.cif": "'nan'",
    "nacl_nanlat.cif": "'nan'",
    "nacl_nh4.cif": "'Nh4', which is no element",
    "nacl_nosym.cif": "names no space group",
    "near.cif": "0.011 Å apart",
    "partial.cif": "partly occupied",
    "wo3_p21c_short.cif": "0.695 Å apart",
}

EXPECTED = {name: outcome for outcome, names in READ.items() for name in names} | REFUSED


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_reported_file_is_read_right_or_refused_with_its_reason(name):
    if not FOLDERS:
        pytest.skip("the reported files (shared/cases/structures) are not here")
    path = FOLDERS[0] / name
    if name in REFUSED:
        with pytest.raises(InputError) as caught:
            read_structure_file(path)
        assert REFUSED[name] in str(caught.value)
        assert "\n" not in str(caught.value)
    else:
        structure = read_structure_file(path).structure
        assert f"{structure.formula.replace(' ', '')} {find_space_group(structure)}" == EXPECTED[name]


def test_no_reported_file_is_left_out():
    if not FOLDERS:
        pytest.skip("the reported files (shared/cases/structures) are not here")
    assert {path.name for path in FOLDERS[0].iterdir()} == set(EXPECTED)
