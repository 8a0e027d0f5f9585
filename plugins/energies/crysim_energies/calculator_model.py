"""What the energy models that stand on an ASE calculator share."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np

from crysim.arrays import Floats
from crysim.crystal import Crystal
from crysim.interfaces import (
    EnergyModel,
    Relaxation,
    RelaxSettings,
    RelaxStatus,
    StopRule,
    global_generator_kept,
)
from crysim_energies.ase_relaxation import atoms_of, relax_crystal

Optimizer = Literal["bfgs", "fire"]
"""How atoms and cell go down: ``bfgs`` in the crystal's free parameters, the calculator on the primitive cell, as the
networks do it (`crysim_energies.quotient`); ``fire`` with ASE on the conventional cell, as all runs did at first."""


class CalculatorModel(EnergyModel):
    """Energies and relaxations by an ASE calculator, one crystal after the other.

    Attributes:
        optimizer: see `Optimizer`.
    """

    optimizer: Optimizer = "fire"
    default_symmetry: ClassVar[str] = "release"
    """What FIRE does with the symmetry if the settings leave it open: as in the paper, nothing. BFGS goes by the
    crystal's size, as the networks do."""

    @property
    @abstractmethod
    def calculator(self) -> Any:
        """The ASE calculator, made at its first use: energy (eV per cell), forces (eV/Å), stress (eV/Å^3)."""

    def energies(self, crystals: Sequence[Crystal]) -> Floats:
        """Energies ``[n]``, eV per cell; NaN where the calculator fails on a crystal."""
        return np.array([self._energy(crystal) for crystal in crystals], dtype=np.float64)

    def relax(self, crystals: Sequence[Crystal], settings: RelaxSettings) -> list[Relaxation]:
        """Relax atoms and cell of each crystal; see `Optimizer`."""
        return self.race(crystals, settings, [None] * len(crystals))

    def race(
        self, crystals: Sequence[Crystal], settings: RelaxSettings, stops: Sequence[StopRule | None]
    ) -> list[Relaxation]:
        """Relax with leave to stop."""
        return [self._relax_one(crystal, settings, stop) for crystal, stop in zip(crystals, stops, strict=True)]

    def _relax_one(self, crystal: Crystal, settings: RelaxSettings, stop: StopRule | None) -> Relaxation:
        with global_generator_kept():  # scipy's logm, of ASE's cell filter, draws from it
            if self.optimizer == "fire":
                symmetry = settings.symmetry or self.default_symmetry
                return relax_crystal(crystal, self.calculator, settings, symmetry, stop)
            return self._relax_free(crystal, settings, stop)

    def _relax_free(self, crystal: Crystal, settings: RelaxSettings, stop: StopRule | None) -> Relaxation:
        from crysim_energies.quotient.calculator import CalculatorPotential
        from crysim_energies.quotient.model import quotient_relax

        began = time.perf_counter()
        potential = CalculatorPotential(self.calculator, self.elements)
        try:
            return quotient_relax(potential, [crystal], settings, stops=[stop])[0]
        # What a calculator leads to may fail in any way, and one crystal must not stop the others.
        except Exception as error:  # noqa: BLE001
            lines = str(error).strip().splitlines()
            reason = f"{type(error).__name__}: {lines[0] if lines else 'no message'}"
        seconds = time.perf_counter() - began
        return Relaxation(RelaxStatus.FAILED, None, None, 0, 0, None, seconds=seconds, reason=reason)

    def _energy(self, crystal: Crystal) -> float:
        from crysim_energies.quotient.calculator import calculator_energy

        if self.optimizer == "bfgs":
            return calculator_energy(self.calculator, crystal)
        atoms = atoms_of(crystal)
        try:
            with np.errstate(all="ignore"):
                energy = float(self.calculator.get_potential_energy(atoms))
        # A calculator may fail in any way on an odd structure: that is a NaN, by the interface.
        except Exception:  # noqa: BLE001
            return float("nan")
        return energy if np.isfinite(energy) else float("nan")
