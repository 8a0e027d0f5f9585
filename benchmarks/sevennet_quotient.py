"""What SevenNet gains on the quotient: its own modules on representatives alone, against its calculator.

    python benchmarks/sevennet_quotient.py [--weights 0|l3i5] [--json FILE]

`docs/maths/quotient.md` says how. Features of a far atom are its representative's, rotated by Wigner matrices; the sum
over the bonds kept is projected on what the representative's site leaves alone. Neither of the package's networks
knows parity (their configuration says ``is_parity: false``: vectors are axial in them), so only proper rotations are
symmetries of theirs, and the quotient is by those. Seconds are CPU seconds of one thread for energy, forces and stress,
the least of several; both sides start from their lists of bonds.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import spglib
import torch
from ase import Atoms
from e3nn.o3 import Irrep, Irreps

from crysim.composition import Composition
from crysim.crystal.generation import RandomGenerator
from crysim.harness.systems import find_system
from crysim_energies.sevennet import SevenNetModel

REFERENCES = ("Ca4S4", "Ba3Na3Bi3", "Y6Co51", "Ca24Al16Si24O96")
RANDOM = (("Ca4S4", 2), ("Ca4S4", 14), ("Ca4S4", 62), ("Ca8S8", 19))
"""Formulas and space groups of random crystals: with and without improper operations, on general positions."""
SAME_POINT = 1e-3
SAME_VECTOR = 1e-4
"""Å."""
REPEATS = 3


@dataclass(frozen=True)
class Quotient:
    """A primitive cell's bonds by proper rotations; R representatives, U bonds, P operations.

    Attributes:
        representatives: atoms ``[R]``; multiplicities: of their orbits ``[R]``.
        center, far: orbits at a bond's ends ``[U]``; operation: takes the far representative to the bond's end.
        vectors: ``[U, 3]``, Å; count: bonds that each stands for ``[U]``.
        rotations: Cartesian, ``[P, 3, 3]``; site: ``[R, P]`` which operations fix each representative.
    """

    representatives: Any
    multiplicities: Any
    center: Any
    far: Any
    operation: Any
    vectors: Any
    count: Any
    rotations: Any
    site: Any


def operations(atoms: Atoms, *, proper: bool) -> tuple[Any, Any]:
    """Cartesian rotations ``[P, 3, 3]`` and the atom that each operation takes each atom to ``[P, n]``."""
    frac, lattice = atoms.get_scaled_positions(), atoms.cell.array
    symmetry = spglib.get_symmetry((lattice, frac, atoms.numbers), symprec=1e-4)
    rotations, translations = symmetry["rotations"], symmetry["translations"]
    if proper:
        kept = np.linalg.det(rotations) > 0
        rotations, translations = rotations[kept], translations[kept]
    images = np.einsum("pij,nj->pni", rotations, frac) + translations[:, None]
    apart = images[:, :, None] - frac[None, None]
    distances = np.linalg.norm((apart - np.rint(apart)) @ lattice, axis=-1)
    to = distances.argmin(axis=2)
    assert (np.take_along_axis(distances, to[..., None], 2) < SAME_POINT).all()
    cartesian = np.einsum("ij,pjk,kl->pil", lattice.T, rotations, np.linalg.inv(lattice.T))
    return cartesian, to


def fold(atoms: Atoms, edges: Any, vectors: Any) -> Quotient:
    """The bonds that leave representatives, one of each set that the site's group maps onto each other."""
    rotations, to = operations(atoms, proper=True)
    first = to.min(axis=0)
    representatives = np.unique(first)
    orbit = np.searchsorted(representatives, first)
    bringing = np.array([np.flatnonzero(to[:, first[j]] == j)[0] for j in range(len(atoms))])
    site = np.array([to[:, r] == r for r in representatives])
    kept, count = [], []
    for number, r in enumerate(representatives):
        left = list(np.flatnonzero(edges[0] == r))
        while left:
            bond = left[0]
            images = rotations[site[number]] @ vectors[bond]
            same = np.linalg.norm(vectors[left][:, None] - images[None], axis=2).min(axis=1) < SAME_VECTOR
            kept.append(bond)
            count.append(int(same.sum()))
            left = [b for b, equal in zip(left, same, strict=True) if not equal]
    far = edges[1][kept]
    return Quotient(
        representatives,
        np.bincount(orbit),
        orbit[edges[0][kept]],
        orbit[far],
        bringing[far],
        vectors[kept],
        np.array(count),
        rotations,
        site,
    )


def rotated(features: torch.Tensor, irreps: Irreps, matrices: dict[int, torch.Tensor]) -> torch.Tensor:
    """Features ``[n, irreps.dim]`` with each irrep turned by its matrices ``[n, 2l + 1, 2l + 1]``."""
    parts = []
    for (multiplicity, irrep), place in zip(irreps, irreps.slices(), strict=True):
        block = features[:, place].reshape(len(features), multiplicity, irrep.dim)
        turned = block if irrep.l == 0 else torch.einsum("nij,nmj->nmi", matrices[irrep.l], block)
        parts.append(turned.flatten(1))
    return torch.cat(parts, dim=1)


class QuotientSevenNet:
    """SevenNet on a quotient: energy, forces on all atoms, stress."""

    def __init__(self, model: Any, atoms: Atoms, quotient: Quotient, max_l: int) -> None:
        self._model, self._atoms, self._quotient = model, atoms, quotient
        rotations = torch.tensor(quotient.rotations)
        wigner = {l: Irrep(l, 1).D_from_matrix(rotations).float() for l in range(1, max_l + 1)}  # noqa: E741
        far, site = torch.tensor(quotient.operation), torch.tensor(quotient.site).float()
        share = site / site.sum(dim=1, keepdim=True)
        self._turn = {degree: matrices[far] for degree, matrices in wigner.items()}
        self._project = {degree: torch.einsum("rp,pij->rij", share, one) for degree, one in wigner.items()}
        self._center, self._far = torch.tensor(quotient.center), torch.tensor(quotient.far)
        self._count = torch.tensor(quotient.count).float()
        numbers = torch.tensor(atoms.numbers[quotient.representatives])
        self._species = model.z_to_onehot_tensor[numbers]
        self._multiplicities = torch.tensor(quotient.multiplicities).float()

    def energy(self, vectors: torch.Tensor) -> torch.Tensor:
        """eV per cell, differentiable in the vectors of the bonds ``[U, 3]``."""
        data: dict[str, Any] = {"x": self._species, "edge_vec": vectors, "batch": None}
        data["edge_index"] = torch.stack([self._center, self._far])
        for name, module in self._model._modules.items():
            if name.endswith("_convolution"):
                data["x"] = self._convolve(module, data)
            elif name in ("reduce_total_enegy", "force_output"):
                break
            else:
                data = module(data)
        energy: torch.Tensor = (data["atomic_energy"].reshape(-1) * self._multiplicities).sum()
        return energy

    def _convolve(self, module: Any, data: dict[str, Any]) -> torch.Tensor:
        given, made = (module.convolution_kwargs[key] for key in ("irreps_in1", "irreps_out"))
        weight = module.weight_nn(data["edge_embedding"])
        ends = rotated(data["x"].index_select(0, self._far), given, self._turn)
        messages = module.convolution(ends, data["edge_attr"], weight) * self._count[:, None]
        sums = messages.new_zeros(len(self._species), messages.shape[1]).index_add(0, self._center, messages)
        return rotated(sums, made, self._project) / module.denominator

    def evaluate(self) -> dict[str, Any]:
        """Energy (eV), forces ``[n, 3]`` (eV/Å) on all atoms and stress ``[3, 3]`` (eV/Å³)."""
        quotient = self._quotient
        vectors = torch.tensor(quotient.vectors, dtype=torch.float32, requires_grad=True)
        energy = self.energy(vectors)
        slopes = torch.autograd.grad(energy, vectors)[0].double().numpy()
        uphill = np.zeros((len(quotient.representatives), 3))
        np.add.at(uphill, quotient.center, -slopes)
        np.add.at(uphill, quotient.far, np.einsum("uji,uj->ui", quotient.rotations[quotient.operation], slopes))
        share = quotient.site / quotient.site.sum(axis=1, keepdims=True)
        mean = np.einsum("rp,pij->rij", share, quotient.rotations)
        forces = -np.einsum("rij,rj->ri", mean, uphill) / quotient.multiplicities[:, None]
        virial = np.einsum("ui,uj->ij", quotient.vectors, slopes)
        stress = np.einsum("pij,jk,plk->il", quotient.rotations, (virial + virial.T) / 2, quotient.rotations)
        return {
            "energy": float(energy),
            "forces": forces,
            "stress": stress / len(quotient.rotations) / self._atoms.cell.volume,
        }


def spread(values: Any, to: Any) -> float:
    """The largest difference of a value between atoms that operations ``[P, n]`` take to one another."""
    return float(np.abs(values[to] - values[None]).max())


def least(function: Any) -> tuple[float, Any]:
    """CPU seconds, the least of several, and what the function returns."""
    times, result = [], None
    for _ in range(REPEATS):
        began = time.process_time()
        result = function()
        times.append(time.process_time() - began)
    return min(times), result


def measure(calculator: Any, atoms: Atoms) -> dict[str, Any]:
    """One crystal's primitive cell on both sides."""
    from sevenn.train.dataload import unlabeled_atoms_to_graph

    graph = unlabeled_atoms_to_graph(atoms, calculator.cutoff)
    quotient = fold(atoms, graph["edge_index"], graph["edge_vec"])
    max_l = max(irrep.l for _, irrep in calculator.model._modules["1_convolution"].convolution_kwargs["irreps_out"])
    ours = QuotientSevenNet(calculator.model, atoms, quotient, max_l)
    seconds, found = least(ours.evaluate)
    seconds_full, _ = least(lambda: calculator.calculate(atoms, ["energy", "forces", "stress"]))
    full = calculator.results
    forces = full["forces"][quotient.representatives]
    voigt = found["stress"][[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]
    _, every = operations(atoms, proper=False)
    _, proper = operations(atoms, proper=True)
    return {
        "atoms": len(atoms),
        "bonds": int(graph["edge_index"].shape[1]),
        "operations": [len(every), len(proper)],
        "orbits": [len(np.unique(every.min(axis=0))), len(quotient.representatives)],
        "kept": len(quotient.count),
        "seconds": seconds,
        "seconds_full": seconds_full,
        "energy_apart": abs(found["energy"] - full["energy"]) / len(atoms),
        "forces_apart": float(np.abs(found["forces"] - forces).max()),
        "stress_apart": float(np.abs(voigt - full["stress"]).max()),
        "spread_proper": spread(full["energies"], proper),
        "spread_all": spread(full["energies"], every),
    }


def crystals() -> dict[str, Any]:
    """By name, the crystals that are measured, in primitive cells."""
    found = {name: find_system(name).reference for name in REFERENCES}
    for formula, group in RANDOM:
        generator = RandomGenerator(Composition.from_formula(formula), [group])
        found[f"random {formula}, group {group}"] = generator.sample(1, np.random.default_rng(group))[0]
    return {name: primitive(crystal) for name, crystal in found.items() if crystal is not None}


def primitive(crystal: Any) -> Atoms:
    """A crystal's primitive cell."""
    structure = crystal.to_structure()
    numbers = [site.specie.Z for site in structure]
    cell, frac, kinds = spglib.find_primitive((structure.lattice.matrix, structure.frac_coords, numbers), symprec=1e-4)
    return Atoms(numbers=kinds, scaled_positions=frac, cell=cell, pbc=True)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", choices=("0", "l3i5"), default="0")
    parser.add_argument("--json", type=Path, help="where results are kept, and taken up again")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    results: dict[str, Any] = {}
    if options.json and options.json.exists():
        results = json.loads(options.json.read_text())
    rows = results.setdefault(options.weights, {})
    calculator = SevenNetModel(weights=options.weights).calculator
    for name, atoms in crystals().items():
        if name not in rows:
            rows[name] = measure(calculator, atoms)
            if options.json:
                options.json.write_text(json.dumps(results, indent=1) + "\n")
    for weights, kept in results.items():
        print(f"\nSevenNet, weights {weights}: atoms and bonds of the primitive cell, orbits and bonds of the quotient")
        print(f"{'crystal':26}{'atoms':>6}{'bonds':>7}{'orbits':>7}{'bonds':>7}{'full s':>9}{'quot. s':>9}", end="")
        print(f"{'faster':>8}{'eV/atom':>10}{'eV/Å':>9}{'eV/Å³':>9}{'proper':>10}{'all':>9}")
        for name, row in kept.items():
            print(f"{name:26}{row['atoms']:6d}{row['bonds']:7d}{row['orbits'][1]:7d}{row['kept']:7d}", end="")
            print(
                f"{row['seconds_full']:9.3f}{row['seconds']:9.3f}{row['seconds_full'] / row['seconds']:7.1f}×", end=""
            )
            print(f"{row['energy_apart']:10.1e}", end="")
            print(f"{row['forces_apart']:9.1e}{row['stress_apart']:9.1e}", end="")
            print(f"{row['spread_proper']:10.1e}{row['spread_all']:9.1e}")
    print("proper, all: how far atomic energies of equivalent atoms are apart in sevenn's own evaluation, eV")


if __name__ == "__main__":
    main()
