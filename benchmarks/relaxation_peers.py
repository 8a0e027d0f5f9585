"""Relaxations by what others offer today, on the same random crystals as ours: with and without kept symmetry.

    python benchmarks/relaxation_peers.py --json FILE [--systems NAME:GROUPS ...] [--crystals N] [--methods NAME ...]
                                          [--at-most S]

All of them relax the same M3GNet in evaluation mode to the same fmax within the same number of steps, one crystal at a
time, on one thread; seconds are CPU seconds:

    ours            the quotient graph, symmetry kept
    matgl           matgl's Relaxer (FIRE, Frechet cell filter)
    ase-fire        ASE's FIRE in the Frechet cell filter, FixSymmetry
    ase-bfgs        ASE's BFGS in the Frechet cell filter, FixSymmetry
    ase-precon      ASE's preconditioned L-BFGS (Packwood et al.), cell included
    ase-precon-sym  the same with FixSymmetry
    ts-fire         torch-sim's FIRE with the Frechet cell filter, cell forces in the test of convergence
    ts-fire-sym     the same with torch-sim's FixSymmetry

torch-sim 0.6 wants Python 3.12 and a newer torch_sim_peer than 0.3's: its methods run where `torch_sim` 0.6 or newer is
installed (``pip install torch-sim-atomistic moyopy``), and are left out elsewhere. A run goes on where the file ends:
crystals in turn, each by every method, so that a cut is even. ``P1`` among the groups are crystals without symmetry.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import math
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms
from ase.constraints import FixSymmetry
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS, FIRE
from ase.optimize.precon import PreconLBFGS
from matgl.ext.ase import PESCalculator, Relaxer

from crysim.composition import Composition
from crysim.crystal import Crystal
from crysim.crystal.generation import RandomGenerator
from crysim.interfaces import RelaxSettings
from crysim_energies.checkpoints import DEFAULT_NAME, resolve
from crysim_energies.matgl_loading import M3GNetPotential, load_m3gnet
from crysim_energies.quotient.model import quotient_relax
from crysim_energies.quotient.networks.m3gnet import QuotientM3GNet

SYSTEMS = ("Ca4S4:2-230", "Ca4S4:1", "Ba3Na3Bi3:2-230", "Ba3Na3Bi3:1", "Y6Co51:2-230", "Ca24Al16Si24O96:2-230")
SETTINGS = RelaxSettings(fmax=0.005, max_steps=500, num_frames=2, symmetry="keep")
SEED = 20
TOO_CLOSE = 1.0
"""Å: an end with a nearer pair has collapsed."""

Row = dict[str, Any]


class Peers:
    """Every method on one crystal."""

    def __init__(self, potential: M3GNetPotential) -> None:
        self._network = QuotientM3GNet(potential)
        self._potential = potential.potential.eval().requires_grad_(False)
        self._peer = _torch_sim(potential)
        self.methods: dict[str, Callable[[Crystal], Row]] = {
            "ours": self._ours,
            "matgl": self._matgl,
            "ase-fire": lambda crystal: self._ase(crystal, FIRE, symmetric=True),
            "ase-bfgs": lambda crystal: self._ase(crystal, BFGS, symmetric=True),
            "ase-precon": lambda crystal: self._precon(crystal, symmetric=False),
            "ase-precon-sym": lambda crystal: self._precon(crystal, symmetric=True),
        }
        if self._peer is not None:
            self.methods["ts-fire"] = lambda crystal: self._batched(crystal, symmetric=False)
            self.methods["ts-fire-sym"] = lambda crystal: self._batched(crystal, symmetric=True)

    def _ours(self, crystal: Crystal) -> Row:
        (found,) = quotient_relax(self._network, [crystal], SETTINGS)
        if found.crystal is None:
            return {"error": found.reason}
        return {
            "steps": found.steps,
            "energy": found.energy,
            "converged": found.status == "relaxed",
            "shortest": found.crystal.min_distance(),
        }

    def _matgl(self, crystal: Crystal) -> Row:
        path = Relaxer(self._potential).relax(crystal.to_structure(), fmax=SETTINGS.fmax, steps=SETTINGS.max_steps)
        seen = path["trajectory"]
        end = Atoms(numbers=seen.atoms.numbers, positions=seen.atom_positions[-1], cell=seen.cells[-1], pbc=True)
        # the observer sees the end twice
        return _row(end, float(seen.energies[-1]), len(seen) - 2, len(seen) - 2 < SETTINGS.max_steps)

    def _atoms(self, crystal: Crystal, *, symmetric: bool) -> Atoms:
        structure = crystal.to_structure()
        atoms = Atoms(
            numbers=[site.specie.Z for site in structure],
            scaled_positions=structure.frac_coords,
            cell=structure.lattice.matrix,
            pbc=True,
        )
        if symmetric:
            atoms.set_constraint(FixSymmetry(atoms, symprec=1e-3))
        atoms.calc = PESCalculator(self._potential, stress_unit="eV/A3")
        return atoms

    def _ase(self, crystal: Crystal, optimizer: Any, *, symmetric: bool) -> Row:
        atoms = self._atoms(crystal, symmetric=symmetric)
        run = optimizer(FrechetCellFilter(atoms), logfile=None)
        converged = run.run(fmax=SETTINGS.fmax, steps=SETTINGS.max_steps)
        return _row(atoms, atoms.get_potential_energy(), run.get_number_of_steps(), bool(converged))

    def _precon(self, crystal: Crystal, *, symmetric: bool) -> Row:
        atoms = self._atoms(crystal, symmetric=symmetric)
        run = PreconLBFGS(FrechetCellFilter(atoms), precon="auto", use_armijo=True, logfile=None)
        converged = run.run(fmax=SETTINGS.fmax, steps=SETTINGS.max_steps)
        return _row(atoms, atoms.get_potential_energy(), run.get_number_of_steps(), bool(converged))

    def _batched(self, crystal: Crystal, *, symmetric: bool) -> Row:
        import torch_sim as ts
        from torch_sim.constraints import FixSymmetry as Kept

        structure = crystal.to_structure()
        state = ts.initialize_state([structure], self._peer.device, self._peer.dtype)
        if symmetric:
            state.constraints = [Kept.from_state(state, symprec=1e-3)]
        converged = ts.generate_force_convergence_fn(force_tol=SETTINGS.fmax, include_cell_forces=True)
        batcher = ts.InFlightAutoBatcher(
            self._peer, memory_scales_with="n_atoms", max_memory_scaler=crystal.num_atoms + 1
        )
        end = ts.optimize(
            state,
            self._peer,
            optimizer=ts.Optimizer.fire,
            init_kwargs={"cell_filter": ts.CellFilter.frechet},
            convergence_fn=converged,
            autobatcher=batcher,
            max_steps=SETTINGS.max_steps,
            steps_between_swaps=1,
        )
        cell = end.row_vector_cell[0].numpy()
        atoms = Atoms(numbers=end.atomic_numbers.numpy(), positions=end.positions.numpy(), cell=cell, pbc=True)
        return _row(atoms, float(end.energy[0]), int(batcher.swap_attempts[0]), bool(converged(end)[0]))

    def run(self, method: str, crystal: Crystal) -> Row:
        """One row; whatever a peer raises on an odd crystal is a result."""
        began = time.process_time()
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                row = self.methods[method](crystal)
        except Exception as error:  # noqa: BLE001
            row = {"error": f"{type(error).__name__}: {error}"[:200]}
        return {"seconds": time.process_time() - began, **row}


def _torch_sim(potential: M3GNetPotential) -> Any:
    try:
        from torch_sim_peer import BatchedM3GNet
    except (ImportError, OSError):
        return None
    import torch_sim

    return BatchedM3GNet(potential) if hasattr(torch_sim, "CellFilter") else None


def _row(end: Atoms, energy: float, steps: int, converged: bool) -> Row:
    if not math.isfinite(energy):
        return {"steps": steps, "error": "the energy is not finite"}
    crystal = Crystal.from_p1(
        Composition.from_formula(end.get_chemical_formula(mode="all")),
        end.cell.array,
        end.get_chemical_symbols(),
        end.get_scaled_positions(),
    )
    return {"steps": steps, "energy": energy, "converged": converged, "shortest": crystal.min_distance()}


def crystals_of(system: str, count: int) -> list[Crystal]:
    """Random crystals of ``FORMULA:GROUPS``."""
    formula, groups = system.split(":")
    first, _, last = groups.partition("-")
    generator = RandomGenerator(Composition.from_formula(formula), range(int(first), int(last or first) + 1))
    return generator.sample(count, np.random.default_rng(SEED))


def print_table(results: dict[str, dict[str, list[Row]]]) -> None:
    """Side by side, over the crystals that every method of a system has had."""
    for system, methods in results.items():
        count = min(len(rows) for rows in methods.values())
        print(f"\n{system}: {count} crystals, fmax {SETTINGS.fmax} eV/Å, at most {SETTINGS.max_steps} steps")
        heads = {"s, mean": 9, "steps": 7, "converged": 11, "failed": 8, "collapsed": 11, "lower": 7, "higher": 8}
        print(f"{'method':16}" + "".join(head.rjust(width) for head, width in heads.items()))
        ours = methods["ours"][:count]
        for name, rows in methods.items():
            ends = [(a, b) for a, b in zip(ours, rows[:count], strict=True) if "error" not in b]
            apart = [b["energy"] - a["energy"] for a, b in ends if "error" not in a]
            print(f"{name:16}{np.mean([row['seconds'] for row in rows[:count]]):9.2f}", end="")
            print(f"{np.median([b['steps'] for _, b in ends]) if ends else math.nan:7.0f}", end="")
            print(f"{sum(b['converged'] for _, b in ends):11d}{count - len(ends):8d}", end="")
            print(f"{sum(b['shortest'] < TOO_CLOSE for _, b in ends):11d}", end="")
            print(f"{sum(d < -0.04 for d in apart):7d}{sum(d > 0.04 for d in apart):8d}")
    print("lower, higher: ends more than 40 meV a cell below and above ours")


def main() -> None:
    """Run what the options ask for, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, required=True, help="where results are kept, and taken up again")
    parser.add_argument("--systems", nargs="+", default=list(SYSTEMS), help="FORMULA:FIRST-LAST, space groups")
    parser.add_argument("--crystals", type=int, default=30)
    parser.add_argument("--methods", nargs="+", help="default: all that are installed")
    parser.add_argument("--at-most", type=float, default=math.inf, help="CPU seconds after which to end")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    results: dict[str, dict[str, list[Row]]] = {}
    if options.json.exists():
        results = json.loads(options.json.read_text())
    peers = Peers(load_m3gnet(resolve(DEFAULT_NAME)))
    peers.run("ours", crystals_of("Na2Cl2:225", 1)[0])  # compiles
    known = {system: crystals_of(system, options.crystals) for system in options.systems}
    began = time.process_time()
    for number in range(options.crystals):
        for system, crystals in known.items():
            for method in options.methods or peers.methods:
                rows = results.setdefault(system, {}).setdefault(method, [])
                if len(rows) == number and time.process_time() - began < options.at_most:
                    rows.append(peers.run(method, crystals[number]))
                    options.json.write_text(json.dumps(results, indent=1) + "\n")
    print_table(results)


if __name__ == "__main__":
    main()
