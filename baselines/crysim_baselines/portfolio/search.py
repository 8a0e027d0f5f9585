"""Strategy ``portfolio``: several generators over cells of several contents, each paid by what it brings.

It begins with the simplest crystals of each content, smallest cells first, and with known structure types and orders of
alike elements on their places where they are wanted; these hold the answer at once where it is simple. Then contents
and generators share the relaxations: a part evenly, so that nothing starves, the rest by the new low minima that each
has found for what it spent. From the low minima it takes volumes, the distances that pairs of elements keep, positions
to be filled anew, and crystals to be changed; from all relaxations a pair potential, in which many crystals settle
for one that is relaxed. Every relaxation is given up as soon as it cannot win
(`crysim.interfaces.racing`); saddle points are left only by the lowest crystals, in relaxations of their own.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import sqrt
from typing import Any, ClassVar

import numpy as np

from crysim.composition import Contents
from crysim.crystal import Crystal
from crysim.crystal.packing import scaled
from crysim.crystal.validity import is_comparable
from crysim.errors import InputError, UnknownNameError, check_not_negative
from crysim.interfaces import (
    ANY_NUMBER,
    Candidate,
    KnownMinimum,
    Problem,
    StopRule,
    Strategy,
    Trial,
    TrialStatus,
    derive_rng,
)
from crysim.interfaces.racing import MARGIN, PATIENCE, SAME_ENERGY
from crysim.strategies.afresh import AFRESH, missed
from crysim_baselines.fitting_types import FittingTypes
from crysim_baselines.portfolio.allocation import Shares, cost
from crysim_baselines.portfolio.drafts import ALIKE
from crysim_baselines.portfolio.generators import ENUMERATE, POOLED, SHARES, Generators
from crysim_baselines.portfolio.minima import Minima, Minimum
from crysim_baselines.portfolio.orderings import ORDERED, Orderings
from crysim_baselines.portfolio.settled import Settling
from crysim_baselines.portfolio.swelling import Swelling
from crysim_baselines.portfolio.virtual import VIRTUAL, VirtualCrystals

UNITS: Mapping[int, float] = {1: 0.34, 2: 0.31, 3: 0.05, 4: 0.20, 6: 0.04, 8: 0.05}
"""How many formula units the primitive cells of the AFLOW library's compounds hold (220 of them: those of the tables in
results left out); other numbers are as rare as one in a hundred."""
TYPES, POLISH = "prototypes", "polish"
LEARNED = 0.5
"""Share of the relaxations that goes by what arms brought."""
SCOUTS = 2
"""Crystals of the first batch."""
BATCH = 16
"""Crystals of a batch while few were asked for,"""
GROWTH = 16
"""and one part in so many of those asked for, once that is more: what a batch does not know of the one before it weighs
less then, and an evaluation costs less among many."""
ATOMS = 1280
"""Of all cells of a batch together, beyond `BATCH`: large crystals cost what they cost, among many or few."""
FIRST = 8
"""Relaxations of the simplest crystals of each content, to begin with."""
SETTLING = 10.0
"""Evaluations of the energy model that a pool of crystals settled in a learned potential is worth."""
POLISHED = 0.06
"""eV per atom above the best within which minima are looked at for saddle points."""
POLISHED_SHARE = 0.06
"""Of the relaxations, at most, go to them."""
TYPES_SHARE = 0.3
"""Of the relaxations go to structure types, while there are any,"""
ORDERED_SHARE = 0.25
"""and to orders of the elements on the places of some, while they come near the best."""
VIRTUAL_SHARE, VIRTUAL_HALF_LIFE = 0.3, 100
"""Of the relaxations after the simplest crystals are of virtual ones, while orders on their places come near the best;
half of it after so many of them."""


def _even_shares(contents: Sequence[Contents]) -> dict[int, float]:
    """Of contents: ∝ the square root of how common they are, which finds what is drawn at random soonest."""
    units = [one.composition.num_formula_units for one in contents]
    return {place: sqrt(UNITS.get(z, 0.01)) for place, z in enumerate(units)}


def _arms_without(names: str) -> dict[str, float]:
    """The generators' shares, without those named."""
    left_out = [name.strip() for name in names.split(",") if name.strip()]
    for name in left_out:
        if name not in SHARES:
            raise UnknownNameError("generator of strategy 'portfolio'", name, SHARES)
    arms = {arm: share for arm, share in SHARES.items() if arm not in left_out}
    if not arms:
        raise InputError("option 'without' of strategy 'portfolio' leaves out all generators: one must be left")
    return arms


def _virtual_crystals(problem: Problem) -> VirtualCrystals | None:
    """Of a problem, where its energy model relaxes such and there are alike elements; contents of primitive cells."""
    if not problem.blends:
        return None
    found = VirtualCrystals([one for one in problem.contents.each if one.primitive], UNITS)
    return found if found else None


class Portfolio(Strategy):
    """Generators and contents that share a search by what they bring; see the module."""

    name: ClassVar[str] = "portfolio"
    max_ahead: ClassVar[int] = ANY_NUMBER
    several_contents: ClassVar[bool] = True
    newer_options: ClassVar[Mapping[str, Any]] = {"virtual": False, "wanted": 0, "settled": False}

    def __init__(
        self,
        problem: Problem,
        *,
        prototypes: bool = False,
        folder: str | None = None,
        types_alone: int = 0,
        orders: bool = True,
        virtual: bool = True,
        first: int = FIRST,
        learned: float = LEARNED,
        without: str = "",
        stop_after: int = 0,
        race: bool = True,
        patience: int = PATIENCE,
        margin: float = MARGIN,
        wanted: int = 0,
        settled: bool = True,
    ) -> None:
        """Choose what takes part; nothing is counted yet.

        Args:
            problem: what to solve, with one content or several.
            prototypes: whether known structure types take part.
            folder: structure files to take as types too.
            types_alone: contents, the last ones, that only known structure types, and orders in them, are tried in.
            orders: whether orders of the elements on the places of known structure types take part where those do.
            virtual: whether orders on the places of virtual crystals take part, in primitive cells and where the energy
                model relaxes such: simple crystals in which alike elements are taken for one.
            first: relaxations of the simplest crystals of each content, to begin with.
            learned: share of the relaxations that goes by what contents and generators brought; the rest is even.
            without: generators that take no part after that, separated by commas: what each is worth can be measured.
            stop_after: independent starts that must have led to the lowest crystal for the search to end by itself; 0:
                it does not. One that is a tenth as easily found is then missed with probability exp(-starts / 10).
            race: whether a relaxation is stopped once it cannot win, or falls into a known minimum.
            patience: evaluations before that, for up to six free parameters; more for more.
            margin: eV per atom above the best that the energy within reach must lie for it.
            wanted: lowest minima that are relaxed to their end; what is about to come to rest above them is stopped
                shortly before. 0: all are. Cheaper, but a crystal was lost with it (results/search).
            settled: whether a pair potential is learned from where relaxations begin and end (``num_frames`` 2 or
                more), in which many crystals settle for each that is relaxed.

        Raises:
            InputError: an option is out of range, or leaves out a generator that there is not, or all.
        """
        check_not_negative(
            "strategy 'portfolio'", first=first, stop_after=stop_after, patience=patience, margin=margin, wanted=wanted
        )
        drawn = problem.contents.each[: len(problem.contents.each) - types_alone]
        if types_alone < 0 or not drawn:
            raise InputError(
                f"option 'types_alone' of strategy 'portfolio' is {types_alone}: crystals are drawn for one of the "
                "contents at least"
            )
        if not 0 <= learned <= 1:
            raise InputError(f"option 'learned' of strategy 'portfolio' is {learned}: it must be from 0 to 1")
        self.problem = problem
        self._types = FittingTypes(problem.contents, self._allowed, folder=folder) if prototypes else None
        self._minima = Minima()
        self._orderings: Orderings | None = None
        self._virtual = _virtual_crystals(problem) if virtual else None
        if self._virtual is not None or (prototypes and orders):
            self._orderings = Orderings(
                problem.contents,
                self._minima,
                self._allowed,
                folder=folder,
                types=prototypes and orders,
                virtual=self._virtual,
            )
        self._first = first
        self._stop_after = stop_after
        self._led_to_best = 0
        self._race = race
        self._patience, self._margin, self._wanted = patience, margin, wanted
        self._settling = Settling(drawn[0].composition, self._minima) if settled else None
        self._cells = [Generators(replace(problem, contents=one), self._minima, self._settling) for one in drawn]
        self._atoms = max(one.num_atoms for one in drawn)
        self._contents_shares = Shares(_even_shares(drawn), learned)
        self._arms = _arms_without(without)
        if self._virtual is not None and len(self._arms) > 1:
            self._arms.pop(ALIKE, None)  # draws what virtual crystals find, and relaxes each in an order of its own
        self._arm_shares = [Shares(dict(self._arms), learned) for _ in self._cells]
        self._known: dict[KnownMinimum, None] = {}
        self._asked = 0
        self._told = 0
        self._begun = [0] * len(self._cells)
        self._types_taken = 0
        self._swelling = Swelling()
        self._polished: set[int] = set()

    def check(self) -> None:
        """Raise InputError if the folder of structure types is none, or a file in it cannot be read."""
        if self._types is not None:
            self._types.check()

    # ------------------------------------------------------------------------------------- proposing

    def ask(self, n: int) -> list[Candidate]:
        """Propose ``n`` crystals at most, most as drafts; fewer while few were asked for.

        Before one is relaxed they are `SCOUTS`: none can be given up yet.
        """
        stop = self._stop()
        for_polish = None if stop is None else replace(stop, known=(), wanted=None, polish=True)
        n = min(n, max(BATCH, min(self._asked // GROWTH, ATOMS // self._atoms)))
        if not self._told and not self._minima.best:
            n = min(n, SCOUTS)
        candidates = []
        for _ in range(n):
            began = time.perf_counter()
            one = self._propose(derive_rng(self.problem.seed, self.name, self._asked))
            leave = for_polish if one.info["origin"] == POLISH else stop
            if one.blend is not None and self._race:
                leave = one.stop
            candidates.append(replace(one, seconds={"draw": time.perf_counter() - began}, stop=leave))
            self._count(one.info)
        return candidates

    def asked(self, candidates: Sequence[Candidate]) -> None:
        """Count what was proposed before the run was taken up."""
        for candidate in candidates:
            info = candidate.info
            if info["origin"] == ENUMERATE:
                self._cells[info["cell"]].enumeration.asked([candidate])
            self._count(info)

    def _count(self, info: Mapping[str, Any]) -> None:
        self._asked += 1
        if info["origin"] == ENUMERATE:
            self._begun[info["cell"]] += 1
        elif info["origin"] == TYPES:
            self._types_taken += 1
        elif info["origin"] == POLISH:
            self._polished.add(info["of"])
        elif self._virtual is not None and info["origin"] == VIRTUAL:
            self._virtual.drawn += 1
        elif self._orderings is not None and info["origin"] == ORDERED:
            self._orderings.count(info)

    def _propose(self, rng: np.random.Generator) -> Candidate:
        if self._types is not None and rng.random() < TYPES_SHARE:
            known = self._types.get(self._types_taken)
            if known is not None:
                swelling = self._swelling.factor
                info = {"origin": TYPES, "prototype": known[0], "swelling": swelling}
                return Candidate(scaled(known[1], swelling ** (1 / 3)), info)
        promise = 0.0 if self._orderings is None else self._orderings.promise(self._best)
        if self._orderings is not None and rng.random() < ORDERED_SHARE * promise:
            order = self._orderings.propose(rng, self._swelling.factor)
            if order is not None:
                return order
        for place, begun in enumerate(self._begun):
            if begun < self._first:
                return self._made(place, ENUMERATE, rng)
        if self._virtual and rng.random() < promise * self._virtual_share:
            return self._virtual.propose(rng, self._patience, self._margin)
        if rng.random() < POLISHED_SHARE and (unstable := self._next_to_polish()) is not None:
            return Candidate(unstable.crystal, {"origin": POLISH, "of": unstable.number})
        best = self._best or 0.0
        places = range(len(self._cells))
        place = int(rng.choice(len(places), p=self._contents_shares.probabilities(places, best, self._told)))
        arms = [arm for arm in self._arms if self._cells[place].offers(arm)] or list(self._arms)
        shares = self._arm_shares[place].probabilities(arms, best, self._told)
        return self._made(place, arms[int(rng.choice(len(shares), p=shares))], rng)

    def _made(self, place: int, arm: str, rng: np.random.Generator) -> Candidate:
        one = self._cells[place].propose(arm, rng)
        return replace(one, info={**one.info, "cell": place})

    def _allowed(self, crystal: Crystal) -> bool:
        groups = self.problem.space_groups
        return groups is None or crystal.space_group in groups

    def _next_to_polish(self) -> Minimum | None:
        best = self._minima.best
        for one in self._minima:
            if best is None or one.energy > best.energy + POLISHED:
                return None
            if one.number not in self._polished and one.crystal.space_group > 1 and self._held(one.crystal):
                return one
        return None

    @property
    def _virtual_share(self) -> float:
        drawn = 0 if self._virtual is None else self._virtual.drawn
        return VIRTUAL_SHARE * float(0.5 ** (drawn / VIRTUAL_HALF_LIFE))

    @property
    def _best(self) -> float | None:
        return None if self._minima.best is None else self._minima.best.energy

    def _held(self, crystal: Crystal) -> bool:
        return self.problem.contents.held_by(crystal) and self._allowed(crystal)

    def _stop(self) -> StopRule | None:
        if not self._race:
            return None
        return StopRule(
            self._best,
            tuple(self._known),
            self._patience,
            self._margin,
            wanted=self._minima.highest_of(self._wanted),
            polish=False,
        )

    # -------------------------------------------------------------------------------------- learning

    def tell_seeds(self, trials: Sequence[Trial]) -> None:
        """Seed structures are minima to breed from, and to beat."""
        for trial in trials:
            self._learn(trial)

    def tell(self, trials: Sequence[Trial]) -> None:
        """Learn what each relaxation brought, and for which price."""
        for trial in trials:
            self._told += 1
            info = trial.candidate.info
            if info["origin"] == VIRTUAL:
                if self._virtual is not None:
                    self._virtual.learn(trial)
                continue
            new = self._learn(trial)
            if self._settling is not None:
                self._settling.tell(trial)
            start, end = trial.candidate.crystal, trial.crystal
            if (
                info["origin"] == TYPES
                and trial.status is TrialStatus.RELAXED
                and start is not None
                and end is not None
            ):
                self._swelling.learn(start, end, info.get("swelling", 1.0))  # runs of earlier versions lack it
            elif self._orderings is not None and info["origin"] == ORDERED:
                self._orderings.learn(trial)
            if "cell" in info:
                place, arm = info["cell"], info["origin"]
                spent = cost(trial) + (SETTLING if arm in POOLED else 0.0)
                self._contents_shares.learn(place, spent, new, self._told)
                if arm in self._arms:
                    self._arm_shares[place].learn(arm, spent, new, self._told)
                if arm == ENUMERATE:
                    self._cells[place].enumeration.tell([trial])

    def finished(self) -> str:
        """That enough independent starts led to the lowest crystal, and what may have been missed all the same."""
        if not self._stop_after or self._led_to_best < self._stop_after or min(self._begun) < self._first:
            return ""
        return f"{self._led_to_best} independent starts led to the lowest crystal; {missed(self._led_to_best)}"

    def _learn(self, trial: Trial) -> float | None:
        """The energy per atom of a minimum that is new; None if there is none."""
        crystal = trial.crystal
        if crystal is None or trial.energy is None:
            return None
        end = Minimum(trial.energy / crystal.num_atoms, trial.number, crystal)
        if not (trial.counted or trial.status is TrialStatus.KNOWN or self._is_near_rest(trial.status, end)):
            return None
        self._count_best(trial, end)
        if trial.status is TrialStatus.KNOWN:
            return None
        if trial.status is TrialStatus.RELAXED:
            self._known[end.known] = None
        return end.energy if self._minima.add(end) else None

    def _is_near_rest(self, status: TrialStatus, end: Minimum) -> bool:
        """Whether a relaxation was stopped since its minimum is not wanted: it can be bred from all the same.

        What was given up as hopeless lies farther above the best.
        """
        best = self._best
        near = status is TrialStatus.STOPPED and best is not None and end.energy < best + self._margin
        return near and is_comparable(end.crystal)

    def _count_best(self, trial: Trial, end: Minimum) -> None:
        """Count the independent starts that led to the lowest crystal, or were stopped on their way into it."""
        best = self._minima.best
        independent = trial.candidate.info.get("origin") in AFRESH
        if best is not None and abs(end.energy - best.energy) < 2 * SAME_ENERGY and best.is_same(end):
            self._led_to_best += independent
        elif trial.counted and (best is None or end.energy < best.energy):
            self._led_to_best = int(independent)
