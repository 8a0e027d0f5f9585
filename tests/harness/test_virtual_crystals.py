"""Virtual crystals in runs: they are relaxed by the model of their blend, journalled, and never count."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crysim.composition import Composition, Contents
from crysim.crystal import Crystal
from crysim.crystal.generation import RandomGenerator
from crysim.errors import PluginFaultError
from crysim.harness.executors import Job, run_jobs
from crysim.harness.journal import JOURNAL
from crysim.harness.loop import execute
from crysim.harness.placement import Placement
from crysim.harness.spec import PartSpec, RunSpec, build_energy
from crysim.harness.trials import relax_candidates
from crysim.interfaces import Blend, Candidate, EnergyModel, Problem, RelaxSettings, TrialStatus
from crysim.plugins.checked import checked
from crysim.workflows.report import write_report
from crysim.workflows.verify import verify
from crysim_baselines.random import RandomSearch

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

Make = Callable[..., RunSpec]
TrialsOf = Callable[[Path], list[dict[str, Any]]]
BLEND = Blend((("Al", 0.5), ("Cu", 0.5)))


def random_crystals(formula: str, number: int) -> list[Crystal]:
    generator = RandomGenerator(Composition.from_formula(formula), [225])
    return generator.sample(number, np.random.default_rng(0))


class Blends(EnergyModel):
    """Another model, whose atoms of a blend are lower by 1 eV each."""

    name = "blends"

    def __init__(self, model: EnergyModel, by: float = 0.0) -> None:
        self.model, self.by = model, by

    def fingerprint(self) -> dict[str, str]:
        return self.model.fingerprint()

    def blended(self, blend: Blend) -> EnergyModel:
        return Blends(self.model, 1.0)

    def energies(self, crystals: Sequence[Crystal]) -> Any:
        return self.model.energies(crystals) - self.by * np.array([crystal.num_atoms for crystal in crystals])

    def relax(self, crystals: Sequence[Crystal], settings: RelaxSettings) -> Any:
        from dataclasses import replace

        done = self.model.relax(crystals, settings)
        return [replace(one, energy=one.energy - self.by * one.crystal.num_atoms) for one in done]


def test_each_is_relaxed_by_the_model_of_its_blend_and_does_not_count(emt: EnergyModel, make_spec: Make) -> None:
    real, virtual = random_crystals("Al4Cu4", 1)[0], random_crystals("Al4", 1)[0]
    candidates = [Candidate(virtual, blend=BLEND), Candidate(real), Candidate(virtual)]
    blended, alone, plain = relax_candidates(candidates, Blends(emt), make_spec(), 7)
    assert [one.number for one in (blended, alone, plain)] == [7, 8, 9]
    assert blended.status is TrialStatus.VIRTUAL
    assert not blended.counted
    assert "Al and Cu are taken for one" in blended.reason
    assert blended.energy == pytest.approx(plain.energy - 4.0)  # type: ignore[operator]
    assert alone.counted


def test_a_model_that_has_no_mean_of_elements_fails_and_says_why(emt: EnergyModel, make_spec: Make) -> None:
    virtual, real = random_crystals("Al4", 1)[0], random_crystals("Al4Cu4", 1)[0]
    failed, alone = relax_candidates([Candidate(virtual, blend=BLEND), Candidate(real)], emt, make_spec(), 0)
    assert failed.status is TrialStatus.FAILED
    assert "no mean of Al and Cu" in failed.reason
    assert alone.counted


def test_a_virtual_crystal_of_another_formula_is_the_strategys_fault() -> None:
    class Wrong(RandomSearch):
        def ask(self, n: int) -> list[Candidate]:
            return [Candidate(random_crystals("Al4Cu4", 1)[0], blend=BLEND)]

    problem = Problem(Composition.from_formula("Al4Cu4"), 0)
    strategy = checked("strategy", Wrong(problem), problem=problem)
    with pytest.raises(PluginFaultError, match="not of Al"):
        strategy.ask(1)


def test_a_search_with_them_is_the_same_on_two_workers_and_resumed_and_is_verified(
    tmp_path: Path, trials_of: TrialsOf
) -> None:
    pytest.importorskip("chgnet")
    contents = [Contents.from_formula("CuFeS2", z, "primitive") for z in (1, 2)]
    energy = PartSpec("chgnet")
    spec = RunSpec(
        system=Contents.together(contents),
        method="portfolio",
        strategy=PartSpec("portfolio", {"first": 1}),
        energy=energy,
        budget=30,
        batch=5,
        relax=RelaxSettings(max_steps=60, num_frames=0, symmetry="keep"),
    )
    assert spec.problem.blends
    execute(spec, tmp_path / "here", build_energy(energy))
    expected = trials_of(tmp_path / "here")
    kinds = [one["status"] for one in expected]
    assert kinds.count("virtual") > 2
    assert "ordered" in {one["info"]["origin"] for one in expected}
    assert all(("blend" in one) == (one["info"]["origin"] == "virtual") for one in expected)
    run_jobs([Job(spec, tmp_path / "two")], Placement(2))
    assert trials_of(tmp_path / "two") == expected
    lines = (tmp_path / "two" / JOURNAL).read_text().splitlines(keepends=True)
    (tmp_path / "two" / JOURNAL).write_text("".join(lines[:12]))
    run_jobs([Job(spec, tmp_path / "two")], Placement(1))
    assert trials_of(tmp_path / "two") == expected
    assert not verify(tmp_path / "here").differences
    assert "Cu and Fe are taken for one" in write_report(tmp_path / "here").read_text()
