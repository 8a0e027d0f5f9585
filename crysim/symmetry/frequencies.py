"""How often nature uses each space group: a table of counts of inorganic materials (its source stands in the file)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from crysim.symmetry.tables import NUM_SPACE_GROUPS

_FILE = "space_group_frequencies.csv"


@cache
def materials_by_space_group() -> Mapping[int, int]:
    """The materials of each of the 230 space groups, as the table has them; 60 groups have none."""
    lines = files("crysim").joinpath("data", _FILE).read_text(encoding="utf-8").splitlines()
    rows = [line.split(",") for line in lines if line[:1].isdigit()]
    return MappingProxyType({int(number): int(count) for number, count in rows})


@cache
def space_group_frequencies() -> Mapping[int, float]:
    """The share of each space group; one material is added to every group, so that none has a share of zero."""
    counts = materials_by_space_group()
    total = sum(counts.values()) + NUM_SPACE_GROUPS
    return MappingProxyType({number: (count + 1) / total for number, count in counts.items()})
