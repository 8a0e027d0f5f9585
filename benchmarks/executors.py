"""Executors: a cluster whose workers are killed all the time, and how much sooner more workers are done.

    python benchmarks/executors.py killed [--on dask|parsl|slurm] [--relaxations N] [--every SECONDS] [--json FILE]
                                          [--folder DIR]
    python benchmarks/executors.py speed [--seconds S] [--batches N] [--workers 1 2 16] [--json FILE]

``killed``: one run on a cluster of this machine, two of whose workers are killed every so many seconds; its journal is
compared with that of the same run in this process. Energies are EMT's, and each of them takes a while, so that there is
something to lose: what was lost is how many more energies were begun than in the undisturbed run. On dask, and on a
block of Parsl's, workers are killed by SIGKILL; on Slurm (SLURM_CONF is that of ``examples/slurm/one-node.sh``) each is
a job of its own, all of whose processes are. With ``--folder`` it can be stopped, and the same command goes on.

``speed``: one run of tasks of a known length, which sleep instead of computing: what the driver and the processes
cost, whatever else the machine does. Batches per minute for every number of workers, with as many batches ahead.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

from clusters import CLUSTERS, Cluster

from crysim.composition import Contents
from crysim.harness.executors import Job, run_jobs
from crysim.harness.journal import JOURNAL, read_run
from crysim.harness.lines import read_lines
from crysim.harness.loop import Progress, execute
from crysim.harness.placement import Placement
from crysim.harness.spec import PartSpec, RunSpec, build_energy
from crysim.interfaces import RelaxSettings
from crysim.testing.calculators import ENERGIES


def main() -> None:
    """Measure what the options ask for, and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    killed = commands.add_parser("killed")
    killed.add_argument("--on", choices=CLUSTERS, default="dask")
    killed.add_argument("--relaxations", type=int, default=300)
    killed.add_argument("--workers", type=int, default=4)
    killed.add_argument("--every", type=float, default=20.0)
    killed.add_argument("--which", choices=WHICH, default="any", help="two are killed")
    killed.add_argument("--seconds", type=float, default=0.05, help="of each energy")
    killed.add_argument("--folder", type=Path, help="where it goes on when it was stopped")
    speed = commands.add_parser("speed")
    speed.add_argument("--seconds", type=float, default=0.5, help="of each energy")
    speed.add_argument("--batches", type=int, default=32)
    speed.add_argument("--workers", type=int, nargs="+", default=[1, 2, 16])
    for one in (killed, speed):
        one.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        if options.command == "killed":
            folder = (options.folder or Path(made)).absolute()
            folder.mkdir(parents=True, exist_ok=True)
            result = measure_killed(folder, options)
        else:
            result = measure_speed(options)
    result["load"] = [round(one, 1) for one in os.getloadavg()]
    result["cores"] = len(os.sched_getaffinity(0))
    text = json.dumps(result, indent=1)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")


def make_spec(seconds: float, budget: int, batch: int, ahead: int, folder: Path | None = None) -> RunSpec:
    """A run of random crystals, whose energies take so long each."""
    options = {"seconds": seconds, **({} if folder is None else {"folder": str(folder)})}
    return RunSpec(
        system=Contents.from_formula("Al4Cu4"),
        method="random",
        strategy=PartSpec("random"),
        energy=PartSpec("ase:crysim.testing.calculators.SlowEMT", {"options": options}),
        budget=budget,
        batch=batch,
        ahead=ahead,
        relax=RelaxSettings(max_steps=20, num_frames=3, symmetry="keep"),
        min_distance=1.5,
    )


def trials(folder: Path) -> list[dict[str, Any]]:
    """The lines of a journal without what a clock says."""
    records, _ = read_lines(folder / JOURNAL)
    return [{k: v for k, v in record.items() if k not in ("seconds", "phases", "cpu")} for record in records]


WHICH: dict[str, Callable[[list[str], random.Random], list[str]]] = {
    "any": lambda there, choose: choose.sample(there, k=min(2, len(there))),
    "oldest": lambda there, _: there[:2],
    "newest": lambda there, _: there[2:][:2],
}
"""Which two of the workers are killed: any; those that were there first, which have had the time to be at work, however
long a worker takes to begin; or others than these two, which live then."""


class Killer(threading.Thread):
    """Kills two workers every so many seconds, and writes down whom, and who of them was at work.

    Args:
        cluster: where the workers are.
        every: seconds.
        which: see `WHICH`.
        busy: seconds for which an energy lasts at most: one that was begun so long ago is under way.
        energies: a file that says which energies were begun (`crysim.testing.calculators.SlowEMT`).
        notes: a file that gets a line for each round.
    """

    def __init__(self, cluster: Cluster, every: float, which: str, busy: float, energies: Path, notes: Path) -> None:
        super().__init__()
        self._cluster, self._every, self._which, self._busy = cluster, every, which, busy
        self._energies, self._notes = energies, notes
        self._ended = threading.Event()
        self._choose = random.Random(notes.stat().st_size if notes.exists() else 0)  # noqa: S311

    def run(self) -> None:
        """Kill until `stop`."""
        while not self._ended.wait(self._every):
            there = self._cluster.workers()
            chosen = WHICH[self._which](there, self._choose)
            at_work = self._at_work() & set(chosen)
            for one in chosen:
                self._cluster.kill(one)
            note = {"there": len(there), "killed": len(chosen), "at work": len(at_work)}
            with self._notes.open("a", encoding="ascii") as file:
                file.write(json.dumps(note) + "\n")
            print(f"killed {len(chosen)} of {len(there)} workers, {len(at_work)} of them at work", file=sys.stderr)

    def _at_work(self) -> set[str]:
        """The workers whose process is in the midst of an energy, by their numbers."""
        since = time.time() - self._busy
        lines = [line.split() for line in self._energies.read_text().splitlines()[-1000:]]
        return {number for when, _, *numbers in lines if float(when) >= since for number in numbers}

    def stop(self) -> None:
        """Kill nobody any more."""
        self._ended.set()
        self.join()


def measure_killed(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Drive a run while workers die, and compare its journal with the serial one's."""
    energies, notes = folder / ENERGIES, folder / "kills.jsonl"
    energies.touch()
    spec = make_spec(options.seconds, options.relaxations, 2, 2 * options.workers, folder)
    sittings = folder / "seconds"
    with CLUSTERS[options.on](folder, options.workers) as cluster:
        killer = Killer(cluster, options.every, options.which, options.seconds + 0.5, energies, notes)
        killer.start()
        start = time.monotonic()
        try:
            job = Job(spec, folder / "killed")
            # Where there is one run on four workers, its batches are the tasks.
            (outcome,) = run_jobs([job], Placement(options.workers, PartSpec(cluster.executor)), on_progress=_say)
        finally:
            with sittings.open("a") as file:
                file.write(f"{time.monotonic() - start:.1f}\n")
            killer.stop()
    # Nobody is killed there, and nothing need take a while.
    undisturbed = folder / "undisturbed"
    undisturbed.mkdir(exist_ok=True)
    quick = make_spec(0.0, options.relaxations, 2, 2 * options.workers, undisturbed)
    execute(quick, folder / "serial", build_energy(quick.energy))
    there, here = trials(folder / "killed"), trials(folder / "serial")
    rounds = [json.loads(line) for line in notes.read_text().splitlines()] if notes.exists() else []
    return {
        "on": options.on,
        "relaxations": len(there),
        "workers": options.workers,
        "every": options.every,
        "which": options.which,
        "rounds": len(rounds),
        "killed": sum(one["killed"] for one in rounds),
        "killed at work": sum(one["at work"] for one in rounds),
        "energies": len(energies.read_text().splitlines()),
        "energies of the undisturbed run": len((undisturbed / ENERGIES).read_text().splitlines()),
        "seconds of each energy": options.seconds,
        "seconds": round(sum(map(float, sittings.read_text().split()))),
        "failure": outcome.error,
        "failed trials": sum(one["status"] == "failed" for one in there),
        "differing trials": sum(one != other for one, other in zip(there, here, strict=True)),
    }


def _say(job: Job, progress: Progress) -> None:
    print(f"{progress.done} of {job.spec.budget}", file=sys.stderr)


def measure_speed(options: argparse.Namespace) -> dict[str, Any]:
    """Batches per minute, between the first batch that is told and the last."""
    rows = []
    for workers in options.workers:
        spec = make_spec(options.seconds, options.batches, 1, workers)
        times: dict[int, float] = {}
        with tempfile.TemporaryDirectory() as folder:
            run_jobs([Job(spec, Path(folder) / "run")], Placement(workers), on_progress=partial(_note, times))
            seconds = [trial.seconds for trial in read_run(Path(folder) / "run").trials]
        # The first of each worker waits for its process to begin.
        done = {n: when - times[workers] for n, when in times.items() if n >= workers}
        rows.append(
            {
                "workers": workers,
                "seconds per batch": round(mean(seconds), 3),
                "batches per minute": round(60 * (options.batches - workers) / done[options.batches], 1),
            }
        )
    return {"batches": options.batches, "speed": rows}


def _note(times: dict[int, float], job: Job, progress: Progress) -> None:
    """When so many trials were told."""
    del job
    times.setdefault(progress.done, time.monotonic())


if __name__ == "__main__":
    main()
