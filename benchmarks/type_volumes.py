"""How well the volume of a formula in a structure type is predicted.

    python benchmarks/type_volumes.py [--out results/types]

The compounds of type_order.py in the types that they have, each relaxed with M3GNet within its group from 0.8, 1 and
1.25 times the volume that pymatgen predicts from bonds; the volume of the lowest end is taken for the true one.
Compared are volumes between that prediction and the type's own volume, as much larger as the covalent spheres put in
its places (`crysim.crystal.prototypes.OWN_VOLUME` is the share of the second).
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np
from type_order import compounds

from crysim.analysis.tables import Column, Table
from crysim.crystal import Crystal, prototypes
from crysim.crystal.packing import scaled
from crysim.crystal.prototypes import filled
from crysim.harness.loop import limit_threads
from crysim.interfaces import RelaxSettings
from crysim.plugins import plugin_manager

SHARES = (0.0, 0.3, 0.4, 0.5, 0.6, 1.0)
STARTS = (0.8, 1.0, 1.25)
BATCH = 48
OFF = 0.3


def main() -> None:
    """Relax every compound, and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("results/types"))
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    limit_threads(1)
    known = [(one, right) for one, right in compounds() if right is not None]
    bonds, own = (_starts(known, share) for share in (0.0, 1.0))
    true = _true_volumes(bonds)
    errors = {
        share: np.log([b.volume ** (1 - share) * o.volume**share / t for b, o, t in zip(bonds, own, true, strict=True)])
        for share in SHARES
    }
    columns = (
        Column("share", "share of the type's own", "g"),
        Column("median", "median error (%)", ".1f"),
        Column("nine", "nine in ten are within (%)", ".0f"),
        Column("off", f"more than {OFF:.0%} off", "d"),
    )
    rows = tuple(
        {
            "share": share,
            "median": 100 * float(np.median(np.expm1(np.abs(error)))),
            "nine": 100 * float(np.quantile(np.expm1(np.abs(error)), 0.9)),
            "off": int(np.sum(np.expm1(np.abs(error)) > OFF)),
        }
        for share, error in errors.items()
    )
    table = Table("Volumes of compounds in their structure types", columns, rows, (f"{len(true)} compounds",))
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "volumes.md").write_text(table.to_markdown() + "\n")
    print(table.to_markdown())


def _starts(known, share: float) -> list[Crystal]:
    """The compounds in their types, their volumes between the two predictions."""
    prototypes.OWN_VOLUME = share
    return [filled(right, unit).crystal for unit, right in known]


def _true_volumes(crystals: list[Crystal]) -> list[float]:
    model = plugin_manager().build("energy", "m3gnet")
    settings = RelaxSettings(fmax=0.03, max_steps=200, symmetry="keep", num_frames=1)
    starts = [scaled(crystal, factor ** (1 / 3)) for crystal in crystals for factor in STARTS]
    ends = [end for i in range(0, len(starts), BATCH) for end in model.relax(starts[i : i + BATCH], settings)]
    volumes = []
    for i in range(len(crystals)):
        mine = [end for end in ends[len(STARTS) * i : len(STARTS) * (i + 1)] if end.crystal is not None]
        lowest = min(mine, key=lambda end: end.energy)
        volumes.append(lowest.crystal.volume)
    return volumes


if __name__ == "__main__":
    main()
