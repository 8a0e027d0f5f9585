"""Slurm, as its cluster of one node on this machine: blocks of Parsl that are cancelled, and jobs that their time ends.

``pytest -m slow tests/harness/test_slurm.py`` takes minutes: the shortest time limit that Slurm knows is one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from crysim.harness.executors import Job, run_jobs
from crysim.harness.journal import JOURNAL
from crysim.harness.loop import Progress, execute
from crysim.harness.placement import Placement
from crysim.harness.spec import PartSpec, RunSpec
from crysim.interfaces import EnergyModel

EXAMPLES = Path(__file__).parents[2] / "examples" / "slurm"
MISSING = [one for one in ("slurmctld", "slurmd", "munged") if not shutil.which(one, path="/usr/sbin:/sbin:/usr/bin")]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(bool(MISSING), reason=f"no {', '.join(MISSING)}: install slurm-wlm and munge"),
]
Make = Callable[..., RunSpec]
TrialsOf = Callable[[Path], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def slurm() -> Iterator[Path]:
    """A cluster, to which the commands of Slurm turn."""
    # Not among pytest's folders, which only their owner may enter: munged wants its socket where all can reach it.
    with tempfile.TemporaryDirectory() as made, pytest.MonkeyPatch.context() as patch:
        folder = Path(made)
        start = [str(EXAMPLES / "one-node.sh"), "start", str(folder), "4"]
        subprocess.run(start, check=True, stdout=subprocess.DEVNULL)
        patch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
        patch.setenv("PATH", os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]]))
        try:
            yield folder
        finally:
            subprocess.run([str(EXAMPLES / "one-node.sh"), "stop", str(folder)], check=True)


def asked(*command: str) -> list[str]:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def test_promise_7_jobs_of_slurm_that_are_cancelled_lose_nothing(
    slurm: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make_spec: Make,
    emt: EnergyModel,
    trials_of: TrialsOf,
) -> None:
    """Two of the jobs in which Parsl's workers are, while batches of one run are computed in them."""
    pytest.importorskip("parsl", reason="the extra 'parsl' is not installed")
    monkeypatch.chdir(tmp_path)
    cancelled: list[str] = []

    def cancel(job: Job, progress: Progress) -> None:
        if progress.phase == "search" and progress.done >= 4 * (len(cancelled) + 1) and len(cancelled) < 2:
            running = asked("squeue", "--noheader", "--states=RUNNING", "--format=%i")
            cancelled.append(min(running, key=int))
            subprocess.run(["scancel", cancelled[-1]], check=True)

    job = Job(make_spec(budget=20, batch=2, ahead=4), tmp_path / "there")
    placement = Placement(executor=PartSpec(f"parsl:{EXAMPLES / 'four_blocks.py'}"))
    (outcome,) = run_jobs([job], placement, on_progress=cancel)
    assert outcome.good, outcome.failure
    assert len(set(cancelled)) == 2
    execute(job.spec, tmp_path / "here", emt)
    assert trials_of(job.folder) == trials_of(tmp_path / "here")


def test_a_bench_that_its_jobs_time_ends_is_gone_on_with_by_the_next_job(
    slurm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trials_of: TrialsOf
) -> None:
    monkeypatch.chdir(tmp_path)
    run = Path("Al2Cu2", "random", "seed-0")
    states: list[str] = []
    sizes: list[int] = []
    while len(states) < 12 and "COMPLETED" not in states:
        job = asked("sbatch", "--parsable", "--time=1", str(EXAMPLES / "bench.sbatch"), *bench("runs", seconds=2.0))[0]
        while (state := job_state(job)) in ("PENDING", "RUNNING", "COMPLETING", "CONFIGURING"):
            time.sleep(1)
        states.append(state)
        journal = tmp_path / "runs" / run / JOURNAL
        sizes.append(journal.stat().st_size if journal.exists() else 0)
    assert states[-1] == "COMPLETED", states
    assert set(states[:-1]) == {"TIMEOUT"}
    assert sizes == sorted(sizes)
    command = [sys.executable, "-m", "crysim", "bench", *bench("here", seconds=0.0)]
    subprocess.run(command, check=True, capture_output=True)
    assert trials_of(tmp_path / "runs" / run) == trials_of(tmp_path / "here" / run)


def bench(out: str, seconds: float) -> list[str]:
    """Options of a bench of 24 relaxations, two at a time, for which each energy takes so long."""
    options = ["--system", "Al2Cu2", "--method", "random", "--budget", "24", "--batch", "2", "--max-steps", "2"]
    options += ["--space-groups", "123,139,221,225", "--out", out, "--energy", "ase:crysim.testing.calculators.SlowEMT"]
    return [*options, "--energy-option", f"options={{seconds={seconds}}}"]


def job_state(job: str) -> str:
    fields = dict(one.partition("=")[::2] for one in asked("scontrol", "show", "job", job))
    return str(fields["JobState"])
