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

_State = tuple[int, int, int, int]
"""A partial combination as far as it matters for what may follow: the element, the first position that it may still
take, the atoms that it lacks, and the fixed positions taken so far, as bits."""

_Step = tuple[int, int, int, _State]
"""A position to take next: its index, the count of (or polynomial of) combinations that go on so, its price, and the
state afterwards."""

_MOST_STATES = 50_000
"""Steps of so many states are remembered: those of the combinations in use, mostly."""


class _Steps:
    """The steps from one state, in order, each found when it is first wanted."""

    __slots__ = ("_found", "_source")

    def __init__(self, source: Iterator[_Step]) -> None:
        self._found: list[_Step] = []
        self._source = source

    def __iter__(self) -> Iterator[_Step]:
        yield from self._found
        for step in self._source:
            self._found.append(step)
            yield step


class CombinationTable:
    """The combinations of one list of positions and one list of counts, in lexicographic order.

    With ``width`` 0 a count is a plain whole number. With a positive width it is a polynomial whose n-th coefficient
    counts the combinations of price n, packed into one integer with ``width`` bits per coefficient, so that sums,
    products and shifts of integers do the polynomial arithmetic. The price of a combination is the number of its free
    coordinates, and ``site_price`` for each of its sites besides.
    """

    def __init__(
        self, shapes: Sequence[tuple[int, int]], counts: Sequence[int], width: int = 0, site_price: int = 0
    ) -> None:
        """Prepare the table.

        Args:
            shapes: (multiplicity, free coordinates) of every position.
            counts: atoms of every element.
            width: bits per coefficient, more than the largest coefficient has; 0 for plain counts.
            site_price: at least 0; of no account where counts are plain.
        """
        self.shapes = tuple(shapes)
        self.counts = tuple(counts)
        self.width = width
        self.site_price = site_price
        self._fixed_multiplicities = sorted({m for m, dof in self.shapes if dof == 0})
        self._fixed_masks = [
            sum(1 << i for i, (m, dof) in enumerate(self.shapes) if dof == 0 and m == multiplicity)
            for multiplicity in self._fixed_multiplicities
        ]
        self._tails = self._count_free_multisets(max(counts))
        self._memo: dict[_Key, int] = {}
        self._first: _State = (0, 0, self.counts[0], 0)
        self._known_steps: dict[_State, _Steps] = {}

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

    def unrank(self, index: int, price: int) -> Combination:
        """The combination of an index among those of a price (ignored if counts are plain)."""
        chosen: list[list[int]] = [[] for _ in self.counts]
        state = self._first
        while state[0] < len(self.counts):
            for step in self._steps(state):
                ways = step[1] if self.width == 0 else self.coefficient(step[1], price - step[2])
                if index < ways:
                    break
                index -= ways
            else:
                raise IndexError("no combination has this index")
            chosen[state[0]].append(step[0])
            price -= step[2]
            state = step[3]
        return tuple(map(tuple, chosen))

    def rank(self, combination: Combination, price: int) -> int:
        """The index of a valid combination: the inverse of `unrank`."""
        index = 0
        state = self._first
        for position in (i for indices in combination for i in indices):
            for step in self._steps(state):
                if step[0] == position:
                    break
                index += self.coefficient(step[1], price - step[2])
            else:
                raise IndexError("this is no combination of the table")
            price -= step[2]
            state = step[3]
        return index

    def _steps(self, state: _State) -> _Steps:
        """What may follow a partial combination."""
        known = self._known_steps.get(state)
        if known is None:
            if len(self._known_steps) >= _MOST_STATES:
                self._known_steps.clear()
            known = self._known_steps[state] = _Steps(self._find_steps(*state))
        return known

    def _find_steps(self, element: int, start: int, lacking: int, taken: int) -> Iterator[_Step]:
        for position in range(start, len(self.shapes)):
            m, dof = self.shapes[position]
            if m > lacking or taken >> position & 1:
                continue
            after, now = (position, taken) if dof else (position + 1, taken | 1 << position)
            value = self._completions(element, after, lacking - m, self._left(after, now), self._used(now))
            if value:
                done = m == lacking
                following = self.counts[element + 1] if element + 1 < len(self.counts) else 0
                yield (
                    position,
                    value,
                    dof + self.site_price,
                    (element + 1, 0, following, now)
                    if done
                    else (
                        element,
                        after,
                        lacking - m,
                        now,
                    ),
                )

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
                    price = self.width * self.site_price * sum(picked)
                    known += (ways * free * self._after(element, picked, used)) << price
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
                shift = self.width * (dof + self.site_price)
                for atoms in range(m, most + 1):
                    row[atoms] += row[atoms - m] << shift
            tails.append(row)
        return tails[::-1]
