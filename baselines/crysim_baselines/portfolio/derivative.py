"""Crystals derived from one: a subgroup of the symmetry that it nearly has, its elements put anew on what splits.

Most crystals are a simpler one with its elements in another order, or with atoms a little beside their places: what
crystallography calls derivative structures (Hart and Forcade, Phys. Rev. B 77, 224115, 2008) and group-subgroup
relations (Bärnighausen, MATCH 9, 139, 1980). A random change of single atoms would lose all symmetry, and with it what
makes a relaxation cheap; so a subgroup is drawn first, and the change keeps it. The symmetry is that of the atoms'
places within a coarse tolerance, of a supercell where the new cell holds more units, and of two elements taken for one
where they are to change places.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from math import exp

import numpy as np

from crysim.arrays import Floats, Ints
from crysim.composition import ATOMIC_NUMBERS, Composition, Contents
from crysim.composition.elements import electronegativity
from crysim.crystal import Crystal, wrap
from crysim.symmetry import lattice_from_cell
from crysim.symmetry.cells import cell_from_lattice
from crysim_baselines.operators import with_symmetry

NEARLY = 0.3
"""Å within which atoms are taken to be images of one another."""
GENERATED = 0.5
"""Of the subgroups are generated from a few operations at random,"""
GENERATORS = (1, 2, 3, 4)
"""so many."""
TRIES = 8
"""Subgroups drawn until one gives another crystal of that primitive cell."""
MOST_OPERATIONS = 384
"""What has more is left alone."""
CENTRINGS = (1, 2, 3, 4)
"""Primitive cells of a conventional one."""
MOST_SITES = 24
"""Of a crystal that is made: each adds to the price of all its relaxation's evaluations."""
RECOLOURED = 0.5
"""Of the crystals have two elements put anew."""
MOVES = (0.05, 0.6)
"""Å, standard deviations of the atoms' moves."""
ALIKE = 0.5
"""Difference of Pauling's electronegativities of two elements that makes it less likely, by a factor of e, that they
change places."""
MOVED = 0.3
"""Of the crystals with elements put anew, atoms are moved besides."""
STRAIN = 0.03
"""Standard deviation of the entries of a strain."""


_IDENTITY = np.eye(3, dtype=np.int64).tobytes()


@dataclass(frozen=True)
class _Atoms:
    lattice: Floats
    coords: Floats
    species: tuple[str, ...]


@dataclass(frozen=True)
class _Operation:
    """x of an atom goes to ``rotation`` x + ``translation``, next to the atom ``images[atom]``."""

    rotation: Ints
    images: Ints

    @property
    def key(self) -> tuple[bytes, bytes]:
        return self.rotation.tobytes(), self.images.tobytes()

    @property
    def is_translation(self) -> bool:
        """A pure one, of which there is none in a primitive cell."""
        return self.rotation.tobytes() == _IDENTITY and not np.array_equal(self.images, np.arange(len(self.images)))

    def after(self, other: _Operation) -> _Operation:
        return _Operation(self.rotation @ other.rotation, self.images[other.images])

    def arrivals(self, coords: Floats) -> Floats:
        """Where the atoms' images lie, less where the atoms lie that are there ``[n, 3]``, in the order of those."""
        moves = coords @ self.rotation.T - coords[self.images]
        moves -= moves[0]
        moves -= np.rint(moves)
        moves -= moves.mean(axis=0)
        found = np.empty_like(moves)
        found[self.images] = moves
        return found


def derived(low: Crystal, contents: Contents, rng: np.random.Generator) -> Crystal | None:
    """A crystal of a subgroup of what symmetry another nearly has; None where there is none.

    Args:
        low: with as many units per primitive cell as the contents, or a fraction of them.
        contents: of the crystal that is made.
        rng: the same state gives the same crystal.
    """
    if contents.primitive:
        return _derived(low, contents, rng)
    composition = contents.composition
    factors = [n for n in CENTRINGS if all(count % n == 0 for count in composition.counts)]
    for _ in range(TRIES):
        factor = int(rng.choice(factors))
        counts = tuple(count // factor for count in composition.counts)
        found = _derived(low, Contents(Composition(composition.elements, counts), "primitive"), rng)
        if found is not None and contents.held_by(found):
            return found
    return None


def _derived(low: Crystal, contents: Contents, rng: np.random.Generator) -> Crystal | None:
    atoms = _filled(low, contents, rng)
    if atoms is None:
        return None
    mixed: Sequence[str] = ()
    if len(contents.elements) > 1 and rng.random() < RECOLOURED:
        pairs = _likely_pairs(contents.elements)
        mixed = list(pairs)[int(rng.choice(len(pairs), p=list(pairs.values())))]
    nearly = _symmetry(atoms, mixed)
    for _ in range(TRIES if len(nearly) > 1 else 0):
        group = _subgroup(nearly, rng)
        species = None if group is None else _coloured(atoms, mixed, group, rng) if mixed else atoms.species
        if group is None or species is None or len(np.unique(_orbits(group))) > MOST_SITES:
            continue
        lattice, coords = _averaged(atoms, group)
        if not mixed or rng.random() < MOVED:
            least, most = MOVES
            lattice, coords = _changed(lattice, coords, group, least * (most / least) ** rng.random(), rng)
        found = with_symmetry(contents, lattice_from_cell(cell_from_lattice(lattice)), species, wrap(coords))
        if found.space_group > 1:  # else the cell is no primitive one after all
            return found
    return None


@cache
def _likely_pairs(elements: tuple[str, ...]) -> dict[tuple[str, str], float]:
    """How likely two elements are to change places: where both attract electrons alike."""
    found = {}
    for first, second in combinations(elements, 2):
        values = electronegativity(first), electronegativity(second)
        apart = abs(values[0] - values[1]) if values[0] and values[1] else 0.0
        found[first, second] = exp(-apart / ALIKE)
    total = sum(found.values())
    return {pair: weight / total for pair, weight in found.items()}


def _filled(low: Crystal, contents: Contents, rng: np.random.Generator) -> _Atoms | None:
    """The atoms of the primitive cell, or of a supercell with as many atoms as the contents."""
    one = low.to_p1()
    times, rest = divmod(contents.num_atoms, one.num_atoms)
    if rest or not times:
        return None
    lattice, coords, species = one.lattice, one.frac_coords, one.species
    if times == 1:
        return _Atoms(lattice, coords, species)
    matrix = _supercell(times, rng)
    shifts = np.indices(tuple(np.diag(matrix))).reshape(3, -1).T  # the lattice points within
    inverse = np.linalg.inv(matrix)
    inside = ((coords[:, None] + shifts[None]) @ inverse).reshape(-1, 3)
    return _Atoms(matrix @ lattice, wrap(inside), tuple(e for e in species for _ in range(times)))


def _supercell(times: int, rng: np.random.Generator) -> Ints:
    """A supercell's rows, in the lattice vectors: a Hermite normal form, one of all."""
    divisors = [n for n in range(1, times + 1) if times % n == 0]
    forms = [(a, b, times // (a * b)) for a in divisors for b in divisors if times % (a * b) == 0]
    weights = np.array([a * a * b for a, b, _ in forms], dtype=np.float64)
    a, b, c = forms[int(rng.choice(len(forms), p=weights / weights.sum()))]
    return np.array([[a, 0, 0], [rng.integers(a), b, 0], [rng.integers(a), rng.integers(b), c]], dtype=np.int64)


def _symmetry(atoms: _Atoms, mixed: Sequence[str]) -> list[_Operation]:
    """All operations that the atoms nearly have, the elements of a pair taken for one; none if they are too many."""
    import spglib

    names = [mixed[0] if e in mixed else e for e in atoms.species]
    kinds = np.array([ATOMIC_NUMBERS[name] for name in names], dtype=np.int64)
    found = spglib.get_symmetry_dataset((atoms.lattice, atoms.coords, kinds), symprec=NEARLY)
    if found is None or len(found.rotations) > MOST_OPERATIONS:
        return []
    rotations = [rotation.astype(np.int64) for rotation in found.rotations]
    places: dict[bytes, list[int]] = {}
    for number, rotation in enumerate(rotations):
        places.setdefault(rotation.tobytes(), []).append(number)
    # Most images follow from those of a few operations; each that is looked up compares all atoms with all.
    generators: dict[tuple[bytes, bytes], _Operation] = {}
    group: dict[tuple[bytes, bytes], _Operation] = {}
    held: Counter[bytes] = Counter()
    for rotation, translation in zip(rotations, found.translations, strict=True):
        if held[rotation.tobytes()] == len(places[rotation.tobytes()]):
            continue
        images = _images(atoms, kinds, rotation, translation)
        if images is None or (one := _Operation(rotation, images)).key in group:
            continue
        generators[one.key] = one
        closed = _closed(list(generators.values()))
        if closed is None:
            return []
        group = {one.key: one for one in closed}
        held = Counter(rotation for rotation, _ in group)

    def place(one: _Operation) -> int:
        """Among spglib's operations, by where it brings the first atom."""
        among = places[one.rotation.tobytes()]
        gaps = found.translations[among] + one.rotation @ atoms.coords[0] - atoms.coords[one.images[0]]
        return among[int(np.square(gaps - np.rint(gaps)).sum(axis=1).argmin())]

    return sorted(group.values(), key=place)


def _subgroup(group: Sequence[_Operation], rng: np.random.Generator) -> list[_Operation] | None:
    """A subgroup without pure translations, and larger than one; None if the draw gives none.

    Half of them are generated by operations at random, which mostly are small; the others, and what those leave, go
    down in steps, as phases do: to one of index two, or to what keeps an axis.
    """
    some: list[_Operation] | None = list(group)
    if rng.random() < GENERATED:
        number = min(int(rng.choice(GENERATORS)), len(group))
        some = _closed([group[i] for i in rng.choice(len(group), size=number, replace=False)])
    for _ in range(int(rng.integers(4))):
        some = some and ((_half(some, rng) or some) if rng.random() < 0.5 else _about_an_axis(some, rng))
    while some and any(one.is_translation for one in some):
        some = _half(some, rng)
    return some if some and len(some) > 1 else None


def _about_an_axis(group: Sequence[_Operation], rng: np.random.Generator) -> list[_Operation]:
    """The operations that keep the line of an axis of one of them."""
    rotation = group[int(rng.integers(len(group)))].rotation
    proper = rotation * round(np.linalg.det(rotation))
    axis = np.linalg.svd(proper - np.eye(3))[2][-1]
    turned = np.array([one.rotation for one in group]) @ axis
    kept = np.minimum(np.abs(turned - axis).max(axis=1), np.abs(turned + axis).max(axis=1)) < 1e-6
    return [one for one, keeps in zip(group, kept, strict=True) if keeps]


def _half(group: Sequence[_Operation], rng: np.random.Generator) -> list[_Operation] | None:
    """A subgroup of index two, one of all; None if there is none.

    Each holds all squares; what these generate leaves a group in which each element is its own inverse.
    """
    squares = _closed([one.after(one) for one in group])
    if squares is None or 2 * len(squares) > len(group):
        return None
    found = {one.key: one for one in squares}
    while 2 * len(found) < len(group):
        more = group[int(rng.integers(len(group)))]
        if more.key not in found:
            found |= {(product := more.after(one)).key: product for one in found.values()}
    return list(found.values())


def _images(atoms: _Atoms, kinds: Ints, rotation: Ints, translation: Floats) -> Ints | None:
    from crysim_baselines.portfolio.derivative_kernels import nearest_of_kind

    images = nearest_of_kind(atoms.lattice, atoms.coords @ rotation.T + translation, atoms.coords, kinds)
    return images if len(np.unique(images)) == len(images) else None


def _closed(generators: Sequence[_Operation]) -> list[_Operation] | None:
    """The group that they generate; None where it has more than `MOST_OPERATIONS`."""
    group = {one.key: one for one in generators}
    new = list(group.values())
    while new:
        last, new = new, []
        for one in last:
            for generator in generators:
                product = generator.after(one)
                if product.key not in group:
                    group[product.key] = product
                    new.append(product)
        if len(group) > MOST_OPERATIONS:
            return None
    return list(group.values())


def _orbits(group: Sequence[_Operation]) -> Ints:
    """The first atom of the orbit of each ``[n]``."""
    return np.asarray(np.min([one.images for one in group], axis=0))


def _coloured(
    atoms: _Atoms, mixed: Sequence[str], group: Sequence[_Operation], rng: np.random.Generator
) -> tuple[str, ...] | None:
    """Two elements put at random on the orbits of their atoms, each as often as before; None where that is not so."""
    orbit = _orbits(group)
    places = [i for i, e in enumerate(atoms.species) if e in mixed]
    orbits: dict[int, list[int]] = {}
    for i in places:
        orbits.setdefault(int(orbit[i]), []).append(i)
    wanted = sum(atoms.species[i] == mixed[0] for i in places)
    order = [list(orbits.values())[i] for i in rng.permutation(len(orbits))]
    chosen = _with_sum([len(one) for one in order], wanted)
    if chosen is None:
        return None
    species = list(atoms.species)
    for i in places:
        species[i] = mixed[1]
    for k in chosen:
        for i in order[k]:
            species[i] = mixed[0]
    return None if tuple(species) == atoms.species else tuple(species)


def _with_sum(sizes: Sequence[int], wanted: int) -> list[int] | None:
    """Some of the sizes that add up to a number, the first ones that do; None where none do."""
    reach: list[set[int]] = [{0}]  # by the last so many of them
    for size in reversed(sizes):
        reach.append(reach[-1] | {one + size for one in reach[-1]})
    if wanted not in reach[-1]:
        return None
    chosen = []
    for i, size in enumerate(sizes):
        if wanted - size >= 0 and wanted - size in reach[len(sizes) - 1 - i]:
            chosen.append(i)
            wanted -= size
    return chosen


def _averaged(atoms: _Atoms, group: Sequence[_Operation]) -> tuple[Floats, Floats]:
    """Lattice and coordinates that have the group's symmetry."""
    metric = atoms.lattice @ atoms.lattice.T
    metric = np.mean([one.rotation.T @ metric @ one.rotation for one in group], axis=0)
    return np.linalg.cholesky(metric), atoms.coords + np.mean([one.arrivals(atoms.coords) for one in group], axis=0)


def _changed(
    lattice: Floats, coords: Floats, group: Sequence[_Operation], length: float, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Atoms moved at random, and the lattice strained, as the group allows."""
    moves = rng.normal(0.0, length, coords.shape) @ np.linalg.inv(lattice)
    kept = np.zeros_like(moves)
    for one in group:
        kept[one.images] += moves @ one.rotation.T
    kept *= np.sqrt(len(group)) / len(group)  # what the average takes from the length of a move is given back
    entries = rng.normal(0.0, STRAIN, (3, 3))
    strained = lattice @ (np.eye(3) + (entries + entries.T) / 2)
    metric = np.mean([one.rotation.T @ (strained @ strained.T) @ one.rotation for one in group], axis=0)
    made = np.linalg.cholesky(metric)
    made *= np.cbrt(abs(np.linalg.det(lattice)) / abs(np.linalg.det(made)))
    return made, coords + kept
