"""How fast and how truly `crysim.crystal.distinct` sorts many relaxed crystals: 10,000 of them on one core.

    python benchmarks/distinct.py [--crystals N] [--energy NAME] [--relaxed FILE] [--quick]

Random crystals of several contents are relaxed in their group, without any tidying (--relaxed keeps them for the next
time). Copies of them up to the number asked for are then put into other settings: a random unimodular change of axes,
one in three a supercell, atoms moved by up to 0.01 Å and the cell by as much, the energy by up to 0.2 meV per atom,
described in P1. A copy that becomes a row of its own is a false split. Two relaxed crystals in one row are a false
merge if pymatgen's matcher (primitive cells, volumes not rescaled, energies and volumes as near as our rules ask) says
that they differ; two rows that it says are one are a missed merge.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np

from crysim.composition import Composition
from crysim.crystal import Crystal
from crysim.crystal.distinct import DistinctCrystals
from crysim.crystal.matching import rms_displacement
from crysim.harness.spec import PartSpec, build_energy
from crysim.interfaces import Problem, RelaxSettings, RelaxStatus
from crysim_baselines.packed_random import PackedGenerator

CONTENTS = ("Na1Cl1", "Na2Cl2", "Na4Cl4", "Si2O4", "Si4O8", "Ti2O4", "Ti4O8", "Zn4S4", "C4", "C8", "Al4O6", "Mg2Al4O8",
            "Sr2Ti2O6", "Ca4N2", "Y2Co10")  # fmt: skip
NOISE, ENERGY_NOISE = 0.01, 0.0002


def main() -> None:
    """Make the crystals, sort them, count the errors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--crystals", type=int, default=10_000)
    parser.add_argument("--each", type=int, default=60, help="random crystals relaxed of each content")
    parser.add_argument("--energy", default="chgnet")
    parser.add_argument("--relaxed", type=Path, help="where relaxed crystals are kept, and taken up again")
    parser.add_argument("--quick", action="store_true", help="500 crystals of two contents")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    contents = CONTENTS[:3] if options.quick else CONTENTS
    if options.quick:
        options.crystals = 500
    if options.relaxed and options.relaxed.exists():
        records = json.loads(options.relaxed.read_text())
    else:
        records = relaxed_crystals(contents, options.each, options.energy)
        if options.relaxed:
            options.relaxed.write_text(json.dumps(records))
    found = [(Crystal.from_dict(record["crystal"]), float(record["energy"])) for record in records]
    print(f"{len(found)} relaxed crystals of {len(contents)} contents")
    sort(found, options.crystals)


def relaxed_crystals(contents: tuple[str, ...], each: int, energy: str) -> list[dict[str, object]]:
    """Random crystals after relaxation, with their energies, eV per cell."""
    model = build_energy(PartSpec(energy))
    records: list[dict[str, object]] = []
    for formula in contents:
        generator = PackedGenerator(Problem(Composition.from_formula(formula), 0))
        rng = np.random.default_rng(3)
        for start in range(0, each, 10):
            crystals = [generator.draw(rng) for _ in range(min(10, each - start))]
            ends = model.relax(crystals, RelaxSettings(symmetry="keep", num_frames=0, max_steps=200))
            records += [
                {"crystal": end.crystal.to_dict(), "energy": end.energy}
                for end in ends
                if end.status is not RelaxStatus.FAILED and end.crystal is not None
            ]
        print(f"{formula}: {len(records)} so far", flush=True)
    return records


def sort(found: list[tuple[Crystal, float]], wanted: int) -> None:
    """Sort the crystals and their copies; print seconds and errors."""
    rng = np.random.default_rng(1)
    copies = [(i, *spoilt(*found[i], rng)) for i in rng.integers(len(found), size=max(0, wanted - len(found)))]
    warm = DistinctCrystals()
    for crystal, energy in found[:2]:
        warm.add(crystal, energy)
    rows = DistinctCrystals()
    began = time.process_time()
    own = [rows.add(crystal, energy) for crystal, energy in found]
    first = time.process_time() - began
    calls = rows.num_matched
    copied = [(i, rows.add(crystal, energy)) for i, crystal, energy in copies]
    seconds = time.process_time() - began
    print(f"{len(found)} relaxed: {first:.1f} s, {len(set(own))} rows, {calls} calls of the matcher")
    print(
        f"{len(found) + len(copies)} in all: {seconds:.1f} s, {len(rows)} rows, {rows.num_matched} calls of the matcher"
    )
    splits = sum(row != own[i] for i, row in copied)
    print(f"false splits: {splits} of {len(copies)} copies in another row than what they were made of")
    check_merges(found, own)


def spoilt(crystal: Crystal, energy: float, rng: np.random.Generator) -> tuple[Crystal, float]:
    """A crystal in another cell with noise, in P1, and its energy there."""
    structure = crystal.to_structure()
    axes = np.eye(3, dtype=int)
    for _ in range(2):
        i, j = rng.choice(3, 2, replace=False)
        axes[i] += int(rng.choice([-1, 1])) * axes[j]
    if rng.random() < 1 / 3:
        axes[int(rng.integers(3))] *= 2
    structure.make_supercell(axes)
    lattice = structure.lattice.matrix + rng.uniform(-NOISE, NOISE, (3, 3))
    coords = structure.frac_coords + rng.uniform(-NOISE, NOISE, (len(structure), 3)) @ np.linalg.inv(lattice)
    species = [site.specie.symbol for site in structure]
    elements = crystal.composition.elements
    composition = Composition(elements, tuple(species.count(element) for element in elements))
    per_atom = energy / crystal.num_atoms + float(rng.uniform(-ENERGY_NOISE, ENERGY_NOISE))
    return Crystal.from_p1(composition, lattice, species, coords), per_atom * len(species)


def check_merges(found: list[tuple[Crystal, float]], own: list[int]) -> None:
    """Compare pairs of relaxed crystals near in energy and volume with what the matcher alone says."""
    from pymatgen.analysis.structure_matcher import StructureMatcher

    matcher = StructureMatcher(scale=False)
    structures = [crystal.to_structure() for crystal, _ in found]
    heads: dict[int, int] = {}
    false, together, missed, apart = 0, 0, 0, 0
    for i, (crystal, energy) in enumerate(found):
        for head_row, j in heads.items():
            other, other_energy = found[j]
            same_row = head_row == own[i]
            if other.composition.reduced_formula != crystal.composition.reduced_formula:
                continue
            near = abs(energy / crystal.num_atoms - other_energy / other.num_atoms) <= 0.005
            volumes = crystal.volume / crystal.num_atoms, other.volume / other.num_atoms
            if not near or abs(volumes[0] - volumes[1]) > 0.05 * volumes[1]:
                continue
            matches = rms_displacement(matcher, structures[j], structures[i]) is not None
            together += same_row
            apart += not same_row
            false += same_row and not matches
            missed += matches and not same_row
        heads.setdefault(own[i], i)
    print(f"false merges: {false} of {together} crystals in a row that the matcher says are not its first one")
    print(f"missed merges: {missed} of {apart} pairs, near in energy and volume, that the matcher says are one")


if __name__ == "__main__":
    main()
