"""Crystals: their symmetry-reduced form, where they come from and how two of them compare.

In the modules: `crystal` (the value itself), `identify` (from bare atoms to a crystal), `identity`
and `structure_types` (what a relaxed crystal is: group, standard cells, type), `files` (structure files),
`generation` (random crystals), `min_distances`, `placement` and `distances` (how far atoms keep apart), `matching`
(whether two crystals are the same), `bonding` and `validity` (what lies apart, has flown apart or collapsed), `radii`.
"""

from crysim.crystal.crystal import Crystal, shortest_distances
from crysim.crystal.min_distances import MinDistances, PairDistances, default_min_distance
from crysim.crystal.site import Site, wrap

__all__ = ["Crystal", "MinDistances", "PairDistances", "Site", "default_min_distance", "shortest_distances", "wrap"]
