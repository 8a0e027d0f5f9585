"""At which tolerance the space group of a relaxed crystal is found: what the potential's noise leaves of a symmetry.

    python benchmarks/symmetry_tolerance.py [--energy NAME] [--types N] [--atoms N] [--json FILE]

Structure types of the AFLOW library are relaxed in their own group. Then each one is distorted (every atom by up to
0.1 Å, the cell by up to 2 %), described in P1, and relaxed with nothing kept. Those that come back to the crystal that
they were distorted from (1 meV per atom, and pymatgen's matcher within a displacement of 0.05) say at which tolerances
spglib finds its group again. Crystals that go elsewhere say nothing of tolerances and are left out, counted.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from pymatgen.analysis.prototypes import AFLOW_PROTOTYPE_LIBRARY
from pymatgen.analysis.structure_matcher import StructureMatcher

from crysim.composition import Composition
from crysim.crystal import Crystal
from crysim.crystal.identify import find_space_group
from crysim.interfaces import RelaxSettings, RelaxStatus
from crysim.plugins import plugin_manager

TOLERANCES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 2e-2, 3e-2, 5e-2, 0.1, 0.2, 0.3)
"""Å."""
SHIFT, STRAIN = 0.1, 0.02


def main() -> None:
    """Relax, distort, relax again, and print the shares of groups found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--energy", default="m3gnet")
    parser.add_argument("--types", type=int, default=60, help="structure types, in the library's order")
    parser.add_argument("--atoms", type=int, default=10, help="the largest primitive cell")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    model = plugin_manager().build("energy", options.energy, {})
    rng = np.random.default_rng(10)
    rows: list[dict[str, object]] = []
    for entry in AFLOW_PROTOTYPE_LIBRARY:
        if len(rows) == options.types:
            break
        structure = entry["snl"].structure.copy()
        structure.remove_oxidation_states()
        if not 2 <= len(structure) <= options.atoms or find_space_group(structure) < 3:
            continue
        kept = model.relax([Crystal.from_structure(structure)], RelaxSettings(symmetry="keep"))[0]
        if kept.status is not RelaxStatus.RELAXED or kept.crystal is None:
            continue
        primitive = kept.crystal.to_structure().get_primitive_structure()
        lattice = primitive.lattice.matrix @ (np.eye(3) + rng.uniform(-STRAIN, STRAIN, (3, 3)))
        moved = primitive.frac_coords + rng.uniform(-SHIFT, SHIFT, (len(primitive), 3)) @ np.linalg.inv(lattice)
        species = [site.specie.symbol for site in primitive]
        counts = Counter(species)
        start = Crystal.from_p1(Composition(tuple(counts), tuple(counts.values())), lattice, species, moved)
        end = model.relax([start], RelaxSettings(symmetry="release"))[0]
        row: dict[str, object] = {
            "type": entry["tags"]["aflow"],
            "formula": structure.composition.reduced_formula,
            "group": kept.crystal.space_group,
            "status": str(end.status),
        }
        if end.crystal is not None and end.energy is not None and kept.energy is not None:
            relaxed = end.crystal.to_structure()
            rms = StructureMatcher(scale=False).get_rms_dist(primitive, relaxed)
            row["above"] = above = end.energy / end.crystal.num_atoms - kept.energy / kept.crystal.num_atoms
            row["rms"] = None if rms is None else float(rms[0])
            near = rms is not None and rms[0] < 0.05
            row["came_back"] = bool(abs(above) < 1e-3 and near)
            row["groups"] = {f"{t:g}": find_space_group(relaxed, t) for t in TOLERANCES}
        rows.append(row)
        print(json.dumps(row), flush=True)
    report(rows)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


def report(rows: list[dict[str, object]]) -> None:
    """Print, by tolerance, how many of those that came back have their group, a lower or a higher one."""
    back = [row for row in rows if row.get("came_back")]
    print(f"{len(back)} of {len(rows)} came back")
    for tolerance in TOLERANCES:
        found = [(row["groups"][f"{tolerance:g}"], row["group"]) for row in back]  # type: ignore[index]
        same = sum(a == b for a, b in found)
        other = Counter("lower" if a < b else "higher" for a, b in found if a != b)
        print(f"{tolerance:8g} Å: {same} right, {other['lower']} lower, {other['higher']} higher")


if __name__ == "__main__":
    main()
