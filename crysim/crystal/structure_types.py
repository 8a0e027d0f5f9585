"""The structure types of the AFLOW library that pymatgen ships: their names, and which one a crystal is of.

Mehl et al., Comput. Mater. Sci. 136, S1 (2017): 288 types with a crystal of each. pymatgen's own matcher compares a
crystal with all of them; here only those of the same proportions, space group (mirror images count as one) and atoms
per primitive cell are compared, and the closest is taken.
"""

from __future__ import annotations

import gzip
import json
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crysim.errors import CrysimError

if TYPE_CHECKING:
    from pymatgen.core import Structure

MIRRORED = {
    78: 76, 95: 91, 96: 92, 145: 144, 153: 151, 154: 152, 170: 169, 172: 171, 179: 178, 181: 180, 213: 212,
}  # fmt: skip
"""The second of each enantiomorphic pair of space groups, to the first: one structure type has crystals in both."""
LENGTH, SITE, ANGLE = 0.2, 0.2, 5.0
"""How far a crystal may be from its type's: relative lengths, displacement over (volume per atom)^(1/3), degrees.
pymatgen's matcher allows 0.3 for the second, under which isopointal crystals of another coordination pass."""

_ANATASE = ((3.785, 9.514), 0.2081)
"""a and c in Å, and z of oxygen (Howard et al., Acta Cryst. B 47, 462 (1991)): the library has its z on the atoms of
another origin, titanium with four bonds of 2.05 Å where anatase has six of 1.93 to 1.98."""
_FILE = "aflow_prototypes.json.gz"
_BARE = re.compile(r"(alpha|beta|gamma|low|high)?")


@dataclass(frozen=True)
class StructureType:
    """A structure type.

    Attributes:
        label: AFLOW's, ``AB_cF8_225_a_b``.
        strukturbericht: ``B1``; empty if it has none.
        name: the mineral's or the usual one, ``Halite``; where there is none the formula of the type's crystal.
        formula: of the type's crystal, ``NaCl``.
        space_group: number.
    """

    label: str
    strukturbericht: str
    name: str
    formula: str
    space_group: int
    _data: Mapping[str, Any] = field(repr=False, compare=False)

    @property
    def title(self) -> str:
        """Name and Strukturbericht, ``Halite (B1)``."""
        return f"{self.name} ({self.strukturbericht})" if self.strukturbericht else self.name

    @cached_property
    def structure(self) -> Structure:
        """The type's crystal, in its primitive cell."""
        from pymatgen.core import Structure

        return Structure.from_dict(self._data)

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """Atoms of each element in the primitive cell."""
        counts: dict[str, int] = defaultdict(int)
        for site in self._data["sites"]:
            counts[site["species"][0]["element"]] += 1
        return dict(counts)

    @property
    def num_atoms(self) -> int:
        """Atoms per primitive cell."""
        return len(self._data["sites"])


@cache
def structure_types() -> tuple[StructureType, ...]:
    """All types, in the library's order.

    Raises:
        CrysimError: the installed pymatgen has no such library.
    """
    # pymatgen's own variable of it makes every structure at import, which takes seconds.
    spec = find_spec("pymatgen.analysis")
    folders = [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
    for file in (folder / sub / _FILE for folder in folders for sub in ("prototypes", ".")):
        if file.is_file():
            return tuple(_read(entry) for entry in json.loads(gzip.decompress(file.read_bytes())))
    raise CrysimError("the installed pymatgen ships no AFLOW structure types: install another release of it")


def find_structure_type(primitive: Structure, space_group: int) -> StructureType | None:
    """The structure type of a crystal, whatever its elements; None if the library has none.

    Args:
        primitive: the crystal's primitive cell.
        space_group: its number.
    """
    counts = tuple(sorted(primitive.composition.get_el_amt_dict().values()))
    candidates = _by_key().get((mirror(space_group), tuple(int(n) for n in counts)), ())
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
def _by_key() -> Mapping[tuple[int, tuple[int, ...]], list[StructureType]]:
    types: dict[tuple[int, tuple[int, ...]], list[StructureType]] = defaultdict(list)
    for one in structure_types():
        types[mirror(one.space_group), tuple(sorted(one.counts.values()))].append(one)
    return types


def _read(entry: Mapping[str, Any]) -> StructureType:
    tags, data = entry["tags"], entry["snl"]
    label = str(tags["aflow"])
    species = [site["species"][0]["element"] for site in data["sites"]]
    strukturbericht = str(tags["strukturbericht"]).strip('"')
    # one entry has the number of its group there
    strukturbericht = "" if strukturbericht == "None" or strukturbericht.isdigit() else strukturbericht
    formula = _formula(species)
    if label == "A2B_tI12_141_e_a":
        data = _anatase(data)
    return StructureType(
        label, strukturbericht, _name(str(tags["mineral"]), formula), formula, int(label.split("_")[2]), data
    )


def _formula(species: list[str]) -> str:
    from crysim.composition import Composition

    elements = tuple(dict.fromkeys(species))
    return Composition(elements, tuple(species.count(element) for element in elements)).reduced_formula


def _name(mineral: str, formula: str) -> str:
    name = re.sub(r"\$\\(\w+)\$", r"\1", mineral).replace("\\'{c}", "ć").replace("(Cubic) ", "")
    name = name.split(", ")[0].strip()
    if _BARE.fullmatch(name):
        return f"{name} {formula}".strip()
    # some entries name their space group instead of themselves
    return formula if "/m" in name else name[0].upper() + name[1:]


def _anatase(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """The entry of anatase with the atoms where they are."""
    (a, c), z = _ANATASE
    a, c = a / 2, c / 2
    matrix = [[-a, a, c], [a, -a, c], [a, a, -c]]
    oxygen = iter([(z, z, 0.0), (-z, -z, 0.0), (0.75 + z, 0.25 + z, 0.5), (0.75 - z, 0.25 - z, 0.5)])
    titanium = iter([(0.0, 0.0, 0.0), (0.75, 0.25, 0.5)])
    places = [next(titanium if site["species"][0]["element"] == "Ti" else oxygen) for site in data["sites"]]
    sites = [
        {"species": site["species"], "abc": list(place)} for site, place in zip(data["sites"], places, strict=True)
    ]
    return {**data, "lattice": {"matrix": matrix}, "sites": sites}
