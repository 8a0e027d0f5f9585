"""Leave to stop a relaxation that cannot win, or that falls into a minimum already known.

A strategy hands it over with a candidate (`Candidate.stop`); what it holds was known when the candidate was asked for,
so a batch that is done again ends in the same trials. An energy model that relaxes step by step asks `StopRule.verdict`
after each evaluation (`EnergyModel.race`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil, sqrt
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from crysim.arrays import Floats
from crysim.crystal.distinct import invariant
from crysim.crystal.validity import is_comparable
from crysim.errors import InputError
from crysim.symmetry import Combination

if TYPE_CHECKING:
    from crysim.crystal import Crystal

PATIENCE = 3
"""Evaluations before a relaxation of few free parameters may be stopped."""
FEW = 6
"""Free parameters up to which that patience is enough."""
MANY = 22
"""Free parameters up to which each beyond `FEW` asks for one evaluation more."""
PER_EVALUATION = 4
"""Free parameters beyond `MANY` for which one evaluation more is waited."""
MARGIN = 0.1
"""eV per atom that the lowest energy within reach must lie above the best."""
TRUST = 32.0
"""Times the decrease that the descent predicts: what is taken to be within reach. Early predictions are far too small:
with 16 in its place, and patience growing by one evaluation for four parameters throughout, 0.62 of the hits are kept
where 0.81 are now, and draws cost a quarter less (results/prior/rules.txt)."""
SAME_ENERGY = 1e-3
"""eV per atom: a minimum's energy, and the decrease still predicted, are known to this."""
REACH = 2.0
"""√(eV per atom): times the root of the decrease that a descent predicts, once it is under `SAME_ENERGY`, is the most
it is taken to fall. Seven of eight fall less (2841 descents, results/prior); softer ways down are not predicted."""
SAME_VOLUME = 0.02
"""Relative difference of the volumes of one minimum reached twice."""
NEIGHBOURS = 12
"""Of each element, whose average distances tell the minima of one combination apart."""
SAME_PLACES = 0.2
"""Å that these differ by at most where a descent is on its way into a minimum. Of 202 that had come to one's energy and
volume in its combination, 122 ended in it, of which 109 were nearer than this, and 80 elsewhere, of which 5 were
(results/prior)."""


@dataclass(frozen=True)
class KnownMinimum:
    """A minimum that an earlier relaxation within a space group reached.

    Attributes:
        space_group, combination: which its sites occupy.
        energy: eV per atom (enthalpy under pressure).
        volume: Å³ per atom.
        distances: Å, its average distances (`average_distances`).
    """

    space_group: int
    combination: Combination
    energy: float
    volume: float
    distances: Floats = field(compare=False)


@dataclass(frozen=True)
class StopRule:
    """When a relaxation may be stopped.

    Attributes:
        best: eV per atom, the lowest known; None: none is.
        known: minima that need not be reached again.
        patience: evaluations before it, for up to `FEW` free parameters; one more for each beyond up to `MANY`, and for
            every `PER_EVALUATION` after that.
        margin: eV per atom.
        trust: times the predicted decrease.
        wanted: eV per atom, above which a minimum is not wanted: the last way into it can be spared. None: any is.
        reach: √(eV per atom), times the root of the predicted decrease: what such a last way is taken to bring at most.
        polish: whether a relaxation that came to its end leaves saddle points then, where the settings say so.

    Raises:
        InputError: a negative number.
    """

    best: float | None = None
    known: tuple[KnownMinimum, ...] = ()
    patience: int = PATIENCE
    margin: float = MARGIN
    trust: float = TRUST
    wanted: float | None = None
    reach: float = REACH
    polish: bool = True

    def __post_init__(self) -> None:
        for name in ("patience", "margin", "trust", "reach"):
            if not getattr(self, name) >= 0:
                raise InputError(f"the {name} with a relaxation is {getattr(self, name)}: it must not be negative")

    def patience_for(self, parameters: int) -> int:
        """Evaluations that a relaxation in so many free parameters is granted."""
        some = min(max(parameters, FEW), MANY) - FEW
        return self.patience + some + ceil(max(0, parameters - MANY) / PER_EVALUATION)

    def is_hopeless(self, evaluations: int, parameters: int, energy: float, decrease: float) -> bool:
        """Whether even ``trust`` times the predicted decrease would leave the energy ``margin`` above the best.

        Args:
            evaluations: so far.
            parameters: free in this relaxation.
            energy: eV per atom so far.
            decrease: eV per atom that the descent predicts, at least 0.
        """
        if self.best is None or evaluations < self.patience_for(parameters):
            return False
        return energy - self.trust * decrease - self.margin > self.best

    def is_unwanted(self, energy: float, decrease: float) -> bool:
        """Whether a descent is about to come to rest, in a minimum that is not wanted.

        Where minima are many, up to two fifths of a search's evaluations are such last ways; but CsPbI3 was not found
        any more without them (results/search). Asked by relaxers that descend by a quasi-Newton model: what others
        predict is no measure of it.

        Args:
            energy: eV per atom so far.
            decrease: eV per atom that the descent predicts.
        """
        if self.wanted is None or not 0 <= decrease < SAME_ENERGY:
            return False
        return energy - self.reach * sqrt(decrease) > self.wanted

    def is_known(
        self, start: Crystal, energy: float, decrease: float, volume: float, here: Callable[[], Crystal]
    ) -> bool:
        """Whether a descent within its group is at a minimum already known, or about to arrive there.

        Energy and volume alone do not tell: crystals of many free coordinates pass by the energies of others, and where
        all sites are general, all of a group have one combination.

        Args:
            start: of the descent, whose group and combination it keeps.
            energy, decrease: eV per atom.
            volume: Å³ per atom.
            here: makes the crystal at which the descent is; asked for where a minimum is near in all else.
        """
        if not decrease < SAME_ENERGY:
            return False
        near = self.near(start, energy - decrease, volume)
        if not near:
            return False
        distances = average_distances(here())
        return any(are_near(distances, one.distances) for one in near)

    def near(self, start: Crystal, energy: float, volume: float, within: float = SAME_ENERGY) -> list[KnownMinimum]:
        """The known minima of a crystal's group and combination with about this energy and volume, wherever atoms are.

        Args:
            start: the crystal.
            energy, within: eV per atom.
            volume: Å³ per atom.
        """
        return [
            one
            for one in self.known
            if abs(energy - one.energy) < within
            and abs(volume - one.volume) < SAME_VOLUME * one.volume
            and one.space_group == start.space_group
            and one.combination == start.combination
        ]


def average_distances(crystal: Crystal) -> Floats:
    """Å, flat: of the atoms of each element to their k-th neighbours of each (`crysim.crystal.distinct.invariant`).

    No numbers of a crystal that is collapsed or torn apart: it is near none.
    """
    if not is_comparable(crystal):
        return np.full(1, np.nan, dtype=np.float32)
    return invariant(crystal, NEIGHBOURS).astype(np.float32)


def are_near(distances: Floats, others: Floats) -> bool:
    """Whether two crystals of one formula are one, or nearly, by their `average_distances`."""
    return bool(which_are_near(distances, others))


def which_are_near(distances: Floats, others: Floats) -> NDArray[np.bool_]:
    """Of the rows ``[..., k]``, whether two crystals are one, or nearly: see `are_near`."""
    return np.asarray(np.abs(distances - others).max(axis=-1) < SAME_PLACES)


def known_minimum(crystal: Crystal, energy: float) -> KnownMinimum:
    """The minimum at which a crystal with an energy, eV per cell of it, rests."""
    atoms = crystal.num_atoms
    distances = average_distances(crystal)
    return KnownMinimum(crystal.space_group, crystal.combination, energy / atoms, crystal.volume / atoms, distances)
