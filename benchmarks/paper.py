"""The paper's tables and figures that are not made yet, cut evenly, and deeper with each call.

    python benchmarks/paper.py --out results/paper [--reference FORMULA=FILE ...] [--budgets 5 10 25 50 100 300]
                               [--seconds S] [--only GROUP ...]

Each budget is gone through for all groups, every method and seed of a group, before the next larger one is begun. The
tables in the folder are those of the last budget that all runs of a group reached, so that no method is cut more than
another; the runs go on where they were, whenever the command is given again, and finished ones are packed. After
--seconds of wall time the relaxation in progress is stopped, and is lost. CPU seconds of each group are written to
``cost.json``, from the journals.

One process at a time. A group is made with `crysim reproduce`, and checked with
``crysim reproduce --all --check --out results/paper/GROUP``.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from crysim.errors import EXIT_PARTLY_FAILED
from crysim.harness.journal import RunRecord, find_runs, read_run

LARGE = ("--system", "Y6Co51", "--system", "Ca24Al16Si24O96")
OURS = ("--method", "portfolio", "--method", "crysim-own", "--symmetry", "keep", "--solver", "convex")


@dataclass(frozen=True)
class Group:
    """Targets whose runs are the same.

    Attributes:
        name: of the folder.
        targets: of ``crysim reproduce``.
        options: of it.
        reference: a system that is left out unless its reference is given.
    """

    name: str
    targets: tuple[str, ...]
    options: tuple[str, ...] = ()
    reference: str | None = None


GROUPS = (
    Group("ours-small", ("table-s1", "table-s2", "table-s3", "table-s4", "table-s6"), OURS),
    Group("ours-oxyselenide", ("table-s5",), OURS, reference="Li3Ti3Se6O3"),
    Group("oxyselenide", ("table-s5",), ("--symmetry", "keep"), reference="Li3Ti3Se6O3"),
    # Couplings given one by one are not convex underneath: the annealer solves both surrogates.
    Group("regression", ("fig-s4",), ("--ours", "--symmetry", "keep", "--race", "--solver", "annealer")),
    Group(
        "large",
        ("table-s7", "table-s8", "table-s9", "table-s11", "fig-4"),
        (*LARGE, "--ours", "--symmetry", "keep", "--race", "--solver", "convex"),
    ),
    Group(
        "grid",
        ("table-1", "table-s13", "fig-s2", "fig-s3", "fig-s5"),
        (*LARGE, "--symmetry", "keep", "--race", "--solver", "convex"),
    ),
    Group(
        "silica",
        ("table-s7", "table-s10", "table-s11", "fig-4"),
        ("--system", "Si96O192", "--ours", "--symmetry", "keep", "--race", "--solver", "convex"),
        reference="Si96O192",
    ),
    Group(
        "grid-silica",
        ("table-1", "table-s13", "fig-s2"),
        ("--system", "Si96O192", "--symmetry", "keep", "--race", "--solver", "convex"),
        reference="Si96O192",
    ),
)
"""In the order of what a relaxation costs: the cheapest are deep first."""


def main() -> None:
    """Go through the budgets until the time is up."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder with one folder for each group")
    parser.add_argument("--reference", action="append", default=[], metavar="FORMULA=FILE")
    parser.add_argument("--budgets", type=int, nargs="+", default=[5, 10, 25, 50, 100, 300])
    parser.add_argument("--seconds", type=float, default=float("inf"), help="wall time of this call")
    parser.add_argument("--only", nargs="+", choices=[group.name for group in GROUPS])
    options = parser.parse_args()
    # In the background a shell has its children ignore interrupts, by which a run is ended here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    end = time.monotonic() + options.seconds
    references = dict(text.split("=", 1) for text in options.reference)
    for budget in options.budgets:
        for group in GROUPS:
            if options.only and group.name not in options.only:
                continue
            if group.reference and group.reference not in references:
                print(f"{group.name}: left out, give --reference {group.reference}=FILE", flush=True)
                continue
            done = _make(group, budget, options.out / group.name, references, end)
            _keep_costs(options.out)
            if not done:
                return


def _make(group: Group, budget: int, folder: Path, references: dict[str, str], end: float) -> bool:
    """Run a group to a budget, and put its tables into its folder if every run reached it."""
    working = folder / "in-progress"
    command = [sys.executable, "-m", "crysim", "reproduce", *group.targets, *group.options, "--budget", str(budget)]
    if group.reference:
        command += ["--reference", f"{group.reference}={references[group.reference]}"]
    working.mkdir(parents=True, exist_ok=True)
    runs = folder / "runs"
    link = working / "runs"
    runs.mkdir(exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(Path("..") / "runs")
    print(f"{time.strftime('%H:%M')} {group.name}: {budget} relaxations", flush=True)
    process = subprocess.Popen([*command, "--out", str(working)], stdout=subprocess.DEVNULL)
    try:
        code = process.wait(max(0.0, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        process.wait()
        code = 1
    # A run none of whose crystals counts is told as a failure; it has used its relaxations up all the same.
    made = code == 0 or (code == EXIT_PARTLY_FAILED and _reached(runs, budget))
    if made:
        for path in working.iterdir():
            if path.is_file():
                shutil.move(path, folder / path.name)
    link.unlink()
    shutil.rmtree(working)
    if made:
        subprocess.run([sys.executable, "-m", "crysim", "compact", str(folder)], check=True)
    return made


def _reached(runs: Path, budget: int) -> bool:
    """Whether every run has relaxed as many crystals."""
    return all(len(run.trials) >= budget for run in map(read_run, find_runs(runs)))


def _keep_costs(out: Path) -> None:
    """CPU seconds a relaxation, by group, system and method, from the journals."""
    rows = []
    for group in GROUPS:
        by_cell: dict[tuple[str, str], list[RunRecord]] = defaultdict(list)
        for run in map(read_run, find_runs(out / group.name) if (out / group.name).is_dir() else []):
            by_cell[run.system, run.method].append(run)
        rows += [_cost(group.name, *cell, runs) for cell, runs in by_cell.items() if any(run.trials for run in runs)]
    (out / "cost.json").write_text(json.dumps(rows, indent=1) + "\n")


def _cost(group: str, system: str, method: str, runs: Sequence[RunRecord]) -> dict[str, object]:
    trials = [trial for run in runs for trial in run.trials]
    relaxing = sum(trial.relaxation.cpu_seconds or 0.0 for trial in trials)
    every = sum(trial.cpu_seconds for trial in trials)
    return {
        "group": group,
        "system": system,
        "method": method,
        "runs": len(runs),
        "relaxations": len(trials),
        "evaluations": sum(trial.evaluations for trial in trials),
        "cpu_seconds_a_relaxation": round(relaxing / len(trials), 3),
        "cpu_seconds_of_the_strategy": round((every - relaxing) / len(trials), 3),
    }


if __name__ == "__main__":
    main()
