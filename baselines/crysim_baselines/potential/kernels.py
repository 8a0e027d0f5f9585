"""Sums over the pairs of atoms of crystals given by their Wyckoff sites, and descents in them, in machine code.

FIRE: Bitzek et al., Phys. Rev. Lett. 97, 170201 (2006). It is robust where crystals begin far from rest, and its many
steps cost little here.
"""

from __future__ import annotations

from math import ceil, floor, sqrt

import numpy as np

from crysim.arrays import Floats, Ints
from crysim.compiled import compiled
from crysim.crystal.placement import put_images

FIRST_STEP, LONGEST_STEP, MIXING = 0.05, 0.3, 0.1
"""FIRE's steps of time, and its mixing."""
FARTHEST = 0.15
"""Å that a coordinate moves in a step."""
MOST_IMAGES = 4000.0
"""Of an atom that are looked at: of a cell that has become flatter, or is none any more, nothing is said."""
_SELF = 1e-8
"""Å², the square of the distance of an atom from itself."""


@compiled
def write_images(points: Floats, positions: Ints, maps: Floats, offsets: Floats, starts: Ints, coords: Floats) -> None:
    """Write all atoms ``[n, 3]`` of sites at fractional ``points`` ``[sites, 3]``, each site's one after another.

    ``maps``, ``offsets`` and ``starts`` are the group's `SpaceGroup.flat_positions`.
    """
    atom = 0
    for site in range(len(points)):
        begin = starts[positions[site]]
        end = atom + starts[positions[site] + 1] - begin
        put_images(coords[atom:end], points[site], maps[begin:], offsets[begin:])
        atom = end


@compiled
def invert(lattice: Floats, inverse: Floats) -> float:
    """Write the inverse of a lattice (rows), and give its volume."""
    for a in range(3):
        b, c = (a + 1) % 3, (a + 2) % 3
        for k in range(3):
            i, j = (k + 1) % 3, (k + 2) % 3
            inverse[k, a] = lattice[b, i] * lattice[c, j] - lattice[b, j] * lattice[c, i]
    volume = lattice[0, 0] * inverse[0, 0] + lattice[0, 1] * inverse[1, 0] + lattice[0, 2] * inverse[2, 0]
    for a in range(3):
        for b in range(3):
            inverse[a, b] /= volume
    return float(abs(volume))


@compiled
def widths_of(inverse: Floats, cutoff: float) -> Floats:
    """A cutoff in fractions of the cell, along each axis ``[3]``, from the inverse of the lattice."""
    widths = np.empty(3)
    for a in range(3):
        widths[a] = cutoff * sqrt(inverse[0, a] ** 2 + inverse[1, a] ** 2 + inverse[2, a] ** 2)
    return widths


@compiled
def images_within(widths: Floats) -> float:
    """Of an atom, at most, within a cutoff of any other: see `widths_of`."""
    return float((2 * widths[0] + 1) * (2 * widths[1] + 1) * (2 * widths[2] + 1))


@compiled(inlining="machine")
def write_vectors(
    centre: Floats, atom: Floats, lattice: Floats, widths: Floats, cutoff: float, vectors: Floats, count: int
) -> int:
    """Write the vectors, Å, from one atom to all images of another (or its own) within a cutoff, after the first so
    many of ``vectors``, while there is room; how many there are then. Atoms are fractional, for ``widths`` see
    `widths_of`."""
    u, v, w = atom[0] - centre[0], atom[1] - centre[1], atom[2] - centre[2]
    for a in range(ceil(-widths[0] - u), floor(widths[0] - u) + 1):
        for b in range(ceil(-widths[1] - v), floor(widths[1] - v) + 1):
            px = (u + a) * lattice[0, 0] + (v + b) * lattice[1, 0]
            py = (u + a) * lattice[0, 1] + (v + b) * lattice[1, 1]
            pz = (u + a) * lattice[0, 2] + (v + b) * lattice[1, 2]
            for c in range(ceil(-widths[2] - w), floor(widths[2] - w) + 1):
                x = px + (w + c) * lattice[2, 0]
                y = py + (w + c) * lattice[2, 1]
                z = pz + (w + c) * lattice[2, 2]
                squared = x * x + y * y + z * z
                if squared >= cutoff * cutoff or squared < _SELF:
                    continue
                if count < len(vectors):
                    vectors[count, 0] = x
                    vectors[count, 1] = y
                    vectors[count, 2] = z
                count += 1
    return count


@compiled
def find_pairs(
    lattice: Floats,
    inverse: Floats,
    coords: Floats,
    centres: Ints,
    cutoff: float,
    centre_of: Ints,
    atom_of: Ints,
    vectors: Floats,
) -> int:
    """Write the neighbours of some atoms within a cutoff: whose, which atom, and the vector to it in Å ``[3]``.

    Returns:
        How many there are; more than there is room for, where the rest is not written or the cell is far too flat.
    """
    widths = widths_of(inverse, cutoff)
    if not images_within(widths) <= MOST_IMAGES:
        return len(centre_of) + 1
    count = 0
    for site in range(len(centres)):
        for atom in range(len(coords)):
            before = count
            count = write_vectors(coords[centres[site]], coords[atom], lattice, widths, cutoff, vectors, count)
            for pair in range(before, min(count, len(centre_of))):
                centre_of[pair] = site
                atom_of[pair] = atom
    return count


@compiled
def write_forces(
    count: int,
    centre_of: Ints,
    atom_of: Ints,
    vectors: Floats,
    site_kinds: Ints,
    kinds: Ints,
    counts: Floats,
    energies: Floats,
    slopes: Floats,
    step: float,
    forces: Floats,
    virial: Floats,
) -> float:
    """Write the forces on the sites' centres, eV/Å ``[sites, 3]``, and what the cell's pairs add to the energy's
    derivative by strain, eV ``[3, 3]``.

    Args:
        count, centre_of, atom_of, vectors: see `find_pairs`.
        site_kinds, kinds: elements of sites and atoms.
        counts: atoms that each site stands for.
        energies, slopes: of pairs, eV and eV/Å, every ``step`` Å, ``[elements, elements, points]``.
        forces, virial: are written.

    Returns:
        eV per cell.
    """
    forces[:] = 0.0
    virial[:] = 0.0
    total = 0.0
    for k in range(count):
        x, y, z = vectors[k, 0], vectors[k, 1], vectors[k, 2]
        length = sqrt(x * x + y * y + z * z)
        place = int(length / step)
        part = length / step - place
        site, one, other = centre_of[k], site_kinds[centre_of[k]], kinds[atom_of[k]]
        half = 0.5 * counts[site]
        total += half * (energies[one, other, place] * (1.0 - part) + energies[one, other, place + 1] * part)
        slope = (slopes[one, other, place] * (1.0 - part) + slopes[one, other, place + 1] * part) / length
        forces[site, 0] += slope * x
        forces[site, 1] += slope * y
        forces[site, 2] += slope * z
        virial[0, 0] += half * slope * x * x
        virial[1, 1] += half * slope * y * y
        virial[2, 2] += half * slope * z * z
        virial[0, 1] += half * slope * x * y
        virial[0, 2] += half * slope * x * z
        virial[1, 2] += half * slope * y * z
    virial[1, 0] = virial[0, 1]
    virial[2, 0] = virial[0, 2]
    virial[2, 1] = virial[1, 2]
    return total


@compiled
def mean_over_group(virial: Floats, turned: Floats, mean: Floats) -> None:
    """Write the mean of a tensor over Cartesian rotations ``[g, 3, 3]``: of all pairs of a crystal, where those of its
    sites' centres alone were summed."""
    mean[:] = 0.0
    half = np.empty((3, 3))
    for operation in range(len(turned)):
        for a in range(3):
            for b in range(3):
                half[a, b] = 0.0
                for c in range(3):
                    half[a, b] += turned[operation, a, c] * virial[c, b]
        for a in range(3):
            for b in range(3):
                for c in range(3):
                    mean[a, b] += half[a, c] * turned[operation, b, c] / len(turned)


@compiled
def descend(
    lattice: Floats,
    points: Floats,
    positions: Ints,
    site_kinds: Ints,
    maps: Floats,
    offsets: Floats,
    starts: Ints,
    rotations: Floats,
    energies: Floats,
    slopes: Floats,
    step: float,
    cutoff: float,
    by_volume: float,
    steps: int,
    fmax: float,
    room: int,
) -> tuple[Floats, Floats, float]:
    """Descend on sites and the shape of the cell within the space group, at one volume.

    Args:
        lattice: rows, Å ``[3, 3]``.
        points: of the sites, fractional ``[sites, 3]``.
        positions, site_kinds: of each site the index of its position, and of its element.
        maps, offsets, starts: `SpaceGroup.flat_positions`.
        rotations: of the group, on fractional coordinates ``[g, 3, 3]``.
        energies, slopes, step: see `write_forces`.
        cutoff: Å.
        by_volume: eV/Å³, a pressure.
        steps: evaluations, at least one.
        fmax: eV/Å of an atomic or cell force, at which it is at rest.
        room: pairs at most.

    Returns:
        Lattice, points, and the energy per atom there; infinity where there are too many pairs.
    """
    sites = len(points)
    lattice = lattice.copy()
    points = points.copy()
    counts = np.empty(sites)
    centres = np.empty(sites, dtype=np.int64)
    n = 0
    for site in range(sites):
        centres[site] = n
        n += starts[positions[site] + 1] - starts[positions[site]]
        counts[site] = n - centres[site]
    coords = np.empty((n, 3))
    kinds = np.empty(n, dtype=np.int64)
    for site in range(sites):
        kinds[centres[site] : centres[site] + int(counts[site])] = site_kinds[site]
    write_images(points, positions, maps, offsets, starts, coords)
    for site in range(sites):  # from here on a point is its first atom: the map of that leaves it where it is
        for a in range(3):
            points[site, a] = coords[centres[site], a]
    inverse = np.empty((3, 3))
    invert(lattice, inverse)
    turned = np.zeros((len(rotations), 3, 3))
    for operation in range(len(rotations)):
        for a in range(3):
            for b in range(3):
                for c in range(3):
                    for d in range(3):
                        turned[operation, a, b] += lattice[c, a] * rotations[operation, c, d] * inverse[b, d]
    centre_of = np.empty(room, dtype=np.int64)
    atom_of = np.empty(room, dtype=np.int64)
    vectors = np.empty((room, 3))
    forces = np.empty((sites + 3, 3))
    velocities = np.zeros((sites + 3, 3))
    virial, mean, moved = np.empty((3, 3)), np.empty((3, 3)), np.empty((3, 3))
    time, mixing, uphill = FIRST_STEP, MIXING, 0
    energy = np.inf
    for number in range(steps):
        volume = invert(lattice, inverse)
        write_images(points, positions, maps, offsets, starts, coords)
        count = find_pairs(lattice, inverse, coords, centres, cutoff, centre_of, atom_of, vectors)
        if count > room:
            return lattice, points, np.inf
        energy = volume * by_volume + write_forces(
            count, centre_of, atom_of, vectors, site_kinds, kinds, counts, energies, slopes, step, forces, virial
        )
        mean_over_group(virial, turned, mean)
        pressure = (mean[0, 0] + mean[1, 1] + mean[2, 2]) / 3.0
        for a in range(3):
            mean[a, a] -= pressure
            for b in range(3):
                forces[sites + a, b] = -mean[a, b] / n
        left = power = speed = pull = 0.0
        for row in range(sites + 3):
            weight = counts[row] if row < sites else float(n)
            for a in range(3):
                left = max(left, abs(forces[row, a]))
                power += weight * velocities[row, a] * forces[row, a]
                speed += weight * velocities[row, a] ** 2
                pull += weight * forces[row, a] ** 2
        if left < fmax or number == steps - 1:
            break
        if power > 0.0:
            turn = mixing * sqrt(speed / pull)
            for row in range(sites + 3):
                for a in range(3):
                    velocities[row, a] = (1.0 - mixing) * velocities[row, a] + turn * forces[row, a]
            uphill += 1
            if uphill > 5:
                time = min(1.1 * time, LONGEST_STEP)
                mixing *= 0.99
        else:
            velocities[:] = 0.0
            time, mixing, uphill = 0.5 * time, MIXING, 0
        farthest = 0.0
        for row in range(sites + 3):
            for a in range(3):
                velocities[row, a] += time * forces[row, a]
                farthest = max(farthest, abs(velocities[row, a]) * time)
        scale = time if farthest < FARTHEST else time * FARTHEST / farthest
        for site in range(sites):
            for a in range(3):
                for b in range(3):
                    points[site, a] += scale * velocities[site, b] * inverse[b, a]
        for a in range(3):
            for b in range(3):
                moved[a, b] = lattice[a, b]
                for c in range(3):
                    moved[a, b] += lattice[a, c] * 0.5 * scale * (velocities[sites + c, b] + velocities[sites + b, c])
        wider = (volume / invert(moved, inverse)) ** (1.0 / 3.0)
        for a in range(3):
            for b in range(3):
                lattice[a, b] = wider * moved[a, b]
    return lattice, points, energy / n
