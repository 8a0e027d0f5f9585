"""What relaxes crystals: a network on quotient graphs, or an ASE calculator on the primitive cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from crysim_energies.quotient.calculator import CalculatorPotential, calculator_gradient
from crysim_energies.quotient.cpu.batch import CpuBatch
from crysim_energies.quotient.geometry.asymmetric import AsymmetricUnit, Bonds, Parameters
from crysim_energies.quotient.relaxation.evaluation import Evaluation, Evaluator

if TYPE_CHECKING:
    from crysim_energies.quotient.networks.network import QuotientNetwork

    Potential = QuotientNetwork | CalculatorPotential


def evaluator(potential: Potential, units: Sequence[AsymmetricUnit], bonds: Sequence[Bonds]) -> Evaluator:
    """Crystals with their lists of bonds, to be evaluated by a potential; see `Batch`."""
    if isinstance(potential, CalculatorPotential):
        return _CalculatorBatch(potential, units, bonds)
    if potential.on_cpu is not None:
        return CpuBatch(potential, potential.on_cpu, units, bonds)
    from crysim_energies.quotient.relaxation.batch import Batch  # brings torch, which a calculator need not have

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
