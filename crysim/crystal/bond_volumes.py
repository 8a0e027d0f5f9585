"""The volume at which the bonds of a structure have the lengths that its elements lead one to expect.

pymatgen's ``DLSVolumePredictor`` (Chu et al., Comput. Mater. Sci. 146, 184 (2018)) with its own parameters, to the same
volumes; it looks for the neighbours of each atom by itself and imports other predictors too, which takes 0.1 s for a
structure of 40 atoms and two seconds once.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from crysim.composition import Composition
from crysim.crystal.radii import spheres_volume

if TYPE_CHECKING:
    from pymatgen.core import Structure

FILLING = 0.55
"""Share of the cell that covalent spheres fill, for a first volume."""
LEAST, MOST = 0.5, 1.5
"""Between which one step changes the volume; there are two."""
RADII = (3.0, 5.0, 8.0)
"""Å within which bonds are looked for, the next where none so near may be the tightest."""
_FILE = "DLS_bond_params.yaml"


def predicted_volume(structure: Structure, composition: Composition) -> float:
    """The volume (Å³) at which a structure's tightest bond has its expected length.

    Args:
        structure: at any volume.
        composition: its atoms.
    """
    guess = spheres_volume(composition) / FILLING
    scaled = structure.copy()
    scaled.scale_lattice(guess)
    tightest = _tightest(scaled)
    if tightest is None:
        return guess
    factor = tightest**-3
    first = min(max(factor, LEAST), MOST)
    return guess * first * min(max(factor / first, LEAST), MOST)


def _tightest(structure: Structure) -> float | None:
    """The lowest ratio of a distance between two atoms and the expected one; None if no two are known and near."""
    spread = float(np.std([site.specie.X for site in structure]))
    elements = {site.specie.symbol: site.specie for site in structure}
    sized = {symbol: float(one.atomic_radius) for symbol, one in elements.items() if one.atomic_radius is not None}
    known = {symbol: r + k * spread for symbol, (r, k) in _parameters().items() if symbol in sized}
    expected = {
        (one, other): known[one] + known[other] if one in known and other in known else sized[one] + sized[other]
        for one in sized
        for other in sized
    }
    if not expected:
        return None
    species = [site.specie.symbol for site in structure]
    longest = max(expected.values())
    tightest = None
    for radius in RADII:
        centres, neighbours, _, distances = structure.get_neighbor_list(radius)
        ratios = [
            distance / expected[species[i], species[j]]
            for i, j, distance in zip(centres, neighbours, distances, strict=True)
            if species[i] in sized and species[j] in sized
        ]
        tightest = min(ratios, default=None)
        if tightest is not None and tightest * longest <= radius:
            break
    return tightest


@cache
def _parameters() -> Mapping[str, tuple[float, float]]:
    """Of elements: radius in Å, and what it changes by the spread of electronegativities."""
    for package in ("pymatgen.core", "pymatgen.analysis"):
        spec = find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            file = Path(folder) / "structure_prediction" / _FILE
            if file.is_file():
                from ruamel.yaml import YAML

                read = YAML(typ="safe").load(file.read_text())
                return {symbol: (float(one["r"]), float(one["k"])) for symbol, one in read.items()}
    from pymatgen.analysis.structure_prediction.volume_predictor import bond_params

    return {symbol: (float(one["r"]), float(one["k"])) for symbol, one in bond_params.items()}
