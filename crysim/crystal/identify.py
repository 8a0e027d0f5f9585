"""From a structure of bare atoms to a crystal: spglib finds the symmetry, the tables name the sites."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from crysim.arrays import Floats
from crysim.composition import ATOMIC_NUMBERS, SYMBOLS, Composition, Contents
from crysim.crystal.site import Site, wrap
from crysim.errors import InputError
from crysim.symmetry.cells import cell_from_lattice, impose_cell
from crysim.symmetry.groups import SpaceGroup, space_group

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from crysim.crystal.crystal import Crystal

Cell = tuple[Floats, Floats, list[int]]
"""Lattice ``[3, 3]``, fractional coordinates ``[n, 3]`` and atomic numbers ``[n]``."""


MIN_CELL_VOLUME = 1e-3
"""Å^3: a smaller cell holds no atom."""
_ALIKE = 1e-9
"""Å: deviations that differ by less are alike, and the first description is taken."""


def find_space_group(structure: Structure, symprec: float = 0.01) -> int:
    """The number of a structure's space group within a tolerance of ``symprec`` Å; 1 if spglib finds none."""
    dataset = _dataset(spglib_cell(structure), symprec)
    return 1 if dataset is None else int(dataset.number)


def symmetry_dataset(structure: Structure, symprec: float = 0.01, hall_number: int = 0) -> Any:
    """What spglib finds of a structure's symmetry in a setting (0: the standard one); None if it finds none."""
    return _dataset(spglib_cell(structure), symprec, hall_number)


def crystal_from_structure(
    cls: type[Crystal],
    structure: Structure,
    symprec: float = 0.01,
    composition: Composition | Contents | None = None,
) -> Crystal:
    """The crystal of a structure, in the conventional cell of its space group's standard setting.

    The conventional cell may hold more or fewer atoms than the structure (a primitive or a super cell was given).
    With a ``composition`` the crystal has exactly that one, or holds those contents: where the conventional cell holds
    another number of atoms, the structure's own cell is described in P1. A structure without symmetry, translations
    within its cell included, is P1 in its own cell.

    Args:
        cls: of crystals, so that this module need not import what calls it (`Crystal.from_structure`).
        structure: ordered, every site one element.
        symprec: tolerance of spglib, Å.
        composition: atoms per conventional cell wanted, or contents of either cell, and the order of the elements;
            None: the conventional cell's, elements in the order in which they first appear.

    Raises:
        InputError: a disordered structure, one whose cell does not hold the composition, or whose coordinates or cell
            vectors are not finite.
    """
    species = _species(structure)
    elements = tuple(dict.fromkeys(species)) if composition is None else composition.elements
    own = _composition(species, elements)
    crystal = None
    lattice, coords, numbers = spglib_cell(structure)
    found = _dataset((lattice, coords, numbers), symprec)
    if found is not None and (found.number > 1 or len(set(found.mapping_to_primitive)) < len(species)):
        group = space_group(int(found.number))
        dataset = _dataset((lattice, coords, numbers), symprec, group.hall_number)
        if dataset is not None:
            standard = [SYMBOLS[z - 1] for z in dataset.std_types]
            crystal = _identify(
                cls,
                _composition(standard, elements),
                group,
                dataset.std_lattice,
                dataset.std_positions,
                standard,
                symprec,
            )
    wanted = None if composition is None else Contents.of(composition)
    if crystal is not None and (wanted is None or wanted.held_by(crystal)):
        return crystal
    if wanted is not None and wanted.composition != own:
        raise InputError(f"the structure's cell holds {own}, not {wanted.composition}")
    return cls.from_p1(own, structure.lattice.matrix, species, structure.frac_coords)


def _species(structure: Structure) -> list[str]:
    if not structure.is_ordered:
        raise InputError("the structure is disordered: every site must hold one element")
    return [site.specie.symbol for site in structure]


def _composition(species: Iterable[str], elements: tuple[str, ...]) -> Composition:
    counts = dict.fromkeys(elements, 0)
    for symbol in species:
        if symbol not in counts:
            raise InputError(f"the structure holds {symbol}, which is not among {', '.join(elements)}")
        counts[symbol] += 1
    return Composition(elements, tuple(counts.values()))


def spglib_cell(structure: Structure) -> Cell:
    """A structure as spglib takes it."""
    numbers = [ATOMIC_NUMBERS[symbol] for symbol in _species(structure)]
    # spglib crashes on what is no number, and takes the whole process with it
    if not np.isfinite(structure.lattice.matrix).all():
        raise InputError("not all of the cell's vectors are numbers")
    if not np.isfinite(structure.frac_coords).all():
        raise InputError("not all coordinates are numbers")
    if not abs(np.linalg.det(structure.lattice.matrix)) > MIN_CELL_VOLUME:
        raise InputError("the cell's vectors span no volume")
    return np.array(structure.lattice.matrix), np.array(structure.frac_coords), numbers


def quiet_spglib() -> Any:
    """spglib, which else writes on stderr what it could not find within a tolerance, past every filter of Python's."""
    os.environ.setdefault("SPGLIB_WARNING", "OFF")
    import spglib

    return spglib


def _dataset(cell: Cell, symprec: float, hall_number: int = 0):  # type: ignore[no-untyped-def]
    """What spglib finds; None where it finds nothing."""
    spglib = quiet_spglib()
    try:
        return spglib.get_symmetry_dataset(cell, symprec=symprec, hall_number=hall_number)
    except spglib.SpglibError:  # atoms too close together, or nothing found
        return None


def _identify(
    cls: type[Crystal],
    composition: Composition,
    group: SpaceGroup,
    lattice: Floats,
    coords: Floats,
    species: list[str],
    symprec: float,
) -> Crystal | None:
    """Name the Wyckoff sites of a standardised cell; None if the tables describe it in no way."""
    tolerance = max(3.0 * symprec, 1e-3)
    rotations, translations = group.operations
    open_atoms = set(range(len(coords)))
    sites: dict[str, list[Site]] = {element: [] for element in composition.elements}
    while open_atoms:
        atom = min(open_atoms)
        images = rotations @ coords[atom] + translations
        same = np.array([i for i in open_atoms if species[i] == species[atom]])
        near = _distances(images[:, None] - coords[None, same], lattice) < tolerance
        if not near.any(axis=1).all():
            return None
        orbit = same[near.any(axis=0)]
        site = _site(species[atom], group, coords[orbit], lattice, tolerance)
        if site is None:
            return None
        sites[species[atom]].append(site)
        open_atoms.difference_update(int(i) for i in orbit)
    ordered = [s for element in composition.elements for s in sorted(sites[element], key=lambda s: s.position)]
    cell = impose_cell(group.crystal_system, cell_from_lattice(lattice))
    a, b, c, alpha, beta, gamma = (float(v) for v in cell)
    try:
        return cls(composition, group.number, (a, b, c, alpha, beta, gamma), tuple(ordered))
    except InputError:  # two atoms of one fixed position: closer than the tolerance
        return None


def _site(element: str, group: SpaceGroup, orbit: Floats, lattice: Floats, tolerance: float) -> Site | None:
    """The position and the free coordinates that make an orbit ``[m, 3]``, with the least deviation."""
    best: tuple[float, Site] | None = None
    for index, position in enumerate(group.positions):
        if position.multiplicity != len(orbit):
            continue
        # A free coordinate stands in its own row of the representative, with a factor 1 or -1.
        factors = position.matrices[0][position.axes, range(position.dof)]
        for point in orbit:
            free = wrap((point - position.offsets[0])[list(position.axes)] / factors)
            images = position.coordinates(free)
            if _distances(images[0] - orbit, lattice).min() >= tolerance:  # as for most points of a special position
                continue
            deviation = _distances(images[:, None] - orbit[None], lattice)
            worst = float(max(deviation.min(axis=0).max(), deviation.min(axis=1).max()))
            if worst < tolerance and (best is None or worst < best[0] - _ALIKE):
                best = worst, Site(element, index, tuple(float(v) for v in free))
                if worst <= _ALIKE:
                    return best[1]
    return None if best is None else best[1]


def _distances(differences: Floats, lattice: Floats) -> Floats:
    """Lengths in Å of fractional differences ``[..., 3]`` that are nearly whole, taken at the nearest whole."""
    rest = differences - np.rint(differences)
    return np.asarray(np.linalg.norm(rest @ lattice, axis=-1))
