"""A pair potential learned from energies: ridge regression, its penalty chosen by the evidence."""

from __future__ import annotations

from math import ceil

import numpy as np

from crysim.arrays import Floats
from crysim.composition import Composition
from crysim.crystal import Crystal
from crysim.crystal.prior import MIN_RATIO
from crysim.crystal.radii import radius_sums
from crysim.interfaces import Trial, TrialStatus
from crysim_baselines.potential.pair_potential import Features, PairPotential, features
from crysim_baselines.potential.radial import NUMBER

FEWEST = 100
"""Energies that a potential is learned from;"""
GROWTH = 1.1
"""it is learned anew when there are so many times more."""
ACCURACY = 0.1
"""eV per atom to which the lowest energies are to be given; others to as much and what they lie above the lowest."""
NEAR = 0.5
"""eV per atom above the lowest: crystals by which the error is judged."""
WALL = 0.97
"""Of the shortest known distance of two elements, where the wall begins,"""
LEAST = 1.1
"""and at least so many times the distance that random crystals keep."""
_PENALTIES = 10.0 ** np.arange(-5.0, 2.5, 0.5)


class Learning:
    """Energies of crystals of one composition, and the potential that is learned from them."""

    def __init__(self, composition: Composition) -> None:
        """Nothing is known yet.

        Args:
            composition: of the crystals, any number of formula units of it.
        """
        self.elements = composition.elements
        self._least = LEAST * MIN_RATIO * radius_sums(composition)
        self._features: list[Features] = []
        self._energies: list[float] = []
        self._learned_from = 0
        self._potential: PairPotential | None = None

    def __len__(self) -> int:
        return len(self._energies)

    def tell(self, trial: Trial) -> None:
        """Take note of where a relaxation began and ended (`RelaxSettings.num_frames`), unless it failed or is of a
        virtual crystal."""
        if trial.candidate.blend is not None or trial.status is TrialStatus.FAILED:
            return
        for frame in (*trial.frames[:1], *trial.frames[1:][-1:]):
            self.add(frame.crystal, frame.energy / frame.crystal.num_atoms)

    def add(self, crystal: Crystal, energy: float) -> None:
        """Take note of a crystal and its energy, eV per atom; of one that is too dense, of nothing."""
        found = features(crystal, self.elements, self._least)
        if found is not None and np.isfinite(energy):
            self._features.append(found)
            self._energies.append(energy)

    @property
    def potential(self) -> PairPotential | None:
        """Of what is known; None while that is too little.

        It depends on nothing but the energies and their order: it is learned at certain numbers of them, whenever it is
        asked for, so that a run that is taken up again has the same one.
        """
        size = _size_within(len(self))
        if size != self._learned_from:
            self._learned_from = size
            self._potential = self._learn(size)
        return self._potential

    def _learn(self, size: int) -> PairPotential:
        known = self._features[:size]
        energies = np.array(self._energies[:size])
        lowest = float(energies.min())
        above = energies - lowest
        accuracy = ACCURACY + above
        values = (above - np.array([one.springs for one in known])) / accuracy
        rows = np.array([one.values for one in known]) / accuracy[:, None]
        scales = _scales(rows.shape[1])
        coefficients, leverages = ridge(rows * scales, values)
        coefficients *= scales
        left_out = (values - rows @ coefficients) / (1.0 - leverages) * accuracy
        error = float(np.sqrt((left_out[above < NEAR] ** 2).mean()))
        shortest = np.min([one.shortest for one in known], axis=0)
        walls = np.maximum(self._least, np.where(np.isfinite(shortest), WALL * shortest, 0.0))
        return PairPotential.of(self.elements, coefficients, walls, lowest, error)


def _size_within(known: int) -> int:
    """Of how many energies a potential is learned where so many are known; 0: of none."""
    found, wanted = 0, FEWEST
    while wanted <= known:
        found, wanted = wanted, ceil(GROWTH * wanted)
    return found


def _scales(size: int) -> Floats:
    """How large coefficients may be, relative to each other: the less smooth a function, the smaller."""
    pairs = (size - 2) // NUMBER
    return np.concatenate([[10.0, 0.1], np.tile((1.0 + np.arange(NUMBER)) ** -2.0, pairs)])


def ridge(rows: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Coefficients ``[d]`` by which rows ``[n, d]`` give values ``[n]``, and the rows' leverages ``[n]``, below 1.

    Of the penalties the one that makes the values the likeliest (MacKay, Neural Comput. 4, 415, 1992).
    """
    left, singular, right = np.linalg.svd(rows, full_matrices=False)
    squares = singular**2
    along = left.T @ values
    beside = max(float(values @ values - along @ along), 0.0)
    best, penalty = -np.inf, 1.0
    for tried in _PENALTIES:
        noise = (float((tried * along**2 / (squares + tried)).sum()) + beside) / len(rows)
        evidence = -len(rows) * np.log(noise) - float(np.log1p(squares / tried).sum())
        if evidence > best:
            best, penalty = evidence, float(tried)
    shrunk = squares / (squares + penalty)
    coefficients = right.T @ (singular * along / (squares + penalty))
    return coefficients, np.minimum((left**2 * shrunk).sum(axis=1), 0.99)
