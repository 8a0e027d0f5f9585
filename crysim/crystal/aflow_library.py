"""The AFLOW library that pymatgen ships, as entries of structure types: 288 with a crystal of each.

Mehl et al., Comput. Mater. Sci. 136, S1 (2017).
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypedDict

from crysim.errors import CrysimError

_ANATASE = ((3.785, 9.514), 0.2081)
"""a and c in Å, and z of oxygen (Howard et al., Acta Cryst. B 47, 462 (1991)): the library has its z on the atoms of
another origin, titanium with four bonds of 2.05 Å where anatase has six of 1.93 to 1.98."""
_FILE = "aflow_prototypes.json.gz"
_BARE = re.compile(r"(alpha|beta|gamma|low|high)?")


class Entry(TypedDict):
    """What the library says of a type; the structure is pymatgen's dictionary of a primitive cell."""

    label: str
    strukturbericht: str
    name: str
    formula: str
    structure: Mapping[str, Any]
    atoms: Mapping[str, int]


def read_library() -> list[Entry]:
    """All types, in the library's order.

    Raises:
        CrysimError: the installed pymatgen has no such library.
    """
    # pymatgen's own variable of it makes every structure at import, which takes seconds.
    spec = find_spec("pymatgen.analysis")
    folders = [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
    for file in (folder / sub / _FILE for folder in folders for sub in ("prototypes", ".")):
        if file.is_file():
            return [_read(entry) for entry in json.loads(gzip.decompress(file.read_bytes()))]
    raise CrysimError("the installed pymatgen ships no AFLOW structure types: install another release of it")


def _read(entry: Mapping[str, Any]) -> Entry:
    tags, data = entry["tags"], entry["snl"]
    label = str(tags["aflow"])
    species = [site["species"][0]["element"] for site in data["sites"]]
    strukturbericht = str(tags["strukturbericht"]).strip('"')
    # one entry has the number of its group there
    strukturbericht = "" if strukturbericht == "None" or strukturbericht.isdigit() else strukturbericht
    atoms = {element: species.count(element) for element in dict.fromkeys(species)}
    formula = _formula(atoms)
    if label == "A2B_tI12_141_e_a":
        data = _anatase(data)
    return {
        "label": label,
        "strukturbericht": strukturbericht,
        "name": _name(str(tags["mineral"]), formula),
        "formula": formula,
        "structure": data,
        "atoms": atoms,
    }


def _formula(atoms: Mapping[str, int]) -> str:
    from crysim.composition import Composition

    return Composition(tuple(atoms), tuple(atoms.values())).reduced_formula


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
