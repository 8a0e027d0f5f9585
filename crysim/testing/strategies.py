"""What every strategy must do. To test one, subclass and override one fixture::

    from crysim.testing.strategies import StrategySuite

    class TestMine(StrategySuite):
        @pytest.fixture
        def make(self):
            return lambda problem: MyStrategy(problem, population=6)

Needs pytest.
"""

from __future__ import annotations

import json
import pickle
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest

from crysim.composition import Contents
from crysim.crystal import Crystal
from crysim.crystal.generation import RandomGenerator
from crysim.harness.lines import to_json
from crysim.harness.records import frame_from_dict, frame_to_dict, trial_from_dict, trial_to_dict
from crysim.interfaces import Candidate, Frame, Problem, Strategy, Trial
from crysim.testing.elsewhere import elsewhere
from crysim.testing.plugins import check_name_and_options
from crysim.testing.surroundings import another_day, global_generators_untouched
from crysim.testing.trials import make_trial

MakeStrategy = Callable[[Problem], Strategy]
DRAFT_BYTES = 10_000
"""A pickled draft is smaller: most of what it depends on is what it begins with, a crystal or a few numbers."""
GROUPS = (62, 123, 139, 166, 221, 225)


def pretended_energy(crystal: Crystal) -> float:
    """An energy (eV) that is quick to compute: lowest at 18 Å³ per atom and where atoms keep 2.4 Å apart."""
    volume = crystal.volume / crystal.num_atoms
    return crystal.num_atoms * ((volume / 18.0 - 1.0) ** 2 + 4.0 * max(0.0, 2.4 - crystal.min_distance()) - 3.0)


def pretended_trials(candidates: Sequence[Candidate], first: int, seconds: float = 0.1) -> list[Trial]:
    """Trials as a journal would give them back: the cell scaled to 18 Å³ per atom; every fifth fails."""
    trials = []
    for number, asked in enumerate(candidates, start=first):
        candidate = asked.drawn()
        start = candidate.start
        scale = (18.0 * start.num_atoms / start.volume) ** (1 / 3)
        lengths = [scale * length for length in start.cell[:3]]
        relaxed = start.with_parameters([*lengths, *start.cell[3:]], [site.free for site in start.sites])
        failed = number % 5 == 4
        energy = None if failed else pretended_energy(relaxed)
        frames = [start] if failed else [start, relaxed]
        trial = make_trial(
            number,
            candidate,
            energy,
            crystal=relaxed,
            frames=[Frame(crystal, pretended_energy(crystal)) for crystal in frames],
            evaluations=2,
            seconds=seconds,
            reason="pretended" if failed else "",
        )
        trials.append(trial_from_dict(json.loads(to_json(trial_to_dict(trial)))))
    return trials


def drawn(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Candidates with their crystals, drafts drawn."""
    return [candidate.drawn() for candidate in candidates]


def begin(strategy: Strategy) -> None:
    """Give a strategy its initial crystals, as a bench's file would give them back."""
    frames = [Frame(crystal, pretended_energy(crystal)) for crystal in strategy.initial_crystals()]
    strategy.set_initial([frame_from_dict(json.loads(to_json(frame_to_dict(frame)))) for frame in frames])


def drive(strategy: Strategy, trials: int, batch: int = 4, seconds: float = 0.1) -> list[Trial]:
    """Ask and tell until there are as many trials."""
    done: list[Trial] = []
    while len(done) < trials:
        candidates = strategy.ask(min(batch, trials - len(done)))
        assert candidates, "none was proposed"
        told = pretended_trials(candidates, len(done), seconds)
        strategy.tell(told)
        done.extend(told)
    return done


def drive_ahead(
    strategy: Strategy, ahead: int, batches: int, journalled: Sequence[list[Trial]] = (), batch: int = 3
) -> list[list[Trial]]:
    """Ask for ``ahead`` batches before the first is told; what is journalled already is not asked for again."""
    begin(strategy)
    under_way: deque[list[Trial]] = deque()
    done: list[list[Trial]] = []
    for number in range(batches + ahead):
        if number >= ahead:
            assert strategy.state() is None, "a strategy that may be asked ahead has no state"
            done.append(under_way.popleft())
            strategy.tell(done[-1])
        if number >= batches:
            under_way.append([])
        elif number < len(journalled):
            strategy.asked([trial.candidate for trial in journalled[number]])
            under_way.append(list(journalled[number]))
        else:
            under_way.append(pretended_trials(strategy.ask(batch), batch * number))
    return done


def _crystals(batches: Sequence[Sequence[Trial]]) -> list[list[Crystal]]:
    return [[trial.candidate.start for trial in trials] for trials in batches]


def _work(strategy: Strategy, trials: int, seconds: float = 0.1) -> list[Crystal]:
    """The crystals that it proposes."""
    begin(strategy)
    return [trial.candidate.start for trial in drive(strategy, trials, seconds=seconds)]


class StrategySuite:
    """The contract of `crysim.interfaces.Strategy`, as tests."""

    formula: ClassVar[str] = "Al2Cu2"
    primitive_formula: ClassVar[str | None] = "Al2Cu2"
    """Per primitive cell; None for a strategy that searches conventional cells only."""
    trials: ClassVar[int] = 12
    """Driven so far; let it reach past the strategy's first generation."""
    heeds_distances: ClassVar[bool] = True
    """Whether what it proposes first keeps the problem's minimum distances."""
    other_process: ClassVar[bool] = True
    """Whether its crystals in another process are compared."""

    @pytest.fixture
    def make(self) -> MakeStrategy:
        """A function that makes a new strategy for a problem, always with the same options. Override this."""
        raise NotImplementedError("override the fixture 'make'")

    @pytest.fixture
    def problem(self) -> Problem:
        return Problem(Contents.from_formula(self.formula), seed=5, space_groups=GROUPS)

    @pytest.fixture
    def primitive(self) -> Problem:
        """The same with contents of the primitive cell: crystals of different groups have different compositions."""
        if self.primitive_formula is None:
            pytest.skip("this strategy searches conventional cells only")
        contents = Contents.from_formula(self.primitive_formula, cell="primitive")
        return Problem(contents, seed=5, space_groups=GROUPS)

    def test_carries_a_name_and_documented_options(self, make: MakeStrategy, problem: Problem) -> None:
        check_name_and_options(make(problem))

    def test_proposes_crystals_of_the_problem(self, make: MakeStrategy, problem: Problem) -> None:
        strategy = make(problem)
        begin(strategy)
        for trial in drive(strategy, self.trials):
            crystal = trial.candidate.start
            assert problem.contents.held_by(crystal)
            assert crystal.space_group in GROUPS
            json.dumps(dict(trial.candidate.info), allow_nan=False)
            assert all(seconds >= 0 for seconds in trial.candidate.seconds.values())

    def test_fills_the_primitive_cell_of_whatever_group(self, make: MakeStrategy, primitive: Problem) -> None:
        strategy = make(primitive)
        begin(strategy)
        crystals = [trial.candidate.start for trial in drive(strategy, self.trials)]
        assert all(map(primitive.contents.held_by, crystals))
        assert all(crystal.num_primitive_atoms == primitive.contents.num_atoms for crystal in crystals)
        assert all(crystal.space_group in GROUPS for crystal in crystals)
        assert any(crystal.centring_factor > 1 for crystal in crystals)

    def test_goes_on_with_contents_of_the_primitive_cell(self, make: MakeStrategy, primitive: Problem) -> None:
        self._goes_on(make, primitive, 0.5)

    @pytest.mark.parametrize("n", [1, 3])
    def test_proposes_at_least_one_and_not_more_than_asked(self, make: MakeStrategy, problem: Problem, n: int) -> None:
        strategy = make(problem)
        begin(strategy)
        for first in range(0, 5 * n, n):
            candidates = strategy.ask(n)
            assert isinstance(candidates, list)
            assert 1 <= len(candidates) <= n
            strategy.tell(pretended_trials(candidates, first))

    def test_same_seed_same_crystals(self, make: MakeStrategy, problem: Problem) -> None:
        runs = []
        for seed in (5, 5, 6):
            strategy = make(Problem(problem.contents, seed, problem.space_groups))
            begin(strategy)
            runs.append([trial.candidate.start for trial in drive(strategy, self.trials)])
        assert runs[0] == runs[1]
        assert runs[0] != runs[2]

    def test_same_crystals_whatever_surrounds_it(self, make: MakeStrategy, problem: Problem) -> None:
        """No global generator is touched or heeded, nor the time of the day, nor how long relaxations took."""
        with global_generators_untouched():
            first = _work(make(problem), self.trials)
        with another_day():
            again = _work(make(problem), self.trials, seconds=7.3)
        assert again == first

    def test_same_crystals_in_another_process(self, make: MakeStrategy, problem: Problem) -> None:
        """Where Python hashes texts in another way."""
        if not self.other_process:
            pytest.skip("not tried")
        assert elsewhere(make(problem), _work, self.trials) == _work(make(problem), self.trials)

    def test_heeds_minimum_distances(self, make: MakeStrategy, problem: Problem) -> None:
        """Of every pair of elements its own, in what is proposed before anything is learnt."""
        if not self.heeds_distances:
            pytest.skip("the strategy does not promise it")
        first, second = problem.composition.elements[:2]
        wanted = replace(problem, min_distance=2.5, pair_distances={f"{first}-{second}": 2.9, f"{first}-{first}": 2.7})
        strategy = make(wanted)
        crystals = strategy.initial_crystals()
        begin(strategy)
        crystals += [candidate.start for candidate in drawn(strategy.ask(8))]
        assert all(wanted.min_distances.satisfied_by(crystal) for crystal in crystals)

    def test_what_it_is_told_is_left_alone(self, make: MakeStrategy, problem: Problem) -> None:
        strategy = make(problem)
        begin(strategy)
        for first in range(0, self.trials, 4):
            told = pretended_trials(strategy.ask(4), first)
            before = [to_json(trial_to_dict(trial)) for trial in told]
            strategy.tell(told)
            assert [to_json(trial_to_dict(trial)) for trial in told] == before

    def test_its_drafts_travel_and_can_be_drawn_again(self, make: MakeStrategy, problem: Problem) -> None:
        """A draft is small, and the same crystal comes of it in whatever process, whatever was drawn before."""
        strategy = make(problem)
        begin(strategy)
        drive(strategy, self.trials)
        drafts = [candidate for candidate in strategy.ask(4) if candidate.draft is not None]
        if not drafts:
            pytest.skip("the strategy gives crystals, and no drafts")
        once = drawn(drafts)
        assert all(len(pickle.dumps(candidate.draft)) < DRAFT_BYTES for candidate in drafts)
        again = drawn(pickle.loads(pickle.dumps(drafts[::-1])))[::-1]  # noqa: S301 - made here
        assert [(one.crystal, one.info) for one in again] == [(one.crystal, one.info) for one in once]

    def test_what_it_wants_journalled_is_json(self, make: MakeStrategy, problem: Problem) -> None:
        strategy = make(problem)
        begin(strategy)
        for candidate in drawn(strategy.ask(4)):
            assert json.loads(to_json(dict(candidate.info))) == json.loads(to_json(dict(candidate.info)))

    @pytest.mark.parametrize("part", [0.25, 0.5, 0.75])
    def test_goes_on_from_what_it_was_told(self, make: MakeStrategy, problem: Problem, part: float) -> None:
        """A new one that is told the journal's trials, batch by batch, and given the last state, asks for the same."""
        self._goes_on(make, problem, part)

    def _goes_on(self, make: MakeStrategy, problem: Problem, part: float) -> None:
        ongoing = make(problem)
        begin(ongoing)
        batches: list[list[Trial]] = []
        while sum(map(len, batches)) < part * self.trials:
            candidates = ongoing.ask(4)
            assert candidates, "none was proposed"
            told = pretended_trials(candidates, sum(map(len, batches)))
            ongoing.tell(told)
            batches.append(told)
        state = ongoing.state()
        resumed = make(problem)
        frames = [Frame(crystal, pretended_energy(crystal)) for crystal in make(problem).initial_crystals()]
        resumed.set_initial(frames)
        for batch in batches:
            resumed.asked([trial.candidate for trial in batch])
            resumed.tell(batch)
        if state is not None:
            resumed.load_state({key: value.copy() for key, value in state.items()})
        for first in range(100, 112, 4):
            candidates, again = drawn(ongoing.ask(4)), drawn(resumed.ask(4))
            assert [c.crystal for c in again] == [c.crystal for c in candidates]
            assert [to_json(dict(c.info)) for c in again] == [to_json(dict(c.info)) for c in candidates]
            told = pretended_trials(candidates, first)
            ongoing.tell(told)
            resumed.tell(told)

    def test_goes_on_where_its_state_was_lost(self, make: MakeStrategy, problem: Problem) -> None:
        """Told the journal's trials, each after `ask_again`, a new one asks for the same without a state."""
        ongoing, resumed = make(problem), make(problem)
        begin(ongoing)
        begin(resumed)
        for first in range(0, 12, 4):
            candidates = ongoing.ask(4)
            told = pretended_trials(candidates, first)
            stateful = ongoing.state() is not None
            ongoing.tell(told)
            if stateful:
                resumed.ask_again(4, told)
            else:
                resumed.asked([trial.candidate for trial in told])
            resumed.tell(told)
        candidates, again = drawn(ongoing.ask(4)), drawn(resumed.ask(4))
        assert [c.crystal for c in again] == [c.crystal for c in candidates]
        assert [to_json(dict(c.info)) for c in again] == [to_json(dict(c.info)) for c in candidates]

    @pytest.mark.parametrize("ahead", [2, 5])
    def test_may_be_asked_ahead_as_far_as_it_says(self, make: MakeStrategy, problem: Problem, ahead: int) -> None:
        """And one that goes on, with ``asked`` in place of ``ask``, proposes the same."""
        if make(problem).max_ahead < ahead:
            pytest.skip("the strategy does not say so")
        whole = drive_ahead(make(problem), ahead, 7)
        for cut in (1, 4, 6):
            assert _crystals(drive_ahead(make(problem), ahead, 7, journalled=whole[:cut])) == _crystals(whole)

    def test_goes_on_after_seed_structures(self, make: MakeStrategy, problem: Problem) -> None:
        """What the user proposed is heard of before the first ask; a strategy may learn from it, or not."""
        crystals = RandomGenerator(problem.composition, problem.space_groups).sample(5, np.random.default_rng(0))
        seeds = [Candidate(crystal, info={"seed_structure": i}) for i, crystal in enumerate(crystals)]
        runs = []
        for _ in range(2):
            strategy = make(problem)
            begin(strategy)
            strategy.tell_seeds(pretended_trials(seeds, 0))
            runs.append([trial.candidate.start for trial in drive(strategy, self.trials)])
        assert runs[0] == runs[1]

    def test_goes_on_when_everything_fails(self, make: MakeStrategy, problem: Problem) -> None:
        strategy = make(problem)
        begin(strategy)
        for first in range(0, 12, 4):
            candidates = [replace(one, draft=None) for one in strategy.ask(4)]  # not even its drafts could be drawn
            strategy.tell(
                [
                    make_trial(first + i, candidate, None, steps=0, evaluations=0, seconds=0.0, reason="pretended")
                    for i, candidate in enumerate(candidates)
                ]
            )
        assert strategy.ask(1)
