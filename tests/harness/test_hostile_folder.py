"""Promises 16 and 18: links, pipes, bombs and nonsense in a folder of results that somebody else made."""

from __future__ import annotations

import io
import json
import os
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from crysim.cli import app
from crysim.errors import InputError
from crysim.harness import blocks
from crysim.harness.blocks import open_lines, pack
from crysim.harness.journal import ENDED, INITIAL, JOURNAL, MANIFEST, STATE, read_run
from crysim.harness.lines import LineFile, read_lines
from crysim.harness.loop import execute
from crysim.harness.run_folder import LOCK, load_state
from crysim.harness.sittings import SITTINGS
from crysim.harness.spec import RunSpec
from crysim.interfaces import EnergyModel
from crysim.workflows.training_data import TrainingData

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links and named pipes")
Make = Callable[..., RunSpec]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, make_spec: Make, emt: EnergyModel) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "run"
    execute(make_spec("crysim", budget=2, batch=2), folder, emt)
    return folder


@pytest.mark.parametrize("name", [JOURNAL, LOCK, SITTINGS, INITIAL])
@pytest.mark.parametrize("there", [True, False], ids=["of a person", "dangling"])
def test_a_run_writes_through_no_link(
    finished: Path, tmp_path: Path, make_spec: Make, emt: EnergyModel, name: str, there: bool
) -> None:
    """Whoever made the folder, what its links lead to is neither made nor changed."""
    run, victim = tmp_path / "run", tmp_path / "victim"
    shutil.copytree(finished, run)
    (run / name).unlink()
    (run / name).symlink_to(victim)
    if there:
        victim.write_text("mine")
    with pytest.raises(InputError, match="is a link to"):
        execute(make_spec("crysim", budget=4, batch=2), run, emt)
    assert victim.read_text() == "mine" if there else not victim.exists()


PIPES = (JOURNAL, INITIAL, MANIFEST, ENDED, STATE, SITTINGS, LOCK)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", PIPES)
def test_nobody_waits_for_a_named_pipe(
    finished: Path, tmp_path: Path, make_spec: Make, emt: EnergyModel, name: str
) -> None:
    run = tmp_path / "out" / "Al2Cu2" / "crysim" / "seed-0"
    shutil.copytree(finished, run)
    (run / name).unlink(missing_ok=True)
    os.mkfifo(run / name)
    with suppress(InputError):  # an end that cannot be read is none, and written anew
        execute(make_spec("crysim", budget=4, batch=2), run, emt)
    if not (run / name).is_fifo():
        (run / name).unlink()
        os.mkfifo(run / name)
    for command in ("status", "report", "verify", "export", "compact"):
        arguments = [command, str(tmp_path / "out"), *(["--energies", "0"] if command == "verify" else [])]
        result = CliRunner().invoke(app, arguments)
        assert isinstance(result.exception, SystemExit | None), (command, repr(result.exception))
        assert result.exit_code in (0, 1, 2, 3), (command, result.output)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", ["plan.json", "references.json", "summary.md"])
def test_nobody_waits_for_a_named_pipe_beside_the_runs(finished: Path, tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    shutil.copytree(finished, out / "Al2Cu2" / "crysim" / "seed-0")
    os.mkfifo(out / name)
    for command in ("status", "report", "export"):
        result = CliRunner().invoke(app, [command, str(out)])
        assert isinstance(result.exception, SystemExit | None), (command, repr(result.exception))


def member(name: str, shape: tuple[int, ...], data: bytes) -> tuple[str, bytes]:
    """An array whose header says what shape it has, whatever its data are."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<f8", "fortran_order": False, "shape": shape})
    return f"{name}.npy", buffer.getvalue() + data


@pytest.mark.parametrize("shape", [(10**13,), (2**40, 2**40)])
def test_a_state_that_claims_more_than_there_is_memory_is_damaged(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with zipfile.ZipFile(tmp_path / STATE, "w") as archive:
        archive.writestr(*member("weights", shape, b""))
    with pytest.raises(InputError, match=r"state\.npz is damaged"):
        load_state(tmp_path)


def test_archives_that_unpack_to_gigabytes_are_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crysim.regular_files.MAX_ARRAYS", 1 << 20)
    np.savez_compressed(tmp_path / STATE, zeros=np.zeros(1 << 20))
    with pytest.raises(InputError, match=r"its arrays take 8 MiB"):
        load_state(tmp_path)
    with pytest.raises(InputError, match=r"its arrays take 8 MiB"):
        TrainingData.load(tmp_path / STATE)


def test_a_data_set_of_more_bits_than_there_is_memory_is_none(tmp_path: Path) -> None:
    arrays = {"starts": np.array([0, 0, 0]), "ones": np.zeros(0, dtype=int), "num_bits": np.array(10**15)}
    arrays |= {"energies": np.zeros(2), "group_names": np.array(["a"]), "group_bounds": np.array([[0, 1, 1]])}
    np.savez(tmp_path / "set.npz", **arrays, formula=np.array("CaS"), is_frame=np.zeros(2, dtype=bool))
    with pytest.raises(InputError, match="no data set of crysim"):
        TrainingData.load(tmp_path / "set.npz")


def bomb(says: int, holds: int) -> bytes:
    """A block of a packed journal whose header says one size, and that holds another."""
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    body = packer.compress(b"x" * holds) + packer.flush()
    honest = b"".join(pack(iter([b"x" * 40])))
    header = list(blocks._HEADER.unpack(honest[: blocks._HEADER.size]))
    header[-2:] = blocks._HEADER.size + len(body) + 8, says
    return blocks._HEADER.pack(*header) + body + struct.pack("<II", zlib.crc32(b"x" * holds), holds % 2**32)


@pytest.mark.parametrize(("says", "holds"), [(10, 1000), (1000, 10), (2**31, 10)])
def test_a_packed_journal_unpacks_to_no_more_than_it_says(tmp_path: Path, says: int, holds: int) -> None:
    (tmp_path / f"{JOURNAL}.gz").write_bytes(bomb(says, holds))
    with pytest.raises(InputError, match=r"journal\.jsonl\.gz is damaged"), open_lines(tmp_path / JOURNAL) as lines:
        list(lines)


WRONG: dict[str, Callable[[dict[str, Any]], object]] = {
    "parts that are a number": lambda manifest: manifest["config"].update(parts=3.5),
    "options that are a number": lambda manifest: manifest["config"]["parts"]["encoder"].update(options=-1),
    "options that are a list": lambda manifest: manifest["config"]["energy"].update(options=[[]]),
    "a fingerprint that is a list": lambda manifest: manifest["fingerprint"].update(options=[[]]),
    "a budget beyond numbers": lambda manifest: manifest["config"].update(budget=1e400),
    "a negative budget": lambda manifest: manifest["config"].update(budget_seconds=-1.0),
    "a cell that is a number": lambda manifest: manifest["config"].update(cell=1),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_manifest_of_wrong_types_is_damaged(finished: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(finished, tmp_path / "run")
    manifest = json.loads((tmp_path / "run" / MANIFEST).read_text())
    WRONG[name](manifest)
    (tmp_path / "run" / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(InputError, match=r"manifest\.json is damaged"):
        read_run(tmp_path / "run")


NUMBERS: dict[str, Callable[[dict[str, Any]], object]] = {
    "evaluations": lambda record: record.update(evaluations=1e308),
    "no cell": lambda record: record["crystal"].update(cell=[]),
    "seconds": lambda record: record["cpu"].update(relax=10**400),
    "group": lambda record: record["crystal"].update(space_group=10**12),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_a_sealed_line_of_wrong_numbers_is_named(finished: Path, tmp_path: Path, name: str) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    records, _ = read_lines(run / JOURNAL)
    NUMBERS[name](records[1])
    with LineFile(run / JOURNAL, 0, json.loads((run / MANIFEST).read_text())["run"]) as file:
        file.append(records)
    with pytest.raises(InputError, match=r"journal\.jsonl, line 2: the line is not trial 1"):
        read_run(run)


def test_what_a_run_holds_is_read_as_before(finished: Path) -> None:
    assert len(read_run(finished, frames=True).trials) == 2
