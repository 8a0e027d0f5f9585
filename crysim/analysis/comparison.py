"""Runs side by side: metrics of each, and the table of systems and methods that the bench ends with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import fmean, median

from crysim.analysis.counted import MOST_COUNTED, can_be_counted, num_distinct
from crysim.analysis.metrics import Effort, RunMetrics, mean_and_std, run_metrics, wilson_interval
from crysim.analysis.tables import Column, Table, Value, lowest_cells
from crysim.crystal import Crystal
from crysim.crystal.matching import ReferenceMatcher
from crysim.errors import InputError
from crysim.harness.journal import RunRecord


@dataclass(frozen=True)
class Reference:
    """The ground truth of a system: its crystal, and its energy by the runs' model (eV per cell) where known."""

    crystal: Crystal
    energy: float | None = None


@dataclass(frozen=True)
class Comparison:
    """Runs of several systems and methods, relaxed with one energy model.

    Raises:
        InputError: the runs' energies come from different models, weights or pressures, and so cannot be compared.
    """

    runs: tuple[RunRecord, ...]
    references: Mapping[str, Reference] = field(default_factory=dict)
    count_distinct: bool = False

    def __post_init__(self) -> None:
        check_one_model(self.runs)

    @cached_property
    def matchers(self) -> dict[str, ReferenceMatcher]:
        """One for each reference, which remembers what it has compared."""
        return {system: ReferenceMatcher(reference.crystal) for system, reference in self.references.items()}

    @cached_property
    def metrics(self) -> list[RunMetrics]:
        """Of each run, in order."""
        matchers = self.matchers
        return [
            run_metrics(
                run.trials,
                matcher=matchers.get(run.system),
                reference_energy=self.references[run.system].energy if run.system in self.references else None,
                budget=run.budget,
                num_distinct=num_distinct(run.trials) if self.counts_distinct else None,
                contents=run.contents if run.contents.sizes_vary else None,
                initial=run.initial_spent,
            )
            for run in self.runs
        ]

    @cached_property
    def counts_distinct(self) -> bool:
        """Whether distinct minima are counted: they are wanted, and the crystals are not too many."""
        return self.count_distinct and can_be_counted([run.trials for run in self.runs])

    @property
    def systems(self) -> list[str]:
        """In the order in which they first appear."""
        return list(dict.fromkeys(run.system for run in self.runs))

    @property
    def methods(self) -> list[str]:
        """In the order in which they first appear."""
        return list(dict.fromkeys(run.method for run in self.runs))

    def of(self, system: str, method: str) -> list[tuple[RunRecord, RunMetrics]]:
        """The runs of one system and method with their metrics, by seed."""
        found = [
            (run, metrics)
            for run, metrics in zip(self.runs, self.metrics, strict=True)
            if run.system == system and run.method == method
        ]
        return sorted(found, key=lambda pair: pair[0].seed)

    def cells(self) -> Iterable[tuple[str, str, list[tuple[RunRecord, RunMetrics]]]]:
        """System, method and their runs, for all that have any."""
        for system in self.systems:
            for method in self.methods:
                if pairs := self.of(system, method):
                    yield system, method, pairs

    def summary(self) -> Table:
        """One row for each system and method, over seeds."""
        rows = [self._summary_row(system, method, pairs) for system, method, pairs in self.cells()]
        notes = []
        unfinished = sum(not run.complete for run in self.runs)
        if unfinished:
            notes.append(f"{unfinished} of {len(self.runs)} runs have not used up their budget")
        if self.count_distinct and not self.counts_distinct:
            notes.append(f"distinct minima are not counted, there are more than {MOST_COUNTED:,} relaxed crystals")
        best = lowest_cells(rows, "mean", group="system")
        return Table("Comparison of methods", SUMMARY_COLUMNS, tuple(rows), tuple(notes), frozenset(best))

    def _summary_row(self, system: str, method: str, pairs: Sequence[tuple[RunRecord, RunMetrics]]) -> dict[str, Value]:
        metrics = [m for _, m in pairs]
        energies = [m.lowest for m in metrics if m.lowest is not None]
        mean, std = mean_and_std(energies)
        reference = self.references.get(system)
        areas = [m.mean_accumulated for m in metrics if m.mean_accumulated is not None]
        distinct = [m.num_distinct for m in metrics if m.num_distinct is not None]
        row: dict[str, Value] = {
            "system": system,
            "method": method,
            "runs": len(pairs),
            "lowest": min(energies, default=None),
            "mean": mean if energies else None,
            "std": std if energies else None,
            "reference": reference.energy if reference else None,
            **_medians("lowest", [m.lowest_at for m in metrics if m.lowest_at]),
            "area": mean_and_std(areas)[0] if areas else None,
            "distinct": mean_and_std(distinct)[0] if distinct else None,
            "filtered": sum(m.num_filtered for m in metrics) / len(pairs),
            "failed": sum(m.num_failed for m in metrics),
            "relaxations": sum(m.num_trials for m in metrics),
            "evaluations": sum(m.evaluations for m in metrics),
            "seconds": sum(m.seconds for m in metrics) / len(pairs),
            "cpu_seconds": sum(m.cpu_seconds for m in metrics) / len(pairs),
        }
        if reference is not None:
            found = sum(m.success for m in metrics)
            strict = [m.found_strict for m in metrics if m.found_strict]
            matched = [m.matched for m in metrics if m.matched]
            row |= {
                "found": found,
                "interval": _interval(found, len(pairs)),
                "found_strict": len(strict),
                "interval_strict": _interval(len(strict), len(pairs)),
                **_medians("match", matched),
                "seconds_to_match": _median([effort.seconds for effort in matched]),
                **_medians("strict", strict),
                "mean_to_strict": fmean(
                    m.found_strict.relaxations if m.found_strict else run.budget for run, m in pairs
                ),
                **_medians("energy", [m.energy_reached for m in metrics if m.energy_reached]),
            }
        return row

    def per_seed(self, system: str) -> Table:
        """The paper's metrics of every run of one system (Tables S1 to S6, S8 to S10)."""
        reference = self.references.get(system)
        unknown = {} if reference is not None else {"num_matched": None}
        rows = tuple(
            {"seed": run.seed, "method": run.method, **seed_values(metrics), **unknown}
            for method in self.methods
            for run, metrics in self.of(system, method)
        )
        known = reference is not None and reference.energy is not None
        title = f"{system}, estimated stable energy {reference.energy:.2f} eV" if known and reference else system
        return Table(title, SEED_COLUMNS, rows)


def seed_values(metrics: RunMetrics) -> dict[str, Value]:
    """The values of `SEED_COLUMNS` of one run."""
    return {
        "first_match": metrics.first_match,
        "first_displacement": metrics.first_displacement,
        "closest_match": metrics.closest_match,
        "closest_displacement": metrics.closest_displacement,
        "lowest": metrics.lowest,
        "num_lowest": metrics.num_lowest,
        "num_matched": metrics.num_matched,
        "num_filtered": metrics.num_filtered,
        "num_failed": metrics.num_failed,
        "strict_match": metrics.found_strict.relaxations if metrics.found_strict else None,
        "num_distinct": metrics.num_distinct,
    }


def check_one_model(runs: Sequence[RunRecord]) -> None:
    """Raise InputError if runs were relaxed with different energy models or weights, or under different pressures."""
    kinds: dict[tuple[tuple[str, str], ...], str] = {}
    for run in runs:
        kind = {**run.fingerprint, "pressure": f"{run.pressure:g} GPa"}
        kinds.setdefault(tuple(sorted(kind.items())), f"{run.system}/{run.method}/seed {run.seed}")
    if len(kinds) > 1:
        (first, one), (second, other) = list(kinds.items())[:2]
        changed = sorted({key for key, _ in set(first) ^ set(second)})
        raise InputError(
            f"energies of different models or pressures cannot be compared: {one} and {other} differ in "
            f"{', '.join(changed)}"
        )


def _interval(successes: int, runs: int) -> str:
    low, high = wilson_interval(successes, runs)
    return f"{low:.2f}–{high:.2f}"


def _medians(what: str, found: Sequence[Effort]) -> dict[str, Value]:
    """The median effort to something, in each currency."""
    return {
        f"to_{what}": _median([effort.relaxations for effort in found]),
        f"evaluations_to_{what}": _median([effort.evaluations for effort in found]),
        f"cpu_seconds_to_{what}": _median([effort.cpu_seconds for effort in found]),
    }


def _median(values: Sequence[float]) -> float | None:
    return float(median(values)) if values else None


_ENERGIES = "energies per cell: of the best seed, mean over seeds and population standard deviation"
_FOUND = "found: seeds in which a crystal of the lowest energy matches the reference by the paper's tolerances"
_STRICT = "strict: seeds with a crystal that matches by pymatgen's defaults and has the reference's space group"
_INTERVAL = "interval: Wilson's, 95 %, of the success rate to its left"
_TO = "to …: relaxations until the match, the reference's energy, the lowest; median of the seeds that got there"
_MEAN = "mean to strict: mean over seeds, one without such a crystal counted with its whole budget"
_EFFORT = (
    "evaluations to …, CPU s to …: evaluations of the energy model and CPU seconds until then, of initial crystals, "
    "strategy and relaxations (of journals without CPU seconds wall seconds); s to match: wall time; medians likewise"
)
_AREA = "mean so far: the lowest energy so far, averaged over the budget (the area under the accumulated curve)"
_DISTINCT = "distinct: minima that the matcher tells apart, mean over seeds"
_CLOSE = "too close: crystals left out for a pair that ended too close, mean over seeds"
SUMMARY_COLUMNS = (
    Column("system", "system", formula=True),
    Column("method", "method"),
    Column("runs", "seeds"),
    Column("lowest", "lowest (eV)", ".2f", note=_ENERGIES),
    Column("mean", "mean (eV)", ".2f", note=_ENERGIES),
    Column("std", "± std", ".2f", note=_ENERGIES),
    Column("reference", "ref. (eV)", ".2f"),
    Column("found", "found", note=_FOUND),
    Column("interval", "interval", note=_INTERVAL),
    Column("found_strict", "strict", note=_STRICT),
    Column("interval_strict", "interval", note=_INTERVAL),
    Column("to_match", "to match", "g", note=_TO),
    Column("evaluations_to_match", "evaluations to match", "g", note=_EFFORT),
    Column("cpu_seconds_to_match", "CPU s to match", ".3g", note=_EFFORT),
    Column("seconds_to_match", "s to match", ".3g", note=_EFFORT),
    Column("to_strict", "to strict", "g", note=_TO),
    Column("evaluations_to_strict", "evaluations to strict", "g", note=_EFFORT),
    Column("cpu_seconds_to_strict", "CPU s to strict", ".3g", note=_EFFORT),
    Column("mean_to_strict", "mean to strict", ".1f", note=_MEAN),
    Column("to_energy", "to energy", "g", note=_TO),
    Column("evaluations_to_energy", "evaluations to energy", "g", note=_EFFORT),
    Column("cpu_seconds_to_energy", "CPU s to energy", ".3g", note=_EFFORT),
    Column("to_lowest", "to lowest", "g", note=_TO),
    Column("evaluations_to_lowest", "evaluations to lowest", "g", note=_EFFORT),
    Column("cpu_seconds_to_lowest", "CPU s to lowest", ".3g", note=_EFFORT),
    Column("area", "mean so far (eV)", ".2f", note=_AREA),
    Column("distinct", "distinct", ".3g", note=_DISTINCT),
    Column("filtered", "too close", ".3g", note=_CLOSE),
    Column("failed", "failed"),
    Column("relaxations", "relaxations"),
    Column("evaluations", "evaluations"),
    Column("seconds", "s per run", ".0f"),
    Column("cpu_seconds", "CPU s per run", ".0f"),
)
SEED_COLUMNS = (
    Column("seed", "seed"),
    Column("method", "method"),
    Column("first_match", "I_M,0", tex=r"$I_{M,0}$"),
    Column("first_displacement", "D_M,0", ".5f", tex=r"$D_{M,0}$"),
    Column("closest_match", "I_M,min", tex=r"$I_{M,\min}$"),
    Column("closest_displacement", "D_M,min", ".5f", tex=r"$D_{M,\min}$"),
    Column("lowest", "E_min (eV)", ".2f", tex=r"$E_{\min}$ (eV)"),
    Column("num_lowest", "N_E", tex=r"$N_E$"),
    Column("num_matched", "N_M", tex=r"$N_M$"),
    Column("num_filtered", "filtered"),
    Column("num_failed", "failed"),
    Column("strict_match", "first strict match"),
    Column("num_distinct", "distinct"),
)
