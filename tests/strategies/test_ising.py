"""Strategy crysim: the conformance suite, and the paper's rules one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from crysim.arrays import Bits, Floats
from crysim.composition import Composition
from crysim.crystal import Crystal, shortest_distances
from crysim.errors import CrysimError, InputError
from crysim.interfaces import (
    Candidate,
    Encoder,
    FitReport,
    Frame,
    IsingSolver,
    Problem,
    SampleSet,
    Strategy,
    Surrogate,
    Trial,
    TrialStatus,
    derive_rng,
)
from crysim.plugins import plugin_manager
from crysim.quadratic import BitGroup, QuadraticModel
from crysim.strategies.initial import InitialCrystals
from crysim.strategies.ising import IsingSearch
from crysim.testing.strategies import GROUPS, MakeStrategy, StrategySuite, begin, pretended_energy, pretended_trials
from crysim.testing.trials import make_trial

PAPER: dict[str, Any] = {"protocol": "paper", "choice": "distance", "learn_answers": False, "exploration_weight": 0.0}
"""The options under which a candidate is chosen and learnt from as the paper says."""
PROBLEM = Problem(Composition.from_formula("Al2Cu2"), seed=3, space_groups=GROUPS)


def make_search(problem: Problem = PROBLEM, surrogate: Surrogate | None = None, **options: Any) -> IsingSearch:
    manager = plugin_manager()
    parts = {
        "encoder": manager.build("encoder", "crysim", {"grid_resolution": 4, "space_groups": list(GROUPS)}),
        "surrogate": surrogate or manager.build("surrogate", "fm", {"max_epoch": 15}),
        "solver": manager.build("solver", "annealer", {"sweeps": 10}),
    }
    return IsingSearch(problem, **parts, **{"protocol": "paper", "num_initial": 40, "choice": "energy", **options})


class TestIsingSearch(StrategySuite):
    @pytest.fixture(
        params=[{"choice": "in-turn"}, PAPER, {"initial": "prior"}],
        ids=["ours", "paper", "prior"],
    )
    def make(self, request: pytest.FixtureRequest) -> MakeStrategy:
        return lambda problem: make_search(problem, **request.param)


class TestWithoutMinimumDistances(StrategySuite):
    heeds_distances = False

    @pytest.fixture
    def make(self) -> MakeStrategy:
        return lambda problem: make_search(problem, candidates_per_solve=3, mid=False, max_points=50)


class TestWarmStart(StrategySuite):
    @pytest.fixture
    def make(self) -> MakeStrategy:
        def make(problem: Problem) -> Strategy:
            surrogate = plugin_manager().build("surrogate", "fm", {"max_epoch": 15, "warm_start": True})
            return make_search(problem, surrogate)

        return make


class Seen(Surrogate):
    """Keeps what it is fitted to; its model is flat."""

    name = "seen"

    def __init__(self) -> None:
        self.bits: Bits = np.zeros((0, 0), dtype=np.bool_)
        self.energies: Floats = np.zeros(0)

    def fit(self, bits: Bits, energies: Floats, rng: np.random.Generator) -> FitReport:
        self.bits, self.energies = bits.copy(), energies.copy()
        return FitReport(1, float("nan"), float("nan"), 0.0, 0.0)

    def predict(self, bits: Bits) -> Floats:
        return np.zeros(len(bits))

    def quadratic_model(self, groups: Sequence[BitGroup]) -> QuadraticModel:
        m = self.bits.shape[1]
        return QuadraticModel(np.zeros(m), factors=np.zeros((m, 1)), groups=tuple(groups))


def frames_of(strategy: Strategy, energies: Sequence[float]) -> list[Frame]:
    return [Frame(crystal, energy) for crystal, energy in zip(strategy.initial_crystals(), energies, strict=True)]


def trial(candidate: Candidate, frames: Sequence[Frame], **changes: Any) -> Trial:
    last = frames[-1] if frames else None
    given: Mapping[str, Any] = {"crystal": last and last.crystal, "energy": last and last.energy, **changes}
    return make_trial(0, candidate, frames=frames, seconds=0.0, **given)


def squeezed(crystal: Crystal, distance: float) -> Crystal:
    """The crystal with its cell shrunk until its closest pair is so close."""
    factor = distance / crystal.min_distance()
    lengths = [factor * length for length in crystal.cell[:3]]
    return crystal.with_parameters([*lengths, *crystal.cell[3:]], [site.free for site in crystal.sites])


def test_the_initial_crystals_keep_their_distance() -> None:
    assert shortest_distances(make_search().initial_crystals()).min() >= 1.5
    assert len(make_search(num_initial=12).initial_crystals()) == 12


def test_initial_energies_above_the_lowest_absolute_value_are_left_out() -> None:
    seen = Seen()
    search = make_search(surrogate=seen)
    search.set_initial(frames_of(search, [-5.0, *np.linspace(-4.0, 4.9, 29), *np.linspace(5.1, 900.0, 10)]))
    search.ask(1)
    assert seen.energies.max() == 4.9
    assert len(seen.energies) == 30


def test_without_a_negative_energy_all_are_kept() -> None:
    seen = Seen()
    search = make_search(surrogate=seen)
    search.set_initial(frames_of(search, list(np.linspace(2.0, 900.0, 40))))
    search.ask(1)
    assert len(seen.energies) == 40
    assert seen.energies.max() == 900.0


@pytest.mark.parametrize(("mid", "target"), [(True, 8.0), (False, -50.0)])
def test_a_negative_energy_below_half_an_angstrom_is_not_believed(mid: bool, target: float) -> None:
    """Section 2.2; the ablation believes it."""
    seen = Seen()
    search = make_search(surrogate=seen, mid=mid, learn_answers=False)
    search.set_initial(frames_of(search, [-6.0] * 40))
    (candidate,) = search.ask(1)
    fair = Frame(squeezed(candidate.crystal, 2.0), -8.0)
    false = Frame(squeezed(candidate.crystal, 0.45), -50.0)
    search.tell([trial(candidate, [fair, false])])
    search.ask(1)
    assert seen.energies[-2:].tolist() == [-8.0, target]


def test_high_energies_are_lowered_to_the_lowest_absolute_value_unless_told_not_to() -> None:
    for clip, target in ((True, 6.0), (False, 1000.0)):
        seen = Seen()
        search = make_search(surrogate=seen, clip=clip)
        search.set_initial(frames_of(search, [-6.0] * 40))
        (candidate,) = search.ask(1)
        search.tell([trial(candidate, [Frame(candidate.crystal, 1000.0)])])
        search.ask(1)
        assert seen.energies[-1] == target


def test_a_failure_counts_as_the_lowest_absolute_value_or_not_at_all() -> None:
    for penalise, points in ((True, 41), (False, 40)):
        seen = Seen()
        search = make_search(surrogate=seen, penalise_failures=penalise, learn_answers=False)
        search.set_initial(frames_of(search, [-6.0] * 40))
        (candidate,) = search.ask(1)
        search.tell([trial(candidate, [], status=TrialStatus.FAILED)])
        search.ask(1)
        assert len(seen.energies) == points
        assert seen.energies[-1] == (6.0 if penalise else -6.0)


def test_the_paper_takes_the_decoded_crystal_with_the_largest_minimum_distance() -> None:
    search = make_search(**PAPER)
    begin(search)
    (candidate,) = search.ask(1)
    vector = np.zeros(search.encoder.num_bits, dtype=np.bool_)
    vector[candidate.info["bits"]] = True
    decoded = search.encoder.decode(vector, np.random.default_rng(0))
    assert candidate.info["decoded"] == len(decoded)
    assert candidate.info["min_distance"] == pytest.approx(shortest_distances(decoded).max())
    (first,) = make_begun(**PAPER, mid=False).ask(1)
    assert first.info["chosen"] == 0


def test_the_crystal_with_the_lowest_energy_predicted_is_taken() -> None:
    search = make_search(num_samples=4, choice="energy")
    begin(search)
    solved = search.new_round().solve(1, 0)
    model, samples = solved.model, solved.samples
    (candidate,) = search.ask(1)
    decoded = [
        crystal
        for place, vector in enumerate(samples.bits)
        for crystal in search.encoder.decode(vector, derive_rng(PROBLEM.seed, "decode", 0, place))
    ]
    fine = [crystal for crystal, d in zip(decoded, shortest_distances(decoded), strict=True) if d >= 1.5]
    energies = model.energies(search.encoder.encode(fine))
    assert candidate.crystal == fine[int(np.argmin(energies))]
    own = search.encoder.encode([candidate.crystal])
    assert candidate.info["predicted"] == pytest.approx(search.surrogate.predict(own)[0])


def test_an_answer_is_learnt_with_the_energy_that_its_crystal_started_with() -> None:
    seen = Seen()
    search = make_begun(surrogate=seen)
    (candidate,) = search.ask(1)
    frames = [Frame(candidate.crystal, 3.0), Frame(candidate.crystal, -4.0)]
    search.tell([trial(candidate, frames)])
    search.ask(1)
    assert np.flatnonzero(seen.bits[-1]).tolist() == candidate.info["bits"]
    assert seen.energies[-1] == 3.0


def test_what_was_tried_often_has_a_price() -> None:
    search = make_begun(surrogate=Seen(), exploration_weight=0.5)
    (candidate,) = search.ask(1)
    search.tell([trial(candidate, [Frame(candidate.crystal, 3.0)])] * 4)
    model = search.new_round().solve(1, 0).model
    own = search.encoder.encode([candidate.crystal])[0]
    single = np.concatenate([np.full(group.size, group.k == 1) for group in search.encoder.groups])
    assert model.linear.tolist() == (1.0 * (own & single)).tolist()


def make_begun(**options: Any) -> IsingSearch:
    search = make_search(**options)
    begin(search)
    return search


def test_what_was_tried_is_not_tried_again_while_there_is_something_else() -> None:
    """The flat model's answers depend on the seed alone, so the same number gets the same answers."""
    search = make_begun(surrogate=Seen(), candidates_per_solve=2)
    again = make_begun(surrogate=Seen(), candidates_per_solve=2)
    candidates = search.ask(2)
    for vector in vectors_of(again, candidates):
        again.history.add_answer(vector)
    others = again.ask(2)
    assert all(not other.info["solved_before"] for other in others)
    assert {tuple(c.info["bits"]) for c in candidates}.isdisjoint({tuple(c.info["bits"]) for c in others})


def vectors_of(search: IsingSearch, candidates: Sequence[Candidate]) -> Bits:
    vectors = np.zeros((len(candidates), search.encoder.num_bits), dtype=np.bool_)
    for vector, candidate in zip(vectors, candidates, strict=True):
        vector[candidate.info["bits"]] = True
    return vectors


def test_a_batch_is_made_of_distinct_vectors_and_pays_for_training_once() -> None:
    candidates = make_begun(surrogate=Seen(), candidates_per_solve=4).ask(8)
    assert 1 < len(candidates) <= 4
    assert len({tuple(c.info["bits"]) for c in candidates}) == len(candidates)
    assert [sorted(c.seconds) for c in candidates] == [["decode", "solve", "train"]] + [[]] * (len(candidates) - 1)


class Clumsy(Encoder):
    """Decodes nothing but crystals with two atoms in one place, as long as the first bit of a vector is 1."""

    name = "clumsy"

    def __init__(self, good: Crystal) -> None:
        self._good = good

    groups = (BitGroup("all", 0, 40, 1),)
    num_bits = 40

    def fit(self, crystals: Sequence[Crystal]) -> None:
        self.count = len(crystals)

    def encode(self, crystals: Sequence[Crystal]) -> Bits:
        return np.eye(40, dtype=np.bool_)[np.full(len(crystals), 39)]

    def decode(self, bits: Bits, rng: np.random.Generator) -> list[Crystal]:
        return [squeezed(self._good, 0.2 + 0.01 * int(np.argmax(bits))) if bits[:30].any() else self._good]


@pytest.mark.parametrize("hopeless", [False, True])
def test_vectors_without_a_physical_crystal_are_rejected_and_counted_without_a_relaxation(hopeless: bool) -> None:
    good = make_search().initial_crystals()[0]
    encoder = Clumsy(squeezed(good, 0.1) if hopeless else good)
    seen = Seen()
    solver = plugin_manager().build("solver", "exact", {})
    search = IsingSearch(PROBLEM, encoder, seen, solver, num_initial=10, num_samples=4, redraws=2, **PAPER)
    search.set_initial([Frame(good, -5.0)] * 10)
    rejected: set[int] = set()
    for _ in range(6):
        (candidate,) = search.ask(1)
        now = {ones[0] for ones in candidate.info["rejected"]}
        assert all(ones < 30 or hopeless for ones in now)
        assert now or not hopeless
        rejected |= now
        search.tell([trial(candidate, [Frame(good, -5.0)])])
    search.ask(1)
    counted = {int(np.argmax(row)) for row, energy in zip(seen.bits, seen.energies, strict=True) if energy == 5.0}
    assert rejected <= counted


class Boundless(IsingSolver):
    """Proves nothing of what it finds."""

    name = "boundless"

    def solve(
        self, model: QuadraticModel, *, num_samples: int = 1, time_limit: float | None = None, seed: int = 0
    ) -> SampleSet:
        bits = model.random_bits(1, np.random.default_rng(seed))
        return SampleSet(bits, model.energies(bits), {"total": 1})


def test_the_gap_is_told_whatever_solver_found_the_answer() -> None:
    search = make_search()
    search.solver = Boundless()
    search.set_initial(frames_of(search, [-6.0 + 0.1 * i for i in range(40)]))
    told = search.ask(1)[0].info["solver"]
    assert told["lower_bound"] < told["energy"]
    assert told["gap"] == pytest.approx(told["energy"] - told["lower_bound"])


def test_the_paper_relaxes_what_is_unphysical() -> None:
    good = make_search().initial_crystals()[0]
    solver = plugin_manager().build("solver", "exact", {})
    search = IsingSearch(PROBLEM, Clumsy(good), Seen(), solver, num_initial=10, num_samples=1, redraws=0, **PAPER)
    search.set_initial([Frame(good, -5.0)] * 10)
    (candidate,) = search.ask(1)
    assert candidate.info["min_distance"] < 0.5
    assert candidate.info["rejected"] == []


def test_the_oldest_points_are_left_out_first() -> None:
    seen = Seen()
    search = make_search(surrogate=seen, max_points=40)
    search.set_initial(frames_of(search, [-6.0] * 40))
    search.tell(pretended_trials(search.ask(1), 0))
    search.ask(1)
    assert len(seen.energies) == 40
    assert seen.energies[-2:].tolist() != [-6.0, -6.0]


def test_too_few_initial_energies_and_wrong_options_are_errors() -> None:
    search = make_search()
    with pytest.raises(CrysimError, match="finite"):
        search.set_initial(frames_of(search, [-1.0] * 40)[:3])
    with pytest.raises(InputError, match="'batch'"):
        make_search(candidates_per_solve=0)
    with pytest.raises(InputError, match="'num_initial'"):
        make_search(num_initial=3)
    for wrong in ({"solve_seconds": 0.0}, {"solve_seconds": float("nan")}, {"max_points": 0}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            make_search(**wrong)


def test_crystals_that_are_too_close_are_repaired() -> None:
    """Distances that hardly any decoded crystal keeps: without repair the least close one is tried, whatever it is."""
    pairs = {"Al-Cu": 2.3, "Al-Al": 2.3, "Cu-Cu": 2.3}
    problem = replace(PROBLEM, pair_distances=pairs)
    repaired = make_search(problem=problem, choice="energy")
    begin(repaired)
    candidates = [repaired.ask(1)[0]]
    assert problem.min_distances.satisfied_by(candidates[0].crystal)
    plain = make_search(problem=problem, choice="energy", repair=False)
    begin(plain)
    assert not plain.ask(1)[0].info["repaired"]


def test_seed_structures_are_learnt_and_not_tried_again() -> None:
    seen = Seen()
    search = make_search(surrogate=seen)
    search.set_initial(frames_of(search, [-6.0] * 40))
    crystal = search.initial_crystals()[0]
    search.tell_seeds([trial(Candidate(crystal, info={"seed_structure": 0}), [Frame(crystal, -50.0)])])
    assert crystal in search.history.tried
    search.ask(1)
    assert seen.energies[-1] == -50.0


def test_the_choice_goes_in_turn() -> None:
    """An initial crystal, one by distance, one by energy, and again, whatever becomes of them."""
    search = make_search(choice="in-turn")
    begin(search)
    candidates = []
    for number in range(6):
        (candidate,) = search.ask(1)
        candidates.append(candidate)
        search.tell(pretended_trials([candidate], number))
    assert ["initial" in c.info for c in candidates] == [True, False, False] * 2
    energies = {c: pretended_energy(c) for c in search.initial_crystals()}
    assert candidates[0].crystal == min(energies, key=lambda c: energies[c])
    assert candidates[3].crystal in energies
    spacing = PROBLEM.min_distances
    assert all(spacing.satisfied_by(c.crystal) for c in (candidates[2], candidates[5]))


def test_initial_crystals_come_by_energy_one_of_each_combination_first() -> None:
    crystals = make_search(num_initial=60).initial_crystals()
    frames = [Frame(crystal, float(-number)) for number, crystal in enumerate(crystals)]
    initial = InitialCrystals()
    initial.fill(frames)
    order = [crystal for _, crystal in initial.untried(60, set())]
    assert sorted(map(id, order)) == sorted(map(id, crystals))
    kinds = [(crystal.space_group, crystal.combination) for crystal in order]
    first = len(set(kinds))
    assert 1 < first < len(order)
    assert len(set(kinds[:first])) == first
    energies = {frame.crystal: frame.energy for frame in frames}
    assert [energies[c] for c in order[:first]] == sorted(energies[c] for c in order[:first])
    assert order[0] == crystals[-1]
    assert initial.untried(2, {order[0]}) == [(1, order[1]), (2, order[2])]
    assert initial.untried(2, set(order)) == []
