"""Structures of the Materials Project, https://materialsproject.org, by pymatgen's client: one by its id, or a query's.

A query is a formula (``*TiO3``, where a star stands for any element), a chemical system (``Ca-*-O``), or ids with
commas (``mp-1672,mp-22862``). The client needs a key in the environment variable `MP_KEY`.
"""

from __future__ import annotations

import json
import os
import re
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crysim.crystal.files.poscar import structure_poscar
from crysim.errors import InputError
from crysim.written_files import refuse_link, replace_file

if TYPE_CHECKING:
    from pymatgen.core import Structure

PREFIX = "mp:"
"""What a source begins with that is no file."""
MP_KEY = "MP_API_KEY"
MOST = 500
"""Structures that a query may give: each is a type that every combination of elements is put in."""
_QUERY = "query.json"


@cache
def structure_by_id(material_id: str) -> Structure:
    """The structure of an entry.

    Raises:
        InputError: no key, no network, or no such entry.
    """
    from pymatgen.ext.matproj import MPRester

    key = _key(material_id)
    try:
        with MPRester(key) as rester:
            return rester.get_structure_by_material_id(material_id)
    except Exception as error:
        raise InputError(f"the Materials Project gave no structure for {material_id}: {_reason(error)}") from error


def structures_of_query(query: str) -> dict[str, Structure]:
    """The structures of a query by their ids.

    Raises:
        InputError: no key, no network, nothing found, or more than `MOST`.
    """
    from pymatgen.ext.matproj import MPRester

    key = _key(query)
    try:
        with MPRester(key) as rester:
            found = rester.summary_search(**_criteria(query), _fields=["material_id", "structure"])
            structures = {str(one["material_id"]): one["structure"] for one in found}
    except Exception as error:
        raise InputError(f"the Materials Project gave no structures for '{query}': {_reason(error)}") from error
    if not structures:
        raise InputError(f"the Materials Project holds nothing that fits '{query}': give *TiO3, Ca-*-O, or ids")
    if len(structures) > MOST:
        raise InputError(
            f"'{query}' fits {len(structures):,} entries of the Materials Project: at most {MOST} are taken"
        )
    return structures


def template_folder(source: str | Path, out: Path) -> Path:
    """The folder of structure files that a source of structure types names.

    What a query gives is written once, below the results: the same search goes on with the same types, without a
    network, whatever the Materials Project holds by then.

    Args:
        source: a folder, or ``mp:QUERY``.
        out: folder of the results.

    Raises:
        InputError: see `structures_of_query`; or the folder cannot be written.
    """
    text = str(source)
    if not text.startswith(PREFIX):
        return Path(source)
    query = text.removeprefix(PREFIX)
    readable = re.sub(r"[^A-Za-z0-9-]+", "_", query)[:40]
    folder = out / "prototypes" / f"mp-{readable}-{sha256(query.encode()).hexdigest()[:8]}"
    if (folder / _QUERY).exists():
        return folder
    structures = structures_of_query(query)
    refuse_link(out / "prototypes")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for material_id, structure in structures.items():
            replace_file(folder / f"{material_id}.vasp", structure_poscar(structure))
        # last: a folder without it was not written to its end
        replace_file(folder / _QUERY, json.dumps({"query": query, "ids": sorted(structures)}))
    except OSError as error:
        raise InputError(f"cannot write to the folder '{folder}': {error.strerror or error}") from error
    return folder


def _criteria(query: str) -> dict[str, Any]:
    if re.fullmatch(r"mp-\d+(,mp-\d+)*", query):
        return {"material_ids": query}
    return {"chemsys" if "-" in query else "formula": query}


def _key(wanted: str) -> str:
    key = os.environ.get(MP_KEY)
    if not key:
        raise InputError(f"mp:{wanted} needs a key of the Materials Project in the environment variable {MP_KEY}")
    return key


def _reason(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
