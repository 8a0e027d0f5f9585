"""What relaxes crystals: a network on quotient graphs, or an ASE calculator on the primitive cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from crysim_energies.quotient.calculator import CalculatorPotential, calculator_gradient
from crysim_energies.quotient.geometry.asymmetric import AsymmetricUnit, Bonds, Parameters
from crysim_energies.quotient.relaxation.evaluation import Evaluation, Evaluator

if TYPE_CHECKING:
    from crysim_energies.quotient.networks.network import QuotientNetwork
    from crysim_energies.quotient.relaxation.batch import Batch
    from crysim_energies.quotient.relaxation.cpu_batch import CpuBatch

    Potential = QuotientNetwork | CalculatorPotential


def evaluator(potential: Potential, units: Sequence[AsymmetricUnit], bonds: Sequence[Bonds]) -> Evaluator:
    """Crystals with their lists of bonds, to be evaluated by a potential; see `Batch`."""
    if isinstance(potential, CalculatorPotential):
        return _CalculatorBatch(potential, units, bonds)
    return network_batch(potential, units, bonds)


def network_batch(
    network: QuotientNetwork, units: Sequence[AsymmetricUnit], bonds: Sequence[Bonds]
) -> Batch | CpuBatch:
    """Crystals that a network evaluates: NumPy and compiled loops on a CPU, torch elsewhere and in float64."""
    # these bring torch, which a calculator need not have
    from crysim_energies.quotient.cpu.twin import on_cpu
    from crysim_energies.quotient.relaxation.batch import Batch
    from crysim_energies.quotient.relaxation.cpu_batch import CpuBatch

    twin = on_cpu(network)
    return Batch(network, units, bonds) if twin is None else CpuBatch(network, twin, units, bonds)


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
