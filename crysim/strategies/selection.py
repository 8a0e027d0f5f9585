"""Which of the crystals that a solver's answers stand for are tried."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from typing import Any

from crysim.arrays import Floats
from crysim.crystal import Crystal


@dataclass(frozen=True)
class Decoded:
    """A crystal that an answer stands for.

    Attributes:
        index: among those of the answer.
        crystal: itself.
        repaired: whether sites were moved, since they were too close.
    """

    index: int
    crystal: Crystal
    repaired: bool = False


@dataclass(frozen=True)
class Answer:
    """A vector of the solver.

    Attributes:
        row: among those of the solve.
        num_decoded: crystals that it stands for.
        decoded: those of them that may be tried.
    """

    row: int
    num_decoded: int
    decoded: Sequence[Decoded]


@dataclass(frozen=True)
class Selected:
    """A crystal to try.

    Attributes:
        row: of the answer that it was decoded from.
        num_decoded: crystals that the answer stands for.
        decoded: the crystal.
        tried_before: whether the same crystal was tried already, for want of another.
    """

    row: int
    num_decoded: int
    decoded: Decoded
    tried_before: bool = False

    @property
    def crystal(self) -> Crystal:
        """The crystal itself."""
        return self.decoded.crystal

    def describe(self) -> dict[str, Any]:
        """For the journal."""
        return {
            "decoded": self.num_decoded,
            "chosen": self.decoded.index,
            "repaired": self.decoded.repaired,
            "min_distance": self.crystal.min_distance(),
            "tried_before": self.tried_before,
        }


def select_lowest(
    answers: Sequence[Answer],
    energies: Callable[[Sequence[Crystal]], Floats],
    wanted: int,
    *,
    tried: Container[Crystal],
) -> list[Selected]:
    """The crystals of lowest energy, lowest first; several are of different answers as far as there are enough.

    Args:
        answers: the better first; of equal crystals the first counts.
        energies: predicts them for some crystals ``[n]``.
        wanted: crystals at most.
        tried: crystals that are left out.

    Returns:
        Fewer than ``wanted``, or none, if no more are left.
    """
    ranked: list[tuple[float, Selected]] = []
    seen: set[Crystal] = set()
    for answer in answers:
        new = []
        for decoded in answer.decoded:
            if decoded.crystal not in tried and decoded.crystal not in seen:
                seen.add(decoded.crystal)
                new.append(Selected(answer.row, answer.num_decoded, decoded))
        if new:
            values = energies([one.crystal for one in new])
            ranked += [(float(value), one) for value, one in zip(values, new, strict=True)]
    ranked.sort(key=lambda pair: pair[0])
    rows: set[int] = set()
    first: list[Selected] = []
    others: list[Selected] = []
    for _, one in ranked:
        (others if one.row in rows else first).append(one)
        rows.add(one.row)
    return (first + others)[:wanted]
