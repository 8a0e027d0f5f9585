"""The time left, against runs whose length is known, on a clock of their own."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

import pytest

from crysim.harness.clock import Clock, PlannedRun
from crysim.harness.loop import Progress

Step = tuple[float, Progress]


def steps(first: float, each: float, total: int, *, batch: int = 1, done: int = 0, initial: float = 0.0) -> list[Step]:
    """Seconds and report of every step of a run: six of initial energies, then relaxations; each phase's first cold."""
    reports = []
    if initial:
        reports.append((0.0, Progress("initial", 0, 300)))
        reports += [(initial + first * (n == 1), Progress("initial", 50 * n, 300)) for n in range(1, 7)]
    reports.append((0.0, Progress("search", done, total)))
    cold = first
    while done < total:
        size = min(batch, total - done)
        done += size
        reports.append((cold + each * size, Progress("search", done, total)))
        cold = 0.0
    return reports


def simulate(
    runs: dict[str, list[Step]], kinds: dict[str, str], workers: int
) -> Iterator[tuple[float, int, float | None, float]]:
    """Play runs in workers; yields after every report: the time, relaxations done, what the clock says, the truth."""
    now = [0.0]
    planned = {label: PlannedRun(kinds[label], reports[-1][1].total) for label, reports in runs.items()}
    clock = Clock(planned, workers, now=lambda: now[0])
    waiting = list(runs)
    events: list[tuple[float, int, str, int]] = []
    seen = []

    def begin(time: float) -> None:
        if waiting:
            label = waiting.pop(0)
            heapq.heappush(events, (time + runs[label][0][0], len(waiting), label, 0))

    for _ in range(workers):
        begin(0.0)
    while events:
        now[0], order, label, number = heapq.heappop(events)
        clock.update(label, runs[label][number][1])
        if number + 1 < len(runs[label]):
            heapq.heappush(events, (now[0] + runs[label][number + 1][0], order, label, number + 1))
        else:
            clock.ended(label)
            begin(now[0])
        seen.append((now[0], clock.done, clock.left()))
    assert clock.left() == 0.0
    for time, done, left in seen:
        yield time, done, left, now[0] - time


def test_what_is_compiled_once_is_not_taken_to_recur() -> None:
    """A first relaxation of 100 s and 99 of 1 s: after the second, 98 s are left and not an hour."""
    said = list(simulate({"a": steps(99.0, 1.0, 100)}, {"a": "k"}, 1))
    assert [left for _, done, left, _ in said if done < 2] == [None, None]
    for _, done, left, truth in said:
        if done >= 2:
            assert left == pytest.approx(truth)


@pytest.mark.parametrize("workers", [1, 2, 3, 8])
def test_runs_in_parallel(workers: int) -> None:
    runs = {f"{n}": steps(30.0 if n < workers else 0.0, 2.0, 25) for n in range(7)}
    told = 0
    for _, _, left, truth in simulate(runs, dict.fromkeys(runs, "k"), workers):
        if left is not None:
            told += 1
            assert left == pytest.approx(truth, abs=3.0)
    assert told > 140


def test_methods_and_systems_have_a_pace_of_their_own() -> None:
    runs = {f"slow {n}": steps(5.0, 20.0, 20) for n in range(3)} | {f"fast {n}": steps(5.0, 1.0, 20) for n in range(3)}
    kinds = {label: label.split()[0] for label in runs}
    late = [(left, truth) for _, done, left, truth in simulate(runs, kinds, 2) if done >= 65]
    assert len(late) > 20
    for left, truth in late:
        assert left == pytest.approx(truth, abs=12.0)


def test_initial_energies_have_a_time_of_their_own() -> None:
    """Sixty seconds a step there and two a relaxation: neither is taken for the other."""
    runs = {f"{n}": steps(40.0, 2.0, 30, initial=60.0) for n in range(4)}
    for _, done, left, truth in simulate(runs, dict.fromkeys(runs, "k"), 2):
        if done < 4:
            assert left is None or left == pytest.approx(truth, rel=0.25)
        else:
            # The cold steps of the runs that wait are not foreseen: 80 s of the second pair.
            assert left == pytest.approx(truth, abs=85.0)


def test_after_a_resume_only_what_was_done_since_counts() -> None:
    runs = {"a": steps(10.0, 4.0, 50, done=40), "b": steps(10.0, 4.0, 50)}
    said = list(simulate(runs, dict.fromkeys(runs, "k"), 1))
    assert said[0][1:3] == (40, None)
    for _, done, left, truth in said:
        if 42 <= done < 50:
            assert left == pytest.approx(truth, abs=11.0)


def test_time_passes_between_reports() -> None:
    now = [0.0]
    clock = Clock({"a": PlannedRun("k", 10)}, 1, now=lambda: now[0])
    for done in range(4):
        now[0] = 10.0 * done
        clock.update("a", Progress("search", done, 10))
    assert clock.left() == clock.left_of("a") == 70.0
    now[0] += 4.0
    assert clock.left() == 66.0
    now[0] += 100.0
    assert clock.left() == 0.0


def test_runs_of_one_batch_are_judged_by_the_quickest_once_a_worker_has_done_two() -> None:
    runs = {f"{n}": steps(50.0 if n < 2 else 0.0, 1.0, 20, batch=20) for n in range(6)}
    said = [(left, truth) for _, done, left, truth in simulate(runs, dict.fromkeys(runs, "k"), 2) if done >= 60]
    for left, truth in said:
        assert left == pytest.approx(truth, abs=1.0)


def test_a_run_that_failed_is_not_waited_for() -> None:
    now = [0.0]
    clock = Clock({"a": PlannedRun("k", 10), "b": PlannedRun("k", 10)}, 2, now=lambda: now[0])
    for done in range(4):
        now[0] = float(done)
        clock.update("a", Progress("search", done, 10))
    clock.ended("b")
    assert clock.left() == 7.0
