"""A potential of one composition that is a sum over pairs, and descents in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from crysim.arrays import Floats, Ints
from crysim.crystal import Crystal
from crysim.crystal.min_distances import flat_points, flat_sites
from crysim.crystal.packing import place_sites
from crysim.errors import CrysimError
from crysim.symmetry import cell_from_lattice
from crysim_baselines.potential.radial import CUTOFF, STEP, radial_functions

STIFFNESS = 20.0
"""eV/Å² of the springs between atoms that are nearer than any of which an energy is known."""
NEIGHBOURS = 600
"""Of a site within the cutoff, at most: atoms that are closer together are no crystal."""


@dataclass(frozen=True, eq=False)
class Settled:
    """Where a descent in a potential ended.

    Attributes:
        start: of whose group and atoms it is.
        positions, kinds: of the sites, index of the position and of the element ``[sites]``.
        lattice: rows, Å ``[3, 3]``, in any orientation.
        points: of the sites, fractional ``[sites, 3]``.
        energy: in the potential, eV per atom.
    """

    start: Crystal
    positions: Ints
    kinds: Ints
    lattice: Floats
    points: Floats
    energy: float

    @classmethod
    def begin(cls, crystal: Crystal, elements: tuple[str, ...]) -> Settled:
        """A crystal of these elements before a descent, of infinite energy."""
        positions, kinds = flat_sites(crystal, elements)
        return cls(crystal, positions, kinds, np.array(crystal.lattice), flat_points(crystal), np.inf)

    @cached_property
    def crystal(self) -> Crystal | None:
        """It; None where that is no cell any more. Most ends are not looked at: it is made when it is asked for."""
        start = self.start
        try:
            cell = cell_from_lattice(self.lattice)
            return place_sites(start.composition, start.space_group, self.positions, self.kinds, cell, self.points)
        except (CrysimError, ValueError):
            return None


@dataclass(frozen=True, eq=False)
class PairPotential:
    """Energies of pairs, and of what all crystals have in common.

    Attributes:
        elements: of the composition, in its order.
        constant: eV per atom.
        by_volume: eV/Å³, so that enthalpies can be learned.
        energies, slopes: of pairs, eV and eV/Å, every `radial.STEP`, ``[elements, elements, points]``.
        error: eV per atom, root mean square, of low crystals that were left out one by one.
    """

    elements: tuple[str, ...]
    constant: float
    by_volume: float
    energies: Floats
    slopes: Floats
    error: float

    @classmethod
    def of(
        cls, elements: tuple[str, ...], coefficients: Floats, walls: Floats, constant: float, error: float
    ) -> PairPotential:
        """Of coefficients.

        Args:
            elements: of the composition.
            coefficients: as `features` are ordered.
            walls: Å ``[elements, elements]``; atoms that are nearer repel each other as springs.
            constant: eV per atom, besides that of the coefficients.
            error: eV per atom.
        """
        functions = radial_functions()
        lengths = STEP * np.arange(len(functions))
        energies = np.empty((len(elements), len(elements), len(functions)))
        for (i, j), own in zip(_pairs(len(elements)), coefficients[2:].reshape(-1, functions.shape[1]), strict=True):
            energies[i, j] = energies[j, i] = functions @ own + STIFFNESS * np.maximum(walls[i, j] - lengths, 0.0) ** 2
        slopes = np.asarray(np.gradient(energies, STEP, axis=2))
        return cls(elements, constant + float(coefficients[0]), float(coefficients[1]), energies, slopes, error)

    def energy(self, crystal: Crystal) -> float:
        """eV per atom of a crystal of these elements; infinity if it is too dense to say."""
        return self.constant + self._descended(Settled.begin(crystal, self.elements), 1, 0.0)[2]

    def settle(self, begin: Crystal | Settled, steps: int, fmax: float = 0.05) -> Settled | None:
        """A crystal after a descent within its space group at its volume; None where it comes to nothing.

        Of volumes far from those that it learned from a potential knows nothing, and would often tear crystals apart.

        Args:
            begin: a crystal of these elements, or where a descent of it ended.
            steps: evaluations, at most.
            fmax: eV/Å at which it is at rest.
        """
        if isinstance(begin, Crystal):
            begin = Settled.begin(begin, self.elements)
        lattice, points, energy = self._descended(begin, steps, fmax)
        if not (np.isfinite(energy) and np.isfinite(lattice).all() and np.isfinite(points).all()):
            return None
        return replace(begin, lattice=lattice, points=points, energy=self.constant + energy)

    def _descended(self, begin: Settled, steps: int, fmax: float) -> tuple[Floats, Floats, float]:
        from crysim_baselines.potential.kernels import descend

        group = begin.start.group
        rotations = np.ascontiguousarray(group.operations[0], dtype=np.float64)
        return descend(
            begin.lattice, begin.points, begin.positions, begin.kinds, *group.flat_positions, rotations, self.energies,
            self.slopes, STEP, CUTOFF, self.by_volume, steps, fmax, NEIGHBOURS * len(begin.points),
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Features:
    """What a pair potential's energy per atom of a crystal is linear in, and what else is said of it.

    Attributes:
        values: one, the volume per atom in Å³ and, of each pair of elements, the sums of the radial functions per atom,
            ``[2 + pairs * radial.NUMBER]``.
        shortest: Å ``[elements, elements]``, the shortest distances; infinity for pairs beyond the cutoff.
        springs: eV per atom, of atoms nearer than walls.
    """

    values: Floats
    shortest: Floats
    springs: float


def features(crystal: Crystal, elements: tuple[str, ...], walls: Floats) -> Features | None:
    """The features of a crystal, None if it is too dense.

    Args:
        crystal: of these elements.
        elements: of the composition, in its order.
        walls: Å ``[elements, elements]``, see `PairPotential.of`.
    """
    from crysim_baselines.potential.kernels import find_pairs, invert, write_images

    positions, kinds = flat_sites(crystal, elements)
    points = flat_points(crystal)
    maps, offsets, starts = crystal.group.flat_positions
    counts = np.diff(starts)[positions]
    centres = np.cumsum(counts) - counts
    coords = np.empty((counts.sum(), 3))
    write_images(points, positions, maps, offsets, starts, coords)
    lattice, inverse = np.array(crystal.lattice), np.empty((3, 3))  # kernels are compiled anew for what is read-only
    volume = invert(lattice, inverse)
    room = NEIGHBOURS * len(positions)
    centre_of, atom_of, vectors = np.empty(room, dtype=np.int64), np.empty(room, dtype=np.int64), np.empty((room, 3))
    count = find_pairs(lattice, inverse, coords, centres, CUTOFF, centre_of, atom_of, vectors)
    if count > room:
        return None
    centre_of, atom_of = centre_of[:count], atom_of[:count]
    lengths = np.sqrt((vectors[:count] ** 2).sum(axis=1))
    ones, others = kinds[centre_of], np.repeat(kinds, counts)[atom_of]
    shortest = np.full((len(elements), len(elements)), np.inf)
    np.minimum.at(shortest, (ones, others), lengths)
    weights = 0.5 / counts.sum() * counts[centre_of]
    springs = STIFFNESS * float(weights @ np.maximum(walls[ones, others] - lengths, 0.0) ** 2)
    places = (lengths / STEP).astype(int)
    parts = (lengths / STEP - places)[:, None]
    functions = radial_functions()
    values = functions[places] * (1.0 - parts) + functions[places + 1] * parts
    sums = np.zeros((len(elements), len(elements), functions.shape[1]))
    np.add.at(sums, (np.minimum(ones, others), np.maximum(ones, others)), weights[:, None] * values)
    listed = [sums[i, j] for i, j in _pairs(len(elements))]
    return Features(np.concatenate([[1.0, volume / counts.sum()], *listed]), np.minimum(shortest, shortest.T), springs)


def _pairs(elements: int) -> list[tuple[int, int]]:
    """Each pair of elements once, in the order of the features."""
    return [(i, j) for i in range(elements) for j in range(i, elements)]
