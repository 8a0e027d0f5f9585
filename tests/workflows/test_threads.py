"""Two threads of one process, each with a workflow of its own, get what they would get one after the other."""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase.build import bulk

import crysim
from crysim.process_state import global_generator_kept, output_discarded, warnings_ignored

QUICK: dict[str, Any] = {"energy": "ase:emt", "fmax": 0.05, "max_steps": 40, "workers": 1}


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """What calls return that begin together, each in a thread."""
    begin = threading.Barrier(len(calls))

    def wait_and(call: Callable[[], Any]) -> Any:
        begin.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(wait_and, calls))


@contextmanager
def unchanged() -> Iterator[None]:
    """What is done here leaves what the process has only once as it was."""
    stdout, filters, main, state = sys.stdout, list(warnings.filters), sys.modules["__main__"], generator_state()
    yield
    assert sys.stdout is stdout
    assert list(warnings.filters) == filters
    assert sys.modules["__main__"] is main
    assert generator_state() == state


def generator_state() -> str:
    return str(np.random.get_state())  # noqa: NPY002


def ends(structures: list[Any], energy: str, **options: Any) -> list[tuple[float | None, Any]]:
    result = crysim.relax(structures, energy, fmax=0.01, max_steps=40, **options)
    return [
        (e, None if one is None else (one.cell.array.tolist(), one.positions.tolist()))
        for e, one in zip(result.energies, result, strict=True)
    ]


@pytest.mark.parametrize(
    ("energy", "options"), [("ase:emt", {}), ("ase:emt", {"energy_options": {"optimizer": "fire"}}), ("chgnet", {})]
)
def test_relaxations(energy: str, options: dict[str, Any]) -> None:
    if energy == "chgnet" and find_spec("chgnet") is None:
        pytest.skip("chgnet is not installed")
    strained = [bulk("Cu", "fcc", a=3.8), bulk("Al", "hcp", a=3.0, c=4.6)]
    other = [bulk("Ag", "fcc", a=4.3), bulk("Pt", "hcp", a=2.6, c=4.6)]
    alone = [ends(strained, energy, **options), ends(other, energy, **options)]
    with unchanged():
        both = at_once(lambda: ends(strained, energy, **options), lambda: ends(other, energy, **options))
    assert both == alone
    assert all(e is not None for result in both for e, _ in result)


def test_searches_and_benches(tmp_path: Path) -> None:
    def search(formula: str, place: Path) -> list[Any]:
        found = crysim.search(formula, z="1", budget=4, prototypes=False, out=place / formula, **QUICK)
        return [(row["space_group"], row["energy_per_atom"]) for row in found.table.rows]

    def bench(place: Path) -> list[Any]:
        found = crysim.bench(["Al2Cu2"], ["random"], budget=3, out=place / "bench", space_groups="123,221", **QUICK)
        return [(trial.status, trial.energy) for record in found.records for trial in record.trials]

    alone = [search("Cu", tmp_path / "alone"), bench(tmp_path / "alone")]
    with unchanged():
        both = at_once(lambda: search("Cu", tmp_path / "both"), lambda: bench(tmp_path / "both"))
    assert both == alone
    assert all(both)


@pytest.mark.parametrize("lent", [global_generator_kept, warnings_ignored, output_discarded])
def test_what_a_process_has_once_is_lent_to_one_thread_at_a_time(lent: Callable[[], Any]) -> None:
    """The second thread wants it while the first has it, and is still busy when the first gives it back."""
    first_has_it, second_has_it, first_is_done = threading.Event(), threading.Event(), threading.Event()

    def first() -> None:
        with lent():
            first_has_it.set()
            assert not second_has_it.wait(0.2)
        first_is_done.set()

    def second() -> None:
        first_has_it.wait()
        with lent():
            second_has_it.set()
            assert first_is_done.wait(600)

    with unchanged():
        at_once(first, second)
