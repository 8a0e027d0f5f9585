"""The angles at a crystal's representatives, each set of equivalent ones once, and which bonds are reverses.

Networks with features on undirected bonds and on angles need both. A bond that leaves a representative ends at an atom
that some operation of the group takes to the representative of its own orbit; the operation takes the reversed bond to
one that leaves that representative, and so to one of the list. An angle is an ordered pair of bonds; the operations
that fix its representative and its first bond map it to its equals.

All vectors follow from those of the bonds that lead: a vector of another bond is that of its leader times a rotation,
which in crysim's orientation does not change with the cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from crysim.arrays import Floats, Ints
from crysim.compiled import compiled
from crysim.symmetry import space_group
from crysim_energies.quotient.geometry.neighbours import first_at, is_at, resized, rotated

TOLERANCE = 1e-7
"""On fractional coordinates: rounding is far below, and the distance of any two atoms far above."""


@dataclass(frozen=True)
class AngleList:
    """The angles between the short bonds of a list; u bonds, a angles.

    The cosine of an angle is ``û_left @ rotations[a] @ û_right`` with the unit vectors of two leading bonds.

    Attributes:
        leader: of each bond ``[u]``: itself, or the bond before it whose reverse it is an image of. A bond and its
            leader make one undirected bond.
        center: the representatives at the angles ``[a]``.
        left, right: the leaders of their bonds ``[a]``.
        rotations: ``[a, 3, 3]``, on Cartesian vectors.
        count: over how many right bonds an angle stands for, at each end of the left bond that is its image ``[a]``.
        radius: Å, up to which bonds are paired.
    """

    leader: Ints
    center: Ints
    left: Ints
    right: Ints
    rotations: Floats
    count: Floats
    radius: float


@cache
def homeward(number: int, position: int) -> Floats:
    """Rotations ``[m, 3, 3]``, on fractional coordinates, of operations that take each atom to the representative."""
    group = space_group(number)
    place = group.positions[position]
    rotations, translations = group.operations
    result = np.empty((place.multiplicity, 3, 3))
    for atom, (matrix, offset) in enumerate(zip(place.matrices, place.offsets, strict=True)):
        moved = rotations @ offset + translations - place.offsets[0]
        fits = (np.abs(rotations @ matrix - place.matrices[0]) < 1e-9).all(axis=(1, 2))
        fits &= (np.abs(moved - np.rint(moved)) < 1e-9).all(axis=1)
        result[atom] = rotations[np.argmax(fits)]
        assert fits.any()
    result.setflags(write=False)
    return result


@dataclass(frozen=True)
class Folded:
    """A list of bonds with what they stand for; w bonds in all, of which u are kept.

    Attributes:
        center: representatives at which all bonds start ``[w]``, ascending.
        vector: fractional vectors of all bonds ``[w, 3]``.
        kept: indices of the bonds kept ``[u]``.
        image_of: the bond kept that each bond is an image of, as an index into ``kept``, ``[w]``.
        image_by: the rotation that maps it there, an index into those of all site groups, ``[w]``.
        homeward: of the far atoms of the bonds kept, ``[u, 3, 3]`` (`homeward`).
        far: their orbits ``[u]``.
    """

    center: Ints
    vector: Floats
    kept: Ints
    image_of: Ints
    image_by: Ints
    homeward: Floats
    far: Ints


def list_angles(bonds: Folded, rotations: Floats, starts: Ints, lattice: Floats, radius: float) -> AngleList:
    """Pair the bonds within a radius.

    Args:
        bonds: all of them.
        rotations: the site groups', on fractional coordinates, one group after another, ``[g, 3, 3]``.
        starts: the rotations of representative s are ``rotations[starts[s]:starts[s + 1]]``.
        lattice: ``[3, 3]``, rows, Å.
        radius: Å.

    Returns:
        The angles. A bond without a reverse in the list, which rounding may have lost at its very edge, leads with -1
        and makes no angle.
    """
    inverse = np.linalg.inv(lattice).T
    reverse = -(bonds.homeward @ bonds.vector[bonds.kept][:, :, None])[:, :, 0]
    found = find_vectors(bonds.center, bonds.vector, bonds.far, reverse, TOLERANCE)
    partner = np.where(found >= 0, bonds.image_of[found], -1)
    mutual = (partner >= 0) & (partner[partner] == np.arange(len(partner)))
    leader = np.where(mutual, np.minimum(partner, np.arange(len(partner))), -1)
    # from a leader's vector to that of the bond that follows it: reversed, taken home, and back through the site group
    cartesian = lattice.T @ rotations @ inverse
    home = lattice.T @ bonds.homeward @ inverse
    turn = np.tile(np.eye(3), (len(leader), 1, 1))
    led = np.flatnonzero(mutual & (leader != np.arange(len(leader))))
    back = cartesian[bonds.image_by[found[leader[led]]]]
    turn[led] = -np.swapaxes(back, 1, 2) @ home[leader[led]]

    short = ((bonds.vector @ lattice) ** 2).sum(axis=1) <= radius * radius
    first, second, count = pair_bonds(bonds.center, bonds.vector, bonds.kept, short, rotations, starts, TOLERANCE)
    right = bonds.image_of[second]
    sound = mutual[first] & mutual[right]
    first, second, right, count = first[sound], second[sound], right[sound], count[sound]
    # at the other end of a bond that is its own reverse the same angles are met once more
    both_ends = np.where(partner[first] == first, 2.0, 1.0)
    return AngleList(
        leader=leader,
        center=bonds.center[bonds.kept[first]],
        left=leader[first],
        right=leader[right],
        rotations=np.swapaxes(turn[first], 1, 2) @ cartesian[bonds.image_by[second]] @ turn[right],
        count=count * both_ends,
        radius=radius,
    )


@compiled(fast_math="reordered")
def find_vectors(center: Ints, vector: Floats, sites: Ints, wanted: Floats, tolerance: float) -> Ints:
    """The bond of each representative ``sites[i]`` that has the fractional vector ``wanted[i]``, or -1 ``[i]``.

    Args:
        center: representatives at which bonds start ``[w]``, ascending.
        vector: their fractional vectors ``[w, 3]``.
        sites: ``[i]``.
        wanted: ``[i, 3]``.
        tolerance: on fractional coordinates.
    """
    found = np.full(len(sites), -1, dtype=np.int64)
    for i in range(len(sites)):
        for b in range(first_at(center, sites[i]), len(center)):
            if center[b] != sites[i]:
                break
            if (
                abs(vector[b, 0] - wanted[i, 0]) < tolerance
                and abs(vector[b, 1] - wanted[i, 1]) < tolerance
                and abs(vector[b, 2] - wanted[i, 2]) < tolerance
            ):
                found[i] = b
                break
    return found


@compiled(fast_math="reordered")
def pair_bonds(
    center: Ints, vector: Floats, kept: Ints, short: Ints, rotations: Floats, starts: Ints, tolerance: float
) -> tuple[Ints, Ints, Floats]:
    """Ordered pairs of short bonds at one representative, one of each set that its site group maps onto each other.

    Args:
        center: representatives at which bonds start ``[w]``, ascending.
        vector: their fractional vectors ``[w, 3]``.
        kept: the bonds that are not images of others ``[u]``.
        short: whether each bond is paired ``[w]``.
        rotations: the site groups' rotations on fractional coordinates, one group after another, ``[g, 3, 3]``.
        starts: the rotations of representative s are ``rotations[starts[s]:starts[s + 1]]``.
        tolerance: on fractional coordinates.

    Returns:
        The first bonds, as indices into ``kept`` ``[a]``; the second ones, among all ``[a]``; and for how many second
        bonds each stands ``[a]``.
    """
    pairs = 0
    found = np.empty((256, 2), dtype=np.int64)
    counted = np.empty((256, 1))
    fixing = np.empty(len(rotations), dtype=np.int64)
    taken = np.zeros(len(center), dtype=np.bool_)
    for k in range(len(kept)):
        b = kept[k]
        if not short[b]:
            continue
        site = center[b]
        begin, end = first_at(center, site), first_at(center, site + 1)
        num_fixing = 0
        for g in range(starts[site], starts[site + 1]):
            x, y, z = rotated(rotations, g, vector, b)
            if is_at(vector, b, x, y, z, tolerance):
                fixing[num_fixing] = g
                num_fixing += 1
        for other in range(begin, end):
            taken[other] = False
        for other in range(begin, end):
            if other == b or taken[other] or not short[other]:
                continue
            unmoved = 1
            if num_fixing > 1:
                unmoved = 0
                for fixed in range(num_fixing):
                    x, y, z = rotated(rotations, fixing[fixed], vector, other)
                    if is_at(vector, other, x, y, z, tolerance):
                        unmoved += 1
                        continue
                    for same in range(other + 1, end):
                        if not taken[same] and is_at(vector, same, x, y, z, tolerance):
                            taken[same] = True
                            break
            if pairs == len(found):
                found, counted = resized(found, pairs, 2 * pairs), resized(counted, pairs, 2 * pairs)
            found[pairs, 0], found[pairs, 1], counted[pairs, 0] = k, other, num_fixing / unmoved
            pairs += 1
    first, second, count = np.empty(pairs, dtype=np.int64), np.empty(pairs, dtype=np.int64), np.empty(pairs)
    for pair in range(pairs):
        first[pair], second[pair], count[pair] = found[pair, 0], found[pair, 1], counted[pair, 0]
    return first, second, count
