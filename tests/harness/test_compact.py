"""Packed journals are read as before, any gzip program reads them, and a run goes on from one."""

from __future__ import annotations

import gzip
import json
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from crysim.cli import app
from crysim.errors import CrysimError, InputError
from crysim.harness.blocks import open_lines, pack
from crysim.harness.compact import compact_run
from crysim.harness.journal import JOURNAL, MANIFEST, read_run
from crysim.harness.loop import execute
from crysim.harness.run_folder import LOCK, locked
from crysim.harness.spec import RunSpec
from crysim.interfaces import EnergyModel

Make = Callable[..., RunSpec]
PACKED = JOURNAL + ".gz"


pytestmark = pytest.mark.usefixtures("small_blocks")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, make_spec: Make, emt: EnergyModel) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "run"
    execute(make_spec("random", budget=9), folder, emt)
    return folder


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    shutil.copytree(finished, tmp_path / "run")
    return tmp_path / "run"


def test_a_packed_journal_reads_as_before_and_takes_less_room(finished: Path, run: Path) -> None:
    sizes = compact_run(run)
    assert sizes is not None
    assert sizes[1] < sizes[0] / 2
    assert sorted(path.name for path in run.iterdir() if path.name.startswith(JOURNAL)) == [PACKED]
    before, after = read_run(finished, frames=True), read_run(run, frames=True)
    assert after.trials == before.trials
    lazy = read_run(run).trials
    assert [t.number for t in lazy] == list(range(9))
    assert lazy[7].crystal == before.trials[7].crystal
    assert [t.number for t in lazy[4:6]] == [4, 5]
    assert gzip.decompress((run / PACKED).read_bytes()) == (finished / JOURNAL).read_bytes()
    assert compact_run(run) is None


def block_ends(data: bytes) -> list[int]:
    """Where each block of a packed file ends; there are several."""
    ends = [0]
    while ends[-1] < len(data):
        unpacker = zlib.decompressobj(wbits=31)
        unpacker.decompress(data[ends[-1] :])
        ends.append(len(data) - len(unpacker.unused_data))
    assert len(ends) > 3
    return ends[1:]


def test_a_journal_packed_by_the_first_releases_reads_as_before(finished: Path, run: Path) -> None:
    """Their blocks did not say whether another one follows."""
    compact_run(run)
    data = (run / PACKED).read_bytes()
    begins = [0, *block_ends(data)[:-1]]
    former = bytearray(data)
    for begin in begins:
        assert former[begin + 12 : begin + 14] in (b"CF", b"CL")
        former[begin + 12 : begin + 14] = b"CS"
    (run / PACKED).write_bytes(former)
    assert read_run(run, frames=True).trials == read_run(finished, frames=True).trials


def test_any_part_is_read(tmp_path: Path) -> None:
    lines = [b"%d " % number * (number % 7 + 1) + b"\n" for number in range(2000)]
    whole = b"".join(lines)
    (tmp_path / "x.gz").write_bytes(b"".join(pack(iter(lines))))
    with open_lines(tmp_path / "x") as file:
        assert list(file) == lines
        for begin, end in ((0, 1), (2990, 3100), (0, len(whole)), (len(whole) - 5, len(whole) + 5), (7, 7)):
            assert file.read(begin, end) == whole[begin:end]


def test_a_packed_run_goes_on(run: Path, tmp_path: Path, finished: Path, make_spec: Make, emt: EnergyModel) -> None:
    shutil.copytree(finished, tmp_path / "plain")
    compact_run(run)
    for folder in (run, tmp_path / "plain"):
        execute(make_spec("random", budget=12), folder, emt)
    assert not (run / PACKED).exists()
    crystals = [[t.crystal for t in read_run(folder).trials] for folder in (run, tmp_path / "plain")]
    assert crystals[0] == crystals[1]
    assert len(crystals[0]) == 12


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-9],
        lambda data: data[:200] + b"x" + data[201:],
        lambda data: b"x" + data[1:],
        lambda data: data + b"more",
        lambda data: b"",
        lambda data: data[: block_ends(data)[-2]],
        lambda data: data[: block_ends(data)[0]],
        lambda data: data + data[block_ends(data)[-2] :],
    ],
)
def test_a_damaged_packed_journal_is_one_line(run: Path, damage: Any) -> None:
    compact_run(run)
    (run / PACKED).write_bytes(damage((run / PACKED).read_bytes()))
    with pytest.raises(InputError, match=r"journal\.jsonl\.gz is damaged"):
        list(read_run(run, frames=True).trials)


def test_a_run_that_is_not_finished_or_held_is_left(run: Path, make_spec: Make) -> None:
    with locked(run / LOCK, wait=0), pytest.raises(CrysimError, match="another process"):
        compact_run(run)
    manifest = json.loads((run / MANIFEST).read_text())
    manifest["config"]["budget"] = 20
    (run / MANIFEST).write_text(json.dumps(manifest))
    assert compact_run(run) is None
    assert (run / JOURNAL).exists()


def test_the_command_packs_verifies_and_says_so(run: Path) -> None:
    packed = CliRunner().invoke(app, ["compact", str(run.parent), "--json"])
    assert packed.exit_code == 0
    assert json.loads(packed.stdout)["runs"] == 1
    assert CliRunner().invoke(app, ["compact", str(run.parent)]).exit_code == 0
    verified = CliRunner().invoke(app, ["verify", str(run.parent), "--energies", "2"])
    assert verified.exit_code == 0, verified.output
    assert CliRunner().invoke(app, ["compact", str(run / "nowhere")]).exit_code == 2
