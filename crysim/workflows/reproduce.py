"""The paper's tables and figures made again, and what else has a protocol: protocols to runs, runs to tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crysim.analysis.comparison import Comparison
from crysim.analysis.figures import accumulated_figure, save_figure
from crysim.analysis.outcome import TERMINAL_KEYS, write_table
from crysim.analysis.paper.bits import bits_table
from crysim.analysis.paper.figures import matches_figure, surrogate_figure
from crysim.analysis.paper.tables import Target, find_target, merged, protocol_path, target_tables, targets
from crysim.analysis.references import compare_records, load_references
from crysim.analysis.tables import Column, Table
from crysim.errors import InputError, UnknownNameError
from crysim.harness.config_file import read_settings
from crysim.harness.journal import RunRecord
from crysim.harness.run_folder import check_writable, make_folder
from crysim.harness.settings import BenchSettings
from crysim.workflows.bench import run_protocol
from crysim.workflows.crystals40 import find_forty
from crysim.workflows.reproduction_cuts import RACED, Cuts, keep_cuts, kept_cuts
from crysim.workflows.running import Ended, joined, progress_console
from crysim.written_files import path_part

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import Console


@dataclass(frozen=True)
class Part:
    """The runs of one protocol that a target needs.

    Attributes:
        settings: of these runs.
        notes: what was cut, one line each.
    """

    settings: BenchSettings
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Reproduced:
    """What a target came to.

    Attributes:
        target: what was made again.
        tables: with the paper's values beside ours.
        files: that were written.
    """

    target: Target
    tables: tuple[Table, ...]
    files: tuple[Path, ...]

    def terminal_tables(self) -> list[Table]:
        """The tables with the columns that fit a terminal."""
        narrow = self.target.kind in ("curves", "surrogate")
        return [table.select(TERMINAL_KEYS) if narrow else table for table in self.tables]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        tables = [table.to_dict() for table in self.tables]
        return {"target": self.target.name, "tables": tables, "files": list(map(str, self.files))}


def list_targets() -> Table:
    """Every target with its title."""
    columns = (Column("target", "target"), Column("title", "what it is"))
    rows = tuple({"target": target.name, "title": target.title} for target in targets().values())
    return Table("What can be made again", columns, rows)


def reproduce(
    names: Sequence[str], out: str, cuts: Cuts, *, progress: bool | Console = False
) -> tuple[list[Reproduced], Ended]:
    """Run what the targets need and write their tables and figures.

    Args:
        names: of the targets.
        out: folder of the runs and results.
        cuts: of the protocols.
        progress: see `crysim.workflows.bench.bench`.

    Raises:
        InputError: an unknown target, or nothing of one is left after the cuts.
    """
    chosen = [find_target(name) for name in dict.fromkeys(names)]
    folder = Path(out)
    _check_searches(chosen, cuts)
    parts = {t.name: [] if t.kind == "searches" else target_parts(t, folder, cuts) for t in chosen}
    for target in chosen:
        if target.kind not in ("bits", "searches") and not parts[target.name]:
            raise InputError(f"nothing of {target.name} is left after the cuts: allow more systems or methods")
    if cuts.ours and not any(_beside(_protocol(name)) for target in chosen for name in target.protocols):
        named = _listed([target.name for target in chosen])
        raise InputError(f"nothing of ours stands beside {named}: leave out --ours")
    check_writable(folder)
    kept_cuts(folder)  # refused before hours of runs if it is damaged
    console = progress_console(progress)
    every: list[Ended] = []
    done: list[Reproduced] = []
    for target in chosen:
        if target.kind == "searches":
            made, ended = _searches(target, folder, cuts, console)
        else:
            made, ended = _from_runs(target, parts[target.name], folder, cuts, console)
        every.append(ended)
        done.append(made)
        if ended.interrupted:
            break
    return done, joined(every)


def _from_runs(
    target: Target, parts: Sequence[Part], folder: Path, cuts: Cuts, console: Console | None
) -> tuple[Reproduced, Ended]:
    """A target of the paper: its runs, and what is made of them."""
    made = [run_protocol(part.settings, console) for part in parts]
    compared = [comparison_of(part.settings, records) for part, (records, _) in zip(parts, made, strict=True)]
    notes = tuple(dict.fromkeys([*cut_notes(target, cuts), *(note for part in parts for note in part.notes)]))
    records = [record for some, _ in made for record in some]
    tables = tables_of_target(target, compared, cuts, notes)
    files = _write(target, tables, _figure(target, compared, records), folder)
    given = {name: one.energy for each in compared for name, one in each.references.items() if name in cuts.references}
    files.append(keep_cuts(folder, target.name, cuts, given))
    return Reproduced(target, tuple(tables), tuple(files)), joined([ended for _, ended in made])


def _check_searches(chosen: Sequence[Target], cuts: Cuts) -> None:
    searches = [target.name for target in chosen if target.kind == "searches"]
    if cuts.prototypes and not searches:
        raise InputError("known structure types take part in searches alone: leave out --prototypes")
    if searches and cuts.references:
        raise InputError(f"{searches[0]} has references of its own: leave out --reference")
    if searches and cuts.race:
        raise InputError(f"{searches[0]} races as its strategy does: leave out --race")
    if searches and len(cuts.methods) > 1:
        raise InputError(f"{searches[0]} takes one strategy at a time, not {_listed(cuts.methods)}")
    if searches and cuts.methods and cuts.prototypes:
        raise InputError(f"{searches[0]} takes a strategy of your own or known structure types: leave out one of them")


def _searches(target: Target, folder: Path, cuts: Cuts, console: Console | None) -> tuple[Reproduced, Ended]:
    """A target whose runs are searches of formulas."""
    given = cuts.given
    method = next(iter(cuts.methods), None)
    table, ended = find_forty(
        folder,
        target.title,
        given,
        formulas=cuts.systems,
        method=method,
        prototypes=cuts.prototypes,
        console=console,
    )
    made = target.name + ("-prototypes" if cuts.prototypes else f"-{method}" if method else "")
    make_folder(folder)
    return Reproduced(target, (table,), tuple(write_table(table, folder / path_part(made, "the table")))), ended


def comparison_of(settings: BenchSettings, records: Sequence[RunRecord]) -> Comparison:
    """A protocol's runs with the references beside them."""
    return compare_records(records, load_references(Path(settings.out), records))


def target_parts(target: Target, folder: Path, cuts: Cuts) -> list[Part]:
    """The protocols of a target, cut to what it and the user want; protocols of which nothing is left fall out.

    Raises:
        InputError: a name or number of the cuts is wrong.
    """
    parts = []
    known_systems, known_methods = set(() if target.protocols else target.systems or ()), set()
    for protocol in target.protocols:
        whole = _protocol(protocol)
        beside = _beside(whole)
        known_systems |= set(whole.system)
        known_methods |= {*whole.methods, *beside}
        systems = _kept(whole.system, target.systems, cuts.systems)
        wanted = [name for name in beside if cuts.ours or name in cuts.methods]
        methods = _kept([*whole.methods, *wanted], target.methods, cuts.methods)
        if systems and methods:
            parts.append(_part(protocol, target, whole, systems, methods, folder, cuts))
    for what, given, known in (("system", cuts.systems, known_systems), ("method", cuts.methods, known_methods)):
        for name in given:
            if name not in known:
                raise UnknownNameError(f"{what} of {target.name}", name, known)
    return parts


def _part(
    protocol: str,
    target: Target,
    whole: BenchSettings,
    systems: tuple[str, ...],
    methods: tuple[str, ...],
    folder: Path,
    cuts: Cuts,
) -> Part:
    given = cuts.given
    if cuts.seeds is None and target.seeds is not None:
        given["seeds"] = list(target.seeds)
    references = {system: source for system, source in cuts.references.items() if system in systems}
    settings = read_settings(
        protocol_path(protocol), {**given, "system": list(systems), "method": list(methods), "reference": references}
    )
    # Without the budget, so that runs with a small one go on when a larger one is asked for.
    kinds = (protocol, settings.energy, settings.solver, cuts.symmetry, "race" if cuts.race else None)
    name = "-".join(kind for kind in kinds if kind is not None).replace(":", "-")
    notes = []
    for what, ours, theirs in (
        ("relaxations", settings.budget, whole.budget),
        ("seeds", _listed(settings.seeds), _listed(target.seeds or whole.seeds)),
        ("energy model", settings.energy, whole.energy),
    ):
        if ours != theirs:
            notes.append(_cut(what, ours, theirs))
    if settings.solver != "amplify" and any("crysim" in method for method in methods):
        notes.append(f"solver: {settings.solver} (the paper: Fixstars Amplify)")
    if beside := [name for name in methods if name in _beside(whole)]:
        notes.append(f"{_listed(beside)}: not of the paper but searches of this project, which give up what cannot win")
    return Part(replace(settings, out=str(folder / "runs" / name)), tuple(notes))


def cut_notes(target: Target, cuts: Cuts) -> list[str]:
    """What the user's cuts leave of the target's systems and methods, one line each."""
    protocols = [_protocol(name) for name in target.protocols]
    systems = [name for whole in protocols for name in whole.system] or list(target.systems or ())
    methods = [name for whole in protocols for name in whole.methods]
    named = dict.fromkeys(name for whole in protocols for name in _beside(whole) if name in cuts.methods)
    notes = []
    for what, names, wanted, cut, beside in (
        ("systems", systems, target.systems, cuts.systems, ()),
        ("methods", methods, target.methods, cuts.methods, named),
    ):
        all_of_them = _kept(list(dict.fromkeys(names)), wanted, ())
        left = _kept([*all_of_them, *beside], None, cut)
        if left != all_of_them:
            notes.append(_cut(what, _listed(left), _listed(all_of_them)))
    if cuts.symmetry is not None:
        notes.append(f"symmetry of the relaxations: {cuts.symmetry}")
    if cuts.race:
        notes.append(RACED)
    return notes


def _beside(whole: BenchSettings) -> list[str]:
    """Labels of a protocol's searches that are not of the paper: variants that its list of methods does not name."""
    return [label for label in whole.variants if label not in whole.methods]


@cache
def _protocol(name: str) -> BenchSettings:
    """A protocol as it is, without cuts."""
    return read_settings(protocol_path(name), {})


def _cut(what: str, ours: object, theirs: object) -> str:
    return f"cut or changed: {what} {ours} (the protocol: {theirs})"


def tables_of_target(
    target: Target, comparisons: Sequence[Comparison], cuts: Cuts, notes: Sequence[str]
) -> list[Table]:
    """The target's tables, made of its protocols' comparisons."""
    if target.kind == "bits":
        table = bits_table(_kept(target.systems or (), None, cuts.systems), target.title)
        return [replace(table, notes=(*table.notes, *notes))]
    return target_tables(target, merged(comparisons), notes)


def _figure(target: Target, comparisons: Sequence[Comparison], records: Sequence[RunRecord]) -> Figure | None:
    if target.kind == "bits" or not records:
        return None
    if target.kind == "bars":
        return matches_figure(merged(comparisons))
    if target.kind == "surrogate":
        return surrogate_figure(records)
    return accumulated_figure(merged(comparisons))


def _write(target: Target, tables: Sequence[Table], figure: Figure | None, folder: Path) -> list[Path]:
    paths: list[Path] = []
    make_folder(folder)
    for stem, table in zip(stems(target, tables, folder), tables, strict=True):
        paths += write_table(table, stem)
    if figure is not None:
        for ending in ("png", "svg"):
            path = folder / f"{target.name}.{ending}"
            save_figure(figure, path)
            paths.append(path)
    return paths


def stems(target: Target, tables: Sequence[Table], folder: Path) -> list[Path]:
    """Where the target's tables are written, without their endings."""
    if len(tables) == 1:
        return [folder / target.name]
    return [folder / f"{target.name}-{number}" for number in range(1, len(tables) + 1)]


def _kept(names: Sequence[str], wanted: Sequence[str] | None, cut: Sequence[str]) -> tuple[str, ...]:
    return tuple(n for n in names if (wanted is None or n in wanted) and (not cut or n in cut))


def _listed(values: Sequence[object]) -> str:
    return ", ".join(map(str, values))
