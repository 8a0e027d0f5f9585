"""How the outcome of a relaxation counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from crysim.arrays import Floats
from crysim.composition import Composition
from crysim.crystal import Crystal
from crysim.harness.spec import RunSettings, RunSpec
from crysim.harness.trials import classify, relax_candidates
from crysim.interfaces import Candidate, EnergyModel, Relaxation, RelaxSettings, RelaxStatus, TrialStatus

SHEETS = Crystal.from_p1(
    Composition.from_formula("C4"),
    [[2.46, 0.0, 0.0], [-1.23, 2.1304, 0.0], [0.0, 0.0, 11.2]],
    ["C"] * 4,
    [[0, 0, 0.25], [0, 0, 0.75], [1 / 3, 2 / 3, 0.25], [2 / 3, 1 / 3, 0.75]],
)


class Sighted(EnergyModel):
    """Leaves crystals as they are, and says how far it sees."""

    name = "sighted"

    def __init__(self, cutoff: float | None) -> None:
        self._cutoff = cutoff

    @property
    def cutoff(self) -> float | None:
        return self._cutoff

    def fingerprint(self) -> dict[str, str]:
        return {"model": self.name}

    def energies(self, crystals: Sequence[Crystal]) -> Floats:
        raise NotImplementedError

    def relax(self, crystals: Sequence[Crystal], settings: RelaxSettings) -> list[Relaxation]:
        return [Relaxation(RelaxStatus.RELAXED, crystal, -1.0, 1, 1, 0.0) for crystal in crystals]


def relaxed(cutoff: float | None, *, require_bound: bool) -> TrialStatus:
    model, settings = Sighted(cutoff), RunSettings(require_bound=require_bound)
    (trial,) = relax_candidates([Candidate(SHEETS)], model, settings, 0)
    return trial.status


def test_sheets_farther_apart_than_the_potential_sees_are_unbound_where_a_run_asks() -> None:
    assert relaxed(5.0, require_bound=True) is TrialStatus.UNBOUND
    assert relaxed(6.0, require_bound=True) is TrialStatus.RELAXED
    assert relaxed(None, require_bound=True) is TrialStatus.UNBOUND  # 5 Å where the model does not say
    assert relaxed(5.0, require_bound=False) is TrialStatus.RELAXED


def test_an_unbound_trial_keeps_its_energy_says_why_and_does_not_count() -> None:
    relaxation = Relaxation(RelaxStatus.RELAXED, SHEETS, -36.0, 1, 1, 0.0)
    trial = classify(0, Candidate(SHEETS), relaxation, 1.0, 5.0)
    assert (trial.status, trial.energy, trial.counted) == ("unbound", -36.0, False)
    assert "separate sheets" in trial.reason


@pytest.mark.parametrize(("factor", "status"), [(3.0, "exploded"), (0.47, "collapsed")])
def test_what_flew_apart_or_fell_together_says_so(factor: float, status: str) -> None:
    salt = Crystal.from_p1(
        Composition.from_formula("NaCl"),
        [[0, 2.85 * factor, 2.85 * factor], [2.85 * factor, 0, 2.85 * factor], [2.85 * factor, 2.85 * factor, 0]],
        ["Na", "Cl"],
        [[0, 0, 0], [0.5, 0.5, 0.5]],
    )
    trial = classify(0, Candidate(salt), Relaxation(RelaxStatus.RELAXED, salt, -6.0, 1, 1, 0.0), 1.0, 5.0)
    assert (trial.status, trial.counted) == (status, False)


def test_a_run_that_does_not_ask_is_written_down_as_before(make_spec: Callable[..., RunSpec]) -> None:
    plain: dict[str, Any] = make_spec().config()
    assert "require_bound" not in plain
    assert make_spec(require_bound=True).config() == {**plain, "require_bound": True}
