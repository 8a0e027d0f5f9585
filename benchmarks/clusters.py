"""Clusters of this machine whose workers can be killed: dask's, a block of Parsl's, and Slurm's of one node."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cluster:
    """A cluster that runs.

    Attributes:
        executor: as ``--executor`` has it.
        workers: those that there are at this moment, by the numbers of their processes or jobs; those that were there
            first first.
        kill: kills one of them.
    """

    executor: str
    workers: Callable[[], list[str]]
    kill: Callable[[str], None]


def kill_process(number: str) -> None:
    """By SIGKILL."""
    with suppress(ProcessLookupError):
        os.kill(int(number), signal.SIGKILL)


@contextmanager
def on_dask(folder: Path, workers: int) -> Iterator[Cluster]:
    """A cluster of processes."""
    del folder
    from distributed import LocalCluster

    with LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster:
        yield Cluster(
            f"dask:{cluster.scheduler_address}",
            lambda: [str(nanny.pid) for _, nanny in sorted(cluster.workers.items()) if nanny.pid],
            kill_process,
        )


BLOCK = """
from parsl import Config
from parsl.executors import HighThroughputExecutor
from parsl.providers import LocalProvider

config = Config(
    executors=[
        HighThroughputExecutor(
            label="here", address="127.0.0.1", max_workers_per_node={workers},
            cores_per_worker=0.01,  # as many workers as were asked for, whatever cores there are
            heartbeat_period=1, heartbeat_threshold=30, block_error_handler=False,
            provider=LocalProvider(init_blocks=1, max_blocks=1),
        )
    ],
    run_dir={run_dir!r},
    retries=2,
)
"""


@contextmanager
def on_parsl(folder: Path, workers: int) -> Iterator[Cluster]:
    """One block of processes."""
    file, run_dir = folder / "configuration.py", str(folder / "runinfo")
    file.write_text(BLOCK.format(workers=workers, run_dir=run_dir))

    def workers_there() -> list[str]:
        import psutil  # Parsl needs it

        found: list[psutil.Process] = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):  # it has ended meanwhile
                words = process.cmdline()
                if any("process_worker_pool" in word for word in words) and any(run_dir in word for word in words):
                    begun = [one for one in process.children() if "spawn_main" in " ".join(one.cmdline())]
                    # The first one that it began is no worker, but holds what they share.
                    found += sorted(begun, key=psutil.Process.create_time)[1:]
        return [str(one.pid) for one in found]

    yield Cluster(f"parsl:{file}", workers_there, kill_process)


JOBS = """
from parsl import Config
from parsl.executors import HighThroughputExecutor
from parsl.providers import SlurmProvider


class Watched(SlurmProvider):
    # Parsl asks a queue once a minute what became of its jobs, and asks for new ones only then.
    status_polling_interval = 2


config = Config(
    executors=[
        HighThroughputExecutor(
            label="slurm", address="127.0.0.1", max_workers_per_node=1,
            heartbeat_period=1, heartbeat_threshold=10, block_error_handler=False,
            provider=Watched(
                partition="short", exclusive=False, cores_per_node=1, init_blocks={workers}, min_blocks={workers},
                max_blocks={workers}, walltime="00:30:00", worker_init="",
            ),
        )
    ],
    run_dir={run_dir!r},
    retries=2,
    strategy_period=2,
)
"""


@contextmanager
def on_slurm(folder: Path, workers: int) -> Iterator[Cluster]:
    """Jobs with a worker each, on the cluster of ``examples/slurm/one-node.sh`` (SLURM_CONF)."""
    file = folder / "configuration.py"
    file.write_text(JOBS.format(workers=workers, run_dir=str(folder / "runinfo")))

    def jobs() -> list[str]:
        command = ["squeue", "--noheader", "--states=RUNNING", "--format=%i"]
        found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        return sorted(found, key=int)

    def kill(job: str) -> None:
        subprocess.run(["scancel", "--signal=KILL", "--full", job], check=False)

    yield Cluster(f"parsl:{file}", jobs, kill)


CLUSTERS = {"dask": on_dask, "parsl": on_parsl, "slurm": on_slurm}
