"""Space groups, crystal systems, Wyckoff positions and the ways to fill them."""

from crysim.symmetry.cells import (
    CELL_PARAMETERS,
    Cell,
    cell_from_lattice,
    free_cell_parameters,
    impose_cell,
    lattice_from_cell,
    open_cell,
    volume_factor,
)
from crysim.symmetry.combinations import (
    CombinationOrder,
    WyckoffCombinations,
    compatible_space_groups,
    count_combinations,
    smallest_fitting_units,
)
from crysim.symmetry.counting import Combination
from crysim.symmetry.frequencies import materials_by_space_group, space_group_frequencies
from crysim.symmetry.groups import (
    CRYSTAL_SYSTEMS,
    SpaceGroup,
    WyckoffPosition,
    crystal_system,
    space_group,
    space_group_number,
)

__all__ = [
    "CELL_PARAMETERS",
    "CRYSTAL_SYSTEMS",
    "Cell",
    "Combination",
    "CombinationOrder",
    "SpaceGroup",
    "WyckoffCombinations",
    "WyckoffPosition",
    "cell_from_lattice",
    "compatible_space_groups",
    "count_combinations",
    "crystal_system",
    "free_cell_parameters",
    "impose_cell",
    "lattice_from_cell",
    "materials_by_space_group",
    "open_cell",
    "smallest_fitting_units",
    "space_group",
    "space_group_frequencies",
    "space_group_number",
    "volume_factor",
]
