"""What the energy models that stand on an ASE calculator share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from crysim.arrays import Floats
from crysim.crystal import Crystal
from crysim.interfaces import EnergyModel, Relaxation, RelaxSettings, StopRule, global_generator_kept
from crysim_energies.ase_relaxation import atoms_of, relax_crystal


class CalculatorModel(EnergyModel):
    """Energies and relaxations by an ASE calculator, one crystal after the other."""

    default_symmetry: ClassVar[str] = "release"
    """What a relaxation does with the symmetry if the settings leave it open: as in the paper, nothing."""

    @property
    @abstractmethod
    def calculator(self) -> Any:
        """The ASE calculator, made at its first use: energy (eV per cell), forces (eV/Å), stress (eV/Å^3)."""

    def energies(self, crystals: Sequence[Crystal]) -> Floats:
        """Energies ``[n]``, eV per cell; NaN where the calculator fails on a crystal."""
        return np.array([self._energy(crystal) for crystal in crystals], dtype=np.float64)

    def relax(self, crystals: Sequence[Crystal], settings: RelaxSettings) -> list[Relaxation]:
        """Relax atoms and cell of each crystal; see `crysim_energies.ase_relaxation`."""
        return self.race(crystals, settings, [None] * len(crystals))

    def race(
        self, crystals: Sequence[Crystal], settings: RelaxSettings, stops: Sequence[StopRule | None]
    ) -> list[Relaxation]:
        """Relax with leave to stop."""
        symmetry = settings.symmetry or self.default_symmetry
        relaxations = []
        for crystal, stop in zip(crystals, stops, strict=True):
            with global_generator_kept():  # scipy's logm, of the cell filter, draws from it
                relaxations.append(relax_crystal(crystal, self.calculator, settings, symmetry, stop))
        return relaxations

    def _energy(self, crystal: Crystal) -> float:
        atoms = atoms_of(crystal)
        try:
            with np.errstate(all="ignore"):
                energy = float(self.calculator.get_potential_energy(atoms))
        # A calculator may fail in any way on an odd structure: that is a NaN, by the interface.
        except Exception:  # noqa: BLE001
            return float("nan")
        return energy if np.isfinite(energy) else float("nan")
