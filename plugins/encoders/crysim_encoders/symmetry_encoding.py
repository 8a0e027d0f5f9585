"""Encoder ``crysim``: cell, crystal system, space group, group of Wyckoff combinations and sites as bits.

Sections 2.1 and 4.2 of the paper, with conventional cells as there. The segments of a vector, one 1-bit each, are
a, b, c, alpha, beta, gamma, the crystal system, the space group and the group of Wyckoff combinations; then comes one
grid of g³ voxels for each element.

With contents of a primitive cell (`crysim.composition.Contents`) the cell's six parameters remain those of the
conventional cell of the group, and its crystal systems, space groups and combinations are those that the contents fit,
so centred groups are among them whatever the formula. Of the atoms of an element the grid marks one of each centring
class, that is of those that differ by a lattice translation only: the one in the leftmost voxel. So a grid has as many
1-bits as the *primitive* cell has atoms of the element, in every group alike, and stays an 'exactly k' segment.
Decoding moves the marks by the group's centring translations first, which gives all atoms of the conventional cell,
and reads those as ever.

An example in the manner of section 4.2: NaCl per primitive cell, g = 4, and rock salt, Na on 4a and Cl on 4b of Fm-3m
(225), a = 5.6 Å. Its conventional cell holds Na4Cl4. Na stands at (0, 0, 0), (0, ½, ½), (½, 0, ½), (½, ½, 0): voxels
(0, 0, 0), (0, 2, 2), (2, 0, 2), (2, 2, 0), bits 0, 10, 34, 40 of its grid. They are one centring class, so only bit 0
is set, and of Cl, at (½, ½, ½), (½, 0, 0), (0, ½, 0), (0, 0, ½) with bits 42, 32, 8 and 2, only bit 2. Both grids have
one 1-bit, as they have for the cesium chloride structure, whose primitive cell is its conventional one. Bit 2 of Cl,
read in Fm-3m, is moved by (0, ½, ½), (½, 0, ½), (½, ½, 0) to bits 8, 42 and 32, and these four are what the positions
4a and 4b are compared with. In Pm-3m bit 2 stands for itself alone. The combination of 4b and 4a is another of the two
that NaCl has in Fm-3m, without a free coordinate; both have the same group of combinations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import ClassVar, Literal

import numpy as np

from crysim import hookimpl
from crysim.arrays import Bits, Floats, Ints
from crysim.composition import Contents
from crysim.crystal import Crystal, Site
from crysim.crystal.generation import MAX_COMBINATIONS, allowed_space_groups
from crysim.errors import InputError
from crysim.interfaces import Encoder
from crysim.quadratic import BitGroup
from crysim.symmetry import (
    Cell,
    Combination,
    CombinationOrder,
    WyckoffCombinations,
    compatible_space_groups,
    impose_cell,
    open_cell,
    space_group,
)
from crysim_encoders.fitted import FittedEncoder
from crysim_encoders.layout import (
    Layout,
    bit_to_category,
    category_to_bit,
    common_contents,
    length_scale,
    marked_voxels,
    spread_marks,
    voxels,
)

Assignment = Callable[[tuple[int, ...]], Floats]
"""From the positions of an element's sites to a point for each, ``[sites, 3]``."""


class SymmetryEncoder(FittedEncoder[Layout]):
    """The symmetry-informed integer encoding of the paper.

    What decoding cannot give back: cells come back in the middle of their units; of the Wyckoff combination only its
    group of ``group_size`` is known; a grid tells which voxels are taken, not by which site. So sites take the
    1-bits from the left: the combination's positions in order, general first, each the next voxel of its element;
    positions without free coordinates take none. A free coordinate is that coordinate of the voxel's point.

    Where two atoms of an element share a voxel, the encoded vector has fewer 1-bits in that grid than its group says.
    """

    name: ClassVar[str] = "crysim"
    renamed_options: ClassVar[Mapping[str, str]] = {"g": "grid_resolution"}
    primitive_contents: ClassVar[bool] = True

    def __init__(
        self,
        grid_resolution: int = 12,
        marking: Literal["all-atoms", "independent"] = "all-atoms",
        assignment: Literal["leftmost", "covering"] = "covering",
        placement: Literal["center", "uniform"] = "center",
        combination_bits: int = 300,
        group_size: int = 100,
        max_combinations: int = MAX_COMBINATIONS,
        order: CombinationOrder = "general-first",
        length_factor: int = 10,
        space_groups: Iterable[int] | None = None,
    ) -> None:
        """Set the resolution and what bits mean.

        Args:
            grid_resolution: voxels along each edge of the cell, the lattice discretization resolution.
            marking: ``all-atoms`` marks the voxel of every atom, and the grid of an element has as many 1-bits as the
                cell has atoms of it (the authors' program); ``independent`` marks one atom of every site that has a
                free coordinate (the paper's text), and the grid has as many 1-bits as any initial crystal has.
            assignment: how sites take decoded voxels: the ``leftmost`` in order (the paper), or those whose symmetric
                images are ``covering`` the marked voxels best, for ``marking="all-atoms"``. Covering gives back what
                was encoded (mean displacement 0.15 against 0.93 Å on ScBe5, 0.64 against 1.58 Å on garnet) and keeps
                atoms apart (first candidate of garnet: 1.4 against 0.0 Å).
            placement: the point of a decoded voxel: its ``center``, or ``uniform`` at random within it.
            combination_bits: N_W, bits for the groups of Wyckoff combinations.
            group_size: combinations that a bit stands for when decoded.
            max_combinations: only the first so many combinations of a group are encoded.
            order: of the combinations.
            length_factor: C_ll of equation 10.
            space_groups: numbers to encode; None: 2 to 230.
        """
        for key, value in (
            ("grid_resolution", grid_resolution),
            ("combination_bits", combination_bits),
            ("group_size", group_size),
            ("max_combinations", max_combinations),
            ("length_factor", length_factor),
        ):
            if value < 1:
                raise InputError(f"option '{key}' of encoder 'crysim' must be at least 1, not {value}")
        self.grid_resolution = grid_resolution
        self.marking = marking
        self.assignment = assignment
        self.placement = placement
        self.combination_bits = combination_bits
        self.group_size = group_size
        self.max_combinations = max_combinations
        self.order: CombinationOrder = order
        self.length_factor = length_factor
        self.space_groups = allowed_space_groups(space_groups)
        super().__init__()
        self._combinations: dict[int, WyckoffCombinations] = {}
        self._indices: dict[tuple[int, Combination], int] = {}

    # ------------------------------------------------------------------------------------------------ fit

    def fit(self, crystals: Sequence[Crystal], contents: Contents | None = None) -> None:
        """Take the bounds of lattice lengths from the initial crystals (equation 9), and lay out the bits.

        With contents of the primitive cell the lengths are still those of the conventional cells.

        Raises:
            InputError: no crystals, several compositions, no compatible space group, or a grid too small.
        """
        contents = common_contents(crystals, contents)
        compatible = compatible_space_groups(contents, self.space_groups)
        if not compatible:
            raise InputError(f"{contents} fits none of the space groups that the encoder was given")
        cells = np.array([crystal.cell for crystal in crystals])
        lengths = length_scale(
            float(cells[:, :3].min()), float(cells[:, :3].max()), self.grid_resolution, self.length_factor
        )
        ones = self._ones(contents, crystals)
        self._layout = Layout(contents, self.grid_resolution, lengths, tuple(compatible), self.combination_bits, ones)
        self._combinations = {n: WyckoffCombinations(contents, n, self.order) for n in compatible}
        self._indices.clear()

    def _ones(self, contents: Contents, crystals: Sequence[Crystal]) -> tuple[int, ...]:
        composition = contents.composition
        edge = self.grid_resolution
        if self.marking == "all-atoms":
            for element, count in zip(composition.elements, composition.counts, strict=True):
                if count > edge**3:
                    raise InputError(
                        f"{count} atoms of {element} do not fit into {edge}³ = {edge**3} voxels: "
                        "raise option 'grid_resolution'"
                    )
            return composition.counts
        marked = [
            [len(np.unique(self._marks(crystal, e, contents))) for e in composition.elements] for crystal in crystals
        ]
        return tuple(max(1, most) for most in np.max(marked, axis=0).tolist())

    # --------------------------------------------------------------------------------------------- encode

    def encode(self, crystals: Sequence[Crystal]) -> Bits:
        """Bit vectors ``[n, M]``.

        A combination beyond the first ``max_combinations`` counts to the last group; lengths and angles outside of
        their bounds to the nearest unit.

        Raises:
            InputError: another composition, or a space group that is not encoded.
        """
        layout = self.layout
        bits = np.zeros((len(crystals), layout.num_bits), dtype=np.bool_)
        starts = [group.start for group in layout.groups]
        for row, crystal in zip(bits, crystals, strict=True):
            if not layout.contents.held_by(crystal):
                raise InputError(f"the encoder is for {layout.contents}, not for {crystal.composition}")
            if crystal.space_group not in self._combinations:
                raise InputError(f"space group {crystal.space_group} is not among those that the encoder was given")
            for start, scale, value in zip(starts, layout.scales, crystal.cell, strict=False):
                row[start + scale.to_bit(value)] = True
            groups = layout.groups_of_system[crystal.system]
            row[starts[6] + layout.systems.index(crystal.system)] = True
            index = groups.index(crystal.space_group)
            row[starts[7] + category_to_bit(index, len(groups), layout.space_group_bits)] = True
            size = self._size(crystal.space_group)
            index = min(self._index_of(crystal.space_group, crystal.combination), size - 1)
            row[starts[8] + category_to_bit(index, size, self.combination_bits)] = True
            for start, element in zip(starts[9:], layout.contents.elements, strict=True):
                row[start + self._marks(crystal, element, layout.contents)] = True
        return bits

    def _marks(self, crystal: Crystal, element: str, contents: Contents) -> Ints:
        """The bits of an element's grid that a crystal marks."""
        if self.marking == "all-atoms":
            return marked_voxels(crystal, element, self.grid_resolution, primitive=contents.primitive)
        elements = np.array([site.element for site in crystal.sites])
        free = np.array([bool(site.free) for site in crystal.sites])
        return voxels(crystal.frac_coords[crystal.representatives[(elements == element) & free]], self.grid_resolution)

    def _index_of(self, number: int, combination: Combination) -> int:
        """The rank of a combination, which takes long to count, once each."""
        if (number, combination) not in self._indices:
            self._indices[number, combination] = self._combinations[number].rank(combination)
        return self._indices[number, combination]

    def _size(self, number: int) -> int:
        """|W| of a group: its combinations that are encoded."""
        return min(self._combinations[number].count, self.max_combinations)

    # --------------------------------------------------------------------------------------------- decode

    def decode(self, bits: Bits, rng: np.random.Generator) -> list[Crystal]:
        """The crystals of the vector's group of combinations, one per combination, in the combinations' order.

        The first is that of the combination that equation 16 names. All share the cell and the points of the voxels.
        Angles that close no cell are moved towards 90 degrees as far as needed (`crysim.symmetry.open_cell`). Where a
        combination has more sites than an element has 1-bits, the missing points are drawn uniformly in the cell.

        Args:
            bits: ``[M]``; of the segments before the grids, exactly one bit each is 1.
            rng: for points within voxels and missing points.

        Raises:
            InputError: a wrong length, or a segment without its one 1-bit.
        """
        layout = self.layout
        vector = np.asarray(bits, dtype=np.bool_)
        if vector.shape != (layout.num_bits,):
            raise InputError(f"a vector of this encoder has {layout.num_bits} bits: the shape {vector.shape} is wrong")
        chosen = [_only_one(vector, group) for group in layout.groups[:9]]
        system = layout.systems[chosen[6]]
        groups = layout.groups_of_system[system]
        number = groups[bit_to_category(chosen[7], len(groups), layout.space_group_bits)]
        size = self._size(number)
        first = bit_to_category(chosen[8], size, self.combination_bits)
        cell = impose_cell(system, [scale.to_value(bit) for scale, bit in zip(layout.scales, chosen, strict=False)])
        a, b, c, alpha, beta, gamma = (float(v) for v in open_cell(cell))
        points = [
            self._points(vector[group.slice], count, rng)
            for group, count in zip(layout.groups[9:], layout.contents.composition.counts, strict=True)
        ]
        assign = [self._assignment(number, vector[g.slice], p) for g, p in zip(layout.groups[9:], points, strict=True)]
        return [
            self._build(number, (a, b, c, alpha, beta, gamma), self._combinations[number].unrank(index), assign)
            for index in range(first, min(first + self.group_size, size))
        ]

    def _points(self, grid: Bits, count: int, rng: np.random.Generator) -> Floats:
        """Fractional points ``[at least count, 3]``: one for every 1-bit of a grid, from the left, then random ones."""
        corners = self.layout.corners(np.flatnonzero(grid))
        within = 0.5 if self.placement == "center" else rng.random(corners.shape)
        missing = rng.random((max(0, count - len(corners)), 3))
        return np.concatenate([(corners + within) / self.grid_resolution, missing])

    def _assignment(self, number: int, grid: Bits, points: Floats) -> Assignment:
        """The function that gives a point ``[sites, 3]`` to every site of an element; to those that are fixed any."""
        group = space_group(number)
        if self.assignment == "leftmost":

            def leftmost(indices: tuple[int, ...]) -> Floats:
                free = np.array([group.shapes[i][1] > 0 for i in indices])
                return np.asarray(points[np.maximum(np.cumsum(free) - 1, 0)])

            return leftmost

        from crysim_encoders.covering import covering_points

        marks = grid.reshape((self.grid_resolution,) * 3)
        primitive = self.layout.contents.primitive and self.marking == "all-atoms"
        field = spread_marks(marks, number, self.grid_resolution) if primitive else marks.astype(np.float64)
        gains = np.full((len(group.positions), len(points)), np.inf)

        def covering(indices: tuple[int, ...]) -> Floats:
            positions = np.array(indices, dtype=np.int64)
            return np.asarray(covering_points(field, points, positions, *group.flat_positions, gains))

        return cache(covering)

    def _build(self, number: int, cell: Cell, combination: Combination, assign: Sequence[Assignment]) -> Crystal:
        positions = space_group(number).positions
        contents = self.layout.contents
        sites = tuple(
            Site(element, index, tuple(float(point[axis]) for axis in positions[index].axes))
            for element, indices, points in zip(contents.elements, combination, assign, strict=True)
            for index, point in zip(indices, points(indices), strict=True)
        )
        return Crystal(contents.composition_in(number), number, cell, sites)


def _only_one(vector: Bits, group: BitGroup) -> int:
    ones = np.flatnonzero(vector[group.slice])
    if len(ones) != 1:
        raise InputError(f"the segment '{group.name}' of a vector must have exactly one 1, not {len(ones)}")
    return int(ones[0])


@hookimpl
def crysim_encoders() -> list[type[Encoder]]:
    """The encoder of this module."""
    return [SymmetryEncoder]
