"""Batches under way: the order of calls, whatever comes back first, and that a run which goes on makes them again."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crysim.crystal.generation import RandomGenerator
from crysim.errors import InputError, PluginFaultError
from crysim.harness.budgets import Account, Budget
from crysim.harness.driver import Driver
from crysim.harness.journal import INITIAL, JOURNAL, Journal, read_run
from crysim.harness.lines import read_lines
from crysim.harness.loop import execute
from crysim.harness.run_folder import make_folder
from crysim.harness.sittings import Sitting
from crysim.harness.spec import PartSpec, RunSpec
from crysim.harness.tasks import Here, Task, Wait
from crysim.interfaces import Candidate, EnergyModel, Strategy, Trial
from crysim_baselines.random import RandomSearch

Make = Callable[..., RunSpec]
TrialsOf = Callable[[Path], list[dict[str, Any]]]
AHEAD = ("random", "pyxtal-random", "enumerate", "prototypes", "prior", "portfolio")
"""Strategies that may be asked ahead."""


class Written(RandomSearch):
    """Writes down how it is called."""

    def __init__(self, spec: RunSpec) -> None:
        super().__init__(spec.problem)
        self.calls: list[str] = []

    def ask(self, n: int) -> list[Candidate]:
        found = super().ask(n)
        self.calls.append(f"ask {len(found)}")
        return found

    def asked(self, candidates: Sequence[Candidate]) -> None:
        super().asked(candidates)
        self.calls.append(f"asked {len(candidates)}")

    def tell(self, trials: Sequence[Trial]) -> None:
        self.calls.append(f"tell {trials[0].number}-{trials[-1].number}")

    def tell_seeds(self, trials: Sequence[Trial]) -> None:
        self.calls.append(f"seeds {trials[0].number}-{trials[-1].number}")


class Backwards(Here):
    """Computes what was submitted last first."""

    def __init__(self, model: EnergyModel) -> None:
        super().__init__(model)
        self._waiting: list[tuple[Wait, list[Any]]] = []

    def submit(self, task: Task) -> Wait:
        result: list[Any] = []
        self._waiting.append((super().submit(task), result))

        def wait() -> Any:
            while self._waiting:
                compute, into = self._waiting.pop()
                into.append(compute())
            return result[0]

        return wait


def drive(spec: RunSpec, folder: Path, place: Here, strategy: Strategy, before: Sequence[Sitting] = ()) -> None:
    make_folder(folder)
    with Journal(folder / JOURNAL) as journal:
        account = Account(Budget.of(spec), folder / INITIAL)
        sittings = [*before, Sitting.of(spec, len(journal) if before else 0, {})]
        Driver(spec, folder, strategy, journal, sittings, account, place, lambda trials: None).run()


def test_batches_are_told_in_the_order_asked_whichever_comes_back_first(
    tmp_path: Path, make_spec: Make, emt: EnergyModel, trials_of: TrialsOf
) -> None:
    spec = make_spec(ahead=3, budget=11)
    strategy = Written(spec)
    drive(spec, tmp_path / "backwards", Backwards(emt), strategy)
    assert strategy.calls == ["ask 3", "ask 3", "ask 3", "tell 0-2", "ask 2", "tell 3-5", "tell 6-8", "tell 9-10"]
    drive(spec, tmp_path / "forwards", Here(emt), Written(spec))
    assert trials_of(tmp_path / "backwards") == trials_of(tmp_path / "forwards")


def test_a_run_that_goes_on_makes_the_same_calls_with_asked_in_place_of_ask(
    tmp_path: Path, make_spec: Make, emt: EnergyModel, trials_of: TrialsOf
) -> None:
    crystals = RandomGenerator(make_spec().system, [123, 225]).sample(4, np.random.default_rng(8))
    spec = make_spec(ahead=2, budget=12, seed_structures=tuple(crystals))
    whole = Written(spec)
    drive(spec, tmp_path / "whole", Here(emt), whole)
    lines = (tmp_path / "whole" / JOURNAL).read_text().splitlines(keepends=True)
    for kept, batches in ((0, 0), (3, 0), (4, 0), (7, 1), (8, 1), (10, 2)):  # seeds 3 and 1, then 3, 3, 2
        folder = tmp_path / f"cut-{kept}"
        make_folder(folder)
        (folder / JOURNAL).write_text("".join(lines[:kept]))
        again = Written(spec)
        drive(spec, folder, Here(emt), again)
        asks = [i for i, call in enumerate(whole.calls) if call.startswith("ask")][:batches]
        expected = [call.replace("ask", "asked") if i in asks else call for i, call in enumerate(whole.calls)]
        assert again.calls == expected
        assert trials_of(folder) == trials_of(tmp_path / "whole")


@pytest.mark.parametrize("raised", [{"budget": 30}, {"budget_evaluations": 160}, {"budget_seconds": 100.0}])
def test_a_run_whose_budget_was_raised_makes_the_same_calls_again(
    tmp_path: Path,
    make_spec: Make,
    emt: EnergyModel,
    trials_of: TrialsOf,
    raised: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All that the smaller one bought is told before it asks on, and so it is when it was killed and goes on."""
    ticks = iter(range(100_000))
    monkeypatch.setattr("time.process_time", lambda: float(next(ticks)))
    first = {"budget": 9, "budget_evaluations": 40, "budget_seconds": 4.0}
    name = next(iter(raised))
    small = replace(make_spec(ahead=3, budget=60), **{name: first[name]})
    large = replace(small, **raised)
    folder = tmp_path / "whole"
    drive(small, folder, Here(emt), Written(small))
    done = len(read_lines(folder / JOURNAL)[0])
    assert done < 20
    sittings = [Sitting.of(small, 0, {})]
    whole = Written(large)
    drive(large, folder, Here(emt), whole, sittings)
    lines = (folder / JOURNAL).read_text().splitlines(keepends=True)
    assert len(lines) >= done + 9
    asks = [i for i, call in enumerate(whole.calls) if call.startswith("ask ")]
    assert sum(call.startswith("tell") for call in whole.calls[: asks[0]]) == done // 3
    for kept in (done, done + 3, done + 6):
        cut = tmp_path / f"cut-{kept}"
        make_folder(cut)
        (cut / JOURNAL).write_text("".join(lines[:kept]))
        again = Written(large)
        drive(large, cut, Here(emt), again, [*sittings, Sitting.of(large, done, {})])
        assert [call.replace("asked", "ask") for call in again.calls] == [
            call.replace("asked", "ask") for call in whole.calls
        ]
        assert trials_of(cut) == trials_of(folder)


@pytest.mark.parametrize("method", AHEAD)
def test_a_run_asked_ahead_and_cut_anywhere_goes_on_to_the_same_trials(
    method: str, tmp_path: Path, make_spec: Make, emt: EnergyModel, trials_of: TrialsOf
) -> None:
    spec = make_spec(method, strategy=PartSpec(method), ahead=2, budget=8, batch=2, min_distance=1.5)
    whole = tmp_path / "whole"
    execute(spec, whole, emt)
    assert len(read_run(whole).trials) == 8
    data = (whole / JOURNAL).read_bytes()
    for part in (0.2, 0.5, 0.9):
        folder = tmp_path / str(part)
        shutil.copytree(whole, folder)
        (folder / JOURNAL).write_bytes(data[: int(part * len(data))])
        execute(spec, folder, emt)
        assert trials_of(folder) == trials_of(whole)


def test_ahead_belongs_to_the_configuration_where_the_strategy_heeds_it(
    tmp_path: Path, make_spec: Make, emt: EnergyModel
) -> None:
    execute(make_spec(ahead=2), tmp_path / "random", emt)
    with pytest.raises(InputError, match=r"config\.ahead was 2 and is now 1;"):
        execute(make_spec(), tmp_path / "random", emt)
    assert make_spec("crysim", ahead=2).config() == make_spec("crysim").config()
    assert "ahead" not in make_spec().config()
    with pytest.raises(InputError, match="ahead is 0"):
        make_spec(ahead=0)


def test_a_strategy_that_is_asked_ahead_has_no_state(tmp_path: Path, make_spec: Make, emt: EnergyModel) -> None:
    class Stateful(Written):
        def state(self) -> dict[str, np.ndarray[Any, Any]]:
            return {"told": np.zeros(1)}

    spec = make_spec(ahead=2)
    with pytest.raises(PluginFaultError, match="it has a state"):
        drive(spec, tmp_path / "run", Here(emt), Stateful(spec))
    drive(replace(spec, ahead=1), tmp_path / "one", Here(emt), Stateful(spec))
