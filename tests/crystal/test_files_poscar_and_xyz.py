"""POSCAR and extended XYZ as people have them: one structure of named elements, or one line that says why not."""

import logging
import os
from pathlib import Path

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from crysim.crystal import Crystal
from crysim.crystal.files import names_file, read_structure, read_structure_file, read_structure_text
from crysim.crystal.identify import find_space_group
from crysim.errors import InputError

LIKE_GALENA = """lead sulphide
5.936
1 0 0
0 1 0
0 0 1
Pb S
4 4
Direct
0 0 0
0 .5 .5
.5 0 .5
.5 .5 0
.5 .5 .5
.5 0 0
0 .5 0
0 0 .5
"""
LINES = LIKE_GALENA.splitlines()
HEAD, POINTS = LINES[:8], LINES[8:]

LIKE_CSBR = """2
Lattice="4.3 0 0 0 4.3 0 0 0 4.3" Properties=species:S:1:pos:R:3:forces:R:3 pbc="T T T" energy=-6.2
Cs 0 0 0 0 0 0
Br 2.15 2.15 2.15 0 0 0
"""


def read(tmp_path: Path, name: str, text: str | bytes):
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_structure_file(path)


def found(tmp_path: Path, name: str, text: str | bytes) -> tuple[str, int]:
    structure = read(tmp_path, name, text).structure
    return structure.formula.replace(" ", ""), find_space_group(structure)


def refusal(tmp_path: Path, name: str, text: str | bytes) -> str:
    with pytest.raises(InputError) as caught:
        read(tmp_path, name, text)
    message = str(caught.value)
    assert str(tmp_path / name) in message
    assert "\n" not in message
    return message


def with_line(number: int, text: str) -> str:
    lines = list(LINES)
    lines[number - 1] = text
    return "\n".join(lines) + "\n"


# -------------------------------------------------------------------------------------------------------------- POSCAR


@pytest.mark.parametrize(
    "text",
    [
        LIKE_GALENA,
        LIKE_GALENA.replace("\n", "\r\n"),
        LIKE_GALENA.replace(" ", "\t"),
        "\ufeff" + LIKE_GALENA,
        LIKE_GALENA + "\n\n",
        with_line(2, "-209.16"),
        with_line(2, "5.936 5.936 5.936"),
        with_line(2, "5.936 ! Å"),
        with_line(6, "Pb_d S"),
        with_line(6, "Pb/1a2b3c4d S/9f8e7d6c"),
        with_line(6, "Pb2+ S2-"),
        with_line(6, "Pb S ! elements"),
        with_line(8, "D"),
        with_line(8, "direct lattice"),
        with_line(8, "K"),
        with_line(10, "0 5.0d-1 .5"),
        LIKE_GALENA + "\n" + "0.1 0 0\n" * 8 + "\n1\n0.5\n0 0 0 0\n" + "0 0 0\n" * 24,
        LIKE_GALENA + "Lattice velocities and vectors\n1\n" + "0 0 0\n" * 6,
        "\n".join(HEAD[:5] + HEAD[6:] + [f"{p} {'Pb' if i < 4 else 'S'}" for i, p in enumerate(POINTS)]),
        "\n".join([*HEAD[:7], "Selective dynamics", "Direct", *(f"{p} T T T" for p in POINTS)]),
    ],
)
def test_poscars_of_galena(tmp_path, text):
    read_one = read(tmp_path, "POSCAR", text)
    assert read_one.structure.formula == "Pb4 S4"
    assert read_one.notes == ()
    assert read_one.structure.volume == pytest.approx(5.936**3, rel=1e-4)
    assert find_space_group(read_one.structure) == 225


def test_three_scale_factors_scale_the_components(tmp_path):
    lattice = read(tmp_path, "POSCAR", with_line(2, "5 6 7")).structure.lattice
    assert np.allclose(lattice.abc, [5, 6, 7])


def test_names_in_the_first_line_are_taken_and_it_is_said(tmp_path):
    old = read(tmp_path, "POSCAR", "\n".join(["Pb S", *HEAD[1:5], *HEAD[6:], *POINTS]))
    assert old.structure.formula == "Pb4 S4"
    assert "first line" in old.notes[0]


@pytest.mark.parametrize("flags", ["F F F", "T T F", ".FALSE. .TRUE. .TRUE."])
def test_selective_dynamics_is_said_to_be_dropped_once(tmp_path, caplog, flags):
    path = tmp_path / "POSCAR"
    path.write_text("\n".join([*HEAD[:7], "Selective", "Direct", f"{POINTS[0]} {flags}", *POINTS[1:]]))
    with caplog.at_level(logging.WARNING):
        assert read_structure(path).formula == "Pb4 S4"
        read_structure(path)
    assert [r.getMessage() for r in caplog.records] == [
        f"'{path}' holds atoms fixed (selective dynamics): crysim moves all atoms"
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("\n".join([*HEAD[:5], *HEAD[6:], *POINTS]), "names no elements"),
        (with_line(6, "PB S"), "write 'Pb'"),
        (with_line(6, "pb s"), "write 'Pb'"),
        (with_line(6, "X S"), "holds 'X', which is no element"),
        (with_line(6, "Vac S"), "holds 'Vac', which is no element"),
        (with_line(6, "M S"), "holds 'M', which is no element"),
        (with_line(6, "Pb S O"), "names 3 elements in line 6 and gives 2 counts"),
        (with_line(7, "8"), "names 2 elements in line 6 and gives 1 counts"),
        (with_line(7, "4 0"), "holds 4 atoms, and 8 lines of coordinates"),
        (with_line(7, "0 0"), "holds no atoms"),
        (with_line(7, "300000000 4"), "300,000,004 atoms: at most 20,000"),
        (with_line(7, "9" * 40 + " 4"), "whole number"),
        (with_line(7, "-4 4"), "'-4'"),
        (with_line(7, "4 5"), "holds 9 atoms, and 8 lines"),
        (with_line(2, "nan"), "'nan' in line 2"),
        (with_line(2, "inf"), "'inf' in line 2"),
        (with_line(2, "0.0"), "must not be zero"),
        (with_line(2, "5 5"), "one or three scale factors"),
        (with_line(2, "5 -5 5"), "must not be zero"),
        (with_line(2, "1e200"), "long"),
        (with_line(2, "1e-9"), "flat cell"),
        (with_line(2, "0.9"), "Å³ of its cell for each atom"),
        (with_line(5, "1 1 0"), "flat cell"),
        (with_line(5, "0 0 nan"), "line 5"),
        (with_line(8, "0 0 0"), "'Direct' or 'Cartesian'"),
        (with_line(9, "nan 0 0"), "'nan 0 0' in line 9"),
        (with_line(9, "1e400 0 0"), "line 9"),
        (with_line(9, "******** 0 0"), "line 9"),
        (with_line(9, "0 .5 .51"), "Pb1 and Pb2"),
        (with_line(9, "1e9 0 0"), "million"),
        (LIKE_GALENA + LIKE_GALENA, "holds 2 structures"),
        (LIKE_GALENA + "\n" + LIKE_GALENA * 2, "holds 3 structures"),
        (LIKE_GALENA + "Direct configuration=  2\n" + "0 0 0\n" * 8, "holds 2 structures"),
        ("\n".join([*HEAD, *(f"{p} {'S' if i < 4 else 'Pb'}" for i, p in enumerate(POINTS))]), "'S' behind the coord"),
        ("no\nposcar\n", "is no POSCAR file that can be read"),
        (b"\x1f\x8b" + bytes(50), "compressed"),
    ],
)
def test_a_poscar_that_cannot_be_is_named(tmp_path, text, words):
    assert words in refusal(tmp_path, "POSCAR", text)


# ------------------------------------------------------------------------------------------------------- extended XYZ


@pytest.mark.parametrize(
    "text",
    [
        LIKE_CSBR,
        LIKE_CSBR + "\n\n",
        LIKE_CSBR.replace("0 0 0\n", "nan nan nan\n"),
        LIKE_CSBR.replace("-6.2", "nan"),
        LIKE_CSBR.replace('pbc="T T T" ', ""),
        LIKE_CSBR.replace("T T T", "1 1 1"),
        LIKE_CSBR.replace('"T T T"', "T"),
        LIKE_CSBR.replace("Properties=species:S:1:pos:R:3:forces:R:3", ""),
        LIKE_CSBR.replace("Cs 0", "Cs1+ 0"),
        LIKE_CSBR.replace("species:S:1", "Z:I:1").replace("Cs 0", "55 0").replace("Br", "35"),
        LIKE_CSBR.replace("Br 2.15", "Br -40.85"),
        "\ufeff" + LIKE_CSBR.replace("\n", "\r\n"),
    ],
)
def test_frames_of_caesium_bromide(tmp_path, text):
    assert found(tmp_path, "a.extxyz", text) == ("Cs1Br1", 221)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("2\n", "99999999\n", "99,999,999 atoms in line 1, and 2 lines follow"),
        ("2\n", "-2\n", "not a number of atoms"),
        ("2\n", "1\n", "line 4"),
        (" 0 0 4.3", " 0 4.3", "not nine numbers"),
        ('"4.3', '"nan', "not numbers"),
        ("0 0 0 4.3 0 0 0 4.3", "0 0 4.3 0 0 4.3 0 0", "flat cell"),
        ("T T T", "T T F", "not periodic"),
        ("T T T", "F F F", "not periodic"),
        ("Lattice", "Cell", "not periodic"),
        ("species:S:1:", "", "no elements"),
        ("pos:R:3:", "", "no positions"),
        ("R:3:forces", "R:forces", "whole number"),
        ("Cs 0 0 0 0 0 0", "Cs 0 0 0", "4 columns in line 3"),
        ("Cs 0", "CS 0", "write 'Cs'"),
        ("Cs 0", "X 0", "holds 'X', which is no element"),
        ("Cs 0", "0 0", "atomic number '0'"),
        ("2.15 2.15 2.15", "2.15 nan 2.15", "not numbers"),
        ("2.15 2.15 2.15", "2.15 inf 2.15", "not numbers"),
        ("2.15 2.15 2.15", "0 0 0.2", "Cs1 and Br2 0.200 Å apart"),
    ],
)
def test_a_frame_that_cannot_be_is_named(tmp_path, old, new, words):
    assert old in LIKE_CSBR
    assert words in refusal(tmp_path, "a.extxyz", LIKE_CSBR.replace(old, new, 1))


def test_several_frames_and_none_are_named(tmp_path):
    assert "holds 2 structures" in refusal(tmp_path, "a.xyz", LIKE_CSBR * 2)
    assert "and 2 lines follow" in refusal(tmp_path, "a.xyz", LIKE_CSBR + LIKE_CSBR.replace("2\n", "3\n", 1))
    assert "holds no atoms" in refusal(tmp_path, "a.xyz", "0\n" + LIKE_CSBR.splitlines()[1] + "\n")
    assert "and 0 lines follow" in refusal(tmp_path, "a.xyz", "2\n")


def test_fixed_atoms_are_said_to_be_moved(tmp_path):
    text = LIKE_CSBR.replace("forces:R:3", "move_mask:L:3").replace("Cs 0 0 0 0 0 0", "Cs 0 0 0 F F F")
    assert read(tmp_path, "a.xyz", text.replace("0 0 0\n", "T T T\n")).notes == (
        "holds atoms fixed (move_mask): crysim moves all atoms",
    )


# ------------------------------------------------------------------------------------------------------------ any file


def test_pipes_devices_and_folders_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe.cif")
    (tmp_path / "folder.vasp").mkdir()
    for name, words in (("pipe.cif", "a pipe or a device"), ("folder.vasp", "a folder"), ("none.cif", "there is no")):
        with pytest.raises(InputError, match=words):
            read_structure(tmp_path / name)
    for name in ("pipe", "POSCAR", "pipe.cif"):  # a format by its name, or none
        if name != "pipe.cif":
            os.mkfifo(tmp_path / name)
        with pytest.raises(InputError, match=rf"^cannot read '.*{name}': it is a pipe or a device, not an ordinary"):
            read_structure(tmp_path / name)
    with pytest.raises(InputError, match="cannot read"):
        read_structure(tmp_path / ("x" * 300 + ".cif"))


def test_a_file_larger_than_any_crystal_s_is_not_read(tmp_path):
    path = tmp_path / "POSCAR"
    with path.open("wb") as stream:
        stream.truncate(2**31)  # a sparse file
    with pytest.raises(InputError, match="2,048 MB"):
        read_structure(path)


def test_names_of_files_are_told_from_formulas():
    assert names_file("missing.cif")
    assert names_file("folder/NaCl")
    assert not names_file("NaCl")
    assert not names_file("x" * 1000)


def test_atoms_nearer_than_in_crystals_are_said(tmp_path):
    (note,) = read(tmp_path, "a.xyz", LIKE_CSBR.replace("2.15 2.15 2.15", "0 0 1.5")).notes
    assert "Cs1 and Br2 1.500 Å apart" in note


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_never_reaches_spglib(bad):
    """It ends in a segmentation fault there."""
    structure = Structure(Lattice.cubic(4.0), ["Cs", "Cl"], [[0, 0, 0], [0.5, 0.5, bad]])
    with pytest.raises(InputError, match="numbers"):
        find_space_group(structure)
    with pytest.raises(InputError, match="numbers"):
        Crystal.from_structure(structure)
    with pytest.raises(InputError, match="numbers"):
        find_space_group(Structure(Lattice(np.diag([4.0, 4.0, bad])), ["Cs"], [[0, 0, 0]]))


def test_coinciding_atoms_have_no_group_and_flat_cells_are_refused():
    with pytest.raises(InputError, match="no volume"):
        find_space_group(Structure(Lattice([[4, 0, 0], [0, 4, 0], [4, 4, 0]]), ["Cs"], [[0, 0, 0]]))
    same = Structure(Lattice.cubic(4.0), ["Cs", "Cs"], [[0, 0, 0], [0, 0, 1]])
    assert find_space_group(same) == 1


def test_names_that_a_poscar_lacks_may_be_given():
    text = "\n".join([*HEAD[:5], *HEAD[6:], *POINTS])
    assert read_structure_text(text, "POSCAR", ["Pb", "S"]).structure.formula == "Pb4 S4"
    with pytest.raises(InputError, match="counts 2 elements, and 1 are named"):
        read_structure_text(text, "POSCAR", ["Pb"])
    with pytest.raises(InputError, match=r"^names no elements"):
        read_structure_text(text, "POSCAR")
