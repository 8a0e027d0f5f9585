"""Executors: a cluster whose workers are killed all the time, and how much sooner more workers are done.

    python benchmarks/executors.py killed [--on dask|parsl|slurm] [--relaxations N] [--every SECONDS] [--json FILE]
    python benchmarks/executors.py speed [--seconds S] [--batches N] [--workers 1 2 16] [--json FILE]

``killed``: one run on a cluster of this machine, two of whose workers are killed every so many seconds; its journal is
compared with that of the same run in this process. Energies are EMT's, and each of them takes a while, so that there is
something to lose. On dask, and on a block of Parsl's, workers are killed by SIGKILL; on Slurm (SLURM_CONF is that of
``examples/slurm/one-node.sh``) each is a job of its own, and is cancelled.

``speed``: one run of tasks of a known length, which sleep instead of computing: what the driver and the processes
cost, whatever else the machine does. Batches per minute for every number of workers, with as many batches ahead.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

from crysim.composition import Contents
from crysim.harness.executors import Job, run_jobs
from crysim.harness.journal import JOURNAL, read_run
from crysim.harness.lines import read_lines
from crysim.harness.loop import Progress, execute
from crysim.harness.placement import Placement
from crysim.harness.spec import PartSpec, RunSpec, build_energy
from crysim.interfaces import RelaxSettings


def main() -> None:
    """Measure what the options ask for, and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    killed = commands.add_parser("killed")
    killed.add_argument("--on", choices=CLUSTERS, default="dask")
    killed.add_argument("--relaxations", type=int, default=300)
    killed.add_argument("--workers", type=int, default=4)
    killed.add_argument("--every", type=float, default=20.0)
    killed.add_argument("--seconds", type=float, default=0.05, help="of each energy")
    speed = commands.add_parser("speed")
    speed.add_argument("--seconds", type=float, default=0.5, help="of each energy")
    speed.add_argument("--batches", type=int, default=32)
    speed.add_argument("--workers", type=int, nargs="+", default=[1, 2, 16])
    for one in (killed, speed):
        one.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = measure_killed(Path(folder), options) if options.command == "killed" else measure_speed(options)
    result["load"] = [round(one, 1) for one in os.getloadavg()]
    result["cores"] = len(os.sched_getaffinity(0))
    text = json.dumps(result, indent=1)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")


def make_spec(seconds: float, budget: int, batch: int, ahead: int) -> RunSpec:
    """A run of random crystals."""
    return RunSpec(
        system=Contents.from_formula("Al4Cu4"),
        method="random",
        strategy=PartSpec("random"),
        energy=PartSpec("ase:crysim.testing.calculators.SlowEMT", {"options": {"seconds": seconds}}),
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


Kill = Callable[[random.Random], int]
"""Kills two workers, and says how many it found."""


@contextmanager
def on_dask(folder: Path, workers: int) -> Iterator[tuple[str, Kill]]:
    """A cluster of processes."""
    del folder
    from distributed import LocalCluster

    with LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster:
        yield (
            f"dask:{cluster.scheduler_address}",
            lambda choose: kill_processes(choose, [nanny.pid for nanny in cluster.workers.values() if nanny.pid]),
        )


PARSL = """
from parsl import Config
from parsl.executors import HighThroughputExecutor
from parsl.providers import LocalProvider

config = Config(
    executors=[
        HighThroughputExecutor(
            label="here", address="127.0.0.1", max_workers_per_node={workers},
            heartbeat_period=2, heartbeat_threshold=20, block_error_handler=False,
            provider=LocalProvider(init_blocks=1, max_blocks=1),
        )
    ],
    run_dir={run_dir!r},
    retries=2,
)
"""


@contextmanager
def on_parsl(folder: Path, workers: int) -> Iterator[tuple[str, Kill]]:
    """One block of processes."""
    file, run_dir = folder / "configuration.py", str(folder / "runinfo")
    file.write_text(PARSL.format(workers=workers, run_dir=run_dir))

    def kill(choose: random.Random) -> int:
        import psutil  # Parsl needs it

        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):  # it has ended meanwhile
                words = process.cmdline()
                if any("process_worker_pool" in word for word in words) and any(run_dir in word for word in words):
                    begun = [one for one in process.children() if "spawn_main" in " ".join(one.cmdline())]
                    # The first one that it began is no worker, but holds what they share.
                    found += [one.pid for one in sorted(begun, key=psutil.Process.create_time)[1:]]
        return kill_processes(choose, found)

    yield f"parsl:{file}", kill


@contextmanager
def on_slurm(folder: Path, workers: int) -> Iterator[tuple[str, Kill]]:
    """Four jobs with a worker each."""
    del folder
    if workers != 4:
        raise SystemExit("examples/slurm/four_blocks.py has four workers")

    def kill(choose: random.Random) -> int:
        command = ["squeue", "--noheader", "--states=RUNNING", "--format=%i"]
        jobs = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        chosen = choose.sample(jobs, k=min(2, len(jobs)))
        if chosen:
            subprocess.run(["scancel", *chosen], check=True)
        return len(chosen)

    yield f"parsl:{Path(__file__).parents[1] / 'examples' / 'slurm' / 'four_blocks.py'}", kill


CLUSTERS = {"dask": on_dask, "parsl": on_parsl, "slurm": on_slurm}


def kill_processes(choose: random.Random, processes: Sequence[int]) -> int:
    """Kill two of some processes."""
    chosen = choose.sample(list(processes), k=min(2, len(processes)))
    for one in chosen:
        with suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)
    return len(chosen)


def measure_killed(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Drive a run while workers die, and compare its journal with the serial one's."""
    spec = make_spec(options.seconds, options.relaxations, 2, 2 * options.workers)
    kills: list[int] = []
    ended = threading.Event()
    with CLUSTERS[options.on](folder, options.workers) as (executor, kill):

        def kill_on() -> None:
            choose = random.Random(0)  # noqa: S311
            while not ended.wait(options.every):
                kills.append(kill(choose))

        killer = threading.Thread(target=kill_on)
        killer.start()
        start = time.monotonic()
        try:
            job = Job(spec, folder / "killed")
            # Where there is one run on four workers, its batches are the tasks.
            (outcome,) = run_jobs([job], Placement(options.workers, PartSpec(executor)), on_progress=_say)
        finally:
            seconds = time.monotonic() - start
            ended.set()
            killer.join()
    # Nobody is killed there, and nothing need take a while.
    quick = make_spec(0.0, options.relaxations, 2, 2 * options.workers)
    execute(quick, folder / "serial", build_energy(quick.energy))
    there, here = trials(folder / "killed"), trials(folder / "serial")
    return {
        "on": options.on,
        "relaxations": len(there),
        "workers": options.workers,
        "killed": sum(kills),
        "every": options.every,
        "seconds of each energy": options.seconds,
        "seconds": round(seconds),
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
