"""torch-sim's batched relaxation with matgl's M3GNet, the third side of relaxation.py.

torch-sim brings no model of matgl's, so `BatchedM3GNet` is one: the full graphs of all crystals in one batch, with
matgl's own network in evaluation mode with frozen weights. Neighbours are searched as matgl's converter does, which
took a quarter (8 atoms) to half (160 atoms) of the time of torch-sim's own search. Positions and cells are float64,
the network is float32, as they are in matgl's Relaxer. Written for torch-sim 0.3.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch_sim
from ase.data import atomic_numbers
from ase.units import GPa
from matgl.ext.ase import PESCalculator
from pymatgen.io.ase import AseAtomsAdaptor
from pymatgen.optimization.neighbors import find_points_in_spheres
from torch_geometric.data import Batch
from torch_sim.models.interface import ModelInterface

from crysim.crystal import Crystal
from crysim.errors import CrysimError
from crysim_energies.matgl_loading import M3GNetPotential

_TOLERANCE = 1e-8
"""Å within which an atom is its own neighbour, matgl's value."""


class BatchedM3GNet(ModelInterface):  # type: ignore[misc]
    """matgl's M3GNet as torch-sim wants it: energy (eV), forces (eV/Å) and stress (eV/Å³) of a batch.

    A crystal whose energy, forces or stress are not finite gets no force, so that it counts as converged and leaves the
    batch: one of them would end the relaxation of all the others. Its energy is NaN.

    Attributes:
        seconds: CPU seconds spent here so far.
    """

    def __init__(self, potential: M3GNetPotential) -> None:
        super().__init__()
        self._device = torch.device("cpu")
        self._dtype = torch.float64
        self._compute_stress = self._compute_forces = True
        self._network = potential.potential.eval().requires_grad_(False)
        self._cutoff = potential.cutoff
        self._types = torch.full((max(atomic_numbers.values()) + 1,), -1, dtype=torch.long)
        for index, symbol in enumerate(potential.element_types):
            self._types[atomic_numbers[symbol]] = index
        self.seconds = 0.0

    def forward(self, state: Any, **_: Any) -> dict[str, torch.Tensor]:
        """Evaluate ``n`` systems: ``energy`` ``[n]``, ``forces`` ``[atoms, 3]`` and ``stress`` ``[n, 3, 3]``."""
        began = time.process_time()
        cells = state.row_vector_cell.detach()
        graphs = self._graphs(state.positions.detach(), cells, state.atomic_numbers, state.system_idx)
        energy, forces, stress, _ = self._network(graphs, cells.float())
        energy = energy.detach().reshape(-1).double()
        forces, stress = forces.detach().double(), stress.detach().reshape(-1, 3, 3).double() * GPa
        bad_atoms = ~forces.isfinite().all(1)
        broken = ~(energy.isfinite() & stress.isfinite().all((1, 2)))
        broken = broken.index_put((state.system_idx[bad_atoms],), torch.tensor(True))
        if broken.any():
            energy[broken] = float("nan")
            forces[broken[state.system_idx]] = 0.0
            stress[broken] = 0.0
        self.seconds += time.process_time() - began
        return {"energy": energy, "forces": forces, "stress": stress}

    def _graphs(
        self, positions: torch.Tensor, cells: torch.Tensor, numbers: torch.Tensor, systems: torch.Tensor
    ) -> Any:
        counts = torch.bincount(systems, minlength=len(cells))
        starts = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
        periodic = np.ones(3, dtype=np.int64)
        ends, images = [], []
        for cell, first, last in zip(cells.numpy(), starts[:-1].tolist(), starts[1:].tolist(), strict=True):
            points = positions[first:last].numpy()
            source, target, image, length = find_points_in_spheres(
                points, points, r=self._cutoff, pbc=periodic, lattice=np.ascontiguousarray(cell), tol=_TOLERANCE
            )
            other = (source != target) | (length > _TOLERANCE)
            ends.append(np.stack([source[other], target[other]]) + first)
            images.append(image[other])
        return Batch(
            edge_index=torch.from_numpy(np.concatenate(ends, axis=1)),
            pbc_offset=torch.from_numpy(np.concatenate(images)).float(),
            frac_coords=torch.linalg.solve(cells[systems], positions.unsqueeze(1), left=False).squeeze(1).float(),
            node_type=self._types[numbers.long()],
            batch=systems,
            ptr=starts,
        )


def differences(network: BatchedM3GNet, potential: M3GNetPotential, crystals: Sequence[Crystal]) -> dict[str, float]:
    """How far the batch is from matgl's calculator at most: energy (eV per atom), forces (eV/Å), stress (eV/Å³)."""
    structures = [crystal.to_structure() for crystal in crystals]
    state = torch_sim.initialize_state(structures, network.device, network.dtype)
    found = network(state)
    apart = {"energy": 0.0, "forces": 0.0, "stress": 0.0}
    for i, structure in enumerate(structures):
        atoms = AseAtomsAdaptor.get_atoms(structure)
        atoms.calc = PESCalculator(potential.potential, stress_unit="eV/A3")
        expected = {
            "energy": atoms.get_potential_energy() / len(atoms),
            "forces": atoms.get_forces(),
            "stress": atoms.calc.results["stress"],
        }
        ours = {
            "energy": float(found["energy"][i]) / len(atoms),
            "forces": found["forces"][state.system_idx == i].numpy(),
            "stress": found["stress"][i].numpy(),
        }
        for key, value in expected.items():
            apart[key] = max(apart[key], float(np.abs(ours[key] - value).max()))
    return apart


def relax(network: BatchedM3GNet, crystals: Sequence[Crystal], *, fmax: float, steps: int) -> dict[str, Any]:
    """Relax crystals in one batch with torch-sim's FIRE and its Frechet cell filter.

    Converged as in matgl's Relaxer: the largest force on an atom and the largest on a row of the filter's cell are
    below ``fmax``, asked after every step.

    Returns:
        ``seconds`` and ``network_seconds`` of CPU time for all of them, and a row for each crystal.
    """
    structures = [crystal.to_structure() for crystal in crystals]
    atoms = sum(crystal.num_atoms for crystal in crystals)
    converged = torch_sim.generate_force_convergence_fn(force_tol=fmax, include_cell_forces=True)
    batcher = torch_sim.InFlightAutoBatcher(network, memory_scales_with="n_atoms", max_memory_scaler=atoms + 1)
    network.seconds = 0.0
    began = time.process_time()
    with warnings.catch_warnings():
        # that the limit of steps is reached stands in the rows
        warnings.simplefilter("ignore")
        end = torch_sim.optimize(
            structures,
            network,
            optimizer=torch_sim.frechet_cell_fire,
            convergence_fn=converged,
            autobatcher=batcher,
            max_steps=steps,
            steps_between_swaps=1,
        )
    seconds = time.process_time() - began
    done = converged(end).tolist()
    rows = [
        _row(crystal, end[i], seconds / len(crystals), batcher.swap_attempts[i], done[i])
        for i, crystal in enumerate(crystals)
    ]
    return {"seconds": seconds, "network_seconds": network.seconds, "crystals": rows}


def _row(crystal: Crystal, end: Any, seconds: float, steps: int, converged: bool) -> dict[str, Any]:
    if not end.energy.isfinite().all():
        return {"seconds": seconds, "steps": steps, "error": "energy, forces or stress are not finite"}
    cell = end.row_vector_cell[0].numpy()
    try:
        last = Crystal.from_p1(crystal.composition, cell, crystal.species, end.positions.numpy() @ np.linalg.inv(cell))
    except CrysimError as error:
        return {"seconds": seconds, "steps": steps, "error": str(error)}
    return {
        "seconds": seconds,
        "steps": steps,
        "energy": float(end.energy[0]),
        "converged": converged,
        "shortest": last.min_distance(),
    }
