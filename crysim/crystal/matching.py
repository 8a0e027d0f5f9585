"""Whether a crystal is the one that was looked for: the paper's loose match and a strict one (section 4.3)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile

import numpy as np
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Structure

from crysim.crystal import Crystal
from crysim.crystal.identify import find_space_group

logger = logging.getLogger(__name__)

SYMPREC = 0.1
"""Å, the tolerance with which space groups of relaxed crystals are determined (the Materials Project's value)."""
_MIN_VOLUME = 1.0
"""Å³ per atom: what is denser is collapsed, and matches nothing."""
_MAX_VOLUME = 1000.0


def paper_matcher() -> StructureMatcher:
    """The matcher of section 4.3."""
    return StructureMatcher(stol=0.5, ltol=0.3, angle_tol=10.0)


def strict_matcher() -> StructureMatcher:
    """pymatgen's defaults: stol 0.3, ltol 0.2, 5°."""
    return StructureMatcher()


@dataclass(frozen=True)
class Match:
    """A crystal beside the reference.

    Attributes:
        displacement: root mean square displacement over atoms, in units of (volume per atom)^(1/3), by the paper's
            matcher; None if it finds no correspondence.
        strict: it matches within pymatgen's default tolerances too, and has the reference's space group.
    """

    displacement: float | None
    strict: bool

    @property
    def found(self) -> bool:
        """Whether the paper counts it as the ground truth."""
        return self.displacement is not None


NO_MATCH = Match(None, strict=False)


class ReferenceMatcher:
    """Compares crystals with one reference. Results are remembered by crystal."""

    def __init__(self, reference: Crystal | Structure, *, symprec: float = SYMPREC) -> None:
        self._reference = reference if isinstance(reference, Structure) else reference.to_structure()
        self._symprec = symprec
        self._paper = paper_matcher()
        self._strict = strict_matcher()
        self._known: dict[Crystal, Match] = {}

    @cached_property
    def space_group(self) -> int:
        """The reference's space group, found within the tolerance."""
        return find_space_group(self._reference, self._symprec)

    def match(self, crystal: Crystal) -> Match:
        """Compare a crystal with the reference; a crystal that cannot be compared matches nothing."""
        known = self._known.get(crystal)
        if known is None:
            known = self._known[crystal] = self._match(crystal)
        return known

    def _match(self, crystal: Crystal) -> Match:
        structure = comparable_structure(crystal)
        if structure is None or structure.composition.reduced_formula != self._reference.composition.reduced_formula:
            return NO_MATCH
        displacement = rms_displacement(self._paper, self._reference, structure)
        if displacement is None:
            return NO_MATCH
        strict = (
            find_space_group(structure, self._symprec) == self.space_group
            and rms_displacement(self._strict, self._reference, structure) is not None
        )
        return Match(displacement, strict)


def rms_displacement(matcher: StructureMatcher, first: Structure, second: Structure) -> float | None:
    """Normalised root mean square displacement between two structures, or None if they do not correspond."""
    try:
        distances = matcher.get_rms_dist(first, second)
    except (ValueError, IndexError, ArithmeticError, np.linalg.LinAlgError, MemoryError, RuntimeError) as error:
        # pymatgen gives up on some degenerate cells; such a cell is nobody's ground truth
        logger.warning("a structure could not be compared: %s: %s", type(error).__name__, error)
        return None
    return None if distances is None else float(distances[0])


def comparable_structure(crystal: Crystal) -> Structure | None:
    """The crystal as a pymatgen structure, or None if it is collapsed, torn apart or not finite."""
    lattice = np.asarray(crystal.lattice, dtype=np.float64)
    coordinates = np.asarray(crystal.frac_coords, dtype=np.float64)
    if not (np.isfinite(lattice).all() and np.isfinite(coordinates).all()):
        return None
    volume = abs(float(np.linalg.det(lattice))) / len(coordinates)
    if not _MIN_VOLUME <= volume <= _MAX_VOLUME:
        return None
    return crystal.to_structure()


def distinct(
    crystals: Sequence[Crystal],
    energies: Sequence[float],
    *,
    energy_tolerance: float = 0.005,
    volume_tolerance: float = 0.05,
) -> list[int]:
    """One index for each distinct crystal, lowest energy first.

    Two crystals are the same if their energies differ by at most ``energy_tolerance`` (eV per atom), their volumes by
    at most ``volume_tolerance`` (relative), and pymatgen's matcher with default tolerances, without rescaling of
    volumes, finds a correspondence. The first two are cheap, and spare most calls of the third.

    Args:
        crystals: ``[n]`` of one reduced formula, in cells of any size.
        energies: ``[n]`` eV per cell of each.
    """
    matcher = StructureMatcher(scale=False)
    kept: list[tuple[int, Structure, float]] = []

    def order(index: int) -> tuple[float, float, int]:
        return energies[index] / crystals[index].num_atoms, energies[index], index

    for index in sorted(range(len(crystals)), key=order):
        structure = comparable_structure(crystals[index])
        if structure is None:
            continue
        energy = energies[index] / len(structure)
        near = takewhile(lambda one: energy - one[2] <= energy_tolerance, reversed(kept))  # noqa: B023  (used at once)
        if not any(
            abs(structure.volume * len(other) - other.volume * len(structure))
            <= volume_tolerance * other.volume * len(structure)
            and rms_displacement(matcher, other, structure) is not None
            for _, other, _ in near
        ):
            kept.append((index, structure, energy))
    return [index for index, _, _ in kept]
