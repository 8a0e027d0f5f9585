"""What is shown while a bench runs."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from crysim.harness.display import Clock, LiveDisplay, PlainDisplay, display
from crysim.harness.executors import Job, Outcome
from crysim.harness.loop import Progress
from crysim.harness.spec import RunSpec


@pytest.mark.parametrize("terminal", [True, False])
def test_it_names_the_run_its_best_energy_and_how_it_ended(make_spec: Callable[..., RunSpec], terminal: bool) -> None:
    jobs = [Job(make_spec("random", seed=seed), Path(str(seed))) for seed in range(3)]
    console = Console(file=io.StringIO(), force_terminal=terminal, width=140)
    with display(jobs, console) as shown:
        assert isinstance(shown, LiveDisplay if terminal else PlainDisplay)
        shown.report(jobs[0], Progress("initial", 50, 1000))
        for done in range(8):
            progress = Progress("search", done, 7, counting=done, lowest=-1.25 - done if done else None)
            shown.report(jobs[0], progress)
        shown.ended(Outcome(jobs[0], progress))
        shown.ended(Outcome(jobs[1], None, "the [worker] process died"))
        shown.ended(Outcome(jobs[2], Progress("done", 7, 7)))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "random on Al2Cu2, seed 0: done, best -8.2500 eV, 7 of 7 relaxations count" in text
    assert "random on Al2Cu2, seed 1: failed: the [worker] process died" in text
    assert "random on Al2Cu2, seed 2: failed: no relaxation gave a crystal that counts" in text
    assert terminal or "50 of 1000 initial energies" in text  # a terminal is drawn anew now and then only


def test_the_time_left_leaves_out_what_was_done_in_an_earlier_sitting(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    clock = Clock(100)
    clock.update("a", Progress("search", 40, 50))
    assert clock.left() is None
    now[0] = 110.0
    clock.update("a", Progress("search", 45, 50))
    assert clock.done == 45
    assert clock.left() == pytest.approx(10.0 * 55 / 5)
