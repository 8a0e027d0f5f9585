"""Crystals: a space group, a cell and the occupied Wyckoff sites with their free coordinates. Immutable."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crysim.arrays import Floats, Ints
from crysim.composition import ATOMIC_NUMBERS, Composition, Contents
from crysim.crystal.site import Site, check_sites, wrap
from crysim.errors import InputError
from crysim.symmetry.cells import Cell, cell_from_lattice, cell_from_metric, impose_cell, lattice_from_cell
from crysim.symmetry.counting import Combination
from crysim.symmetry.groups import SpaceGroup, WyckoffPosition, space_group

if TYPE_CHECKING:
    from pymatgen.core import Structure


_CELL_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Crystal:
    """A crystal in the conventional cell of the standard setting of its space group.

    Attributes:
        composition: atoms per cell.
        space_group: number, 1 to 230.
        cell: a, b, c in Å and alpha, beta, gamma in degrees, obeying the group's crystal system.
        sites: occupied Wyckoff positions, grouped by element in the composition's order.

    Raises:
        InputError: the sites do not hold the composition, the cell breaks the crystal system or closes no volume.
    """

    composition: Composition
    space_group: int
    cell: Cell
    sites: tuple[Site, ...]

    def __post_init__(self) -> None:
        group = space_group(self.space_group)
        cell = np.asarray(self.cell, dtype=np.float64)
        if cell.shape != (6,):
            raise InputError("a cell has six parameters: a, b, c, alpha, beta, gamma")
        imposed = impose_cell(group.crystal_system, cell)
        if not np.array_equal(imposed, cell) and not np.allclose(imposed, cell, rtol=0.0, atol=_CELL_TOLERANCE):
            raise InputError(
                f"the cell {tuple(float(v) for v in cell)} is not {group.crystal_system}, "
                f"as space group {group.number} ({group.symbol}) demands"
            )
        a, b, c, alpha, beta, gamma = (float(v) for v in imposed)
        object.__setattr__(self, "cell", (a, b, c, alpha, beta, gamma))
        _ = self.lattice  # refuses what closes no cell
        check_sites(self.composition, group, self.sites)

    def __reduce__(self) -> tuple[Callable[..., Crystal], tuple[Any, ...]]:
        # What is derived stays behind when a crystal goes to another process, and what was looked at is not again.
        return _restored, (self.composition, self.space_group, self.cell, self.sites)

    # ------------------------------------------------------------------------------------------ derived

    @cached_property
    def lattice(self) -> Floats:
        """Lattice vectors ``[3, 3]``, rows, Å; a along x, b in the xy plane."""
        return _readonly(lattice_from_cell(self.cell))

    @cached_property
    def group(self) -> SpaceGroup:
        """The space group itself."""
        return space_group(self.space_group)

    @property
    def system(self) -> str:
        """The crystal system."""
        return self.group.crystal_system

    @cached_property
    def positions(self) -> tuple[WyckoffPosition, ...]:
        """The Wyckoff position of every site."""
        return tuple(self.group.positions[site.position] for site in self.sites)

    @cached_property
    def multiplicities(self) -> Ints:
        """``[n_sites]`` atoms on every site."""
        return _readonly(np.array([p.multiplicity for p in self.positions], dtype=np.int64))

    @cached_property
    def frac_coords(self) -> Floats:
        """Fractional coordinates ``[n, 3]`` in [0, 1), site by site; a site's first atom is its representative."""
        return _readonly(
            wrap(
                np.concatenate(
                    [p.coordinates(np.array(s.free)) for p, s in zip(self.positions, self.sites, strict=True)]
                )
            )
        )

    @cached_property
    def orbits(self) -> Ints:
        """``[n]`` index of the site of every atom."""
        return _readonly(np.repeat(np.arange(len(self.sites)), self.multiplicities))

    @cached_property
    def representatives(self) -> Ints:
        """``[n_sites]`` index of the first atom of every site."""
        return _readonly(np.concatenate([[0], np.cumsum(self.multiplicities)[:-1]]).astype(np.int64))

    @property
    def species(self) -> tuple[str, ...]:
        """``[n]`` chemical symbols."""
        return self.composition.species

    @cached_property
    def numbers(self) -> Ints:
        """``[n]`` atomic numbers."""
        return _readonly(np.array([ATOMIC_NUMBERS[s] for s in self.species], dtype=np.int64))

    @property
    def num_atoms(self) -> int:
        """Atoms per cell."""
        return self.composition.num_atoms

    @property
    def centring_factor(self) -> int:
        """Primitive cells in the conventional cell of the space group: 1, 2, 3 or 4."""
        return self.group.centring_factor

    @property
    def num_primitive_atoms(self) -> int:
        """Atoms per primitive cell of the space group."""
        return self.num_atoms // self.centring_factor

    @cached_property
    def centring_classes(self) -> Ints:
        """Indices of atoms ``[num_primitive_atoms, centring_factor]``; those in a row differ by a centring alone."""
        classes = self.group.centring_classes
        return _readonly(
            np.concatenate(
                [classes[site.position] + start for start, site in zip(self.representatives, self.sites, strict=True)]
            )
        )

    @cached_property
    def volume(self) -> float:
        """Volume of the cell, Å³."""
        return float(np.prod(np.diag(self.lattice)))

    @cached_property
    def combination(self) -> Combination:
        """The Wyckoff combination: for each element its positions' indices, ascending."""
        return tuple(
            tuple(sorted(site.position for site in self.sites if site.element == element))
            for element in self.composition.elements
        )

    @property
    def occupied(self) -> tuple[tuple[str, int], ...]:
        """Element and position of every site: what a crystal keeps when only its parameters change."""
        return tuple((site.element, site.position) for site in self.sites)

    @property
    def num_free_coordinates(self) -> int:
        """Free coordinates of all sites together."""
        return sum(len(site.free) for site in self.sites)

    def min_distance(self) -> float:
        """The shortest interatomic distance, Å, periodic images included."""
        return self._min_distance

    @cached_property
    def _min_distance(self) -> float:
        return float(shortest_distances([self])[0])

    # ------------------------------------------------------------------------------- neighbours in shape

    def with_parameters(self, cell: ArrayLike, frees: Sequence[Sequence[float] | Floats]) -> Crystal:
        """The crystal of the same group and sites with another cell ``[6]`` and free coordinates, site by site.

        The crystal system is imposed on the cell.
        """
        imposed = impose_cell(self.system, cell)
        sites = tuple(
            Site(site.element, site.position, tuple(map(float, free)))
            for site, free in zip(self.sites, frees, strict=True)
        )
        return Crystal(self.composition, self.space_group, _as_cell(imposed), sites)

    def project(self, lattice: ArrayLike, frac_coords: ArrayLike) -> Crystal:
        """The nearest crystal of the same group and sites to a structure with the same order of atoms.

        The metric tensor is averaged over the group's operations; each site's free coordinates are those of least
        squared Cartesian deviation from its atoms, each atom taken at its image next to where it is here.

        Args:
            lattice: ``[3, 3]``, rows, Å, in any orientation.
            frac_coords: ``[n, 3]``.
        """
        rows = np.asarray(lattice, dtype=np.float64)
        target = np.asarray(frac_coords, dtype=np.float64)
        if target.shape != self.frac_coords.shape:
            raise InputError(f"this crystal has {self.num_atoms} atoms: coordinates of shape {target.shape} do not fit")
        metric = rows @ rows.T
        rotations = self.group.operations[0].astype(np.float64)
        metric = np.einsum("gji,jk,gkl->il", rotations, metric, rotations) / len(rotations)
        root = np.linalg.cholesky(metric).T  # |root @ f| is the length of the fractional vector f
        moves = target - self.frac_coords
        moves -= np.rint(moves)
        frees: list[Floats] = []
        for start, position, site in zip(self.representatives, self.positions, self.sites, strict=True):
            free = np.array(site.free)
            if position.dof:
                design = (root @ position.matrices).reshape(-1, position.dof)
                wanted = (moves[start : start + position.multiplicity] @ root.T).reshape(-1)
                free = free + np.linalg.lstsq(design, wanted, rcond=None)[0]
            frees.append(free)
        return self.with_parameters(cell_from_metric(metric), frees)

    @property
    def primitive_contents(self) -> Contents:
        """What a primitive cell of the space group holds."""
        counts = tuple(n // self.centring_factor for n in self.composition.counts)
        return Contents(Composition(self.composition.elements, counts), "primitive")

    # --------------------------------------------------------------------------------------- conversions

    def to_p1(self) -> Crystal:
        """The same atoms in P1 of the primitive cell of the space group."""
        basis = self.group.primitive_basis
        atoms = self.centring_classes[:, 0]
        coords = np.linalg.solve(basis.T, self.frac_coords[atoms].T).T
        return Crystal.from_p1(
            self.primitive_contents.composition, basis @ self.lattice, [self.species[i] for i in atoms], coords
        )

    def to_structure(self) -> Structure:
        """The pymatgen structure, atoms in this crystal's order."""
        from pymatgen.core import Lattice, Structure

        return Structure(Lattice(self.lattice), list(self.species), self.frac_coords)

    @classmethod
    def from_structure(
        cls, structure: Structure, symprec: float = 0.01, composition: Composition | Contents | None = None
    ) -> Crystal:
        """The crystal of a structure: see `crysim.crystal.identify.crystal_from_structure`."""
        from crysim.crystal.identify import crystal_from_structure

        return crystal_from_structure(cls, structure, symprec, composition)

    @classmethod
    def from_p1(
        cls, composition: Composition, lattice: ArrayLike, species: Sequence[str], frac_coords: ArrayLike
    ) -> Crystal:
        """A crystal without symmetry.

        Args:
            composition: atoms per cell; atoms are brought into its order of elements.
            lattice: ``[3, 3]``, rows, Å, in any orientation.
            species: ``[n]`` chemical symbols.
            frac_coords: ``[n, 3]``.

        Raises:
            InputError: the species are not those of the composition.
        """
        coords = wrap(np.asarray(frac_coords, dtype=np.float64))
        order = [i for element in composition.elements for i, s in enumerate(species) if s == element]
        if len(order) != len(species):
            raise InputError(f"the structure holds elements that {composition} does not")
        sites = tuple(Site(species[i], 0, tuple(float(v) for v in coords[i])) for i in order)
        return cls(composition, 1, _as_cell(cell_from_lattice(lattice)), sites)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; floats survive exactly."""
        return {
            "elements": list(self.composition.elements),
            "counts": list(self.composition.counts),
            "space_group": self.space_group,
            "cell": list(self.cell),
            "sites": [[site.element, site.position, list(site.free)] for site in self.sites],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Crystal:
        """The crystal of `to_dict`.

        Raises:
            InputError: the values are no crystal's.
        """
        try:
            composition = Composition(tuple(data["elements"]), tuple(int(n) for n in data["counts"]))
            sites = tuple(
                Site(str(element), int(position), tuple(float(v) for v in free))
                for element, position, free in data["sites"]
            )
            return cls(composition, int(data["space_group"]), _as_cell(data["cell"]), sites)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"this is no crystal: {type(error).__name__}: {error}") from error


def one_atom() -> Crystal:
    """Copper, one atom in a small cell without symmetry: what is compiled ahead is tried on it."""
    cell = (2.4, 2.5, 2.6, 90.0, 90.0, 90.0)
    return Crystal(Composition.from_formula("Cu"), 1, cell, (Site("Cu", 0, (0.0, 0.0, 0.0)),))


def shortest_distances(crystals: Sequence[Crystal]) -> Floats:
    """The shortest interatomic distance of every crystal, ``[n]`` in Å, periodic images included.

    Distances are taken from one atom of each site to all atoms, which is enough by symmetry.
    """
    from crysim.crystal.distances import shortest_of_each

    if not crystals:
        return np.zeros(0)
    starts = np.concatenate([[0], np.cumsum([c.num_atoms for c in crystals])]).astype(np.int64)
    site_starts = np.concatenate([[0], np.cumsum([len(c.sites) for c in crystals])]).astype(np.int64)
    representatives = np.concatenate([c.representatives + s for c, s in zip(crystals, starts, strict=False)])
    result: Floats = shortest_of_each(
        np.stack([c.lattice for c in crystals]),
        np.concatenate([c.frac_coords for c in crystals]),
        starts,
        representatives,
        site_starts,
    )
    return result


def _as_cell(values: ArrayLike) -> Cell:
    a, b, c, alpha, beta, gamma = (float(v) for v in np.asarray(values, dtype=np.float64))
    return a, b, c, alpha, beta, gamma


def _restored(composition: Composition, number: int, cell: Cell, sites: tuple[Site, ...]) -> Crystal:
    """The crystal that was pickled: made before, and so known to be one."""
    crystal = object.__new__(Crystal)
    for name, value in (("composition", composition), ("space_group", number), ("cell", cell), ("sites", sites)):
        object.__setattr__(crystal, name, value)
    return crystal


def _readonly(array: NDArray[Any]) -> NDArray[Any]:
    array.setflags(write=False)
    return array
