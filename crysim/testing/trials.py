"""Trials for tests, from what a test has to say about them."""

from __future__ import annotations

from collections.abc import Sequence

from crysim.crystal import Crystal
from crysim.interfaces import Candidate, Frame, Relaxation, RelaxStatus, Trial, TrialStatus


def make_trial(
    number: int,
    candidate: Candidate,
    energy: float | None,
    *,
    crystal: Crystal | None = None,
    frames: Sequence[Frame] = (),
    status: TrialStatus | None = None,
    steps: int = 1,
    evaluations: int = 1,
    seconds: float = 0.1,
    reason: str = "",
) -> Trial:
    """A trial.

    Args:
        number: from 0.
        candidate: what was asked for.
        energy: eV per cell; None: the relaxation failed.
        crystal: relaxed; None: the candidate's own, unless the relaxation failed.
        frames: of the trajectory.
        status: None: failed or relaxed, by the energy, or that of a virtual crystal.
        steps, evaluations, seconds, reason: see `Relaxation`.
    """
    failed = energy is None
    if status is None:
        ended = TrialStatus.RELAXED if candidate.blend is None else TrialStatus.VIRTUAL
        status = TrialStatus.FAILED if failed else ended
    relaxation = Relaxation(
        status=RelaxStatus.FAILED if failed else RelaxStatus.RELAXED,
        crystal=None if failed else crystal or candidate.crystal,
        energy=energy,
        steps=steps,
        evaluations=evaluations,
        max_force=None,
        frames=tuple(frames),
        seconds=seconds,
        reason=reason,
    )
    return Trial(number, candidate, relaxation, status, reason)
