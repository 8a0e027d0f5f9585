"""Subgroups of the symmetry that atoms nearly have, and what the atoms are that have exactly theirs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crysim.arrays import Floats, Ints
from crysim.composition import ATOMIC_NUMBERS, Contents
from crysim.crystal import Crystal, wrap
from crysim.symmetry import lattice_from_cell
from crysim.symmetry.cells import cell_from_lattice
from crysim_baselines.operators import with_symmetry
from crysim_baselines.portfolio.supercells import any_supercell

NEARLY = 0.3
"""Å within which atoms are taken to be images of one another."""
GENERATED = 0.5
"""Of the subgroups are generated from a few operations at random,"""
GENERATORS = (1, 2, 3, 4)
"""so many."""
MOST_SITES = 24
"""Of a crystal that is made: each adds to the price of all its relaxation's evaluations."""
MOST_GROWN, GROWN_TRIES = 3, 6
"""Operations that a subgroup is grown from, and draws for each."""
MOST_OPERATIONS = 384
"""What has more is left alone."""

_IDENTITY = np.eye(3, dtype=np.int64).tobytes()


@dataclass(frozen=True)
class Atoms:
    lattice: Floats
    coords: Floats
    species: tuple[str, ...]


@dataclass(frozen=True)
class Operation:
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

    def after(self, other: Operation) -> Operation:
        return Operation(self.rotation @ other.rotation, self.images[other.images])

    def arrivals(self, coords: Floats) -> Floats:
        """Where the atoms' images lie, less where the atoms lie that are there ``[n, 3]``, in the order of those."""
        moves = coords @ self.rotation.T - coords[self.images]
        moves -= moves[0]
        moves -= np.rint(moves)
        moves -= moves.mean(axis=0)
        found = np.empty_like(moves)
        found[self.images] = moves
        return found


def filled(low: Crystal, contents: Contents, rng: np.random.Generator) -> Atoms | None:
    """The atoms of the primitive cell, or of a supercell with as many atoms as the contents; None if there is none."""
    one = primitive_atoms(low)
    times, rest = divmod(contents.num_atoms, len(one.species))
    if rest or not times:
        return None
    return one if times == 1 else repeated(one, any_supercell(times, rng))


def primitive_atoms(crystal: Crystal) -> Atoms:
    """The atoms of a crystal's primitive cell."""
    one = crystal.to_p1()
    return Atoms(one.lattice, one.frac_coords, one.species)


def repeated(atoms: Atoms, matrix: Ints) -> Atoms:
    """The atoms of a supercell, given by its rows in the lattice vectors, a Hermite normal form."""
    times = int(np.prod(np.diag(matrix)))
    shifts = np.indices(tuple(np.diag(matrix))).reshape(3, -1).T  # the lattice points within
    inside = ((atoms.coords[:, None] + shifts[None]) @ np.linalg.inv(matrix)).reshape(-1, 3)
    return Atoms(matrix @ atoms.lattice, wrap(inside), tuple(e for e in atoms.species for _ in range(times)))


def symmetry(atoms: Atoms, mixed: Sequence[str]) -> list[Operation]:
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
    generators: dict[tuple[bytes, bytes], Operation] = {}
    group: dict[tuple[bytes, bytes], Operation] = {}
    held: Counter[bytes] = Counter()
    for rotation, translation in zip(rotations, found.translations, strict=True):
        if held[rotation.tobytes()] == len(places[rotation.tobytes()]):
            continue
        images = _images(atoms, kinds, rotation, translation)
        if images is None or (one := Operation(rotation, images)).key in group:
            continue
        generators[one.key] = one
        closed = _closed(list(generators.values()))
        if closed is None:
            return []
        group = {one.key: one for one in closed}
        held = Counter(rotation for rotation, _ in group)

    def place(one: Operation) -> int:
        """Among spglib's operations, by where it brings the first atom."""
        among = places[one.rotation.tobytes()]
        gaps = found.translations[among] + one.rotation @ atoms.coords[0] - atoms.coords[one.images[0]]
        return among[int(np.square(gaps - np.rint(gaps)).sum(axis=1).argmin())]

    return sorted(group.values(), key=place)


def subgroup(group: Sequence[Operation], rng: np.random.Generator) -> list[Operation] | None:
    """A subgroup without pure translations, and larger than one; None if the draw gives none.

    Half of them are generated by operations at random, which mostly are small; the others, and what those leave, go
    down in steps, as phases do: to one of index two, or to what keeps an axis.
    """
    some: list[Operation] | None = list(group)
    if rng.random() < GENERATED:
        number = min(int(rng.choice(GENERATORS)), len(group))
        some = _closed([group[i] for i in rng.choice(len(group), size=number, replace=False)])
    for _ in range(int(rng.integers(4))):
        some = some and ((_half(some, rng) or some) if rng.random() < 0.5 else _about_an_axis(some, rng))
    while some and (translations := sum(one.is_translation for one in some)):
        odd = (translations + 1) & translations  # a group of them that is no power of two is never halved away
        some = grown_subgroup(some, rng) if odd else _half(some, rng)
    return some if some and len(some) > 1 else None


def grown_subgroup(group: Sequence[Operation], rng: np.random.Generator) -> list[Operation]:
    """A subgroup without pure translations, of up to `MOST_GROWN` operations that bring none in; empty if none do."""
    some: list[Operation] = []
    generators: list[Operation] = []
    for _ in range(int(rng.integers(1, MOST_GROWN + 1))):
        for _ in range(GROWN_TRIES):
            more = [*generators, group[int(rng.integers(len(group)))]]
            larger = _closed(more)
            if larger is not None and len(larger) > max(len(some), 1) and not any(g.is_translation for g in larger):
                some, generators = larger, more
                break
    return some


def _about_an_axis(group: Sequence[Operation], rng: np.random.Generator) -> list[Operation]:
    """The operations that keep the line of an axis of one of them."""
    rotation = group[int(rng.integers(len(group)))].rotation
    proper = rotation * round(np.linalg.det(rotation))
    axis = np.linalg.svd(proper - np.eye(3))[2][-1]
    turned = np.array([one.rotation for one in group]) @ axis
    kept = np.minimum(np.abs(turned - axis).max(axis=1), np.abs(turned + axis).max(axis=1)) < 1e-6
    return [one for one, keeps in zip(group, kept, strict=True) if keeps]


def _half(group: Sequence[Operation], rng: np.random.Generator) -> list[Operation] | None:
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


def _images(atoms: Atoms, kinds: Ints, rotation: Ints, translation: Floats) -> Ints | None:
    from crysim_baselines.portfolio.derivative_kernels import nearest_of_kind

    images = nearest_of_kind(atoms.lattice, atoms.coords @ rotation.T + translation, atoms.coords, kinds)
    return images if len(np.unique(images)) == len(images) else None


def _closed(generators: Sequence[Operation]) -> list[Operation] | None:
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


def orbits_of(group: Sequence[Operation]) -> Ints:
    """The first atom of the orbit of each ``[n]``."""
    return np.asarray(np.min([one.images for one in group], axis=0))


def averaged(atoms: Atoms, group: Sequence[Operation]) -> tuple[Floats, Floats]:
    """Lattice and coordinates that have the group's symmetry."""
    metric = atoms.lattice @ atoms.lattice.T
    metric = np.mean([one.rotation.T @ metric @ one.rotation for one in group], axis=0)
    return np.linalg.cholesky(metric), atoms.coords + np.mean([one.arrivals(atoms.coords) for one in group], axis=0)


def symmetric_crystal(contents: Contents, lattice: Floats, species: tuple[str, ...], coords: Floats) -> Crystal | None:
    """The crystal of atoms averaged over a subgroup; None where it has none: the cell is no primitive one after all."""
    found = with_symmetry(contents, lattice_from_cell(cell_from_lattice(lattice)), species, wrap(coords))
    return found if found.space_group > 1 else None
