"""Operators of evolution: children of relaxed crystals.

Cut-and-splice, permutation and strain work on bare atoms, as in CrySPY (Yamashita et al., STAM Methods 1, 87, 2021) and
USPEX (Oganov and Glass, J. Chem. Phys. 124, 244704, 2006); what symmetry a child has is found afterwards. Mutation and
the exchange of whole orbits keep the parent's space group.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from crysim.arrays import Floats
from crysim.composition import Composition, Contents
from crysim.crystal import Crystal, wrap
from crysim.crystal.packing import place
from crysim.symmetry import WyckoffCombinations, cell_from_lattice, impose_cell, lattice_from_cell, open_cell
from crysim_baselines.motion import lattice_towards

SYMPREC = 0.1
"""Å within which a child's symmetry is found."""


def cut_and_splice(
    first: Crystal, second: Crystal, rng: np.random.Generator, contents: Contents | None = None
) -> Crystal | None:
    """A slab of one parent and the rest of the other, in a cell between theirs.

    Both are shifted at random; the cut lies at clip(N(0.5, 0.1), 0.3, 0.7) along a random axis. Where an element has
    too many atoms, those closest to another atom go; where it has too few, the atoms that were cut off and are farthest
    from the others come back. With contents of the primitive cell both are cut in that, whatever their space groups.
    """
    contents = contents or Contents(first.composition)
    first, second = _bare(first, contents), _bare(second, contents)
    composition = contents.composition
    axis = int(rng.integers(3))
    cut = float(np.clip(rng.normal(0.5, 0.1), 0.3, 0.7))
    coords = [wrap(parent.frac_coords + rng.random(3)) for parent in (first, second)]
    below, above = coords[0][:, axis] < cut, coords[1][:, axis] >= cut
    weight = float(rng.random())
    lattice = lattice_towards(first, second, weight)
    volume = (1.0 - weight) * first.volume + weight * second.volume
    lattice *= np.cbrt(volume / abs(np.linalg.det(lattice)))
    species = np.array(composition.species)
    atoms = np.concatenate([coords[0][below], coords[1][above]])
    names = np.concatenate([species[below], species[above]])
    spare = np.concatenate([coords[0][~below], coords[1][~above]])
    spare_names = np.concatenate([species[~below], species[~above]])
    for element, count in zip(composition.elements, composition.counts, strict=True):
        while np.count_nonzero(names == element) > count:
            worst = _crowded(lattice, atoms, names == element)
            atoms, names = np.delete(atoms, worst, axis=0), np.delete(names, worst)
        while (missing := count - int(np.count_nonzero(names == element))) > 0:
            candidates = np.flatnonzero(spare_names == element)
            if len(candidates) < missing:
                return None
            chosen = candidates[_loneliest(lattice, spare[candidates], atoms)]
            atoms, names = np.vstack([atoms, spare[chosen]]), np.append(names, element)
            spare, spare_names = np.delete(spare, chosen, axis=0), np.delete(spare_names, chosen)
    return with_symmetry(contents, lattice, [str(name) for name in names], atoms)


def permute(parent: Crystal, rng: np.random.Generator, contents: Contents | None = None) -> Crystal | None:
    """Two elements exchange places: on two whole orbits of one size, or on two atoms."""
    composition = parent.composition
    if len(composition.elements) < 2:
        return None
    pairs = exchangeable_orbits(parent)
    if pairs and rng.random() < 0.5:
        return with_exchanged(parent, *pairs[int(rng.integers(len(pairs)))])
    contents = contents or Contents(composition)
    parent = _bare(parent, contents)
    species = list(parent.species)
    i = int(rng.integers(len(species)))
    others = [k for k, element in enumerate(species) if element != species[i]]
    j = others[int(rng.integers(len(others)))]
    species[i], species[j] = species[j], species[i]
    return with_symmetry(contents, parent.lattice, species, parent.frac_coords)


def exchangeable_orbits(crystal: Crystal) -> list[tuple[int, int]]:
    """Pairs of sites of two elements, and of one multiplicity."""
    sites, sizes = crystal.sites, crystal.multiplicities
    return [
        (i, j)
        for i in range(len(sites))
        for j in range(i)
        if sites[i].element != sites[j].element and sizes[i] == sizes[j]
    ]


def with_exchanged(crystal: Crystal, i: int, j: int) -> Crystal:
    """The crystal with the elements of two of its sites exchanged, which must be of one multiplicity."""
    sites = list(crystal.sites)
    sites[i], sites[j] = replace(sites[i], element=sites[j].element), replace(sites[j], element=sites[i].element)
    order = crystal.composition.elements.index
    return replace(crystal, sites=tuple(sorted(sites, key=lambda site: order(site.element))))


def strain(
    parent: Crystal, rng: np.random.Generator, contents: Contents | None = None, sigma: float = 0.5
) -> Crystal | None:
    """The lattice strained by a symmetric matrix with entries from N(0, sigma), and brought back to its volume."""
    contents = contents or Contents(parent.composition)
    parent = _bare(parent, contents)
    entries = rng.normal(0.0, sigma, size=(3, 3))
    matrix = np.eye(3) + np.triu(entries, 1) / 2 + np.triu(entries, 1).T / 2 + np.diag(np.diag(entries))
    lattice = parent.lattice @ matrix
    volume = abs(float(np.linalg.det(lattice)))
    if volume < 0.05 * parent.volume:
        return None
    lattice *= np.cbrt(parent.volume / volume)
    cell = cell_from_lattice(lattice)
    if not ((cell[3:] > 40) & (cell[3:] < 140)).all() or cell[:3].max() > 6 * cell[:3].min():
        return None
    return with_symmetry(contents, lattice_from_cell(cell), parent.species, parent.frac_coords)


def mutate(parent: Crystal, rng: np.random.Generator, length: float = 0.5) -> Crystal:
    """A crystal of the same space group: parameters shaken, or everything put on other Wyckoff positions.

    Free coordinates move by N(0, ``length`` Å) along each axis, cell lengths by a tenth, angles by 5°. A parent without
    free coordinates, and every third other one, is put on a random combination of positions instead, in its own cell,
    if that makes another crystal of it.
    """
    cell = np.array(parent.cell)
    if parent.num_free_coordinates == 0 or rng.random() < 1 / 3:
        combinations = WyckoffCombinations(parent.composition, parent.space_group)
        combination = combinations.sample(rng)
        points = rng.random((sum(map(len, combination)), 3))
        child = place(parent.composition, parent.space_group, combination, cell, points)
        if child != parent:
            return child
    cell[:3] *= np.exp(rng.normal(0.0, 0.1, size=3))
    cell[3:] += rng.normal(0.0, 5.0, size=3)
    imposed = open_cell(impose_cell(parent.system, cell))
    imposed[:3] *= np.cbrt(parent.volume / abs(np.linalg.det(lattice_from_cell(imposed))))
    frees = [
        np.array(site.free) + rng.normal(0.0, length, size=len(site.free)) / imposed[:3][list(position.axes)]
        for site, position in zip(parent.sites, parent.positions, strict=True)
    ]
    return parent.with_parameters(imposed, [free % 1.0 for free in frees])


def _bare(crystal: Crystal, contents: Contents) -> Crystal:
    """A crystal in the cell that the contents fill: in P1 of its primitive cell, or as it is."""
    return crystal.to_p1() if contents.primitive else crystal


def with_symmetry(
    contents: Composition | Contents, lattice: Floats, species: list[str] | tuple[str, ...], coords: Floats
) -> Crystal:
    """The crystal of bare atoms, with the symmetry that they have within `SYMPREC`."""
    from pymatgen.core import Lattice, Structure

    structure = Structure(Lattice(lattice), species, coords)
    return Crystal.from_structure(structure, SYMPREC, contents)


def wrapped_gaps(lattice: Floats, points: Floats, others: Floats) -> Floats:
    """Distances ``[points, others]`` in Å by nearest wrapped image: exact enough to tell crowded from lonely."""
    moves = points[:, None] - others[None]
    moves -= np.rint(moves)
    return np.asarray(np.linalg.norm(moves @ lattice, axis=-1))


def _crowded(lattice: Floats, atoms: Floats, candidates: NDArray[np.bool_]) -> int:
    """The index of the candidate that is closest to another atom."""
    gaps = wrapped_gaps(lattice, atoms, atoms)
    np.fill_diagonal(gaps, np.inf)
    nearest = np.where(candidates, gaps.min(axis=1) if len(atoms) > 1 else 0.0, np.inf)
    return int(nearest.argmin())


def _loneliest(lattice: Floats, points: Floats, atoms: Floats) -> int:
    """The index of the point that is farthest from all atoms."""
    return int(wrapped_gaps(lattice, points, atoms).min(axis=1).argmax()) if len(atoms) else 0
