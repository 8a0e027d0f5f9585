"""Trials and frames as JSON records, and back, to the last bit of every float."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crysim.crystal import Crystal
from crysim.interfaces import Blend, Candidate, Frame, Relaxation, RelaxStatus, Trial, TrialStatus


def trial_to_dict(trial: Trial) -> dict[str, Any]:
    """A trial as a JSON record; `trial_from_dict` gives the same trial back."""
    start = trial.candidate.crystal
    cpu = {"strategy": trial.candidate.cpu_seconds, "relax": trial.relaxation.cpu_seconds}
    return {
        "number": trial.number,
        "status": str(trial.status),
        "energy": trial.energy,
        "reason": trial.reason,
        "steps": trial.steps,
        "evaluations": trial.evaluations,
        "seconds": trial.seconds,
        "phases": dict(trial.candidate.seconds),
        **({} if cpu["strategy"] is None and cpu["relax"] is None else {"cpu": cpu}),
        "info": dict(trial.candidate.info),
        **({} if trial.candidate.blend is None else {"blend": trial.candidate.blend.to_dict()}),
        "start": None if start is None else start.to_dict(),
        "crystal": None if trial.crystal is None else trial.crystal.to_dict(),
        "frames": [] if start is None else [_frame_to_dict(frame, start) for frame in trial.frames],
    }


def trial_from_dict(record: Mapping[str, Any], *, frames: bool = True, written: Trial | None = None) -> Trial:
    """The trial of a record; without ``frames``, its trajectory is left out, which is much quicker.

    Args:
        record: of `trial_to_dict`, read again.
        frames: whether its trajectory is wanted.
        written: the trial that the record was made of, if that is at hand: crystals survive being written to the last
            bit, so its own are taken.
    """
    if written is not None:
        start, crystal = written.candidate.crystal, written.crystal
        trajectory = () if start is None else written.frames
    else:
        start = None if record["start"] is None else Crystal.from_dict(record["start"])
        crystal = None if record["crystal"] is None else Crystal.from_dict(record["crystal"])
        there = record["frames"] if frames else ()
        trajectory = () if start is None else tuple(_frame_from_dict(one, start) for one in there)
    energy = record["energy"]
    if start is None and crystal is not None:
        raise TypeError("it has a relaxed crystal, and none to start from")
    if not isinstance(energy, float | int | None) or (crystal is None) != (energy is None):
        raise TypeError("its energy is no number, or has no crystal")
    status, reason = TrialStatus(record["status"]), record["reason"]
    cpu = record.get("cpu", {})
    relaxation = Relaxation(
        status=RelaxStatus(status.value) if status.value in set(RelaxStatus) else RelaxStatus.NOT_CONVERGED,
        crystal=crystal,
        energy=energy,
        steps=record["steps"],
        evaluations=record["evaluations"],
        max_force=None,
        frames=trajectory,
        seconds=record["seconds"],
        reason=reason,
        cpu_seconds=cpu.get("relax"),
    )
    blend = Blend.from_dict(record["blend"]) if "blend" in record else None
    candidate = Candidate(
        start, info=record["info"], seconds=record["phases"], cpu_seconds=cpu.get("strategy"), blend=blend
    )
    return Trial(record["number"], candidate, relaxation, status, reason)


def frame_to_dict(frame: Frame) -> dict[str, Any]:
    """A frame as a JSON record."""
    return {"crystal": frame.crystal.to_dict(), "energy": frame.energy}


def frame_from_dict(record: Mapping[str, Any]) -> Frame:
    """The frame of a record."""
    return Frame(Crystal.from_dict(record["crystal"]), record["energy"])


def _frame_to_dict(frame: Frame, start: Crystal) -> dict[str, Any]:
    """A frame of a trajectory: only what differs from the start, as long as group and sites are the start's."""
    crystal = frame.crystal
    if not _is_moved(crystal, start):
        return frame_to_dict(frame)
    free = [list(site.free) for site in crystal.sites]
    return {"cell": list(crystal.cell), "free": free, "energy": frame.energy}


def _is_moved(crystal: Crystal, start: Crystal) -> bool:
    """Whether a crystal differs from its start in cell and free coordinates alone."""
    same_group = (crystal.space_group, crystal.composition) == (start.space_group, start.composition)
    return same_group and crystal.occupied == start.occupied


def _frame_from_dict(record: Mapping[str, Any], start: Crystal) -> Frame:
    if "crystal" in record:
        return frame_from_dict(record)
    return Frame(start.with_parameters(record["cell"], record["free"]), record["energy"])
