"""`crysim verify` computes the energies of initial crystals again, those that runs share among them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import crysim
from crysim.harness.initial import SHARED
from crysim.harness.journal import INITIAL
from crysim.harness.lines import LineFile, read_lines
from crysim.workflows.verify import verify

RUNS = [Path("Al2Cu2", method, "seed-0") for method in ("crysim", "other")]

SETTINGS = """
[strategy.crysim]
protocol = "paper"
num_initial = 30
candidates_per_solve = 2

[encoder.crysim]
grid_resolution = 4

[surrogate.fm]
max_epoch = 10

[method.other]
strategy = "crysim"
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs that share their initial crystals, under pressure, so that the energies are enthalpies."""
    out = tmp_path_factory.mktemp("made") / "out"
    file = out.with_name("settings.toml")
    file.write_text(SETTINGS)
    crysim.bench(
        ["Al2Cu2"],
        ["crysim", "other"],
        config=file,
        budget=2,
        out=out,
        energy="ase:emt",
        space_groups=(123, 139, 221, 225),
        pressure=5.0,
        max_steps=3,
        num_frames=3,
    )
    return out


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "out")
    return tmp_path / "out"


def rewrite(path: Path, change: Callable[[dict[str, Any]], object], number: int) -> None:
    """Change a line and seal all of them again: what only a recomputation can find."""
    records, _ = read_lines(path)
    change(records[number])
    with LineFile(path, 0, records[0]["key"]) as file:
        file.append(records)


def swell(record: dict[str, Any]) -> None:
    """Make a crystal larger in all directions, which its group allows."""
    cell = record["crystal"]["cell"]
    cell[:3] = [1.05 * length for length in cell[:3]]


def lowest(path: Path) -> int:
    records, _ = read_lines(path)
    return min((record["energy"], n) for n, record in enumerate(records) if n and record["energy"] is not None)[1]


def test_energies_that_runs_share_are_computed_again_once(folder: Path) -> None:
    (shared,) = (folder / SHARED).glob("*.jsonl")
    assert len(read_lines(shared)[0]) == 31
    done = verify(folder)
    assert done.good, done.differences
    assert done.initial == 10
    assert "10 of initial crystals computed again" in str(done)
    assert verify(folder, energies=None).initial == 30
    assert verify(folder, energies=0).initial == 0


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda r: r.update(energy=r["energy"] - 0.02), "its energy is stored as"),
        (lambda r: r.update(energy=None), "its energy is stored as none, and is"),
        (swell, "stored as"),
        (swell, "not those"),
        (lambda r: r.update(energy="low"), "is sealed, and holds no initial crystal with its energy"),
        (lambda r: r.pop("crystal"), "is sealed, and holds no initial crystal with its energy"),
    ],
    ids=["energy", "no energy", "crystal", "crystal and hash", "text", "no crystal"],
)
def test_what_was_changed_under_a_new_seal_is_found(folder: Path, change: Any, what: str) -> None:
    path = folder / RUNS[1] / INITIAL
    path.write_bytes(path.read_bytes())
    rewrite(path, change, lowest(path))
    found = [str(one) for one in verify(folder, energies=None).differences]
    assert any(what in one and str(folder / RUNS[1]) in one for one in found), found
    assert not any(str(folder / RUNS[0]) in one for one in found), found


def test_energies_in_the_shared_folder_that_no_run_has_are_found(folder: Path) -> None:
    (shared,) = (folder / SHARED).glob("*.jsonl")
    rewrite(shared, lambda record: record.update(energy=record["energy"] + 1), lowest(shared))
    found = [str(one) for one in verify(folder).differences]
    assert found == [f"{shared}: its energies are not those of the runs that share it"]
