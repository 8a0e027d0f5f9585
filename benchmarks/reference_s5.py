"""Where the reference of table S5, Li3Ti3Se6O3, ends when it is relaxed, and where its energy jumps.

    python benchmarks/reference_s5.py --reference FILE --json FILE [--only PART ...]

The paper gives its estimated stable energy as -80.44 eV. Parts, each a list of rows in the file, which a later call
goes on with: ``start`` (the file as it is), ``relaxed`` (ours: keep, release, polish), ``strain`` (energy along the
lattice lengths about the relaxed cell, with the bonds within each cutoff), ``ase`` (ASE's optimisers on the whole cell,
with and without symmetry kept), ``perturbed`` (released from shaken starts) and ``old-indices``: energies and a FIRE
relaxation with the three-body terms indexed as matgl 4.0.3 and earlier did, by the position of a bond among those
within the three-body cutoff where its number among all bonds was meant.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import matgl.models._m3gnet as network_module
import numpy as np
import torch
from ase.constraints import FixSymmetry
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS, FIRE, LBFGS

from crysim.crystal import Crystal
from crysim.harness.systems import find_system
from crysim.interfaces import RelaxSettings
from crysim_energies.ase_relaxation import atoms_of
from crysim_energies.m3gnet import M3GNetModel

FORMULA = "Li3Ti3Se6O3"
FMAX = 0.005
STRAINS = np.linspace(-0.02, 0.02, 81)
SHAKES = (0.02, 0.05, 0.1)
"""Å, standard deviation of each coordinate; the cell's lengths are strained by a fifth of it, relative."""
SEEDS = range(4)

Rows = list[dict[str, Any]]


def main() -> None:
    """Compute what the file does not have."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", type=Path, required=True, help="structure file of the known crystal")
    parser.add_argument("--json", type=Path, required=True, help="where rows are kept, and taken up again")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    crystal = find_system(FORMULA, reference=str(options.reference)).reference
    assert crystal is not None
    model = M3GNetModel()
    found: dict[str, Rows] = json.loads(options.json.read_text()) if options.json.exists() else {}
    for part in options.only:
        rows = found.setdefault(part, [])
        done = {row["name"] for row in rows}
        for name, make in PARTS[part](crystal, model):
            if name in done:
                continue
            began = time.process_time()
            rows.append({"name": name, **make(), "cpu_seconds": round(time.process_time() - began, 2)})
            options.json.write_text(json.dumps(found, indent=1) + "\n")
            print(part, rows[-1], flush=True)


Jobs = Iterator[tuple[str, Callable[[], dict[str, Any]]]]


def _start(crystal: Crystal, model: M3GNetModel) -> Jobs:
    yield "file", lambda: {"energy": float(model.energies([crystal])[0]), **_geometry(crystal)}
    yield "whole cell", lambda: {"energy": float(model.energies([crystal.to_p1()])[0])}


def _relaxed(crystal: Crystal, model: M3GNetModel) -> Jobs:
    for symmetry in ("keep", "release", "polish"):
        yield symmetry, partial(_ours, crystal, model, symmetry)


def _perturbed(crystal: Crystal, model: M3GNetModel) -> Jobs:
    for shake in SHAKES:
        for seed in SEEDS:
            yield f"{shake} A, seed {seed}", partial(_ours, _shaken(crystal, shake, seed), model, "release")


def _strain(crystal: Crystal, model: M3GNetModel) -> Jobs:
    rest = _at_rest(crystal, model)
    for axis in ("a", "c"):
        yield axis, partial(_scan, rest, model, axis)


def _ase(crystal: Crystal, model: M3GNetModel) -> Jobs:
    for optimiser in (LBFGS, FIRE, BFGS):
        for keep in (True, False):
            name = f"{optimiser.__name__}, symmetry {'kept' if keep else 'free'}"
            yield name, partial(_by_ase, crystal, model, optimiser, keep=keep)


def _old_indices(crystal: Crystal, model: M3GNetModel) -> Jobs:
    rest = _at_rest(crystal, model)
    for name, one in (("file", crystal), ("relaxed, keep", rest)):
        yield name, partial(_in_the_old_way, partial(_energy, one, model))
    yield "FIRE, symmetry free", partial(_in_the_old_way, partial(_by_ase, crystal, model, FIRE, keep=False))


def _in_the_old_way(what: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    with old_indices():
        return what()


def _energy(crystal: Crystal, model: M3GNetModel) -> dict[str, Any]:
    return {"energy": float(_with_calculator(crystal, model).get_potential_energy())}


PARTS: dict[str, Callable[[Crystal, M3GNetModel], Jobs]] = {
    "start": _start,
    "relaxed": _relaxed,
    "strain": _strain,
    "old-indices": _old_indices,
    "perturbed": _perturbed,
    "ase": _ase,
}


def _ours(crystal: Crystal, model: M3GNetModel, symmetry: str) -> dict[str, Any]:
    (end,) = model.relax([crystal], RelaxSettings(fmax=FMAX, max_steps=500, symmetry=symmetry))
    row = {
        "energy": end.energy,
        "status": str(end.status),
        "steps": end.steps,
        "max_force": end.max_force,
        "reason": end.reason,
    }
    if end.crystal is None:
        return row
    return {**row, "group": end.crystal.space_group, **_geometry(end.crystal)}


def _at_rest(crystal: Crystal, model: M3GNetModel) -> Crystal:
    (end,) = model.relax([crystal], RelaxSettings(fmax=FMAX, max_steps=500, symmetry="keep"))
    assert end.crystal is not None
    return end.crystal


def _shaken(crystal: Crystal, shake: float, seed: int) -> Crystal:
    rng = np.random.default_rng(seed)
    lattice = crystal.lattice * (1 + rng.normal(0, shake / 5, size=(3, 1)))
    moved = crystal.frac_coords + rng.normal(0, shake, (crystal.num_atoms, 3)) @ np.linalg.inv(lattice)
    return Crystal.from_p1(crystal.composition, lattice, crystal.species, moved)


def _scan(rest: Crystal, model: M3GNetModel, axis: str) -> dict[str, Any]:
    """Energies along one lattice length; all fractional coordinates stay."""
    crystals = []
    for strain in STRAINS:
        cell = list(rest.cell)
        for index in (0, 1) if axis == "a" else (2,):
            cell[index] *= 1 + strain
        crystals.append(rest.with_parameters(cell, [site.free for site in rest.sites]))
    energies = [float(energy) for energy in model.energies(crystals)]
    return {"strains": STRAINS.round(6).tolist(), "energies": energies, "bonds": [_bonds(one) for one in crystals]}


def _bonds(crystal: Crystal) -> dict[str, int]:
    """Directed bonds per cell within the graph's cutoff of 5 Å and the three-body terms' of 4 Å."""
    structure = crystal.to_structure()
    return {f"{cutoff} A": sum(map(len, structure.get_all_neighbors(cutoff))) for cutoff in (4, 5)}


def _geometry(crystal: Crystal) -> dict[str, Any]:
    """The cell, bonds, and the distances that lie nearest to the cutoffs."""
    structure = crystal.to_structure()
    distances = sorted({round(n.nn_distance, 4) for near in structure.get_all_neighbors(5.4) for n in near})
    near = {f"near {cutoff} A": [d for d in distances if abs(d - cutoff) < 0.06] for cutoff in (4, 5)}
    return {"cell": [round(value, 4) for value in crystal.cell], "bonds": _bonds(crystal), **near}


def _with_calculator(crystal: Crystal, model: M3GNetModel) -> Any:
    atoms = atoms_of(crystal)
    atoms.calc = model.calculator
    return atoms


def _by_ase(crystal: Crystal, model: M3GNetModel, optimiser: Any, *, keep: bool) -> dict[str, Any]:
    atoms = _with_calculator(crystal, model)
    if keep:
        atoms.set_constraint(FixSymmetry(atoms, symprec=0.01))
    run = optimiser(FrechetCellFilter(atoms), logfile=None)
    converged = bool(run.run(fmax=FMAX, steps=500))
    end = Crystal.from_p1(crystal.composition, atoms.cell.array, crystal.species, atoms.get_scaled_positions())
    return {
        "energy": float(atoms.get_potential_energy()),
        "converged": converged,
        "steps": int(run.nsteps),
        **_geometry(end),
    }


@contextmanager
def old_indices() -> Iterator[None]:
    """M3GNet's three-body terms indexed as matgl did up to 4.0.3; angles stay right, as they were there."""
    make, angles = network_module.create_line_graph, network_module.compute_theta_and_phi
    right: list[torch.Tensor] = []

    def make_old(*arguments: Any, **named: Any) -> dict[str, torch.Tensor]:
        graph = make(*arguments, **named)
        right[:] = [graph["line_edge_index"]]
        place = torch.zeros(len(graph["bond_dist"]), dtype=torch.long)
        place[graph["kept_edge_ids"].long()] = torch.arange(len(graph["kept_edge_ids"]))
        return {**graph, "line_edge_index": place[graph["line_edge_index"].long()]}

    def right_angles(vectors: torch.Tensor, lengths: torch.Tensor, _: torch.Tensor) -> Any:
        return angles(vectors, lengths, right[0])

    network_module.create_line_graph, network_module.compute_theta_and_phi = make_old, right_angles
    try:
        yield
    finally:
        network_module.create_line_graph, network_module.compute_theta_and_phi = make, angles


if __name__ == "__main__":
    main()
