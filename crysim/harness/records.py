"""Trials and frames as JSON records, and back, to the last bit of every float."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crysim.crystal import Crystal
from crysim.interfaces import Candidate, Frame, Relaxation, RelaxStatus, Trial, TrialStatus


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
        "start": None if start is None else start.to_dict(),
        "crystal": None if trial.crystal is None else trial.crystal.to_dict(),
        "frames": [] if start is None else [_frame_to_dict(frame, start) for frame in trial.frames],
    }


def trial_from_dict(record: Mapping[str, Any], *, frames: bool = True) -> Trial:
    """The trial of a record; without ``frames``, its trajectory is left out, which is much quicker."""
    start = None if record["start"] is None else Crystal.from_dict(record["start"])
    crystal, energy = record["crystal"], record["energy"]
    if start is None and crystal is not None:
        raise TypeError("it has a relaxed crystal, and none to start from")
    if not isinstance(energy, float | int | None) or (crystal is None) != (energy is None):
        raise TypeError("its energy is no number, or has no crystal")
    status, reason = TrialStatus(record["status"]), record["reason"]
    cpu = record.get("cpu", {})
    relaxation = Relaxation(
        status=RelaxStatus(status.value) if status.value in set(RelaxStatus) else RelaxStatus.NOT_CONVERGED,
        crystal=None if crystal is None else Crystal.from_dict(crystal),
        energy=energy,
        steps=record["steps"],
        evaluations=record["evaluations"],
        max_force=None,
        frames=() if start is None or not frames else tuple(_frame_from_dict(one, start) for one in record["frames"]),
        seconds=record["seconds"],
        reason=reason,
        cpu_seconds=cpu.get("relax"),
    )
    candidate = Candidate(start, info=record["info"], seconds=record["phases"], cpu_seconds=cpu.get("strategy"))
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
    free = [list(site.free) for site in crystal.sites]
    same_sites = [len(f) for f in free] == [len(site.free) for site in start.sites]
    if not same_sites or start.with_parameters(crystal.cell, free) != crystal:
        return frame_to_dict(frame)
    return {"cell": list(crystal.cell), "free": free, "energy": frame.energy}


def _frame_from_dict(record: Mapping[str, Any], start: Crystal) -> Frame:
    if "crystal" in record:
        return frame_from_dict(record)
    return Frame(start.with_parameters(record["cell"], record["free"]), record["energy"])
