"""The paper's tables made from runs, with the paper's values beside them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

from crysim.analysis.comparison import SEED_COLUMNS, Comparison, seed_values
from crysim.analysis.metrics import mean_and_std
from crysim.analysis.paper import values as paper
from crysim.analysis.tables import Column, Table, Value, lowest_cells
from crysim.errors import UnknownNameError
from crysim.harness.journal import RunRecord
from crysim.harness.systems import builtin_systems

Kind = Literal[
    "seeds", "lowest", "filtered", "grid", "grid-filtered", "curves", "bars", "surrogate", "bits", "searches"
]


@dataclass(frozen=True)
class Target:
    """A table or figure that can be made again: of the paper, or of searches that have a protocol here.

    Attributes:
        name: what users type, ``table-s2``.
        title: for people.
        kind: what is made of the runs.
        protocols: names of the files with the runs.
        systems, methods, seeds: what of them is needed; None: all.
    """

    name: str
    title: str
    kind: Kind
    protocols: tuple[str, ...]
    systems: tuple[str, ...] | None = None
    methods: tuple[str, ...] | None = None
    seeds: tuple[int, ...] | None = None


@cache
def targets() -> Mapping[str, Target]:
    """Every target by name."""
    text = files("crysim").joinpath("data", "targets.toml").read_text(encoding="utf-8")
    return {
        name: Target(
            name,
            entry["title"],
            entry["kind"],
            tuple(entry["protocols"]),
            *(tuple(entry[key]) if key in entry else None for key in ("systems", "methods", "seeds")),
        )
        for name, entry in tomllib.loads(text).items()
    }


def find_target(name: str) -> Target:
    """The target of a name.

    Raises:
        UnknownNameError: there is none.
    """
    if name not in targets():
        raise UnknownNameError("target", name, targets())
    return targets()[name]


def protocol_path(name: str) -> Path:
    """The file of a protocol: a configuration of ``crysim bench``."""
    return Path(str(files("crysim").joinpath("data", "protocols", f"{name}.toml")))


def target_tables(target: Target, comparison: Comparison, notes: Sequence[str] = ()) -> list[Table]:
    """The target's tables, ours beside the paper's; figures get the summary of their runs."""
    tables: list[Table]
    if target.kind in ("seeds", "bars"):
        tables = [seeds_table(comparison, system, target.title) for system in comparison.systems]
    elif target.kind == "lowest":
        tables = [lowest_table(comparison, target.title)]
    elif target.kind == "filtered":
        tables = [filtered_table(comparison, target.title)]
    elif target.kind in ("grid", "grid-filtered"):
        tables = [grid_table(comparison, target.title, filtered=target.kind == "grid-filtered")]
    else:
        summary = comparison.summary()
        tables = [Table(target.title, summary.columns, summary.rows, summary.notes, summary.best)]
    return [Table(t.title, t.columns, t.rows, (*t.notes, *notes), t.best) for t in tables]


_SEED_KEYS = ("first_match", "first_displacement", "closest_match", "closest_displacement", "lowest", "num_lowest",
              "num_matched")  # fmt: skip


def seeds_table(comparison: Comparison, system: str, title: str) -> Table:
    """Tables S1 to S6 and S8 to S10: the metrics of every seed and method, each followed by the paper's."""
    printed = {(r.seed, r.method): r for r in paper.seed_results() if r.system == system}
    rows: list[dict[str, Value]] = []
    for method in comparison.methods:
        for run, metrics in comparison.of(system, method):
            row: dict[str, Value] = {"seed": run.seed, "method": method, **seed_values(metrics)}
            theirs = printed.get((run.seed, method))
            if theirs is not None:
                row |= {f"paper_{key}": getattr(theirs, key) for key in _SEED_KEYS}
            if system not in comparison.references:
                row["num_matched"] = None
            rows.append(row)
    rows.sort(key=lambda row: int(row["seed"] or 0))
    columns = [Column("seed", "seed"), Column("method", "method")]
    for column in SEED_COLUMNS:
        if column.key in _SEED_KEYS:
            columns += [column, Column(f"paper_{column.key}", "paper", column.form)]
    columns += [Column("strict_match", "first strict match"), Column("num_filtered", "filtered")]
    reference = comparison.references.get(system)
    notes = ["iterations count from 1; equal energies (N_E) are equal at two decimals"]
    stable = []
    if reference is not None and reference.energy is not None:
        stable.append(f"{reference.energy:.2f} eV here")
    known = builtin_systems().get(system)
    if known is not None and known.paper_energy is not None:
        stable.append(f"{known.paper_energy:.2f} eV in the paper")
    if stable:
        notes.insert(0, f"estimated stable energy: {', '.join(stable)}")
    if reference is None:
        notes.insert(0, f"no reference, so nothing can match: give one with --reference {system}=FILE")
    shown = title if system in title or len(comparison.systems) == 1 else f"{title}, {system}"
    return Table(shown, tuple(columns), tuple(rows), tuple(notes))


def lowest_table(comparison: Comparison, title: str) -> Table:
    """Table S7: the lowest energy of every seed, mean and deviation, and how many seeds found the ground truth."""
    seeds = sorted({run.seed for run in comparison.runs})
    rows: list[dict[str, Value]] = []
    for system, method, pairs in comparison.cells():
        energies = [m.lowest for _, m in pairs if m.lowest is not None]
        mean, std = mean_and_std(energies)
        theirs = [r for r in paper.seed_results() if (r.system, r.method) == (system, method)]
        row: dict[str, Value] = {"system": system, "method": method}
        row |= {f"seed_{run.seed}": m.lowest for run, m in pairs}
        row |= {"mean": mean, "std": std, "found": _share([m.success for _, m in pairs])}
        if theirs:
            paper_mean, paper_std = mean_and_std([r.lowest for r in theirs])
            found = _share([r.num_matched > 0 for r in theirs])
            row |= {"paper_mean": paper_mean, "paper_std": paper_std, "paper_found": found}
        if system not in comparison.references:
            row["found"] = None
        rows.append(row)
    columns = (
        Column("system", "system", formula=True),
        Column("method", "method"),
        *(Column(f"seed_{seed}", f"seed {seed}", ".2f") for seed in seeds),
        Column("mean", "mean (eV)", ".2f"),
        Column("std", "± std", ".2f"),
        Column("paper_mean", "paper: mean", ".2f"),
        Column("paper_std", "± std", ".2f"),
        Column("found", "found"),
        Column("paper_found", "paper: found"),
    )
    return Table(title, columns, tuple(rows), best=frozenset(lowest_cells(rows, "mean", group="system")))


def filtered_table(comparison: Comparison, title: str) -> Table:
    """Table S11: crystals left out because a pair of atoms ended too close, mean and deviation over seeds."""
    rows: list[dict[str, Value]] = []
    for system, method, pairs in comparison.cells():
        mean, std = mean_and_std([m.num_filtered for _, m in pairs])
        row: dict[str, Value] = {"system": system, "method": method, "mean": mean, "std": std}
        theirs = paper.filtered_numbers().get((system, method))
        if theirs is not None:
            row |= {"paper_mean": theirs[0], "paper_std": theirs[1]}
        rows.append(row | {"failed": sum(m.num_failed for _, m in pairs)})
    columns = (
        Column("system", "system", formula=True),
        Column("method", "method"),
        Column("mean", "filtered", ".1f"),
        Column("std", "± std", ".1f"),
        Column("paper_mean", "paper"),
        Column("paper_std", "± std"),
        Column("failed", "failed"),
    )
    return Table(title, columns, tuple(rows))


def grid_table(comparison: Comparison, title: str, *, filtered: bool) -> Table:
    """Table 1 (lowest energies) or S13 (filtered crystals) by grid resolution, without and with MID."""
    rows: list[dict[str, Value]] = []
    for system, method, pairs in comparison.cells():
        g, mid = _resolution(method)
        values = [float(m.num_filtered) if filtered else m.lowest for _, m in pairs]
        known = [value for value in values if value is not None]
        mean, std = mean_and_std(known) if known else (None, None)
        row: dict[str, Value] = {"system": system, "g": g, "mid": mid, "runs": len(known), "mean": mean, "std": std}
        row["failed"] = sum(m.num_failed for _, m in pairs) / len(pairs)
        theirs = paper.grid_results().get((system, g, mid))
        if theirs is not None:
            row["paper_mean"] = theirs.filtered_mean if filtered else theirs.mean
            row["paper_std"] = theirs.filtered_std if filtered else theirs.std
        rows.append(row)
    rows.sort(key=lambda row: (comparison.systems.index(str(row["system"])), bool(row["mid"]), int(row["g"] or 0)))
    form = ".1f" if filtered else ".2f"
    columns = (
        Column("system", "system", formula=True),
        Column("mid", "MID"),
        Column("g", "g"),
        Column("runs", "seeds"),
        Column("mean", "filtered" if filtered else "mean (eV)", form),
        Column("std", "± std", form),
        Column("paper_mean", "paper", form),
        Column("paper_std", "± std", form),
        *((Column("failed", "failed", ".1f"),) if filtered else ()),
    )
    best = frozenset(lowest_cells(rows, "mean", group="system", decimals=2))
    notes = ["seeds: those with a crystal that counts"]
    if filtered:
        notes = [
            "failed: relaxations without an energy, nearly all of crystals whose atoms coincide; mean of the seeds"
        ]
    return Table(title, columns, tuple(rows), tuple(notes), best)


def merged(comparisons: Sequence[Comparison]) -> Comparison:
    """Several protocols' runs as one comparison.

    Raises:
        InputError: their energies come from different models.
    """
    runs: tuple[RunRecord, ...] = tuple(run for one in comparisons for run in one.runs)
    references = {system: ref for one in comparisons for system, ref in one.references.items()}
    return Comparison(runs, references, any(one.count_distinct for one in comparisons))


def _share(flags: Sequence[bool]) -> str:
    return f"{sum(flags)}/{len(flags)}"


def _resolution(method: str) -> tuple[int, bool]:
    """g and MID of a label of the protocol, ``crysim-12`` or ``crysim-12-no-mid``."""
    return int(method.split("-")[1]), not method.endswith("-no-mid")
