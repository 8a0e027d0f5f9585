"""What a plug-in returns is looked at before the core believes it: a violation is one line that names the plug-in."""

# ruff: noqa: PT012 - which call shows the fault is the mutant's affair

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from crysim.composition import Composition
from crysim.crystal.generation import RandomGenerator
from crysim.errors import PluginFaultError
from crysim.interfaces import Candidate, Problem, RelaxSettings
from crysim.plugins import plugin_manager
from crysim.plugins.checked import CheckedSolver, checked
from crysim.testing.solvers import larger_model, small_model
from crysim_encoders.symmetry_encoding import SymmetryEncoder
from crysim_solvers.annealing.annealer import Annealer
from crysim_surrogates.quadratic_regression import QuadraticRegression
from tests.testing.mutants import encoder as encoders
from tests.testing.mutants import solver as solvers
from tests.testing.mutants import strategy as strategies
from tests.testing.mutants import surrogate as surrogates

COMPOSITION = Composition.from_formula("Ca4S4")


def crystals(n=20):
    return RandomGenerator(COMPOSITION).sample(n, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("mutant", "words"),
    [
        (solvers.AMillionTooLow, "has the energy"),
        (solvers.Infeasible, "not feasible"),
        (solvers.WorstFirst, "best first"),
        (solvers.NotANumber, "has the energy"),
        (solvers.Doubled, "twice"),
        (solvers.Flat, "vectors"),
        (solvers.Lists, "list, not an array"),
        (solvers.Numbers, "type int8, not bool"),
        (solvers.MoreThanAsked, "were asked for"),
    ],
    ids=lambda one: getattr(one, "__name__", None),
)
def test_a_solver_is_not_believed(mutant, words):
    wanted = {solvers.Doubled: 20, solvers.MoreThanAsked: 1}.get(mutant, 3)
    with pytest.raises(PluginFaultError, match=f"^solver 'good' .*{words}") as caught:
        checked("solver", mutant()).solve(small_model("low-rank"), num_samples=wanted)
    assert "\n" not in str(caught.value)


class Liar(Annealer):
    """Says that a random vector is the optimum."""

    def solve(self, model, **given):
        samples = super().solve(model, **given)
        bits = model.random_bits(1, np.random.default_rng(0))
        energies = model.energies(bits)
        return replace(samples, bits=bits, energies=energies, lower_bound=float(energies[0]), optimal=True)


def test_a_proof_that_one_exchange_refutes_is_none():
    with pytest.raises(PluginFaultError, match=r"lower bound .* above the energy"):
        CheckedSolver(Liar(sweeps=5)).solve(larger_model())


@pytest.mark.parametrize(
    ("mutant", "words"),
    [
        (encoders.Numbers, "type int8, not bool"),
        (encoders.Lists, "list, not an array"),
        (encoders.OneBitTooMany, "shape"),
        (encoders.GroupsOutOfOrder, "out of order"),
        (encoders.TooManyOnes, "ones in the group"),
        (encoders.OtherComposition, "Ca2S4"),
        (encoders.DecodesToNothing, "no crystal"),
    ],
    ids=lambda one: getattr(one, "__name__", None),
)
def test_an_encoder_is_not_believed(mutant, words):
    encoder = checked("encoder", mutant())
    with pytest.raises(PluginFaultError, match=f"^encoder 'crysim' .*{words}"):
        encoder.fit(crystals())
        encoder.decode(encoder.encode(crystals())[0], np.random.default_rng(0))


@pytest.mark.parametrize(
    ("mutant", "words"),
    [
        (surrogates.Column, "shape"),
        (surrogates.Lists, "list, not an array"),
        (surrogates.ForgetsTheLastBit, "bits"),
        (surrogates.ForgetsTheGroups, "other groups"),
        (surrogates.NotANumberForTheUnseen, "not finite"),
    ],
    ids=lambda one: getattr(one, "__name__", None),
)
def test_a_surrogate_is_not_believed(mutant, words):
    from crysim.testing.surrogates import GROUPS, example_data

    bits, energies = example_data(60)
    few = ~bits[:, 0:4].any(axis=1)
    surrogate = checked("surrogate", mutant())
    with pytest.raises(PluginFaultError, match=f"^surrogate 'quadratic-regression' .*{words}"):
        surrogate.fit(bits[few], energies[few], np.random.default_rng(0))
        surrogate.predict(bits)
        surrogate.quadratic_model(GROUPS)


@pytest.mark.parametrize(
    ("mutant", "words"),
    [
        ("OtherComposition", "relaxed to one of"),
        ("TooFew", "relaxations of"),
        ("Texts", "not float64"),
        ("Lists", "list, not an array"),
        ("FramesOfAnotherGroup", "space group and sites"),
    ],
)
def test_an_energy_model_is_not_believed(mutant, words):
    energies = pytest.importorskip("tests.testing.mutants.energy")
    from crysim.testing.energies import caesium_chloride

    some = [caesium_chloride(("Ar", "Kr"), length) for length in (3.0, 3.1)]
    model = checked("energy", getattr(energies, mutant)())
    with pytest.raises(PluginFaultError, match=f"^energy 'lennard-jones' .*{words}"):
        model.relax(some, RelaxSettings(max_steps=3))
        model.energies(some)


class TooGood(strategies.Good):
    def propose(self, number):
        return Candidate(super().propose(number).crystal, info={"a": {1, 2}})


class NotInTime(strategies.Good):
    def ask(self, n):
        raise ZeroDivisionError("no trials")


@pytest.mark.parametrize(
    ("mutant", "words"),
    [
        (strategies.OtherComposition, "is searched for"),
        (strategies.OtherGroups, "not allowed"),
        (strategies.MoreThanAsked, "returned 4 candidates"),
        (strategies.Generates, "not a list"),
        (strategies.JournalsNotANumber, "JSON"),
        (strategies.CannotBeJournalled, "JSON"),
        (TooGood, "JSON"),
        (NotInTime, "failed in ask: ZeroDivisionError: no trials"),
    ],
    ids=lambda one: getattr(one, "__name__", None),
)
def test_a_strategy_is_not_believed(mutant, words):
    problem = Problem(Composition.from_formula("Al2Cu2"), seed=0, space_groups=(123, 139, 166))
    strategy = checked("strategy", mutant(problem), problem=problem)
    with pytest.raises(PluginFaultError, match=f"^strategy 'good' .*{words}"):
        for _ in range(20):
            strategy.ask(3)


def test_what_is_right_is_handed_on_as_it_is():
    encoder, raw = checked("encoder", SymmetryEncoder(5)), SymmetryEncoder(5)
    encoder.fit(crystals())
    raw.fit(crystals())
    np.testing.assert_array_equal(encoder.encode(crystals()), raw.encode(crystals()))
    model = larger_model()
    own, seen = (
        one.solve(model, num_samples=3) for one in (Annealer(sweeps=20), checked("solver", Annealer(sweeps=20)))
    )
    np.testing.assert_array_equal(own.bits, seen.bits)
    surrogate = checked("surrogate", QuadraticRegression(ridge=0.1))
    assert surrogate.name == "quadratic-regression"
    assert surrogate.tuning_space == QuadraticRegression.tuning_space
    assert plugin_manager().build("energy", "ase:lj").default_symmetry


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"optimal": np.array([True, False])}, "not a truth value"),
        ({"energies": np.array(1.0)}, "shape"),
        ({"timing": {"total": float("inf")}}, "timing"),
        ({"timing": {"total": 1, 3: 2}}, "timing"),
    ],
)
def test_what_has_no_truth_length_or_end_is_a_solvers_fault(change, words):
    class Odd(Annealer):
        def solve(self, model, **given):
            return replace(super().solve(model, **given), **change)

    with pytest.raises(PluginFaultError, match=f"^solver 'annealer' .*{words}"):
        checked("solver", Odd(sweeps=5)).solve(small_model("low-rank"))


def test_a_plugin_that_exits_where_it_is_called_ends_nothing():
    class Exits(Annealer):
        def solve(self, model, **given):
            raise SystemExit(0)

        def refuses(self, model):
            return ["no", "text"]

    with pytest.raises(PluginFaultError, match=r"^solver 'annealer' failed in solve: SystemExit: 0"):
        checked("solver", Exits()).solve(small_model("low-rank"))
    with pytest.raises(PluginFaultError, match=r"^solver 'annealer' .*not a text or None"):
        checked("solver", Exits()).refuses(small_model("low-rank"))


@pytest.mark.parametrize("change", [{"frames": None}, {"steps": 10**400}, {"energy": -(10**400)}])
def test_a_relaxation_that_cannot_be_counted_is_the_models_fault(change):
    from crysim.testing.energies import caesium_chloride

    crystal = caesium_chloride(("Ar", "Kr"), 3.0)
    model = checked("energy", plugin_manager().build("energy", "ase:lj"))
    (good,) = model.relax([crystal], RelaxSettings(max_steps=1))
    model._plugin.relax = lambda crystals, settings: [replace(good, **change)]
    with pytest.raises(PluginFaultError, match=r"^energy 'ase"):
        model.relax([crystal], RelaxSettings(max_steps=1))


class Holds:
    """An object that cannot be put into words."""

    def __repr__(self):
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    "value", [Holds(), {1, 2}, float("nan"), b"x", {("a", 1): 2}], ids=["object", "set", "nan", "bytes", "key"]
)
def test_a_solver_s_info_must_be_what_json_can_hold(value):
    class Noted(Annealer):
        def solve(self, model, **given):
            return replace(super().solve(model, **given), info={"raw": value})

    with pytest.raises(PluginFaultError, match=r"^solver 'annealer' broke its interface: its info cannot be .* JSON"):
        CheckedSolver(Noted(sweeps=5)).solve(larger_model())


def test_a_solver_s_info_may_hold_numpy_s_numbers_and_arrays():
    class Noted(Annealer):
        def solve(self, model, **given):
            return replace(super().solve(model, **given), info={"gap": np.float32(0.5), "history": np.zeros(3)})

    assert CheckedSolver(Noted(sweeps=5)).solve(larger_model()).info["gap"] == 0.5
