"""From candidates to trials: relaxation, and how its outcome counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite

from crysim.crystal import Crystal
from crysim.interfaces import (
    Candidate,
    EnergyModel,
    Relaxation,
    RelaxSettings,
    RelaxStatus,
    Trial,
    TrialStatus,
)


def relax_candidates(
    candidates: Sequence[Candidate],
    model: EnergyModel,
    settings: RelaxSettings,
    min_relaxed_distance: float,
    first: int,
) -> list[Trial]:
    """Relax candidates and classify them; one that fails is a trial that says why, and stops nothing.

    Args:
        candidates: what the strategy asked for.
        model: the energy model.
        settings: of the relaxation.
        min_relaxed_distance: Å; see `classify`.
        first: number of the first trial.
    """
    relaxations = _relax([c.crystal for c in candidates], model, settings)
    return [
        classify(first + i, candidate, relaxation, min_relaxed_distance)
        for i, (candidate, relaxation) in enumerate(zip(candidates, relaxations, strict=True))
    ]


def _relax(crystals: Sequence[Crystal], model: EnergyModel, settings: RelaxSettings) -> list[Relaxation]:
    try:
        return model.relax(crystals, settings)
    except Exception as error:  # noqa: BLE001 - a model may fail in any way, and that is a result
        if len(crystals) > 1:
            return [_relax([crystal], model, settings)[0] for crystal in crystals]
        reason = (f"{type(error).__name__}: {error}".splitlines() or [""])[0]
        return [Relaxation(RelaxStatus.FAILED, None, None, 0, 0, None, reason=reason)]


def classify(number: int, candidate: Candidate, relaxation: Relaxation, min_relaxed_distance: float) -> Trial:
    """The trial of a relaxation.

    A relaxation without a finite energy has failed. One that ended with a pair of atoms closer than
    ``min_relaxed_distance`` Å keeps its energy but does not count, as in section 2.3 of the paper.
    """
    relaxation = _finite(relaxation)
    status, reason = TrialStatus(relaxation.status.value), relaxation.reason
    crystal = relaxation.crystal
    if crystal is not None and (distance := crystal.min_distance()) < min_relaxed_distance:
        status, reason = TrialStatus.TOO_CLOSE, f"a pair of atoms at {distance:.2f} Å, under {min_relaxed_distance:g} Å"
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
