"""What a relaxation hears of a potential: energies and gradients in the free parameters, whoever computes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from crysim.arrays import Floats
from crysim_energies.quotient.calculator import CalculatorPotential, calculator_gradient
from crysim_energies.quotient.geometry.asymmetric import AsymmetricUnit, Bonds, Parameters

if TYPE_CHECKING:
    from crysim_energies.quotient.networks.network import QuotientNetwork

    Potential = QuotientNetwork | CalculatorPotential
    """A network on quotient graphs, or an ASE calculator on the primitive cell."""


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


def evaluator(potential: Potential, units: Sequence[AsymmetricUnit], bonds: Sequence[Bonds]) -> Evaluator:
    """Crystals with their lists of bonds, to be evaluated by a potential; see `Batch`."""
    if isinstance(potential, CalculatorPotential):
        return _CalculatorBatch(potential, units, bonds)
    from crysim_energies.quotient.relaxation.batch import Batch

    return Batch(potential, units, bonds)


class _CalculatorBatch:
    """Crystals that a calculator evaluates one after the other."""

    def __init__(self, potential: CalculatorPotential, units: Sequence[AsymmetricUnit], bonds: Sequence[Bonds]) -> None:
        self._potential = potential
        self._units = units
        self._bonds = bonds

    def evaluate(self, parameters: Sequence[Parameters]) -> Evaluation:
        found = [
            calculator_gradient(self._potential, unit, bonds, here)
            for unit, bonds, here in zip(self._units, self._bonds, parameters, strict=True)
        ]
        energies, gradients, shortest, refusals = zip(*found, strict=True)
        return Evaluation(np.array(energies), list(gradients), np.array(shortest), refusals)
