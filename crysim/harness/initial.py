"""The crystals that a strategy wants to know the energies of before it proposes any, evaluated once.

Runs of one system and seed with the same energy model often begin with the same crystals: their energies are kept in
a folder that runs share, by the hash of what they depend on, and put into each run's own folder when complete. Both may
be packed (`crysim.harness.compact`).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from crysim.arrays import EV_PER_GPA_A3
from crysim.crystal import Crystal
from crysim.errors import CrysimError
from crysim.harness.blocks import ENDING, is_stored, stored_path
from crysim.harness.journal import INITIAL
from crysim.harness.lines import LineFile, Lines, read_chain, read_lines, to_json
from crysim.harness.packed import same_file, unpack
from crysim.harness.records import frame_from_dict
from crysim.harness.run_folder import locked, make_folder
from crysim.harness.tasks import Energies, Place, in_order
from crysim.interfaces import Frame, Strategy

SHARED = "initial"
"""The folder, in that of a comparison, in which its runs share energies."""

CHUNK = 50
"""Crystals evaluated and written together; a killed run goes on at a multiple of it, so batches stay the same."""

PATIENCE = 20.0
"""Seconds between signs of life while another run computes the energies."""

OnProgress = Callable[[int, int, float | None], None]


def initial_frames(
    folder: Path,
    strategy: Strategy,
    place: Place,
    fingerprint: Mapping[str, str],
    pressure: float,
    shared: Path | None,
    on_progress: OnProgress,
) -> list[Frame]:
    """The strategy's initial crystals with their energies, from the run's folder, the shared one, or the model.

    Args:
        folder: the run's.
        strategy: whose `initial_crystals` is called, unless the run's folder has its result already.
        place: where the energies are computed.
        fingerprint: of the energy model there.
        pressure: GPa; the energies are enthalpies then, as those of relaxed crystals.
        shared: the folder that runs share, or None.
        on_progress: called with how many energies are done, of how many, and the lowest so far (eV per cell).

    Returns:
        The crystals whose energy is finite; exactly what the file says.
    """
    own = folder / INITIAL
    complete = read_complete(own)
    if complete is None:
        began = time.process_time()
        crystals = strategy.initial_crystals()
        drawing = time.process_time() - began
        if not crystals:
            return []
        key = initial_key([crystal.to_dict() for crystal in crystals], fingerprint, pressure)
        if shared is None:
            _evaluate(own, key, crystals, drawing, place, pressure, on_progress)
        else:
            make_folder(shared)
            common = shared / f"{key}.jsonl"
            with ExitStack() as held:
                _hold(held, lock_of(common), lambda: on_progress(0, len(crystals), None))
                _evaluate(common, key, crystals, drawing, place, pressure, on_progress)
                _copy(common, own)
        complete = read_complete(own)
        assert complete is not None
    on_progress(len(complete), len(complete), _lowest(complete))
    return [frame_from_dict(record) for record in complete if record["energy"] is not None]


def _hold(held: ExitStack, lock: Path, waiting: Callable[[], None]) -> None:
    """Hold a lock, however long another run does; meanwhile ``waiting`` is called now and then, as a sign of life."""
    while True:
        try:
            held.enter_context(locked(lock, wait=PATIENCE))
            return
        except CrysimError:
            waiting()


def _lowest(records: Sequence[Mapping[str, Any]]) -> float | None:
    return min((record["energy"] for record in records if record["energy"] is not None), default=None)


def shared_files(pool: Path) -> list[Path]:
    """The files of energies in a folder that runs share, packed or not, by their names without `ENDING`; sorted."""
    stored = [path for ending in ("", ENDING) for path in pool.glob(f"*.jsonl{ending}")]
    return sorted({path.with_name(path.name.removesuffix(ENDING)) for path in stored})


def lock_of(shared: Path) -> Path:
    """The lock file of a file of energies that runs share, held while it is written or packed."""
    return shared.with_suffix(".lock")


def read_complete(path: Path) -> list[dict[str, Any]] | None:
    """The records of crystals with their energies, in a run's folder or a shared one; None unless all are there.

    Raises:
        InputError: the file is damaged.
    """
    if not is_stored(path):
        return None
    records, _ = read_lines(path)
    return records[1:] if records and records[0].get("count") == len(records) - 1 else None


def initial_key(crystals: Sequence[Mapping[str, Any]], fingerprint: Mapping[str, str], pressure: float) -> str:
    """The hash of what the energies of crystals, as they are written, depend on."""
    what = {"energy": dict(fingerprint), "pressure": pressure, "crystals": list(crystals)}
    return hashlib.sha256(to_json(what).encode()).hexdigest()[:20]


def _evaluate(
    path: Path,
    key: str,
    crystals: Sequence[Crystal],
    drawing: float,
    place: Place,
    pressure: float,
    on_progress: OnProgress,
) -> None:
    """Write the energies, with the CPU seconds that they take and that drawing the crystals took."""
    lines = read_chain(path, key) if is_stored(path) else Lines()
    if lines.records and lines.records[0]["key"] != key:
        lines = Lines()
    records = lines.records
    done = max(0, len(records) - 1)
    if records and done == len(crystals):
        return
    done -= done % CHUNK
    evaluated = records[1 : done + 1]
    kept = done + 1 if records else 0
    unpack(path)
    with LineFile(path, lines.ends[done] if records else 0, lines.link(kept, key)) as file:
        if not records:
            file.append([{"key": key, "count": len(crystals), "cpu": drawing}])
        starts = range(done, len(crystals), CHUNK)
        tasks = [Energies(tuple(crystals[start : start + CHUNK])) for start in starts]
        results = in_order(place, tasks, place.wanted)
        for start, task in zip(starts, tasks, strict=True):
            on_progress(start, len(crystals), _lowest(evaluated))
            chunk = task.crystals
            found = next(results)
            energies = found.energies + pressure * EV_PER_GPA_A3 * np.array([c.volume for c in chunk])
            share = found.cpu_seconds / len(chunk)
            evaluated += [
                {"crystal": crystal.to_dict(), "energy": float(energy) if np.isfinite(energy) else None, "cpu": share}
                for crystal, energy in zip(chunk, energies, strict=True)
            ]
            file.append(evaluated[start:])


def _copy(source: Path, target: Path) -> None:
    """Give a run its own name for energies that are complete, packed if those are."""
    stored = stored_path(source)
    packed = target.with_name(target.name + ENDING)
    if stored == source:
        same_file(stored, target)
        packed.unlink(missing_ok=True)
    else:
        same_file(stored, packed)
        target.unlink(missing_ok=True)  # what is not packed is read first
