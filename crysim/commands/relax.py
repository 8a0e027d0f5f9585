"""`crysim relax`: crystals from files to their nearest minima."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crysim.bench.settings import BenchSettings
from crysim.commands import options as o
from crysim.interfaces import RelaxSettings

if TYPE_CHECKING:
    from crysim.crystal import Crystal
    from crysim.interfaces import EnergyModel, Relaxation, RelaxSettings

BATCH = 8
"""Crystals given to the energy model at a time: many models are faster on several, and the display lives on them."""


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

    Energies are those of the file's own cell, eV; enthalpies under pressure.
    """
    from crysim.bench.config_file import command_line
    from crysim.bench.loop import limit_threads
    from crysim.declared import declared
    from crysim.errors import EXIT_ALL_FAILED, EXIT_PARTLY_FAILED, InputError
    from crysim.plugins import plugin_manager

    chosen = command_line(given)
    names = {one.name for one in declared(RelaxSettings)}
    settings = RelaxSettings(num_frames=0, **{k: v for k, v in chosen.items() if k in names})
    threads = chosen.get("threads")
    if threads is not None and threads < 1:
        raise InputError(f"threads is {threads}: it must be at least 1")
    inputs = [_Input(file) for file in files]
    model: EnergyModel = plugin_manager().build(
        "energy", chosen.get("energy", "chgnet"), chosen.get("energy_options", {})
    )
    if out is not None:
        _prepare(out)
    import torch  # noqa: F401  (before its threads are limited)

    limit_threads(threads or 1)
    rows: list[dict[str, Any]] = []
    try:
        _relax_all(model, settings, inputs, rows, out)
    finally:
        _show(rows, as_json=as_json)
    failed = sum(row["energy"] is None for row in rows)
    if failed:
        raise typer.Exit(EXIT_ALL_FAILED if failed == len(rows) else EXIT_PARTLY_FAILED)


class _Input:
    """A file's crystal, and how much of its conventional cell the file's cell is."""

    def __init__(self, file: Path) -> None:
        from crysim.composition import Composition
        from crysim.crystal import Crystal
        from crysim.crystal.files import read_structure

        structure = read_structure(file)
        self.file = file
        self.crystal: Crystal = Crystal.from_structure(structure)
        symbols = [site.specie.symbol for site in structure]
        elements = tuple(dict.fromkeys(symbols))
        self.composition = Composition(elements, tuple(symbols.count(e) for e in elements))
        self.share = self.composition.num_atoms / self.crystal.num_atoms

    def row(self, relaxation: Relaxation) -> dict[str, Any]:
        """What `crysim relax --json` prints of it."""
        from crysim.interfaces import RelaxStatus

        energy = None if relaxation.energy is None else relaxation.energy * self.share
        return {
            "file": str(self.file),
            "formula": self.composition.formula,
            "energy": energy,
            "energy_per_atom": None if energy is None else energy / self.composition.num_atoms,
            "space_group": None if relaxation.crystal is None else relaxation.crystal.space_group,
            "steps": relaxation.steps,
            "converged": relaxation.status is RelaxStatus.RELAXED,
        }


def _prepare(out: Path) -> None:
    import tempfile

    from crysim.errors import InputError

    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise InputError(f"cannot write to the folder '{out}': {error.strerror or error}") from error


def _relax_all(
    model: EnergyModel, settings: RelaxSettings, inputs: list[_Input], rows: list[dict[str, Any]], out: Path | None
) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from crysim.crystal.files import write_cif
    from crysim.interfaces import RelaxStatus

    taken: set[str] = set()
    columns = (TextColumn("relaxing"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=len(inputs))
        for first in range(0, len(inputs), BATCH):
            batch = inputs[first : first + BATCH]
            relaxations = model.relax([one.crystal for one in batch], settings)
            for one, relaxation in zip(batch, relaxations, strict=True):
                rows.append(one.row(relaxation))
                if relaxation.status is not RelaxStatus.RELAXED:
                    progress.console.print(
                        f"{one.file}: {relaxation.status.value}: {relaxation.reason}", style="yellow"
                    )
                if out is not None and relaxation.crystal is not None:
                    write_cif(relaxation.crystal, out / _free_name(one.file.stem, taken))
            progress.advance(task, len(batch))


def _free_name(stem: str, taken: set[str]) -> str:
    """A name for a relaxed crystal that no other file of this call got."""
    name, number = f"{stem}-relaxed.cif", 1
    while name in taken:
        number += 1
        name = f"{stem}-relaxed-{number}.cif"
    taken.add(name)
    return name


def _show(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    import json

    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    if not rows:
        return
    from rich.console import Console
    from rich.table import Table

    from crysim.symmetry import space_group

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column, justify in (
        ("file", "left"),
        ("formula", "left"),
        ("energy (eV)", "right"),
        ("eV/atom", "right"),
        ("space group", "left"),
        ("steps", "right"),
        ("converged", "left"),
    ):
        table.add_column(column, justify=justify, overflow="fold")  # type: ignore[arg-type]
    names = {row["file"]: Path(row["file"]).name for row in rows}
    unique = len(set(names.values())) == len(rows)
    for row in rows:
        number = row["space_group"]
        table.add_row(
            names[row["file"]] if unique else row["file"],
            row["formula"],
            "failed" if row["energy"] is None else f"{row['energy']:.4f}",
            "" if row["energy"] is None else f"{row['energy_per_atom']:.4f}",
            "" if number is None else f"{space_group(number).symbol} ({number})",
            str(row["steps"]),
            "yes" if row["converged"] else "no",
        )
    Console().print(table)
