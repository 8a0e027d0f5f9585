"""Leave to stop on its way from a candidate to a model, and back as a trial."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest

from crysim.arrays import Floats
from crysim.composition import Composition
from crysim.crystal import Crystal, Site
from crysim.errors import InputError, PluginFaultError
from crysim.harness.lines import to_json
from crysim.harness.records import trial_from_dict, trial_to_dict
from crysim.harness.spec import RunSettings
from crysim.harness.trials import relax_candidates
from crysim.interfaces import (
    Candidate,
    EnergyModel,
    Relaxation,
    RelaxSettings,
    RelaxStatus,
    StopRule,
    TrialStatus,
)
from crysim.plugins.checked.energy import CheckedEnergyModel

CRYSTAL = Crystal(Composition(("Cu",), (1,)), 221, (0.9, 0.9, 0.9, 90.0, 90.0, 90.0), (Site("Cu", 13),))


class Racing(EnergyModel):
    """Stops whatever it may."""

    name = "racing"

    def __init__(self, *, always: bool = False) -> None:
        self.always = always

    def fingerprint(self) -> dict[str, str]:
        return {"model": self.name}

    def energies(self, crystals: Sequence[Crystal]) -> Floats:
        return np.zeros(len(crystals))

    def relax(self, crystals: Sequence[Crystal], settings: RelaxSettings) -> list[Relaxation]:
        return [Relaxation(RelaxStatus.RELAXED, crystal, -1.0, 9, 10, 0.0) for crystal in crystals]

    def race(
        self, crystals: Sequence[Crystal], settings: RelaxSettings, stops: Sequence[StopRule | None]
    ) -> list[Relaxation]:
        ends = self.relax(crystals, settings)
        given_up = Relaxation(RelaxStatus.STOPPED, CRYSTAL, -0.5, 2, 3, 1.0, reason="0.5 above")
        return [given_up if stop or self.always else end for stop, end in zip(stops, ends, strict=True)]


def test_a_stopped_trial_keeps_its_evaluations_and_does_not_count() -> None:
    candidates = [Candidate(CRYSTAL, stop=StopRule(best=-2.0)), Candidate(CRYSTAL)]
    settings = RunSettings(min_relaxed_distance=0.5)
    stopped, relaxed = relax_candidates(candidates, CheckedEnergyModel(Racing()), settings, 0)
    assert (stopped.status, stopped.evaluations, stopped.counted) == (TrialStatus.STOPPED, 3, False)
    assert (relaxed.status, relaxed.evaluations, relaxed.counted) == (TrialStatus.RELAXED, 10, True)
    again = trial_from_dict(json.loads(to_json(trial_to_dict(stopped))))
    assert (again.status, again.energy, again.reason) == (TrialStatus.STOPPED, -0.5, "0.5 above")


def test_what_was_given_up_is_not_called_too_close() -> None:
    settings = RunSettings(min_relaxed_distance=1.0)
    (trial,) = relax_candidates([Candidate(CRYSTAL, stop=StopRule())], Racing(), settings, 0)
    assert trial.status is TrialStatus.STOPPED


def test_a_model_that_stops_without_leave_is_at_fault() -> None:
    model = CheckedEnergyModel(Racing(always=True))
    with pytest.raises(PluginFaultError, match="without leave"):
        relax_candidates([Candidate(CRYSTAL, stop=StopRule()), Candidate(CRYSTAL)], model, RunSettings(), 0)


def test_patience_grows_with_the_number_of_free_parameters() -> None:
    rule = StopRule(best=-1.0)
    assert [rule.patience_for(n) for n in (1, 6, 7, 22, 23, 46, 864)] == [3, 3, 4, 19, 20, 25, 230]
    assert rule.is_hopeless(3, 6, energy=-0.8, decrease=0.003)
    assert not rule.is_hopeless(2, 6, energy=-0.8, decrease=0.003)
    assert not rule.is_hopeless(3, 7, energy=-0.8, decrease=0.003)
    assert not rule.is_hopeless(3, 6, energy=-0.8, decrease=0.0035)  # 32 times that would do
    assert not rule.is_hopeless(3, 6, energy=-0.91, decrease=0.0)
    assert not StopRule().is_hopeless(100, 1, energy=5.0, decrease=0.0)
    with pytest.raises(InputError, match="margin"):
        StopRule(margin=-1.0)


def test_the_last_way_into_a_minimum_that_is_not_wanted_is_spared() -> None:
    rule = StopRule(best=-1.0, wanted=-0.95)
    assert rule.is_unwanted(energy=-0.93, decrease=0.00005)
    assert not rule.is_unwanted(energy=-0.92, decrease=0.0005), "it may fall by 45 meV yet"
    assert rule.is_unwanted(energy=-0.9, decrease=0.0005)
    assert not rule.is_unwanted(energy=-0.8, decrease=0.0015), "it is not about to come to rest"
    assert not rule.is_unwanted(energy=-0.96, decrease=0.0)
    assert not StopRule(best=-1.0).is_unwanted(energy=5.0, decrease=0.0)
