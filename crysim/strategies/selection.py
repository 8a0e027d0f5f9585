"""Which of the crystals that a solver's answers stand for are tried."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from typing import Any

from crysim.crystal import Crystal, min_distances
from crysim.quadratic import Floats


@dataclass(frozen=True)
class Selected:
    """A crystal to try.

    Attributes:
        row: of the answer that it was decoded from.
        crystal: itself.
        decoded: crystals that the answer stands for.
        index: of this one among them.
        min_distance: of its atoms, Å.
        tried_before: whether the same crystal was tried already, for want of another.
    """

    row: int
    crystal: Crystal
    decoded: int
    index: int
    min_distance: float
    tried_before: bool = False

    def describe(self) -> dict[str, Any]:
        """For the journal."""
        return {
            "decoded": self.decoded,
            "chosen": self.index,
            "min_distance": self.min_distance,
            "tried_before": self.tried_before,
        }


def select_lowest(
    decoded: Sequence[tuple[int, Sequence[Crystal]]],
    energies: Callable[[Sequence[Crystal]], Floats],
    wanted: int,
    *,
    min_distance: float,
    tried: Container[Crystal],
) -> list[Selected]:
    """The crystals of lowest energy, lowest first; several are of different answers as far as there are enough.

    Args:
        decoded: for each answer its row and its crystals.
        energies: predicts them for some crystals ``[n]``.
        wanted: crystals at most.
        min_distance: Å; crystals with a closer pair are left out.
        tried: crystals that are left out.

    Returns:
        Fewer than ``wanted``, or none, if no more are left.
    """
    pool: list[tuple[float, Selected]] = []
    seen: set[Crystal] = set()
    for row, crystals in decoded:
        fine = []
        for index, distance in enumerate(min_distances(crystals)):
            crystal = crystals[index]
            if distance >= min_distance and crystal not in tried and crystal not in seen:
                seen.add(crystal)
                fine.append(Selected(row, crystal, len(crystals), index, float(distance)))
        if fine:
            values = energies([one.crystal for one in fine])
            pool += [(float(value), one) for value, one in zip(values, fine, strict=True)]
    pool.sort(key=lambda pair: pair[0])
    rows: set[int] = set()
    first: list[Selected] = []
    others: list[Selected] = []
    for _, one in pool:
        (others if one.row in rows else first).append(one)
        rows.add(one.row)
    return (first + others)[:wanted]
