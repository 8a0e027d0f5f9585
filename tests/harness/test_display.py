"""What is shown while a bench runs."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from crysim.harness.display import LiveDisplay, PlainDisplay, display
from crysim.harness.executors import Job, Outcome
from crysim.harness.loop import Progress
from crysim.harness.spec import RunSpec


@pytest.mark.parametrize("terminal", [True, False])
def test_it_names_the_run_its_best_energy_and_how_it_ended(make_spec: Callable[..., RunSpec], terminal: bool) -> None:
    jobs = [Job(make_spec("random", seed=seed), Path(str(seed))) for seed in range(3)]
    console = Console(file=io.StringIO(), force_terminal=terminal, width=140)
    with display(jobs, console) as shown:
        assert isinstance(shown, LiveDisplay if terminal else PlainDisplay)
        shown.show(jobs[0], Progress("initial", 50, 1000, lowest=-0.5))
        for done in range(8):
            progress = Progress("search", done, 7, counting=done, lowest=-1.25 - done if done else None)
            shown.show(jobs[0], progress)
        shown.ended(Outcome(jobs[0], progress))
        shown.ended(Outcome(jobs[1], None, "the [worker] process died"))
        shown.ended(Outcome(jobs[2], Progress("done", 7, 7)))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "random on Al2Cu2, seed 0: done, best -8.2500 eV, 7 of 7 relaxations count" in text
    assert "random on Al2Cu2, seed 1: failed: the [worker] process died" in text
    assert "random on Al2Cu2, seed 2: failed: no relaxation gave a crystal that counts" in text
    assert (
        terminal or "50 of 1000 initial energies, lowest so far -0.5000 eV" in text
    )  # a terminal is drawn anew now and then only


def test_a_run_s_first_energy_is_shown_at_once(make_spec: Callable[..., RunSpec]) -> None:
    job = Job(make_spec("random"), Path())
    console = Console(file=io.StringIO(), width=140)
    with display([job], console) as shown:
        shown.show(job, Progress("initial", 0, 300))
        shown.show(job, Progress("initial", 50, 300, lowest=-1.25))
        shown.show(job, Progress("initial", 100, 300, lowest=-1.5))
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert [line.split(": ")[1] for line in lines] == [
        "0 of 300 initial energies",
        "50 of 300 initial energies, lowest so far -1.2500 eV",
    ]
