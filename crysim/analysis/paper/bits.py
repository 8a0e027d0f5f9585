"""Table S12: how many bits the encoder needs, by segment, beside the paper's numbers."""

from __future__ import annotations

from collections.abc import Sequence

from crysim.analysis.paper import values as paper
from crysim.analysis.tables import Column, Table, Value
from crysim.crystal.generation import RandomGenerator
from crysim.harness.systems import builtin_systems
from crysim.interfaces import derive_rng
from crysim.plugins import plugin_manager

RESOLUTIONS = (5, 7, 9, 12, 15)
_SEGMENTS = {
    "lattice_length": "a",
    "lattice_angle": "alpha",
    "crystal_system": "crystal-system",
    "space_group": "space-group",
    "combination": "combinations",
}


def bits_table(systems: Sequence[str], title: str, num_initial: int = 1000, seed: int = 0) -> Table:
    """Bits of each segment with the encoder ``crysim``, fitted to random crystals.

    Args:
        systems: built-in names.
        title: of the table.
        num_initial: random crystals.
        seed: of these.
    """
    printed = {(b.system, b.g): b for b in paper.bit_counts()}
    rows: list[dict[str, Value]] = []
    for name in systems:
        composition = builtin_systems()[name].composition
        crystals = RandomGenerator(composition).sample(num_initial, derive_rng(seed, "initial"))
        for g in RESOLUTIONS:
            if max(composition.counts) > g**3:
                rows.append({"system": name, "g": g, **_theirs(printed.get((name, g)))})
                continue
            encoder = plugin_manager().build("encoder", "crysim", {"grid_resolution": g})
            encoder.fit(crystals)
            sizes = {group.name: group.size for group in encoder.groups}
            ours: dict[str, Value] = {key: sizes[segment] for key, segment in _SEGMENTS.items()}
            ours |= {"positions": sizes[f"grid-{composition.elements[0]}"], "total": encoder.num_bits}
            rows.append({"system": name, "g": g, **ours, **_theirs(printed.get((name, g)))})
    columns = [Column("system", "system", formula=True), Column("g", "g")]
    headings = {**{key: key.replace("_", " ") for key in _SEGMENTS}, "positions": "positions", "total": "total"}
    for key, heading in headings.items():
        columns += [Column(key, heading), Column(f"paper_{key}", "paper")]
    notes = (
        "lattice length: bits of each of a, b, c; lattice angle: of each angle; positions: of each element",
        "lattice lengths follow from the random crystals, and so may differ from the paper's",
    )
    return Table(title, tuple(columns), tuple(rows), notes)


def _theirs(count: paper.BitCount | None) -> dict[str, Value]:
    if count is None:
        return {}
    return {f"paper_{key}": getattr(count, key) for key in (*_SEGMENTS, "positions", "total")}
