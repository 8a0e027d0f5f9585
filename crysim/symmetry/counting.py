"""Counting, ranking and unranking of Wyckoff combinations with exact whole numbers.

A combination gives each element a multiset of positions whose multiplicities add up to its count of atoms. A position
with free coordinates may be taken any number of times, a fixed one at most once over all elements.

The count of what can follow a partial combination depends on little: the element, the first position that it may
still take, the atoms that it still lacks, and how many fixed positions of each multiplicity are left to it and to the
elements after it. That makes a small table, filled on demand, from which any index is reached by walking down.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import comb

Combination = tuple[tuple[int, ...], ...]
"""For each element, in the composition's order, the indices of its positions, ascending."""

_Key = tuple[int, int, int, tuple[int, ...], tuple[int, ...]]


class CombinationTable:
    """The combinations of one list of positions and one list of counts, in lexicographic order.

    With ``width`` 0 a count is a plain whole number. With a positive width it is a polynomial whose n-th coefficient
    counts the combinations with n free coordinates in total, packed into one integer with ``width`` bits per
    coefficient, so that sums, products and shifts of integers do the polynomial arithmetic.
    """

    def __init__(self, shapes: Sequence[tuple[int, int]], counts: Sequence[int], width: int = 0) -> None:
        """Prepare the table.

        Args:
            shapes: (multiplicity, free coordinates) of every position.
            counts: atoms of every element.
            width: bits per coefficient, more than the largest coefficient has; 0 for plain counts.
        """
        self.shapes = tuple(shapes)
        self.counts = tuple(counts)
        self.width = width
        self._fixed_multiplicities = sorted({m for m, dof in self.shapes if dof == 0})
        self._fixed_masks = [
            sum(1 << i for i, (m, dof) in enumerate(self.shapes) if dof == 0 and m == multiplicity)
            for multiplicity in self._fixed_multiplicities
        ]
        self._tails = self._count_free_multisets(max(counts))
        self._memo: dict[_Key, int] = {}

    def total(self) -> int:
        """The count (or packed polynomial) of all combinations."""
        return self._after(-1, self._left(0, 0), self._used(0))

    def coefficient(self, value: int, degree: int) -> int:
        """The coefficient of a packed polynomial; the value itself where counts are plain."""
        if self.width == 0:
            return value
        if degree < 0:
            return 0
        return (value >> (self.width * degree)) & ((1 << self.width) - 1)

    def unrank(self, index: int, degree: int) -> Combination:
        """The combination of an index among those with ``degree`` free coordinates (ignored if counts are plain)."""
        taken = 0
        chosen: list[tuple[int, ...]] = []
        for element, atoms in enumerate(self.counts):
            start, lacking, indices = 0, atoms, []
            while lacking:
                position, index, after = self._walk(element, start, lacking, taken, degree, index)
                m, dof = self.shapes[position]
                indices.append(position)
                lacking -= m
                degree -= dof
                start, taken = after
            chosen.append(tuple(indices))
        return tuple(chosen)

    def rank(self, combination: Combination, degree: int) -> int:
        """The index of a valid combination: the inverse of `unrank`."""
        taken = 0
        index = 0
        for element, (atoms, indices) in enumerate(zip(self.counts, combination, strict=True)):
            start, lacking = 0, atoms
            for wanted in indices:
                after = (start, taken)
                for position, ways, after in self._choices(element, start, lacking, taken, degree):  # noqa: B007
                    if position == wanted:
                        break
                    index += ways
                m, dof = self.shapes[wanted]
                lacking -= m
                degree -= dof
                start, taken = after
        return index

    def _walk(
        self, element: int, start: int, lacking: int, taken: int, degree: int, index: int
    ) -> tuple[int, int, tuple[int, int]]:
        """The next position on the way to an index, the index below it, and (next start, taken afterwards)."""
        for position, ways, after in self._choices(element, start, lacking, taken, degree):
            if index < ways:
                return position, index, after
            index -= ways
        raise IndexError("no combination has this index")

    def _choices(
        self, element: int, start: int, lacking: int, taken: int, degree: int
    ) -> Iterator[tuple[int, int, tuple[int, int]]]:
        """The next positions that an element may take: (position, ways to go on, (next start, taken afterwards))."""
        for position in range(start, len(self.shapes)):
            m, dof = self.shapes[position]
            if m > lacking:
                continue
            after = (position, taken)
            if dof == 0:
                if taken >> position & 1:
                    continue
                after = (position + 1, taken | 1 << position)
            ways = self._completions(element, after[0], lacking - m, self._left(*after), self._used(after[1]))
            yield position, self.coefficient(ways, degree - dof), after

    def _left(self, start: int, taken: int) -> tuple[int, ...]:
        """Of each fixed multiplicity, how many positions from ``start`` on are not taken."""
        return tuple([((mask & ~taken) >> start).bit_count() for mask in self._fixed_masks])

    def _used(self, taken: int) -> tuple[int, ...]:
        """Of each fixed multiplicity, how many positions are taken."""
        return tuple([(mask & taken).bit_count() for mask in self._fixed_masks])

    def _completions(self, element: int, start: int, lacking: int, left: tuple[int, ...], used: tuple[int, ...]) -> int:
        """Ways to give an element ``lacking`` atoms from ``start`` on, and the elements after it all of theirs."""
        key = (element, start, lacking, left, used)
        known = self._memo.get(key)
        if known is None:
            tail = self._tails[start]
            known = 0
            for picked, ways, atoms in self._picks(left, lacking):
                free = tail[lacking - atoms]
                if free:
                    known += ways * free * self._after(element, picked, used)
            self._memo[key] = known
        return known

    def _after(self, element: int, picked: tuple[int, ...], used: tuple[int, ...]) -> int:
        """Ways for the elements after ``element`` once ``picked`` more fixed positions are used."""
        if element == -1:
            return self._completions(0, 0, self.counts[0], picked, used)
        if element + 1 == len(self.counts):
            return 1
        now = tuple([u + k for u, k in zip(used, picked, strict=True)])
        left = tuple([mask.bit_count() - u for mask, u in zip(self._fixed_masks, now, strict=True)])
        return self._completions(element + 1, 0, self.counts[element + 1], left, now)

    def _picks(self, left: tuple[int, ...], most: int) -> Iterator[tuple[tuple[int, ...], int, int]]:
        """How many fixed positions of each multiplicity to take: (numbers, ways, atoms), atoms at most ``most``."""
        stack: list[tuple[tuple[int, ...], int, int]] = [((), 1, 0)]
        while stack:
            picked, ways, atoms = stack.pop()
            level = len(picked)
            if level == len(left):
                yield picked, ways, atoms
                continue
            m = self._fixed_multiplicities[level]
            stack += [
                ((*picked, k), ways * comb(left[level], k), atoms + k * m)
                for k in range(min(left[level], (most - atoms) // m) + 1)
            ]

    def _count_free_multisets(self, most: int) -> list[list[int]]:
        """``[position][atoms]``: multisets of the free positions from ``position`` on with so many atoms."""
        tails = [[1] + [0] * most]
        for m, dof in reversed(self.shapes):
            row = list(tails[-1])
            if dof:
                shift = self.width * dof
                for atoms in range(m, most + 1):
                    row[atoms] += row[atoms - m] << shift
            tails.append(row)
        return tails[::-1]
