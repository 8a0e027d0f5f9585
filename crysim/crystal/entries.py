"""Crystals as they stand in our data files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crysim.composition import Composition
from crysim.crystal.crystal import Crystal
from crysim.crystal.site import Site
from crysim.symmetry.groups import space_group


def crystal_of_entry(composition: Composition, entry: Mapping[str, Any]) -> Crystal:
    """The crystal of an entry of our data: ``space_group``, ``cell``, and ``sites`` of element, letter, coordinates."""
    position = space_group(entry["space_group"]).position_by_letter
    sites = tuple(Site(element, position(letter), tuple(free)) for element, letter, *free in entry["sites"])
    return Crystal(composition, entry["space_group"], tuple(entry["cell"]), sites)
