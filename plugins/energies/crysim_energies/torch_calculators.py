"""ASE calculators of the two graph networks, with frozen parameters and first derivatives only.

The packages' own calculators build a graph for second derivatives at every call, and print.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from ase.calculators.calculator import Calculator, all_changes
from ase.stress import full_3x3_to_voigt_6_stress
from ase.units import GPa
from pymatgen.core import Structure

from crysim.arrays import Floats
from crysim.crystal import Crystal
from crysim.process_state import warnings_ignored
from crysim_energies.ase_relaxation import CalculationError
from crysim_energies.matgl_loading import M3GNetPotential


class M3GNetCalculator(Calculator):  # type: ignore[misc]
    """M3GNet on the whole cell, in float32."""

    implemented_properties: ClassVar[list[str]] = ["energy", "free_energy", "forces", "stress"]

    def __init__(self, potential: M3GNetPotential) -> None:
        from matgl.ext.ase import Atoms2Graph

        super().__init__()
        self.loaded = potential
        self.converter = Atoms2Graph(potential.element_types, potential.cutoff)

    def calculate(self, atoms: Any = None, properties: Any = None, system_changes: Any = all_changes) -> None:
        """Energy (eV), forces (eV/Å) and stress (eV/Å^3); only the energy if nothing else is asked for."""
        super().calculate(atoms, properties, system_changes)
        unknown = set(atoms.get_chemical_symbols()) - set(self.loaded.element_types)
        if unknown:
            raise CalculationError(f"M3GNet knows no {', '.join(sorted(unknown))}")
        graph, lattice, state = self.converter.get_graph(atoms)
        if graph.edge_index.shape[1] == 0:
            raise CalculationError(f"no two atoms are within {self.loaded.cutoff:g} Å: the graph has no edge")
        potential = self.loaded.potential
        derivatives = not set(properties or ()) <= {"energy", "free_energy"}
        potential.calc_forces = potential.calc_stresses = derivatives
        energy, forces, stress, _ = potential(graph, lattice, state)
        self.results: dict[str, Any] = {"energy": energy.item(), "free_energy": energy.item()}
        if derivatives:
            self.results["forces"] = forces.detach().numpy().astype(np.float64)
            self.results["stress"] = full_3x3_to_voigt_6_stress(stress.detach().numpy().astype(np.float64)) * GPa


class CHGNetCalculator(Calculator):  # type: ignore[misc]
    """CHGNet, in float32, without magnetic moments."""

    implemented_properties: ClassVar[list[str]] = ["energy", "free_energy", "forces", "stress"]

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def graph(self, structure: Structure) -> Any:
        """The graph of a structure.

        Raises:
            CalculationError: it has no edge.
        """
        graph = self.model.graph_converter(structure)
        if len(graph.atom_graph) == 0:
            cutoff = self.model.graph_converter.atom_graph_cutoff
            raise CalculationError(f"no two atoms are within {cutoff:g} Å: the graph has no edge")
        return graph

    def energies(self, graphs: list[Any]) -> torch.Tensor:
        """Energies ``[len(graphs)]``, eV per cell, differentiable in the graphs' coordinates and lattices."""
        # CHGNet makes a plain number of the volume, which here is differentiable.
        with warnings_ignored(UserWarning, "Converting a tensor with requires_grad=True"):
            energies: torch.Tensor = self.model(graphs, task="e")["e"]
        if self.model.is_intensive:
            return energies * torch.tensor([len(graph.atomic_number) for graph in graphs])
        return energies

    def calculate(self, atoms: Any = None, properties: Any = None, system_changes: Any = all_changes) -> None:
        """Energy (eV), forces (eV/Å) and stress (eV/Å^3); only the energy if nothing else is asked for."""
        super().calculate(atoms, properties, system_changes)
        structure = _Unwritten(atoms.cell.array, atoms.numbers, atoms.get_scaled_positions(wrap=False))
        graph = self.graph(structure)
        derivatives = not set(properties or ()) <= {"energy", "free_energy"}
        with torch.set_grad_enabled(derivatives):
            energy = self.energies([graph])[0]
        self.results: dict[str, Any] = {"energy": energy.item(), "free_energy": energy.item()}
        if derivatives:
            by_frac, by_lattice = torch.autograd.grad(energy, [graph.atom_frac_coord, graph.lattice])
            cell = atoms.cell.array
            forces = -by_frac.numpy().astype(np.float64) @ np.linalg.inv(cell).T
            strain_derivative = cell.T @ by_lattice.numpy().astype(np.float64)
            self.results["forces"] = forces
            self.results["stress"] = full_3x3_to_voigt_6_stress(strain_derivative / atoms.cell.volume)


class _Unwritten(Structure):  # type: ignore[misc]
    """CHGNet writes a structure whose graph fails into the working folder; this one is not written."""

    def to(self, *args: Any, **kwargs: Any) -> str:
        return ""


def chgnet_energies(calculator: CHGNetCalculator, crystals: Sequence[Crystal], batch: int) -> Floats:
    """Energies ``[n]`` of crystals, eV per cell, ``batch`` at a time; NaN where there is no graph."""
    energies: Floats = np.full(len(crystals), np.nan)
    for first in range(0, len(crystals), batch):
        graphs: dict[int, Any] = {}
        for i, crystal in enumerate(crystals[first : first + batch], first):
            # CHGNet fails in many ways where it cannot make a graph: that is a NaN, by the interface.
            with contextlib.suppress(Exception):
                graphs[i] = calculator.graph(_Unwritten(crystal.lattice, crystal.species, crystal.frac_coords))
        if graphs:
            with torch.no_grad():
                energies[list(graphs)] = calculator.energies(list(graphs.values())).numpy()
    return np.where(np.isfinite(energies), energies, np.nan)
