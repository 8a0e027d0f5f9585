"""What gives a search's relaxations leave to stop: the lowest energy known, and the minima reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from crysim.composition import Contents
from crysim.interfaces import Candidate, KnownMinimum, StopRule, Trial, TrialStatus, known_minimum
from crysim.interfaces.racing import MARGIN, PATIENCE


class Race:
    """Gives candidates leave to stop, by what was told before they were asked for.

    Attributes:
        best: energy in eV and volume in Å³ of the lowest trial that counts, per cell of the contents; None before one.
    """

    def __init__(
        self, contents: Contents, *, wanted: bool = True, patience: int = PATIENCE, margin: float = MARGIN
    ) -> None:
        """Begin with nothing known.

        Args:
            contents: of the cell.
            wanted: whether relaxations are stopped at all.
            patience, margin: see `StopRule`.
        """
        self.best: tuple[float, float] | None = None
        self._contents = contents
        self._wanted = wanted
        self._patience = patience
        self._margin = margin
        self._known: dict[KnownMinimum, None] = {}

    def learn(self, trials: Sequence[Trial]) -> None:
        """Remember the best and the minima."""
        for trial in trials:
            if not trial.counted or trial.crystal is None or trial.energy is None:
                continue
            energy = self._contents.per_cell(trial.energy, trial.crystal)
            found = (energy, self._contents.per_cell(trial.crystal.volume, trial.crystal))
            self.best = found if self.best is None else min(self.best, found)
            if trial.status is TrialStatus.RELAXED:
                self._known.update(dict.fromkeys(_minima(trial)))

    @property
    def rule(self) -> StopRule | None:
        """Leave to stop by what is known now; None if none is wanted."""
        if not self._wanted:
            return None
        best = None if self.best is None else self.best[0] / self._contents.num_atoms
        return StopRule(best, tuple(self._known), self._patience, self._margin)

    def give_leave(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """The candidates with leave to stop."""
        rule = self.rule
        return [replace(candidate, stop=rule) for candidate in candidates]


def _minima(trial: Trial) -> list[KnownMinimum]:
    """Where the trial came to rest: in the group of its start, and in that of its end."""
    assert trial.crystal is not None
    assert trial.energy is not None
    ends = [known_minimum(trial.crystal, trial.energy)]
    if trial.frames and trial.frames[-1].crystal.space_group != trial.crystal.space_group:
        ends.append(known_minimum(trial.frames[-1].crystal, trial.frames[-1].energy))
    return ends
