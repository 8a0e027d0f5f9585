"""Trials as records: what a strategy is told is what the journal says, to the last bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from crysim.composition import Composition
from crysim.crystal import Crystal
from crysim.crystal.generation import RandomGenerator
from crysim.harness.journal import JOURNAL, MANIFEST, Journal
from crysim.harness.loop import execute
from crysim.harness.records import trial_to_dict
from crysim.harness.spec import RunSpec
from crysim.harness.trials import relax_candidates
from crysim.interfaces import Candidate, EnergyModel, Frame, RelaxSettings, Trial

GROUPS = (1, 2, 14, 62, 99, 123, 160, 166, 194, 221)


@pytest.fixture
def trials(make_spec: Callable[..., RunSpec], emt: EnergyModel) -> list[Trial]:
    """Relaxations in groups of every crystal system, with their way; some leave their group."""
    spec = make_spec("random", relax=RelaxSettings(max_steps=3, num_frames=3))
    rng = np.random.default_rng(5)
    contents = Composition.from_formula("Al12Cu12")
    starts = [RandomGenerator(contents, [group]).sample(1, rng)[0] for group in GROUPS]
    candidates = [Candidate(crystal, {"of": i, "some": (1, 2)}) for i, crystal in enumerate(starts)]
    return relax_candidates(candidates, emt, spec, 0)


def test_what_is_told_is_what_is_read_again(
    tmp_path: Path, make_spec: Callable[..., RunSpec], emt: EnergyModel, trials: list[Trial]
) -> None:
    execute(make_spec("random"), tmp_path / "run", emt)
    place = tmp_path / "again"
    place.mkdir()
    (place / MANIFEST).write_bytes((tmp_path / "run" / MANIFEST).read_bytes())
    left = [replace(of_another_group(trials[-1]), number=len(trials))]
    with Journal(place / JOURNAL) as journal:
        told = journal.append([*trials, *left], stateful=False)
    with Journal(place / JOURNAL) as journal:
        (batch,) = journal.batches
    assert told == list(batch.trials)
    assert [repr(one) for one in told] == [repr(one) for one in batch.trials]
    assert sum(len(one.frames) > 1 for one in told) > len(GROUPS) // 2


def of_another_group(trial: Trial) -> Trial:
    """A trial whose last frame is described in P1."""
    crystal = trial.frames[-1].crystal
    bare = Crystal.from_p1(crystal.composition, crystal.lattice, crystal.species, crystal.frac_coords)
    frames = (*trial.frames[:-1], Frame(bare, trial.frames[-1].energy))
    return replace(trial, relaxation=replace(trial.relaxation, frames=frames))


def test_of_a_frame_only_cell_and_free_coordinates_are_written_unless_its_sites_are_others(trials: list[Trial]) -> None:
    (moved, *_), (*_, other) = (trial_to_dict(one)["frames"] for one in (trials[-1], of_another_group(trials[-1])))
    assert set(moved) == {"cell", "free", "energy"}
    assert set(other) == {"crystal", "energy"}
