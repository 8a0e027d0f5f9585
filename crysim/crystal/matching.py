"""Whether a crystal is the one that was looked for: the paper's loose match and a strict one (section 4.3)."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from crysim.crystal import Crystal
from crysim.crystal.distinct import reduced_primitive
from crysim.crystal.identify import find_space_group
from crysim.crystal.validity import is_comparable

if TYPE_CHECKING:
    from pymatgen.analysis.structure_matcher import StructureMatcher
    from pymatgen.core import Structure

logger = logging.getLogger(__name__)

SYMPREC = 0.1
"""Å, the tolerance with which space groups of relaxed crystals are determined (the Materials Project's value)."""


def paper_matcher(*, reduce: bool = True) -> StructureMatcher:
    """The matcher of section 4.3; it reduces both cells by pymatgen's own means, or takes them as they are."""
    from crysim.crystal.remembering_matcher import RememberingMatcher

    return RememberingMatcher(stol=0.5, ltol=0.3, angle_tol=10.0, primitive_cell=reduce)


def strict_matcher(*, reduce: bool = True) -> StructureMatcher:
    """pymatgen's defaults: stol 0.3, ltol 0.2, 5°."""
    from crysim.crystal.remembering_matcher import RememberingMatcher

    return RememberingMatcher(primitive_cell=reduce)


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
        self._reference = reference.to_structure() if isinstance(reference, Crystal) else reference
        self._symprec = symprec
        self._paper, self._strict = paper_matcher(), strict_matcher()
        self._paper_as_is, self._strict_as_is = paper_matcher(reduce=False), strict_matcher(reduce=False)
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
        if not is_comparable(crystal):
            return NO_MATCH
        structure = crystal.to_structure()
        if structure.composition.reduced_formula != self._reference.composition.reduced_formula:
            return NO_MATCH
        displacement = rms_displacement(self._paper, self._reference, structure)
        if displacement is None:
            return self._match_primitive(structure)
        strict = (
            find_space_group(structure, self._symprec) == self.space_group
            and rms_displacement(self._strict, self._reference, structure) is not None
        )
        return Match(displacement, strict)

    def _match_primitive(self, structure: Structure) -> Match:
        """Compare the primitive cells that spglib finds, if the space groups are the same.

        pymatgen's own reduction takes atoms for images of one another that differ by less than 0.25 Å, in one cell of a
        crystal and not in another: the tilts of SrTiO3 in I4/mcm, 0.2 Å, vanish in its conventional cell and stay in
        its primitive one, and the crystal would not match itself.
        """
        if find_space_group(structure, self._symprec) != self.space_group:
            return NO_MATCH
        primitive = reduced_primitive(structure)
        if len(primitive) != len(self._primitive):
            return NO_MATCH
        displacement = rms_displacement(self._paper_as_is, self._primitive, primitive)
        if displacement is None:
            return NO_MATCH
        strict = rms_displacement(self._strict_as_is, self._primitive, primitive) is not None
        return Match(displacement, strict)

    @cached_property
    def _primitive(self) -> Structure:
        return reduced_primitive(self._reference)


def rms_displacement(matcher: StructureMatcher, first: Structure, second: Structure) -> float | None:
    """Normalised root mean square displacement between two structures, or None if they do not correspond."""
    try:
        distances = matcher.get_rms_dist(first, second)
    except (ValueError, IndexError, ArithmeticError, np.linalg.LinAlgError, MemoryError, RuntimeError) as error:
        # pymatgen gives up on some degenerate cells; such a cell is nobody's ground truth
        logger.warning("a structure could not be compared: %s: %s", type(error).__name__, error)
        return None
    return None if distances is None else float(distances[0])
