"""`crysim relax`: crystals from files to their nearest minima."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crysim.arrays import EV_PER_GPA_A3
from crysim.commands import options as o
from crysim.commands.output import print_json
from crysim.harness.settings import BenchSettings
from crysim.interfaces import RelaxSettings

if TYPE_CHECKING:
    from crysim.crystal import Crystal
    from crysim.interfaces import Relaxation

KEYS = (
    "file",
    "formula",
    "energy",
    "energy_per_atom",
    "enthalpy",
    "enthalpy_per_atom",
    "pressure",
    "volume",
    "space_group",
    "steps",
    "converged",
    "status",
    "reason",
)
"""Of a row of ``--json``: eV, eV per atom, GPa, Å^3 of the file's own cell. The status of a file that could not be read
is ``unreadable``; it has no steps."""
BATCH = 8
"""Crystals given to the energy model at a time: those that are done are written before the next begin."""


@o.with_settings(
    BenchSettings,
    RelaxSettings,
    only=("energy", "threads", "fmax", "max_steps", "pressure", "symmetry", "timeout"),
    parts=("energy_option",),
)
def relax(
    given: dict[str, Any],
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="CIF, POSCAR or extended XYZ.")],
    out: Annotated[Path | None, typer.Option(help="Folder for the relaxed crystals, as CIF.")] = None,
    as_json: o.Json = False,
) -> None:
    """Relax the atoms and the cell of crystals from files.

    Energies are those of the file's own cell, eV. Under pressure enthalpies are minimised and shown, with the energy
    and the volume beside them. Exit code 3 if a file could not be read or a crystal did not converge, 1 if none did.
    """
    from crysim.errors import EXIT_ALL_FAILED, EXIT_BAD_INPUT, EXIT_PARTLY_FAILED
    from crysim.harness.config_file import command_line
    from crysim.harness.run_folder import check_writable, make_folder
    from crysim.plugins import plugin_manager

    chosen = command_line(given)
    threads = chosen.pop("threads", None)
    model = chosen.pop("energy", "chgnet"), chosen.pop("energy_options", {})
    RelaxSettings(**chosen)  # what is wrong with them is said before any file is read
    inputs, rows = _read(files)
    if all(one is None for one in inputs):
        raise typer.Exit(EXIT_BAD_INPUT)
    plugin_manager().build("energy", *model).check()
    if out is not None:
        make_folder(out)
        check_writable(out)
    try:
        _relax_all(model, chosen, 1 if threads is None else threads, inputs, rows, out)
    finally:
        done = [row for row in rows if row["status"] is not None]
        _show(done, as_json=as_json, pressed=chosen.get("pressure", 0) != 0)
    converged = sum(row["converged"] for row in rows)
    if converged < len(rows):
        raise typer.Exit(EXIT_PARTLY_FAILED if converged else EXIT_ALL_FAILED)


def _read(files: Sequence[Path]) -> tuple[list[_Input | None], list[dict[str, Any]]]:
    """The files' crystals, None for one that cannot be read, which is named on stderr; and a row for each of them."""
    from crysim.errors import InputError

    inputs: list[_Input | None] = []
    rows: list[dict[str, Any]] = []
    for file in files:
        row = dict.fromkeys(KEYS) | {"file": str(file), "converged": False}
        try:
            inputs.append(_Input(file))
        except InputError as error:
            typer.echo(f"error: {error}", err=True)
            inputs.append(None)
            row |= {"status": "unreadable", "reason": str(error)}
        rows.append(row)
    return inputs, rows


class _Input:
    """A file's crystal, and how much of its conventional cell the file's cell is."""

    def __init__(self, file: Path) -> None:
        from crysim.composition import Composition
        from crysim.crystal import Crystal
        from crysim.crystal.files import read_structure
        from crysim.errors import InputError

        structure = read_structure(file)
        self.file = file
        try:
            self.crystal: Crystal = Crystal.from_structure(structure)
        except InputError as error:
            raise InputError(f"'{file}': {error}") from error
        symbols = [site.specie.symbol for site in structure]
        elements = tuple(dict.fromkeys(symbols))
        self.composition = Composition(elements, tuple(symbols.count(e) for e in elements))
        self.share = self.composition.num_atoms / self.crystal.num_atoms

    def row(self, relaxation: Relaxation, pressure: float) -> dict[str, Any]:
        """What `crysim relax --json` prints of it: all of the file's own cell."""
        from crysim.interfaces import RelaxStatus

        atoms = self.composition.num_atoms
        enthalpy = None if relaxation.energy is None else relaxation.energy * self.share
        volume = None if relaxation.crystal is None else relaxation.crystal.volume * self.share
        energy = enthalpy
        if enthalpy is not None and volume is not None and pressure:
            energy = enthalpy - pressure * volume * EV_PER_GPA_A3
        return {
            "file": str(self.file),
            "formula": self.composition.formula,
            "energy": energy,
            "energy_per_atom": None if energy is None else energy / atoms,
            "enthalpy": enthalpy,
            "enthalpy_per_atom": None if enthalpy is None else enthalpy / atoms,
            "pressure": pressure,
            "volume": volume,
            "space_group": None if relaxation.crystal is None else relaxation.crystal.space_group,
            "steps": relaxation.steps,
            "converged": relaxation.status is RelaxStatus.RELAXED,
            "status": relaxation.status.value,
            "reason": relaxation.reason,
        }


def _relax_all(
    model: tuple[str, Mapping[str, Any]],
    settings: Mapping[str, Any],
    threads: int,
    inputs: Sequence[_Input | None],
    rows: list[dict[str, Any]],
    out: Path | None,
) -> None:
    """Relax the files that could be read, and put what became of them in their rows.

    Raises:
        KeyboardInterrupt: the user stopped it.
    """
    from rich.console import Console
    from rich.markup import escape

    from crysim.crystal.files import cif_text
    from crysim.interfaces import RelaxStatus
    from crysim.workflows.relax import relax as relax_structures
    from crysim.written_files import replace_file

    taken: set[str] = set()
    work = [(index, one) for index, one in enumerate(inputs) if one is not None]
    console = Console(stderr=True)

    def each(place: int, relaxation: Relaxation) -> None:
        index, one = work[place]
        rows[index] = one.row(relaxation, settings.get("pressure", 0.0))
        if relaxation.status is not RelaxStatus.RELAXED:
            told = escape(f"{one.file}: {relaxation.status.value}: {relaxation.reason}")
            console.print(told, style="yellow", soft_wrap=True)
        if out is not None and relaxation.crystal is not None:
            replace_file(out / _free_name(one.file.stem, taken), cif_text(relaxation.crystal))

    result = relax_structures(
        [one.crystal for _, one in work],
        model[0],
        energy_options=model[1],
        threads=threads,
        progress=console,
        batch=BATCH,
        each=each,
        own_process=True,
        **settings,
    )
    if result.interrupted:
        raise KeyboardInterrupt


def _free_name(stem: str, taken: set[str]) -> str:
    """A name for a relaxed crystal that no other file of this call got."""
    name, number = f"{stem}-relaxed.cif", 1
    while name in taken:
        number += 1
        name = f"{stem}-relaxed-{number}.cif"
    taken.add(name)
    return name


def _show(rows: Sequence[dict[str, Any]], *, as_json: bool, pressed: bool) -> None:
    """Print the table: energies, or under pressure enthalpies with energy and volume beside them."""
    if as_json:
        print_json(rows)
        return
    if not rows:
        return
    from rich.markup import escape
    from rich.table import Table

    from crysim.commands.showing import table_console
    from crysim.symmetry import space_group

    table = Table(box=None, header_style="bold", pad_edge=False)
    columns = [("file", "left"), ("formula", "left")]
    numbers = [("energy", "energy (eV)"), ("energy_per_atom", "eV/atom")]
    if pressed:
        numbers = [
            ("enthalpy", "enthalpy (eV)"),
            ("enthalpy_per_atom", "enthalpy (eV/atom)"),
            ("energy", "energy (eV)"),
            ("volume", "volume (Å^3)"),
        ]
    columns += [(heading, "right") for _, heading in numbers]
    columns += [("space group", "left"), ("steps", "right"), ("converged", "left")]
    for column, justify in columns:
        table.add_column(column, justify=justify, overflow="fold")  # type: ignore[arg-type]
    names = {row["file"]: Path(row["file"]).name for row in rows}
    unique = len(set(names.values())) == len(rows)
    for row in rows:
        group = row["space_group"]
        cells = ["" if row[key] is None else f"{row[key]:.4f}" for key, _ in numbers]
        if row["enthalpy"] is None:
            cells[0] = str(row["status"])
        table.add_row(
            escape(names[row["file"]] if unique else row["file"]),
            row["formula"] or "",
            *cells,
            "" if group is None else f"{space_group(group).symbol} ({group})",
            "" if row["steps"] is None else str(row["steps"]),
            "yes" if row["converged"] else "no",
        )
    table_console().print(table)
