"""From candidates to trials: relaxation, and how its outcome counts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from math import isfinite

from crysim.composition import Contents
from crysim.crystal import Crystal
from crysim.crystal.bonding import DEFAULT_CUTOFF
from crysim.crystal.validity import find_fault, too_close
from crysim.errors import PluginFaultError, first_line
from crysim.harness.drawing import draw
from crysim.harness.spec import RunSettings
from crysim.interfaces import (
    Candidate,
    EnergyModel,
    Relaxation,
    RelaxSettings,
    RelaxStatus,
    StopRule,
    Trial,
    TrialStatus,
)

SYMPREC = 0.01
"""Å within which the group of a crystal that left its own is found (as the energy models have it)."""
DESCRIPTIONS = 2
"""Times that a crystal is described in the group that it has: coming to rest there it may gain translations."""
GIVEN_UP = (TrialStatus.STOPPED, TrialStatus.KNOWN)
"""Of relaxations that did not come to their end: what was wrong with them on their way is not looked for."""


def relax_candidates(
    candidates: Sequence[Candidate],
    model: EnergyModel,
    settings: RunSettings,
    first: int,
    contents: Contents | None = None,
) -> list[Trial]:
    """Relax candidates and classify them; one that fails is a trial that says why, and stops nothing.

    Drafts are drawn first, here.

    Args:
        candidates: what the strategy asked for.
        model: the energy model.
        settings: how they are relaxed, and what counts.
        first: number of the first trial.
        contents: of the run; with those of a primitive cell, a crystal that left its space group is described in the
            cell of the one that it has. None: every crystal keeps the composition of its start.
    """
    drawn = [draw(candidate) for candidate in candidates]
    starts = [(first + i, one.candidate) for i, one in enumerate(drawn) if not one.fault]
    relaxed = iter(_relaxed(starts, model, settings, contents) if starts else ())
    return [
        _not_drawn(first + i, one.candidate, one.fault) if one.fault else next(relaxed) for i, one in enumerate(drawn)
    ]


def _relaxed(
    starts: Sequence[tuple[int, Candidate]], model: EnergyModel, settings: RunSettings, contents: Contents | None
) -> list[Trial]:
    """The trials of candidates that are drawn, each with its number."""
    began = time.process_time()
    crystals = [candidate.start for _, candidate in starts]
    relaxations = _relax_blends([candidate for _, candidate in starts], model, settings.relax)
    if contents is not None and contents.primitive:
        blends = [candidate.blend is not None for _, candidate in starts]
        for _ in range(DESCRIPTIONS):
            described = [
                relaxation if blend else _described_anew(relaxation, crystal, contents)
                for relaxation, crystal, blend in zip(relaxations, crystals, blends, strict=True)
            ]
            relaxations = _settled(described, crystals, blends, model, settings.relax)
            crystals = [one.crystal or crystal for one, crystal in zip(described, crystals, strict=True)]
    cutoff = (model.cutoff or DEFAULT_CUTOFF) if settings.require_bound else None
    trials = [
        classify(number, candidate, relaxation, settings.min_relaxed_distance, cutoff)
        for (number, candidate), relaxation in zip(starts, relaxations, strict=True)
    ]
    share = (time.process_time() - began) / len(trials)
    return [replace(trial, relaxation=replace(trial.relaxation, cpu_seconds=share)) for trial in trials]


def _relax_blends(candidates: Sequence[Candidate], model: EnergyModel, settings: RelaxSettings) -> list[Relaxation]:
    """Relax candidates, virtual crystals of each blend together, and together what is none."""
    found: dict[int, Relaxation] = {}
    for blend in dict.fromkeys(candidate.blend for candidate in candidates):
        places = [i for i, candidate in enumerate(candidates) if candidate.blend == blend]
        taken = model if blend is None else model.blended(blend)
        if taken is None:
            reason = f"energy model '{model.name}' has no mean of {blend}"
            found.update((i, failed_relaxation(reason)) for i in places)
            continue
        stops = [candidates[i].stop for i in places]
        relaxed = relax_each([candidates[i].start for i in places], stops, taken, settings)
        found.update(zip(places, relaxed, strict=True))
    return [found[i] for i in range(len(candidates))]


def _not_drawn(number: int, candidate: Candidate, fault: str) -> Trial:
    return Trial(number, candidate, replace(failed_relaxation(fault), cpu_seconds=0.0), TrialStatus.FAILED, fault)


def failed_trials(candidates: Sequence[Candidate], first: int, reason: str) -> list[Trial]:
    """Trials of candidates of which nothing came back."""
    return [
        Trial(first + i, candidate, failed_relaxation(reason), TrialStatus.FAILED, reason)
        for i, candidate in enumerate(candidates)
    ]


def failed_relaxation(reason: str) -> Relaxation:
    """A relaxation of which nothing came back."""
    return Relaxation(RelaxStatus.FAILED, None, None, 0, 0, None, reason=reason)


def _described_anew(relaxation: Relaxation, start: Crystal, contents: Contents) -> Relaxation:
    """The relaxation with its crystal in the conventional cell of the group found, where that is not the start's.

    An energy model keeps the start's number of atoms per cell, and so calls P1 what got another centring. Where the
    primitive cell has grown, since images of one atom have parted, the crystal stays as the model describes it.
    """
    crystal, energy = relaxation.crystal, relaxation.energy
    if crystal is None or energy is None:
        return relaxation
    if crystal.space_group == start.space_group and contents.held_by(crystal):
        return relaxation
    found = Crystal.from_structure(crystal.to_structure(), SYMPREC)
    if found.composition.elements != contents.elements or not contents.held_by(found):
        return relaxation
    return replace(relaxation, crystal=found, energy=energy * found.num_atoms / crystal.num_atoms)


def _settled(
    relaxations: Sequence[Relaxation],
    starts: Sequence[Crystal],
    blends: Sequence[bool],
    model: EnergyModel,
    settings: RelaxSettings,
) -> list[Relaxation]:
    """The relaxations, those that came to rest in another group or cell than their start's relaxed on in that one.

    Its description moves atoms by up to `SYMPREC`, and the forces that are left there may be more than was asked for.
    """
    ends = {
        i: relaxation.crystal
        for i, (relaxation, start, blend) in enumerate(zip(relaxations, starts, blends, strict=True))
        if relaxation.status is RelaxStatus.RELAXED
        and not blend
        and relaxation.crystal is not None
        and (relaxation.crystal.space_group, relaxation.crystal.composition) != (start.space_group, start.composition)
    }
    found = list(relaxations)
    if not ends:
        return found
    kept = replace(settings, symmetry="keep", num_frames=0)
    relaxed_on = relax_each(list(ends.values()), [None] * len(ends), model, kept)
    for (i, end), again in zip(ends.items(), relaxed_on, strict=True):
        found[i] = replace(
            found[i],
            steps=found[i].steps + again.steps,
            evaluations=found[i].evaluations + again.evaluations,
            seconds=found[i].seconds + again.seconds,
        )
        crystal = again.crystal
        if again.status is RelaxStatus.RELAXED and crystal is not None and crystal.space_group == end.space_group:
            found[i] = replace(found[i], crystal=crystal, energy=again.energy, max_force=again.max_force)
    return found


def relax_each(
    crystals: Sequence[Crystal], stops: Sequence[StopRule | None], model: EnergyModel, settings: RelaxSettings
) -> list[Relaxation]:
    """Relax crystals, each with leave to stop or None; where the model raises, one by one, and that one has failed.

    Raises:
        PluginFaultError: what the model returned cannot be believed.
    """
    try:
        if any(stop is not None for stop in stops):
            return model.race(crystals, settings, stops)
        return model.relax(crystals, settings)
    except PluginFaultError:  # what it returned cannot be believed: no result, and not the crystal's fault
        raise
    except Exception as error:  # noqa: BLE001 - a model may fail in any way, and that is a result
        if len(crystals) > 1:
            pairs = zip(crystals, stops, strict=True)
            return [relax_each([crystal], [stop], model, settings)[0] for crystal, stop in pairs]
        return [failed_relaxation(first_line(error))]


def classify(
    number: int,
    candidate: Candidate,
    relaxation: Relaxation,
    min_relaxed_distance: float,
    cutoff: float | None = None,
) -> Trial:
    """The trial of a relaxation.

    A relaxation without a finite energy has failed. One that ended with a pair of atoms closer than
    ``min_relaxed_distance`` Å (`crysim.crystal.validity.too_close`) keeps its energy but does not count, as in section
    2.3 of the paper; nor does one that, with the ``cutoff`` (Å) of the potential given, has flown apart, collapsed, or
    does not hold together (`crysim.crystal.validity.find_fault`). A virtual crystal does not count either.
    """
    relaxation = _finite(relaxation)
    status, reason = TrialStatus(relaxation.status.value), relaxation.reason
    crystal = relaxation.crystal
    if status in GIVEN_UP:
        pass
    elif crystal is not None and (pair := too_close(crystal, min_relaxed_distance)):
        status, reason = TrialStatus.TOO_CLOSE, f"a pair of atoms at {pair[0]:.2f} Å, under {pair[1]:g} Å"
    elif crystal is not None and cutoff is not None and (fault := find_fault(crystal, cutoff)):
        status, reason = TrialStatus(fault[0]), fault[1]
    elif crystal is not None and candidate.blend is not None:
        status, reason = TrialStatus.VIRTUAL, f"{candidate.blend} are taken for one"
    return Trial(number, candidate, relaxation, status, reason)


def _finite(relaxation: Relaxation) -> Relaxation:
    """The relaxation with the finite frames alone; failed, if it has no crystal or no finite energy."""
    energy, reason = relaxation.energy, relaxation.reason
    frames = tuple(frame for frame in relaxation.frames if isfinite(frame.energy))
    failed = relaxation.status is RelaxStatus.FAILED
    if not failed and relaxation.crystal is not None and energy is not None and isfinite(energy):
        return replace(relaxation, frames=frames)
    reason = reason if failed else reason or f"the energy is {energy}"
    return replace(
        relaxation, status=RelaxStatus.FAILED, crystal=None, energy=None, max_force=None, frames=frames, reason=reason
    )
