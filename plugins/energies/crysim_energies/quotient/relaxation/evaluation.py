"""What a relaxation hears of a potential: energies and gradients in the free parameters, whoever computes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from crysim.arrays import Floats
from crysim_energies.quotient.geometry.asymmetric import Parameters


@dataclass(frozen=True)
class Evaluation:
    """What one evaluation of a batch gives, per crystal.

    Attributes:
        energies: ``[C]`` eV per cell; NaN where the potential refuses the crystal.
        gradients: per crystal, of its energy in its parameters ``[num_parameters]``: eV per unit of logarithmic
            strain, then eV per fractional coordinate.
        shortest: the shortest bond of each crystal, Å ``[C]``; infinite if it has none.
        refusals: per crystal why there is no energy, in one line, or an empty text; none at all if nothing refuses.
    """

    energies: Floats
    gradients: list[Floats]
    shortest: Floats
    refusals: tuple[str, ...] = ()

    def refusal(self, index: int) -> str:
        """Why a crystal has no energy; empty if it has one."""
        return self.refusals[index] if self.refusals else ""


class Evaluator(Protocol):
    """Crystals laid out for many evaluations with the same lists of bonds."""

    def evaluate(self, parameters: Sequence[Parameters]) -> Evaluation:
        """Energies and their gradients in the free parameters."""
