"""How large a comparison's records may grow: writing, summary and report of up to a million trials, cold and again.

The runs are synthetic and valid: random crystals of Ca4S4 with made-up energies, written as the project's own journal
writes them, but for the sync of every batch (which is measured on its own).

    python benchmarks/records.py --runs 100 --trials 10000 --out results/records
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from crysim.composition import Composition
from crysim.crystal.generation import RandomGenerator
from crysim.harness import lines
from crysim.harness.journal import JOURNAL, Journal
from crysim.harness.manifest import make_manifest
from crysim.harness.records import trial_to_dict
from crysim.harness.run_folder import run_folder, settle_manifest
from crysim.harness.spec import PartSpec, RunSpec
from crysim.interfaces import Candidate, Frame, Relaxation, RelaxStatus, Trial, TrialStatus

METHODS = ("random", "enumerate", "prior", "other-a", "other-b")


def main() -> None:
    """Make the records if they are not there, then measure each step in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "crysim-records")
    parser.add_argument("--out", type=Path, default=None, help="where records.json is written")
    parser.add_argument("--only", choices=("summary", "report"), default=None)
    given = parser.parse_args()
    if given.only:
        print(json.dumps(measure(given.only, given.folder)))
        return
    written = write(given.folder, given.runs, given.trials)
    figures = {"runs": given.runs, "trials": given.runs * given.trials, "cores": os.cpu_count(), **written}
    figures["append"] = appending(given.folder)
    forget(given.folder)
    for name in ("summary cold", "summary again"):
        figures[name] = child(name.split()[0], given.folder)
        print(name, figures[name], flush=True)
    forget(given.folder)
    figures["report cold"] = child("report", given.folder)
    figures["report again"] = child("report", given.folder)
    figures["load"] = round(os.getloadavg()[0], 1)
    text = json.dumps(figures, indent=2)
    print(text)
    if given.out is not None:
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / "records.json").write_text(text + "\n")


def forget(folder: Path) -> None:
    """Delete what readers have left."""
    for name in ("*.cache", "report.html"):
        for path in folder.rglob(name):
            path.unlink()


def child(what: str, folder: Path) -> dict[str, float]:
    """Measure one step in a fresh process, imports included."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, __file__, "--only", what, "--folder", str(folder)], capture_output=True, text=True, check=True
    )
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return {**figures, "whole process": round(time.perf_counter() - start, 2)}


def measure(what: str, folder: Path) -> dict[str, float]:
    """Seconds and the largest memory (MB) of one step in this process."""
    start = time.perf_counter()
    if what == "report":
        from crysim.workflows.report import write_report

        size = write_report(folder).stat().st_size / 1e6
    else:
        from crysim.analysis.references import compare_records, load_references
        from crysim.workflows.report import read_runs

        records = read_runs(folder)
        size = len(compare_records(records, load_references(folder, records)).summary().rows)
    cpu = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    seconds = round(time.perf_counter() - start, 2)
    return {
        "seconds": seconds,
        "CPU seconds": round(cpu, 2),
        "MB": round(memory),
        "MB of a worker": round(children),
        "size": round(size, 1),
    }


def write(folder: Path, runs: int, trials: int) -> dict[str, float]:
    """Write the runs that are not there yet, of a thousand made-up trials each with other energies."""
    rng = np.random.default_rng(0)
    start, wrote = time.perf_counter(), 0
    crystals = RandomGenerator(Composition.from_formula("Ca4S4")).sample(200, rng)
    base = [trial_to_dict(trial(number, crystals, rng)) for number in range(1000)]
    for number in range(runs):
        method, seed = METHODS[number % len(METHODS)], number // len(METHODS)
        spec = RunSpec(
            system=Composition.from_formula("Ca4S4"), method=method, strategy=PartSpec("random"),
            energy=PartSpec("ase:emt"), budget=trials, seed=seed,
        )  # fmt: skip
        path = run_folder(folder, "Ca4S4", method, seed)
        if lines.num_lines(path / JOURNAL) == trials:
            continue
        path.mkdir(parents=True, exist_ok=True)
        manifest = make_manifest(spec, {"model": "made up"})
        settle_manifest(path, manifest)
        with lines.LineFile(path / JOURNAL, 0, manifest["run"]) as file:
            file.append(_record(base, n, rng) for n in range(trials))
        wrote += trials
    size = sum(path.stat().st_size for path in folder.rglob(JOURNAL)) / 1e6
    return {"MB on disk": round(size), "written": wrote, "seconds to write": round(time.perf_counter() - start, 1)}


def _record(base: Sequence[dict[str, Any]], number: int, rng: np.random.Generator) -> dict[str, Any]:
    """A line of the journal: one of the made-up trials under its number, with another energy."""
    record = base[number % len(base)]
    energy = record["energy"]
    other = energy if energy is None else energy + 1e-5 * float(rng.standard_normal())
    return {"batch": 1, "stateful": False, "asked": 1, **record, "number": number, "energy": other}


def trial(number: int, crystals: list, rng: np.random.Generator) -> Trial:  # type: ignore[type-arg]
    """A made-up trial: a tenth has failed, a tenth did not converge, energies fall into a few hundred minima."""
    start, place = crystals[rng.integers(len(crystals))], int(rng.integers(len(crystals)))
    end = crystals[place]
    kind = rng.random()
    info = {"parents": [int(n) for n in rng.integers(number + 1, size=2)]}
    candidate = Candidate(start, info=info, seconds={"decode": 0.01})
    if kind < 0.1:
        failed = Relaxation(RelaxStatus.FAILED, None, None, 3, 4, None, seconds=0.5, reason="ValueError: it broke")
        return Trial(number, candidate, failed, TrialStatus.FAILED, failed.reason)
    scale = 1.0 + 1e-5 * rng.standard_normal()
    end = end.with_parameters([*(scale * np.array(end.cell[:3])), *end.cell[3:]], [site.free for site in end.sites])
    energy = -40.0 + 0.02 * place + 1e-5 * float(rng.standard_normal())
    frames = tuple(Frame(start, energy + 10.0 / (step + 1)) for step in range(8))
    status = RelaxStatus.RELAXED if kind < 0.9 else RelaxStatus.NOT_CONVERGED
    reason = "" if kind < 0.9 else f"a force of {kind:.3f} eV/Å is left after 500 steps"
    relaxation = Relaxation(status, end, energy, 40, 45, 0.004, frames, 1.5 + float(rng.random()), reason)
    return Trial(number, candidate, relaxation, TrialStatus(status.value), reason)


def appending(folder: Path) -> dict[str, float]:
    """Milliseconds of one durable append, to a new journal and to the longest one."""
    longest = max(folder.rglob(JOURNAL), key=lambda path: path.stat().st_size)
    rng = np.random.default_rng(1)
    crystals = RandomGenerator(Composition.from_formula("Ca4S4")).sample(20, rng)
    found = {}
    with tempfile.TemporaryDirectory(dir=folder) as place:
        for name, content in (("new", b""), ("long", longest.read_bytes())):
            path = Path(place) / name
            path.mkdir()
            if content:
                (path / "manifest.json").write_bytes((longest.parent / "manifest.json").read_bytes())
            (path / JOURNAL).write_bytes(content)
            with Journal(path / JOURNAL) as journal:
                first = len(journal)
                start = time.perf_counter()
                for n in range(first, first + 200):
                    journal.append([trial(n, crystals, rng)], stateful=False, asked=1)
                found[f"ms, {name} journal of {first} trials"] = round(5 * (time.perf_counter() - start), 3)
    return found


if __name__ == "__main__":
    main()
