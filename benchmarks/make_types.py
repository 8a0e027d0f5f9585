"""Structure types with crystals that we relaxed: those that pymatgen ships, and others from a folder of CIF files.

    python benchmarks/make_types.py FOLDER [--out crysim/data/structure_types.jsonl]

FOLDER holds files of the AFLOW Encyclopedia of Crystallographic Prototypes, parts 1 to 3 (Mehl et al., Comput. Mater.
Sci. 136, S1 (2017); Hicks et al., 161, S1 (2019) and 199, 110450 (2021)); their numbers are used to begin with, and
nothing of the files is kept but label, Strukturbericht and mineral's name. Each crystal of at most 100 atoms per
primitive cell is relaxed with M3GNet within its space group, and taken if it converged, kept its group (0.1 Å) and is
still of its type within the tolerances of `crysim.crystal.structure_types`. Left out are types that pymatgen has, that
the encyclopedia calls obsolete, and those with partly occupied sites.

So are types of ``more_types.toml``, which have no label of AFLOW's but their name: of some the places of the atoms are
there, of others cell and occupied positions alone (`placed_types`); one that is there already under another name is
left out. And so are pymatgen's own, some of which have atoms in each other's cores or empty cells (brookite has 6.8 Å³
per atom and not 10.7, ullmanite a bond of 1.03 Å): where the relaxed crystal is more than `WRONG` lower it is taken
although it is another type by the tolerances.

One line of the file each; what was left out stands in a second file beside it with the reason. Both are written as they
come, and what stands there is not done again.
"""

from __future__ import annotations

import argparse
import json
import re
import tomllib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from placed_types import placed_type

from crysim.composition.elements import ATOMIC_NUMBERS
from crysim.crystal import Crystal
from crysim.crystal.identity import identify
from crysim.crystal.structure_types import ANGLE, LENGTH, SITE, StructureType, find_structure_type, library_types
from crysim.errors import CrysimError
from crysim.harness.loop import limit_threads
from crysim.interfaces import EnergyModel, Relaxation, RelaxSettings, RelaxStatus
from crysim.plugins import plugin_manager
from crysim.process_state import warnings_ignored

MORE = Path(__file__).with_name("more_types.toml")
MOST_ATOMS = 100
FMAX = 0.02
STEPS = 300
DIGITS = 5
SETTINGS = RelaxSettings(fmax=FMAX, max_steps=STEPS, symmetry="keep", num_frames=2)
BATCH = 8
WRONG = 0.2
"""eV per atom that a crystal of pymatgen's library is above what it relaxes to, from which on it is taken for wrong."""


@dataclass(frozen=True)
class Entry:
    """A file of the encyclopedia."""

    label: str
    name: str
    strukturbericht: str
    structure: Any
    """Primitive cell."""
    crystal: Crystal
    in_library: bool = False


class LeftOutError(Exception):
    """Why a type is not taken."""


def main() -> None:
    """Relax what is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("crysim/data/structure_types.jsonl"))
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    limit_threads(1)
    left_out = options.out.with_suffix(".left-out.jsonl")
    done = {(row["label"], row.get("name")) for file in (options.out, left_out) for row in _lines(file)}
    labels = {label for label, _ in done}
    model = plugin_manager().build("energy", "m3gnet")
    with options.out.open("a") as taken, left_out.open("a") as others:

        def leave(label: str, name: str | None, why: object) -> None:
            print(json.dumps({"label": label, "name": name, "reason": str(why)}), file=others, flush=True)

        known = (one for one in library_types() if (one.label, one.name) not in done and one.num_atoms <= MOST_ATOMS)
        entries = [_of_library(one) for one in known]
        for name, data in tomllib.loads(MORE.read_text()).items():
            if (name, name) not in done:
                try:
                    entries.append(_of_literature(name, data) if "sites" in data else _placed(name, data, model))
                except LeftOutError as error:
                    leave(name, name, error)
        for file in sorted(options.folder.glob("*.cif")):
            if file.stem in labels:
                continue
            try:
                entries.append(_read(file))
            except (LeftOutError, CrysimError) as error:
                leave(file.stem, None, error)
        entries.sort(key=lambda one: (len(one.structure), one.label))
        for begin in range(0, len(entries), BATCH):
            batch = entries[begin : begin + BATCH]
            crystals = [one.crystal for one in batch]
            before = model.energies(crystals)
            for entry, end, energy in zip(batch, model.relax(crystals, SETTINGS), before, strict=True):
                try:
                    row = {
                        "label": entry.label,
                        "name": entry.name,
                        "strukturbericht": entry.strukturbericht,
                        **_checked(entry, end, energy),
                    }
                except LeftOutError as error:
                    leave(entry.label, entry.name, error)
                    continue
                print(json.dumps(row, ensure_ascii=False), file=taken, flush=True)
            print(f"{begin + len(batch)} of {len(entries)}", flush=True)


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    if file.exists():
        yield from (json.loads(line) for line in file.read_text().splitlines())


def _read(file: Path) -> Entry:
    from pymatgen.io.cif import CifParser

    text = file.read_text(errors="replace")
    title = _plain(_tag(text, "title"))
    if "obsolete" in title:
        raise LeftOutError("obsolete")
    if "." not in file.stem and any(file.parent.glob(f"{file.stem}.*.cif")):
        raise LeftOutError("one of several of its label")
    try:
        with warnings_ignored():
            structure = CifParser(str(file), occupancy_tolerance=1.0).parse_structures(primitive=True)[0]
    except (ValueError, IndexError, KeyError, AssertionError) as error:
        raise LeftOutError(f"unreadable: {error}") from None
    if not structure.is_ordered:
        raise LeftOutError("partly occupied")
    unknown = {one.symbol for one in structure.composition} - set(ATOMIC_NUMBERS)
    if unknown:
        raise LeftOutError(f"no element: {', '.join(sorted(unknown))}")
    if len(structure) > MOST_ATOMS:
        raise LeftOutError(f"{len(structure)} atoms")
    identity = identify(structure, tolerance=0.01, prototypes=False)
    number = int(file.stem.split("_")[2])
    if identity.space_group != number:
        raise LeftOutError(f"group {identity.space_group}, not {number}")
    if (known := find_structure_type(identity.primitive, number, own=False)) is not None:
        raise LeftOutError(f"in pymatgen's library: {known.label}")
    name = re.split(r" [(\[]", title)[0].removesuffix(" Structure").strip()
    name = identity.crystal.composition.reduced_formula if re.fullmatch(r"[A-J]\d\S*", name) else name
    strukturbericht = re.sub(r"[${}' ]", "", _tag(text, "Strukturbericht"))
    return Entry(
        file.stem, name, "" if strukturbericht == "None" else strukturbericht, identity.primitive, identity.crystal
    )


def _of_library(one: StructureType) -> Entry:
    identity = identify(one.structure, tolerance=0.01, prototypes=False)
    return Entry(one.label, one.name, one.strukturbericht, identity.primitive, identity.crystal, in_library=True)


def _of_literature(name: str, data: dict[str, Any]) -> Entry:
    from pymatgen.core import Lattice, Structure

    lattice = Lattice.from_parameters(*data["cell"])
    species, coords = [site[0] for site in data["sites"]], [site[1:] for site in data["sites"]]
    structure = Structure.from_spacegroup(data["group"], lattice, species, coords)
    identity = identify(structure, tolerance=0.01, prototypes=False)
    return Entry(name, name, "", identity.primitive, identity.crystal)


def _placed(name: str, data: dict[str, Any], model: EnergyModel) -> Entry:
    identity = placed_type(data, model, SETTINGS)
    if identity is None:
        raise LeftOutError("no low crystal on its positions keeps its cell and group")
    return Entry(name, name, "", identity.primitive, identity.crystal)


def _tag(text: str, name: str) -> str:
    found = re.search(rf"^_aflow_{name} +'(.*)' *$", text, re.MULTILINE)
    if found is None:
        raise LeftOutError(f"no _aflow_{name}")
    return found.group(1).strip()


def _plain(title: str) -> str:
    """A title without its typesetting."""
    text = re.sub(r"\\[\"'`^~]\{?(\w)\}?", r"\1", title)  # accents
    text = re.sub(r"\$?\\cdot\$?", "·", text.replace("$\\cdot$", "·")).replace("~", " ")
    text = re.sub(r"\\(alpha|beta|gamma|delta|epsilon|kappa|pi)", r"\1", text)
    text = re.sub(r"\{?\\em ?\{?|\\[a-z]+ ?", "", text.replace("$", ""))
    text = re.sub(r"_\{?(\w+)\}?", r"\1", text)
    return " ".join(re.sub(r"[{}\\]", "", text).split())


def _checked(entry: Entry, end: Relaxation, before: float) -> dict[str, Any]:
    """The relaxed crystal of a type, if it is still of the type."""
    from pymatgen.analysis.structure_matcher import StructureMatcher

    if end.status is not RelaxStatus.RELAXED or end.crystal is None or end.energy is None:
        raise LeftOutError(f"{end.status}: {end.reason}")
    identity = identify(end.crystal, prototypes=False)
    if identity.space_group != entry.crystal.space_group:
        raise LeftOutError(f"relaxes into group {identity.space_group}")
    matcher = StructureMatcher(ltol=LENGTH, stol=SITE, angle_tol=ANGLE, primitive_cell=False)
    wrong = entry.in_library and before - end.energy > WRONG * entry.crystal.num_atoms
    if not wrong and not matcher.fit(entry.structure, identity.primitive):
        raise LeftOutError("relaxes into another type")
    of_literature = entry.label == entry.name
    known = find_structure_type(identity.primitive, identity.space_group) if of_literature else None
    if known is not None and known.name != entry.name:
        raise LeftOutError(f"known already: {known.name}")
    crystal = identity.crystal
    return {
        "formula": crystal.composition.reduced_formula,
        "atoms": {element: _count(identity.primitive, element) for element in crystal.composition.elements},
        "space_group": crystal.space_group,
        "cell": [round(value, DIGITS) for value in crystal.cell],
        "sites": [
            [site.element, position.letter, *(round(value, DIGITS) for value in site.free)]
            for site, position in zip(crystal.sites, crystal.positions, strict=True)
        ],
    }


def _count(structure: Any, element: str) -> int:
    return sum(site.specie.symbol == element for site in structure)


if __name__ == "__main__":
    main()
