"""Of many crystals that settle in a learned potential, the lowest that is not known is relaxed."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from crysim.crystal import Crystal
from crysim.crystal.packing import scaled
from crysim.interfaces import Candidate, Frame, Problem, Stream, Trial
from crysim.testing.strategies import pretended_trials
from crysim_baselines.portfolio import Portfolio
from crysim_baselines.portfolio.drafts import PRIOR, ArmDraft, Filling
from crysim_baselines.portfolio.generators import ANNEALED, POOLED, SETTLED
from crysim_baselines.portfolio.minima import Lows, Minima
from crysim_baselines.portfolio.settled import PREDICTED, KnownLow, KnownLows, SettledDraft, Settling
from crysim_baselines.potential import PairPotential
from crysim_baselines.potential.learning import FEWEST
from tests.baselines.calcium_sulphide import CAS
from tests.baselines.resumption import tell_both
from tests.baselines.test_potential import COEFFICIENTS, ELEMENTS

POTENTIAL = PairPotential.of(ELEMENTS, COEFFICIENTS, np.full((2, 2), 2.2), -1.0, 0.0)
CONTENTS = CAS.each[1]


def a_draft(
    seed: int = 0,
    number: int = 6,
    known: tuple[KnownLow, ...] = (),
    anneals: bool = False,
    placements: int = 0,
) -> SettledDraft:
    filling = Filling.of(Problem(CONTENTS, 0))
    streams = [Stream.of(np.random.default_rng([seed, place])) for place in range(number)]
    pool = tuple(ArmDraft(filling, PRIOR, None, Lows(), stream) for stream in streams)
    own = Stream.of(np.random.default_rng([seed, number]))
    return SettledDraft(pool, own, POTENTIAL, KnownLows.of(known), anneals, placements)


@pytest.mark.parametrize("seed", range(4))
def test_the_lowest_of_a_pool_is_drawn(seed: int) -> None:
    draft = a_draft(seed)
    crystal, info = draft.draw()
    assert info["drawn"] == PRIOR
    assert POTENTIAL.energy(crystal) == pytest.approx(info[PREDICTED], abs=1e-6)
    for one in draft.pool:
        end = POTENTIAL.settle(one.draw()[0], 40)
        assert end is None or info[PREDICTED] < end.energy + 1e-3


def test_combinations_that_settle_low_are_placed_again() -> None:
    without, with_more = ([a_draft(seed, placements=number).draw() for seed in range(8)] for number in (0, 8))
    gains = [one[1][PREDICTED] - more[1][PREDICTED] for one, more in zip(without, with_more, strict=True)]
    assert min(gains) > -1e-3
    assert max(gains) > 0.01
    for seed, (crystal, _) in enumerate(with_more):
        drawn = [one.draw()[0] for one in a_draft(seed).pool]
        assert (crystal.space_group, crystal.combination) in [(one.space_group, one.combination) for one in drawn]


def test_a_pool_is_annealed_where_it_is_to_be() -> None:
    """Then crystals come on positions that none of the pool was drawn on."""
    moved = [a_draft(seed, anneals=True) for seed in range(12)]
    drawn = {(one.space_group, one.combination) for draft in moved for one, _ in map(ArmDraft.draw, draft.pool)}
    ends = [draft.draw()[0] for draft in moved]
    assert all(CONTENTS.held_by(end) for end in ends)
    assert any((end.space_group, end.combination) not in drawn for end in ends)


@pytest.mark.parametrize("way", [{}, {"anneals": True}, {"placements": 4}])
def test_it_is_the_same_wherever_and_as_often_as_it_is_drawn(way: dict[str, Any]) -> None:
    draft = a_draft(**way)
    elsewhere = pickle.loads(pickle.dumps(draft))  # noqa: S301 - its own
    assert draft.draw() == draft.draw() == elsewhere.draw()


def low(crystal: Crystal) -> KnownLow:
    known = KnownLow.of(crystal, POTENTIAL)
    assert known is not None
    return known


def test_what_is_known_is_not_drawn_again_at_any_volume() -> None:
    crystal, info = a_draft().draw()
    for factor in (1.0, 1.03):
        other, then = a_draft(known=(low(scaled(crystal, factor)),)).draw()
        assert other != crystal
        assert then[PREDICTED] > info[PREDICTED] - 1e-6


def test_however_many_are_known_the_next_one_is_drawn() -> None:
    known: list[KnownLow] = []
    energies = []
    for _ in range(10):
        crystal, info = a_draft(number=12, known=tuple(known)).draw()
        energies.append(info[PREDICTED])
        known.append(low(crystal))
    assert energies == sorted(energies)
    assert energies[-1] > energies[0] + 0.01


def test_where_all_are_known_the_first_is_drawn_as_it_is() -> None:
    draft = a_draft(number=1)
    crystal, _ = draft.draw()
    same, info = replace(draft, known=KnownLows.of([low(crystal)])).draw()
    assert same == draft.pool[0].draw()[0]
    assert PREDICTED not in info


def test_where_a_relaxation_began_none_begins_again() -> None:
    minima = Minima()
    settling = Settling(CONTENTS.composition_in(1), minima)
    told = run(Portfolio(Problem(CONTENTS, 0), virtual=False, settled=False), FEWEST, [])
    for trial in with_frames(pretended_trials(told, 0)):
        settling.tell(trial)
    like = a_draft(number=12)
    seen: list[Crystal] = []
    for number in range(4):
        candidate = Candidate(None, {"origin": SETTLED}, draft=settling.draft(like.pool, like.stream)).drawn()
        assert PREDICTED in candidate.info
        assert candidate.start not in seen
        seen.append(candidate.start)
        settling.tell(pretended_trials([candidate], FEWEST + number)[0])
    assert not list(minima)


def with_frames(trials: Sequence[Trial]) -> list[Trial]:
    """The trials, their starts and ends as frames with the potential's energies."""
    told = []
    for trial in trials:
        start, end = trial.candidate.start, trial.crystal
        ways: tuple[Crystal, ...] = (start,) if end is None else (start, end)
        frames = tuple(Frame(one, POTENTIAL.energy(one) * one.num_atoms) for one in ways)
        told.append(replace(trial, relaxation=replace(trial.relaxation, frames=frames)))
    return told


def run(strategy: Portfolio, number: int, told: list[Candidate]) -> list[Candidate]:
    """Drawn candidates, asked for and told in batches."""
    while len(told) < number:
        drawn = [one.drawn() for one in strategy.ask(8)]
        strategy.tell(with_frames(pretended_trials(drawn, len(told))))
        told.extend(drawn)
    return told


def test_a_portfolio_settles_crystals_once_it_has_energies_enough() -> None:
    told = run(Portfolio(Problem(CONTENTS, 0), virtual=False), FEWEST, [])
    origins = [one.info["origin"] for one in told]
    assert not POOLED.keys() & origins[: FEWEST // 2]
    assert {SETTLED, ANNEALED} <= set(origins[FEWEST // 2 + 8 :])
    assert all(PREDICTED in one.info or "drawn" in one.info for one in told if one.info["origin"] in POOLED)


def test_a_portfolio_that_is_not_to_settles_none() -> None:
    told = run(Portfolio(Problem(CONTENTS, 0), virtual=False, settled=False), FEWEST, [])
    assert not POOLED.keys() & {one.info["origin"] for one in told}


def test_a_run_that_is_taken_up_settles_the_same() -> None:
    first, again = (Portfolio(Problem(CONTENTS, 0), virtual=False) for _ in range(2))
    tell_both(first, again, 20)
    begun, taken_up = ([one.drawn() for one in strategy.ask(8)] for strategy in (first, again))
    assert [(one.start, one.info) for one in begun] == [(one.start, one.info) for one in taken_up]
    assert any(PREDICTED in one.info for one in begun)
