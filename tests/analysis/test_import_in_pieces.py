"""What other programs leave behind is read piece by piece: a broken one is named, and costs nothing but itself."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from pymatgen.core import Structure
from typer.testing import CliRunner

from crysim.analysis.foreign import ForeignResults, read_foreign
from crysim.analysis.poscars import read_poscars
from crysim.cli import app
from crysim.composition import Composition
from crysim.crystal import Crystal
from crysim.errors import InputError
from crysim.harness.journal import read_bench

SITES = ("0 0 0", "0 0.5 0.5", "0.5 0 0.5", "0.5 0.5 0", "0.5 0.5 0.5", "0.5 0 0", "0 0.5 0", "0 0 0.5")
KBR = Composition.from_formula("K4Br4")
CASES = Path(__file__).parents[3] / "shared" / "cases" / "imports"


def block(
    comment: str, length: float = 6.6, *, names: str | None = "K Br", sites: tuple[str, ...] = SITES, flags: str = ""
) -> str:
    """A POSCAR of potassium bromide in the rock-salt structure."""
    head = [comment, "1.0", f"{length} 0 0", f"0 {length} 0", f"0 0 {length}"]
    head += [] if names is None else [names]
    head += ["4 4", *(["Selective dynamics"] if flags else []), "Direct"]
    return "\n".join([*head, *(f"{site} {flags}".strip() for site in sites)]) + "\n"


def lengths(results: ForeignResults) -> list[float]:
    return [round(one.structure.lattice.a, 3) for one in results.structures]


def test_a_run_in_progress_loses_only_the_structure_that_is_being_written(tmp_path: Path) -> None:
    whole = block("-3.0", 6.5) + block("-3.1", 6.6)
    cut = block("-3.2", 6.7)
    for length in range(1, len(cut) - 4, 7):
        (tmp_path / "pso_opt_1").write_text(whole + cut[:length])
        results = read_foreign(tmp_path, "calypso")
        assert lengths(results) == [6.5, 6.6], cut[:length]
        assert len(results.skipped) == 1
        assert results.skipped[0].startswith("pso_opt_1, structure 3: ")


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (block("x", sites=SITES[:5]), "8 atoms are announced, and 5 are there"),
        (block("x", sites=("nan 0 0", *SITES[1:])), "has 'nan 0 0' in line 25: three coordinates that are numbers"),
        (block("x", sites=("1e400 0 0", *SITES[1:])), "three coordinates that are numbers belong there"),
        (block("x", sites=("******** 0 0", *SITES[1:])), "has '******** 0 0' in line 25: three coordinates"),
        (block("x", names="K Xx"), "'Xx', which is no element"),
        (block("x", names="K Br Cl"), "names 3 elements in line 22 and gives 2 counts in line 23"),
        (block("x").replace("4 4\n", "4 300000000\n"), "300000004 atoms are announced"),
        (block("x", sites=tuple(f"{site} K" for site in SITES)), "has Br by its counts and 'K' behind the coordinates"),
        (block("x", sites=(*SITES[:-1], "0 0 0")), "K1 and Br8 0.000 Å apart"),
        (block("x").replace("\n1.0\n", "\nnan\n"), "has 'nan' in line 18: one or three scale factors belong"),
        (block("x").replace("6.6 0 0", "****** 0 0"), "no POSCAR begins here"),
    ],
)
def test_a_broken_block_between_two_good_ones_is_named(tmp_path: Path, broken: str, reason: str) -> None:
    (tmp_path / "POSCARS").write_text(block("first", 6.4) + broken + block("last", 6.8))
    results = read_foreign(tmp_path, "poscars")
    assert lengths(results) == [6.4, 6.8]
    assert len(results.skipped) == 1
    assert "POSCARS, structure 2: " in results.skipped[0]
    assert reason in results.skipped[0]


def test_every_form_of_a_poscar_is_the_same_crystal(tmp_path: Path) -> None:
    cartesian = tuple(" ".join(str(6.6 * float(x)) for x in site.split()) for site in SITES)
    forms = {
        "plain": block("a"),
        "flags": block("a", flags="T F T"),
        "cartesian": block("a", sites=cartesian).replace("Direct", "Cartesian"),
        "volume": block("a", 2.0).replace("\n1.0\n", f"\n-{6.6**3}\n"),
        "three scales": block("a", 3.3).replace("\n1.0\n", "\n2 2 2\n"),
        "potentials": block("a", names="K_sv Br/9f8e"),
        "velocities": block("a") + "\n" + "0 0 0\n" * 8,
        "windows": block("a").replace("\n", "\r\n"),
        "labels": block("a", sites=tuple(f"{site} {'K' if i < 4 else 'Br'}" for i, site in enumerate(SITES))),
        "comment names": block("K Br", names=None),
    }
    expected = Crystal.from_structure(
        Structure(6.6 * np.eye(3), ["K"] * 4 + ["Br"] * 4, [[float(x) for x in site.split()] for site in SITES])
    )
    for form, text in forms.items():
        (tmp_path / "POSCAR").write_bytes(text.encode())
        (piece,) = read_poscars(tmp_path / "POSCAR", None)
        assert piece.structure is not None, (form, piece.reason)
        found = Crystal.from_structure(piece.structure)
        assert found.space_group == 225, form
        np.testing.assert_allclose(found.lattice, expected.lattice, atol=1e-9, err_msg=form)
        assert found.composition == expected.composition


def test_elements_without_names_come_from_the_system(tmp_path: Path) -> None:
    (tmp_path / "POSCAR_1").write_text(block("an old run", names=None))
    with pytest.raises(InputError, match="names no elements: give --system"):
        read_foreign(tmp_path, "poscars")
    (one,) = read_foreign(tmp_path, "poscars", KBR).structures
    assert one.structure.composition.formula == "K4 Br4"
    three = Composition.from_formula("K4Br4Cl1")
    with pytest.raises(InputError, match="counts 2 elements, and 3 are named for it"):
        read_foreign(tmp_path, "poscars", three)


def test_of_an_id_that_cryspy_wrote_twice_the_last_counts(tmp_path: Path) -> None:
    table = "Spg_num E_eV_atom Opt\n0 225 -3.3 done\n1 225 -3.1 done\n"
    (tmp_path / "cryspy_rslt").write_text(table)
    (tmp_path / "opt_POSCARS").write_text(block("ID_0", 6.4) + block("ID_1", 6.5) + block("ID_0", 6.6))
    results = read_foreign(tmp_path, "cryspy")
    found = {one.source: (round(one.structure.lattice.a, 3), one.energy) for one in results.structures}
    assert found == {"ID_1": (6.5, pytest.approx(-24.8)), "ID_0": (6.6, pytest.approx(-26.4))}
    assert results.notes == ("ID_0 stands 2 times in opt_POSCARS: the last one counts",)
    # the newer one is broken: the older one is not given its energy
    (tmp_path / "opt_POSCARS").write_text(block("ID_0", 6.4) + block("ID_1", 6.5) + block("ID_0")[:-30])
    results = read_foreign(tmp_path, "cryspy")
    assert [one.source for one in results.structures] == ["ID_1"]
    assert results.skipped[0].startswith("ID_0: ")


@pytest.mark.parametrize(
    "table",
    [
        "\ufefffile,energy\nPOSCAR_1,-26.5\nPOSCAR_2,\n",
        "file, energy\n POSCAR_1 , -26.5\nPOSCAR_2, \n",
        "file;energy\nPOSCAR_1;-26,5\nPOSCAR_2;\n",
        "File\tEnergy\nPOSCAR_1\t-26.5\nPOSCAR_2\t\n",
        '"file","energy"\r\n"./POSCAR_1","-26.5"\r\n\r\n"POSCAR_2",nan\r\n',
        "energy,note,file\n-26.5,by hand,POSCAR_1\n",
    ],
)
def test_energies_are_read_as_spreadsheets_write_them(tmp_path: Path, table: str) -> None:
    for number in (1, 2):
        (tmp_path / f"POSCAR_{number}").write_text(block("x"))
    (tmp_path / "energies.csv").write_text(table, encoding="utf-8", newline="")
    assert [one.energy for one in read_foreign(tmp_path, "poscars").structures] == [-26.5, None]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("name,energy\nPOSCAR_1,-1\n", "line 1: it has no columns file and energy"),
        ("", "line 1: it has no columns file and energy"),
        ("file,energy\nPOSCAR_1,-1\nPOSCAR_2,low\n", "line 3: the energy 'low' is no number"),
        ("file,energy\nPOSCAR_1,-26,5\n", "line 2: it has 3 cells for 2 columns"),
        ("file,energy\nPOSCAR_9,-1\n", "line 2: it names 'POSCAR_9', which is no structure file"),
        ("file,energy\nPOSCAR_1,-1\nPOSCAR_1,-2\n", "line 3: it names 'POSCAR_1' a second time"),
        ("file,energy\nmany.vasp,-1\n", "one energy for 'many.vasp', which holds several structures"),
    ],
)
def test_a_wrong_line_of_energies_is_named(tmp_path: Path, table: str, words: str) -> None:
    for number in (1, 2):
        (tmp_path / f"POSCAR_{number}").write_text(block("x"))
    (tmp_path / "many.vasp").write_text(block("x") + block("y"))
    (tmp_path / "energies.csv").write_text(table)
    with pytest.raises(InputError) as caught:
        read_foreign(tmp_path, "poscars")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_energies_of_a_file_of_several_go_to_the_structures_that_are_numbered(tmp_path: Path) -> None:
    (tmp_path / "gatheredPOSCARS").write_text(block("EA1", 6.4) + block("EA2")[:-30] + block("EA3", 6.8))
    (tmp_path / "energies.csv").write_text("file,structure,energy\ngatheredPOSCARS,3,-26.0\n")
    results = read_foreign(tmp_path, "poscars")
    assert [one.energy for one in results.structures] == [None, -26.0]


FRAME = (
    '2\nLattice="4 0 0 0 4 0 0 0 4" Properties=species:S:1:pos:R:3 energy={energy} pbc="T T T"\nCs 0 0 0\nCl {x} 2 2\n'
)


def test_a_frame_that_is_no_number_is_named_and_never_reaches_the_symmetry(tmp_path: Path) -> None:
    good = FRAME.format(energy=-6.0, x=2)
    bad = FRAME.format(energy=-7.0, x="nan")
    unknown = FRAME.format(energy="nan", x=2)
    (tmp_path / "all.extxyz").write_text(good + bad + unknown + "99999999\n" + good)
    results = read_foreign(tmp_path, "poscars")
    assert [one.energy for one in results.structures] == [-6.0, None]
    assert results.skipped == (
        "all.extxyz, structure 2: has 'Cl nan 2 2' in line 4: its coordinates are not numbers",
        "all.extxyz, structure 4: line 13: 99,999,999 atoms are announced, and the file ends before",
    )


def test_what_is_no_number_is_refused_before_spglib() -> None:
    for lattice, coordinates in (
        (np.diag([4.0, np.nan, 4.0]), [[0, 0, 0]]),
        (np.diag([4.0, np.inf, 4.0]), [[0, 0, 0]]),
        (4.0 * np.eye(3), [[0, np.nan, 0]]),
        (4.0 * np.eye(3), [[0, np.inf, 0]]),
        (np.ones((3, 3)), [[0, 0, 0]]),
    ):
        with pytest.raises(InputError, match=r"numbers|volume"):
            Crystal.from_structure(Structure(lattice, ["Na"], coordinates))


def test_the_command_says_what_is_left_out_and_ends_with_3(tmp_path: Path) -> None:
    folder, out = tmp_path / "theirs", tmp_path / "out"
    folder.mkdir()
    (folder / "POSCAR_1").write_text(block("x"))
    (folder / "POSCAR_2").write_text(block("x")[:-30])
    (folder / "POSCAR_3").write_text(block("x").replace("4 4\n", "4 3\n").rsplit("\n", 2)[0] + "\n")
    (folder / "energies.csv").write_text("file,energy\nPOSCAR_1,-26.5\nPOSCAR_2,-99.0\n")
    command = ["import", str(folder), "--from", "poscars", "--out", str(out), "--json"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 3, done.output
    document = json.loads(done.stdout)
    assert (document["structures"], document["lowest"]) == (1, -26.5)
    assert [line.split(":")[0] for line in document["skipped"]] == ["POSCAR_2", "POSCAR_3"]
    assert done.stderr.count("skipped: ") == 2
    (record,) = read_bench(out)
    assert [trial.energy for trial in record.trials] == [-26.5]
    (folder / "POSCAR_1").write_text("nothing\n")
    (folder / "POSCAR_3").unlink()
    nothing = CliRunner().invoke(app, command)
    assert nothing.exit_code == 2
    assert len(nothing.stderr.strip().splitlines()) == 1


def test_a_pipe_among_the_results_is_passed_by(tmp_path: Path) -> None:
    (tmp_path / "POSCAR_1").write_text(block("x"))
    os.mkfifo(tmp_path / "POSCAR_2")
    os.mkfifo(tmp_path / "energies.csv")
    assert len(read_foreign(tmp_path, "poscars").structures) == 1


def test_the_collected_cases_are_read_or_refused_in_one_line() -> None:
    if not CASES.is_dir():
        pytest.skip(f"no collected cases at {CASES}")
    read = {}
    for folder in sorted(path for path in CASES.iterdir() if path.is_dir()):
        kind = {"caly": "calypso", "cry_": "cryspy"}.get(folder.name[:4], "poscars")
        try:
            results = read_foreign(folder, kind)
            read[folder.name] = (len(results.structures), len(results.skipped))
        except InputError:
            read[folder.name] = (0, 0)
    expected = {
        "broken": (2, 1),
        "caly_sel": (2, 0),
        "caly_star": (4, 0),
        "caly_trunc": (1, 1),
        "cry_dup2": (2, 0),
        "cry_old": (0, 0),
        "csvbom": (1, 0),
        "csvempty": (2, 0),
        "csvsemi": (1, 0),
        "csvspace": (1, 0),
        "twoposcar": (2, 0),
        "uspex": (2, 0),
        "v4": (0, 0),
        "xtalopt": (0, 0),
    }
    assert {name: read[name] for name in expected} == expected
