"""One search on several workers: relaxations a minute, measured here, and on paper for as many cores as there are not.

    python benchmarks/workers.py measure [--methods random portfolio] [--workers 1 2] [--rounds 2] [--json FILE]
    python benchmarks/workers.py paper [--methods random portfolio] [--workers 1 2 4 8 16] [--json FILE]

``measure``: whole searches of a formula, by 1 and by more workers in turn; the rate of the whole, its start included,
and the steady one, from the first batch that is told to the last. What else the machine does at that time says the
load, and the CPU seconds of driver and workers, which depend on it least. That the trials are the same is checked.

``paper``: a search in this process gives the CPU seconds of every batch: what the strategy took to ask for it, what a
worker takes (drafts drawn and relaxed), and the rest (journal, telling). These lengths are then played through in the
driver's order (`crysim.harness.driver`), with any number of workers and ``--ahead``; driver and workers share the cores
evenly. A strategy that learns asks for other crystals with another ``--ahead``, so each has a search of its own; one
that does not is measured once, and `RESAMPLED` batches are drawn from its.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import inf
from multiprocessing import active_children
from pathlib import Path
from typing import Any

from crysim.composition import Contents
from crysim.harness.executors import Job, run_jobs
from crysim.harness.journal import JOURNAL, Journal, read_run
from crysim.harness.loop import Progress, drive, execute
from crysim.harness.placement import Placement
from crysim.harness.spec import PartSpec, RunSpec, build_energy
from crysim.harness.tasks import Here, Relaxations, Task, Wait
from crysim.interfaces import EnergyModel, RelaxSettings
from crysim.workflows.search import AHEAD, BATCH, FRAMES

SETTINGS: dict[str, dict[str, Any]] = {
    "random": {"batch": 4, "relax": RelaxSettings(symmetry="keep")},
    "portfolio": {"batch": BATCH, "relax": RelaxSettings(symmetry="keep", num_frames=FRAMES), "require_bound": True},
}
"""As ``crysim bench`` runs the one, and ``crysim search`` the other."""
LEARNING = ("portfolio",)
RESAMPLED = 512
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure what the options ask for, and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("measure", "paper"))
    parser.add_argument("--system", default="Y6Co51")
    parser.add_argument("--energy", default="m3gnet")
    parser.add_argument("--methods", nargs="+", choices=SETTINGS, default=list(SETTINGS))
    parser.add_argument("--relaxations", type=int, help="of each search; default: 12 batches measured, 64 on paper")
    parser.add_argument(
        "--ahead", type=int, nargs="+", help=f"batches; default: {AHEAD}, on paper 2 of each worker too"
    )
    parser.add_argument("--workers", type=int, nargs="+", help="default: 1 2, on paper 1 2 4 8 16")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    specs = {method: make_spec(method, options) for method in options.methods}
    result = {
        method: (measure if options.command == "measure" else paper)(spec, options) for method, spec in specs.items()
    }
    text = json.dumps({"system": options.system, "cores": _cores(), **result}, indent=1)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")


def make_spec(method: str, options: argparse.Namespace) -> RunSpec:
    """The search."""
    settings = SETTINGS[method]
    batches = 12 if options.command == "measure" else 64
    return RunSpec(
        system=Contents.from_formula(options.system),
        method=method,
        strategy=PartSpec(method),
        energy=PartSpec(options.energy),
        budget=options.relaxations or batches * settings["batch"],
        ahead=AHEAD,
        **settings,
    )


def _cores() -> int:
    return len(os.sched_getaffinity(0))


# ------------------------------------------------------------------------------------------ measured


def measure(spec: RunSpec, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Whole searches, by each number of workers in turn, so often."""
    rows, trials = [], set()
    for ahead in options.ahead or [AHEAD]:
        for _ in range(options.rounds):
            for workers in options.workers or [1, 2]:
                with tempfile.TemporaryDirectory() as folder:
                    rows.append(_measure_one(replace(spec, ahead=ahead), Path(folder) / "run", workers))
                    ends = [(trial.energy, trial.evaluations) for trial in read_run(Path(folder) / "run").trials]
                trials.add((ahead, repr(ends)))
        if sum(one == ahead for one, _ in trials) > 1:
            raise SystemExit("the trials depend on the number of workers")
    return rows


def _measure_one(spec: RunSpec, folder: Path, workers: int) -> dict[str, Any]:
    told: list[tuple[float, int]] = []
    cpu: dict[int, float] = {}
    at_first: dict[int, float] = {}
    began, sent = time.monotonic(), time.process_time()
    (outcome,) = run_jobs([Job(spec, folder)], Placement(workers), on_progress=partial(_note, told, cpu, at_first))
    if not outcome.good:
        raise SystemExit(outcome.failure)
    searched = [(when, done) for when, done in told if done]
    driver = min(cpu)  # it begins first, to compile while energy models load
    (first, begun), (last, done) = searched[0], next(one for one in searched if one[1] == searched[-1][1])
    return {
        "workers": workers,
        "ahead": spec.ahead,
        "relaxations": done,
        "seconds": round(last - began, 2),
        "first batch after": round(first - began, 2),
        "relaxations a minute, whole": round(60 * done / (last - began), 1),
        "relaxations a minute, steady": round(60 * (done - begun) / (last - first), 1),
        "CPU seconds of the workers": sorted(
            (round(one, 1) for pid, one in cpu.items() if pid != driver), reverse=True
        ),
        "CPU seconds of the driver": round(cpu[driver], 1),
        "CPU seconds of what sends": round(time.process_time() - sent, 1),
        "CPU seconds of the driver, steady": round(cpu[driver] - at_first[driver], 2),
        "driver's share of them, steady": round(_share(at_first, cpu, driver), 3),
        "load": round(os.getloadavg()[0], 1),
    }


def _share(before: dict[int, float], after: dict[int, float], driver: int) -> float:
    """Of the CPU seconds of all processes between two moments, those of the driver."""
    spent = {pid: seconds - before.get(pid, 0.0) for pid, seconds in after.items()}
    return spent[driver] / max(1e-9, sum(spent.values()))


def _note(
    told: list[tuple[float, int]], cpu: dict[int, float], at_first: dict[int, float], job: Job, progress: Progress
) -> None:
    """When so many trials were told, what the processes have worked till then, and till the first of them."""
    del job
    told.append((time.monotonic(), progress.done))
    for process in active_children():
        try:
            fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        cpu[process.pid or 0] = (int(fields[11]) + int(fields[12])) / TICKS
    if progress.done and not at_first:
        at_first.update(cpu)


# ------------------------------------------------------------------------------------------ on paper


@dataclass(frozen=True)
class Length:
    """CPU seconds of one batch: to ask for it, to relax it, to journal and tell it; and its crystals."""

    ask: float
    relax: float
    tell: float
    crystals: int


def paper(spec: RunSpec, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Rates by numbers of workers, relative to one process that does everything."""
    rows = []
    wanted = {AHEAD: [1, 2]} if not options.ahead else {ahead: options.workers or [1, 2] for ahead in options.ahead}
    if not options.ahead:
        for workers in options.workers or [1, 2, 4, 8, 16]:
            wanted.setdefault(2 * workers, []).append(workers)
    lengths: list[Length] = []
    for ahead, numbers in sorted(wanted.items()):
        if spec.method in LEARNING:
            lengths = measured_lengths(replace(spec, ahead=ahead))
        elif not lengths:
            lengths = random.Random(0).choices(measured_lengths(spec), k=RESAMPLED)  # noqa: S311
        crystals = sum(one.crystals for one in lengths)
        alone = sum(one.ask + one.relax + one.tell for one in lengths)
        for workers in dict.fromkeys(numbers):
            cores = [workers, workers + 1]  # the driver shares them, or has one of its own
            seconds = [play(lengths, workers, ahead, number) for number in cores]
            rows.append(
                {
                    "ahead": ahead,
                    "workers": workers,
                    "relaxations a minute": [round(60 * crystals / one) for one in seconds],
                    "times one process": [round(alone / one, 2) for one in seconds],
                    "cores": cores,
                }
            )
        rows[-1]["mean CPU seconds of a batch"] = {
            part: round(sum(getattr(one, part) for one in lengths) / len(lengths), 4)
            for part in ("ask", "relax", "tell")
        }
        rows[-1]["longest relaxation over the mean"] = round(
            max(one.relax for one in lengths) * len(lengths) / sum(one.relax for one in lengths), 1
        )
    return rows


class Timed(Here):
    """This process, and the CPU seconds of every batch that it drew and relaxed, in their order."""

    def __init__(self, model: EnergyModel) -> None:
        super().__init__(model)
        self.lengths: list[float] = []

    def submit(self, task: Task) -> Wait:
        wait = super().submit(task)
        return partial(self._timed, wait) if isinstance(task, Relaxations) else wait

    def _timed(self, wait: Wait) -> Any:
        began = time.process_time()
        result = wait()
        self.lengths.append(time.process_time() - began)
        return result


def measured_lengths(spec: RunSpec) -> list[Length]:
    """What each batch of a search takes in this process."""
    model = build_energy(spec.energy)
    model.warm_up()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        execute(replace(spec, budget=2 * spec.batch), folder / "warm", model)
        place = Timed(model)
        began = time.process_time()
        drive(spec, folder / "run", place, model.fingerprint())
        whole = time.process_time() - began
        with Journal(folder / "run" / JOURNAL) as journal:
            batches = [batch.trials for batch in journal.batches]
    relaxes = place.lengths
    # What was drawn with the relaxations stands in the journal as the strategy's.
    asks = [
        max(0.0, sum(trial.cpu_seconds for trial in trials) - relax)
        for trials, relax in zip(batches, relaxes, strict=True)
    ]
    rest = max(0.0, whole - sum(asks) - sum(relaxes)) / len(batches)
    lengths = zip(asks, relaxes, batches, strict=True)
    return [Length(ask, relax, rest, len(trials)) for ask, relax, trials in lengths]


def play(lengths: Sequence[Length], workers: int, ahead: int, cores: int) -> float:
    """Seconds from the first question to the last batch told, if driver and workers share so many cores evenly."""
    now, done = 0.0, set[int]()
    queue: deque[int] = deque()
    busy: dict[int, float] = {}
    driver = _drive(lengths, ahead, queue, done)
    own: float | None = next(driver)
    while own is not None or busy:
        while queue and len(busy) < workers:
            batch = queue.popleft()
            busy[batch] = lengths[batch].relax
        waits = own == inf
        active = len(busy) + (own is not None and not waits)
        rate = min(1.0, cores / active)
        step = min([*busy.values(), *([own] if own is not None and not waits else [])])
        now += step / rate
        busy = {batch: left - step for batch, left in busy.items()}
        ended = [batch for batch, left in busy.items() if left <= 1e-12]
        done.update(ended)
        for batch in ended:
            del busy[batch]
        if own is not None and (waits or (own := own - step) <= 1e-12):
            own = next(driver, None)
    return now


def _drive(lengths: Sequence[Length], ahead: int, queue: deque[int], done: set[int]) -> Iterator[float]:
    """The driver: CPU seconds of each thing that it does, in order; infinite while it waits for a batch."""
    under_way: deque[int] = deque()
    asked = 0
    while True:
        while len(under_way) < ahead and asked < len(lengths):
            yield lengths[asked].ask
            under_way.append(asked)
            queue.append(asked)
            asked += 1
        if not under_way:
            return
        while under_way[0] not in done:
            yield inf
        yield lengths[under_way.popleft()].tell


if __name__ == "__main__":
    main()
