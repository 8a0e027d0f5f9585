"""Crystals as other programs read them: structure files, databases, and inputs of DFT programs, by ASE and pymatgen.

Everything is rendered in memory; who writes it decides where. Each file carries what is known of its crystal: as
comments where the format has them, as ``info`` or key-value pairs where it has those.
"""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crysim.crystal.files import structure_cif
from crysim.crystal.files.poscar import structure_poscar
from crysim.errors import UnknownNameError
from crysim.process_state import warnings_ignored

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core import Structure

Info = Mapping[str, str | float | int]

KSPACING = 0.04
"""Å⁻¹ (without 2π) between k points of the inputs that ASE writes: 0.25 Å⁻¹ with 2π."""


@dataclass(frozen=True)
class Entry:
    """A crystal to export.

    Attributes:
        name: of its files, without an ending: ``001-Na4Cl4-225``.
        structure: in the cell that is wanted.
        info: what is known of it, by names that are Python identifiers.
    """

    name: str
    structure: Structure
    info: Info


@dataclass(frozen=True)
class File:
    """A file to write.

    Attributes:
        folder: below the export's, empty for the export's own.
        stem, ending: of its name.
        content: text or bytes.
    """

    folder: str
    stem: str
    ending: str
    content: str | bytes


def render(entries: Sequence[Entry], target: str) -> tuple[list[File], list[str]]:
    """The files of a format, and what a person must still do or know, one line each.

    Args:
        entries: best first.
        target: one of `FORMATS`.

    Raises:
        UnknownNameError: no such format.
    """
    if target not in FORMATS:
        raise UnknownNameError("format", target, FORMATS)
    with warnings_ignored():  # of input sets: of what they leave to whoever runs them
        return FORMATS[target](entries)


def _comment(info: Info) -> str:
    return "; ".join(f"{key}={value}" for key, value in info.items())


def _cif(entries: Sequence[Entry]) -> tuple[list[File], list[str]]:
    files = []
    for one in entries:
        lines = "".join(f"# {key}: {value}\n" for key, value in one.info.items())
        symmetric = one.info.get("space_group", 1) != 1
        files.append(File("", one.name, ".cif", lines + structure_cif(one.structure, symmetric=symmetric)))
    return files, []


def _poscar(entries: Sequence[Entry]) -> tuple[list[File], list[str]]:
    return [File("", one.name, ".vasp", _poscar_text(one)) for one in entries], []


def _poscar_text(one: Entry) -> str:
    return structure_poscar(one.structure, _comment(one.info))


def _extxyz(entries: Sequence[Entry]) -> tuple[list[File], list[str]]:
    import ase.io

    text = io.StringIO()
    ase.io.write(text, [_atoms(one) for one in entries], format="extxyz")
    return [File("", "crystals", ".extxyz", text.getvalue())], []


def _ase_db(entries: Sequence[Entry]) -> tuple[list[File], list[str]]:
    import ase.db

    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "crystals.db"
        with ase.db.connect(path) as database:
            for one in entries:
                # ASE keeps numbers and short words as keys, and refuses words that look like numbers
                known = {key: value for key, value in one.info.items() if key not in ("energy", "formula")}
                database.write(
                    _atoms(one), data=dict(one.info), name=one.name, **{f"crysim_{k}": v for k, v in known.items()}
                )
        return [File("", "crystals", ".db", path.read_bytes())], []


def _optimade(entries: Sequence[Entry]) -> tuple[list[File], list[str]]:
    from pymatgen.io.optimade import OptimadeStructureAdapter

    data = []
    for one in entries:
        document: dict[str, Any] = dict(OptimadeStructureAdapter.get_optimade_structure(one.structure))
        attributes = document["attributes"] | {f"_crysim_{key}": value for key, value in one.info.items()}
        data.append({"id": one.name, "type": "structures", "attributes": attributes})
    return [File("", "structures", ".json", json.dumps({"data": data}, indent=1, default=str) + "\n")], []


def _vasp(entries: Sequence[Entry]) -> tuple[list[File], list[str]]:
    from pymatgen.io.vasp.sets import MPRelaxSet

    files: list[File] = []
    missing = ""
    for one in entries:
        inputs = MPRelaxSet(one.structure)
        # the set sorts atoms by electronegativity, and so must POSCAR
        entry = Entry(one.name, inputs.structure, one.info)
        files += [
            File(one.name, "POSCAR", "", _poscar_text(entry)),
            File(one.name, "INCAR", "", f"{inputs.incar}"),
            File(one.name, "KPOINTS", "", f"{inputs.kpoints}"),
        ]
        try:
            files.append(File(one.name, "POTCAR", "", str(inputs.potcar)))
        # pymatgen has no potentials of its own: a folder of them is configured, or not, or lacks an element
        except Exception:  # noqa: BLE001
            missing = ", ".join(inputs.potcar_symbols)
    note = f"no POTCAR is configured for pymatgen (PMG_VASP_PSP_DIR): add those of {missing}"
    return files, [note] if missing else []


def _qe(entries: Sequence[Entry]) -> tuple[list[File], list[str]]:
    import ase.io

    files: list[File] = []
    elements: set[str] = set()
    settings = {
        "control": {"calculation": "vc-relax", "pseudo_dir": "./pseudo"},
        "system": {"ecutwfc": 60.0, "ecutrho": 480.0, "occupations": "smearing", "degauss": 0.01},
    }
    for one in entries:
        atoms = _atoms(one)
        symbols = sorted(set(atoms.get_chemical_symbols()))
        elements |= set(symbols)
        text = io.StringIO()
        ase.io.write(text, atoms, format="espresso-in", input_data=settings, kspacing=KSPACING,
                     pseudopotentials={symbol: f"{symbol}.upf" for symbol in symbols})  # fmt: skip
        comments = "".join(f"! {key}: {value}\n" for key, value in one.info.items())
        files.append(File("", one.name, ".pwi", comments + text.getvalue()))
    names = ", ".join(f"{symbol}.upf" for symbol in sorted(elements))
    return files, [f"put pseudopotentials into pseudo/ as {names}, and set ecutwfc and ecutrho to what they want"]


def _gpaw(entries: Sequence[Entry]) -> tuple[list[File], list[str]]:
    files = []
    for one in entries:
        atoms = _atoms(one)
        lines = [
            *(f"# {key}: {value}" for key, value in one.info.items()),
            "from ase import Atoms",
            "from ase.filters import FrechetCellFilter",
            "from ase.optimize import BFGS",
            "from gpaw import GPAW, PW",
            "",
            f"atoms = Atoms({atoms.get_chemical_symbols()!r},",
            f"              scaled_positions={atoms.get_scaled_positions().tolist()!r},",
            f"              cell={atoms.cell.tolist()!r}, pbc=True)",
            "atoms.calc = GPAW(mode=PW(600), xc='PBE', kpts={'density': 4.0, 'gamma': True}, txt='gpaw.txt')",
            "BFGS(FrechetCellFilter(atoms), trajectory='relax.traj').run(fmax=0.02)",
            "atoms.write('relaxed.extxyz')",
        ]
        files.append(File("", one.name, ".py", "\n".join(lines) + "\n"))
    return files, []


def _atoms(one: Entry) -> Atoms:
    from ase import Atoms

    structure = one.structure
    atoms = Atoms(
        [site.specie.symbol for site in structure],
        scaled_positions=structure.frac_coords,
        cell=structure.lattice.matrix,
        pbc=True,
    )
    # ASE reads an ``energy`` as a calculator's, which would be that of another cell than this
    atoms.info = {("energy_per_cell" if key == "energy" else key): value for key, value in one.info.items()}
    return atoms


FORMATS: dict[str, Callable[[Sequence[Entry]], tuple[list[File], list[str]]]] = {
    "cif": _cif,
    "poscar": _poscar,
    "extxyz": _extxyz,
    "ase-db": _ase_db,
    "optimade": _optimade,
    "vasp": _vasp,
    "qe": _qe,
    "gpaw": _gpaw,
}
"""What can be written, by name."""
