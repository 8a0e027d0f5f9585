"""Structure types: their names, a crystal of each, and which one a crystal is of.

The AFLOW library that pymatgen ships (`crysim.crystal.aflow_library`), 288 types, and others beside them that M3GNet
holds together: those of the AFLOW Encyclopedia of Crystallographic Prototypes, parts 1 to 3 (Mehl et al., Comput.
Mater. Sci. 136, S1 (2017); Hicks et al., 161, S1 (2019) and 199, 110450 (2021)), and some from the literature. Their
crystals, and those of pymatgen's that M3GNet holds together, are ours: relaxed by ``benchmarks/make_types.py`` into
``data/structure_types.jsonl``. So are a few whose crystal in pymatgen is none, with atoms in each other's cores.

pymatgen's own matcher compares a crystal with all types; here only those of the same proportions, space group (mirror
images count as one) and atoms per primitive cell are compared, and the closest is taken.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from crysim.composition import Composition, centring_factor
from crysim.crystal.aflow_library import read_library

if TYPE_CHECKING:
    from pymatgen.core import Structure

MIRRORED = {
    78: 76, 95: 91, 96: 92, 145: 144, 153: 151, 154: 152, 170: 169, 172: 171, 179: 178, 181: 180, 213: 212,
}  # fmt: skip
"""The second of each enantiomorphic pair of space groups, to the first: one structure type has crystals in both."""
LENGTH, SITE, ANGLE = 0.2, 0.2, 5.0
"""How far a crystal may be from its type's: relative lengths, displacement over (volume per atom)^(1/3), degrees.
pymatgen's matcher allows 0.3 for the second, under which isopointal crystals of another coordination pass."""


@dataclass(frozen=True)
class StructureType:
    """A structure type.

    Attributes:
        label: AFLOW's, ``AB_cF8_225_a_b``.
        strukturbericht: ``B1``; empty if it has none.
        name: the mineral's or the usual one, ``Halite``; where there is none the formula of the type's crystal.
        formula: of the type's crystal, ``NaCl``.
        space_group: number.
        atoms: of each element in the primitive cell of the type's crystal.
    """

    label: str
    strukturbericht: str
    name: str
    formula: str
    space_group: int
    atoms: Mapping[str, int] = field(repr=False, compare=False)
    _make: Callable[[], Structure] = field(repr=False, compare=False)

    @property
    def title(self) -> str:
        """Name and Strukturbericht, ``Halite (B1)``."""
        return f"{self.name} ({self.strukturbericht})" if self.strukturbericht else self.name

    @cached_property
    def structure(self) -> Structure:
        """The type's crystal, in its primitive cell."""
        return self._make()

    @property
    def num_atoms(self) -> int:
        """Atoms per primitive cell."""
        return sum(self.atoms.values())


@cache
def structure_types() -> tuple[StructureType, ...]:
    """All types: those of pymatgen's library first.

    Raises:
        CrysimError: the installed pymatgen has no such library.
    """
    own = {(one.label, one.name): one for one in _own_types()}
    library = [own.pop((one.label, one.name), one) for one in library_types()]
    return (*library, *own.values())


@cache
def library_types() -> tuple[StructureType, ...]:
    """Those of pymatgen's AFLOW library, in its order.

    Raises:
        CrysimError: the installed pymatgen has none.
    """
    return tuple(
        StructureType(
            entry["label"],
            entry["strukturbericht"],
            entry["name"],
            entry["formula"],
            int(entry["label"].split("_")[2]),
            entry["atoms"],
            partial(_from_pymatgen, entry["structure"]),
        )
        for entry in read_library()
    )


def find_structure_type(primitive: Structure, space_group: int, *, own: bool = True) -> StructureType | None:
    """The structure type of a crystal, whatever its elements; None if there is none.

    Args:
        primitive: the crystal's primitive cell.
        space_group: its number.
        own: whether it is looked for among ours too, and not only in pymatgen's library.
    """
    counts = tuple(sorted(primitive.composition.get_el_amt_dict().values()))
    candidates = _by_key(own).get((mirror(space_group), tuple(int(n) for n in counts)), ())
    if not candidates:
        return None
    from pymatgen.analysis.structure_matcher import StructureMatcher

    matcher = StructureMatcher(ltol=LENGTH, stol=SITE, angle_tol=ANGLE, primitive_cell=False)
    found = [(matcher.get_rms_anonymous(one.structure, primitive)[0], one) for one in candidates]
    near = [(float(rms), i, one) for i, (rms, one) in enumerate(found) if rms is not None]
    return min(near)[2] if near else None


def mirror(space_group: int) -> int:
    """One number for a space group and its mirror image."""
    return MIRRORED.get(space_group, space_group)


@cache
def _by_key(own: bool) -> Mapping[tuple[int, tuple[int, ...]], list[StructureType]]:
    types: dict[tuple[int, tuple[int, ...]], list[StructureType]] = defaultdict(list)
    for one in structure_types() if own else library_types():
        types[mirror(one.space_group), tuple(sorted(one.atoms.values()))].append(one)
    return types


def _own_types() -> tuple[StructureType, ...]:
    text = files("crysim").joinpath("data", "structure_types.jsonl").read_text(encoding="utf-8")
    return tuple(
        StructureType(
            row["label"],
            row["strukturbericht"],
            row["name"],
            row["formula"],
            row["space_group"],
            row["atoms"],
            partial(_from_row, row),
        )
        for row in map(json.loads, text.splitlines())
    )


def _from_pymatgen(data: Mapping[str, Any]) -> Structure:
    from pymatgen.core import Structure

    return Structure.from_dict(data)


def _from_row(row: Mapping[str, Any]) -> Structure:
    from crysim.crystal.entries import crystal_of_entry

    factor = centring_factor(row["space_group"])
    composition = Composition(tuple(row["atoms"]), tuple(factor * n for n in row["atoms"].values()))
    return crystal_of_entry(composition, row).to_p1().to_structure()
