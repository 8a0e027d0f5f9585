"""Orders of a formula's elements on the places of simple crystals, in cells that hold whole numbers of them.

These are known structure types, and what virtual crystals ended in (`crysim_baselines.portfolio.virtual`). Which is
drawn from goes by how like the formula the type is, or how low the virtual crystal, and by the lowest energy that its
orders reached: each is tried a few times first. Low orders of types are changed in turn
(`crysim_baselines.portfolio.derivative`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from math import exp
from typing import Any, Protocol

import numpy as np

from crysim.arrays import Floats
from crysim.composition import Contents
from crysim.crystal import Crystal
from crysim.crystal.mixed_types import MixedType, mixed_types
from crysim.crystal.packing import scaled
from crysim.crystal.prototypes import templates_within
from crysim.interfaces import Candidate, Trial
from crysim_baselines.portfolio.derivative import derived
from crysim_baselines.portfolio.minima import TEMPERATURE, Minima
from crysim_baselines.portfolio.orders import Parent, ordered, parents_of
from crysim_baselines.portfolio.virtual import VirtualCrystals

ORDERED = "ordered"
MOST_TYPES = 24
"""The likeliest types are drawn from."""
TRIES = 4
"""Orders of a type that are relaxed before its energies count."""
CHANGED = 0.25
"""Of the orders are changed low ones, where there are any and types are drawn from, whose contents may be searched by
nothing else."""
STARVING = 0.1
"""Of its likelihood a type keeps, and of their share all of them, however high their orders end."""
DRAWS = 2
"""Orders drawn until there is one."""
AT_ONCE = 4
"""Supercells of a type that are drawn from for one order."""


class Simple(Protocol):
    """A simple crystal whose places elements share; the first of them stands for all in it."""

    @property
    def crystal(self) -> Crystal:
        """It."""

    @property
    def elements(self) -> tuple[str, ...]:
        """That share places."""

    @property
    def num_atoms(self) -> int:
        """Per primitive cell."""

    @property
    def weight(self) -> float:
        """How likely it is, in proportion."""


class Orderings:
    """What is drawn, and what came of it."""

    def __init__(
        self,
        contents: Contents,
        minima: Minima,
        allowed: Callable[[Crystal], bool],
        *,
        folder: str | None = None,
        types: bool = True,
        virtual: VirtualCrystals | None = None,
    ) -> None:
        """Nothing is drawn yet.

        Args:
            contents: of the cells, any of them where there are several.
            minima: that are changed; those of a type's own contents are.
            allowed: which crystals are taken.
            folder: structure files to take as types too.
            types: whether known structure types are drawn from.
            virtual: crystals that are drawn from besides.
        """
        self._contents = [one for one in contents.each if one.primitive]
        self._minima = minima
        self._allowed = allowed
        self._folder = folder
        self._with_types = types
        self._virtual = virtual
        self._parents: dict[tuple[int, int], list[Parent]] = {}
        self._known: defaultdict[int, set[float]] = defaultdict(set)
        self._tries: Counter[int] = Counter()
        self._lowest: dict[int, float] = {}

    @cached_property
    def _types(self) -> Sequence[MixedType]:
        """Those that the contents hold, likeliest first."""
        if not (self._contents and self._with_types):
            return ()
        most = max(one.num_atoms for one in self._contents)
        taken = templates_within(self._folder, True, most)
        found = mixed_types(taken, self._contents[0].composition, max_atoms=most)
        return [one for one in found if self._holding(one)][:MOST_TYPES]

    def _simple(self) -> dict[int, Simple]:
        """All that is drawn from: types by their places, virtual crystals by numbers below 0."""
        found: dict[int, Simple] = dict(enumerate(self._types))
        if self._virtual is not None:
            found |= {-1 - number: one for number, one in self._virtual.types.items() if self._holding(one)}
        return found

    def _holding(self, one: Simple) -> list[Contents]:
        return [each for each in self._contents if each.num_atoms % one.num_atoms == 0]

    def propose(self, rng: np.random.Generator, swelling: float) -> Candidate | None:
        """An order; None where there is nothing to draw from, or its draws give none.

        Args:
            rng: the same state, after the same trials, gives the same crystal.
            swelling: of the types' predicted volumes.
        """
        simple = self._simple()
        if not simple:
            return None
        place = list(simple)[int(rng.choice(len(simple), p=self._probabilities(simple)))]
        holding = self._holding(simple[place])
        costs = np.array([1 / each.num_atoms for each in holding])
        contents = holding[int(rng.choice(len(holding), p=costs / costs.sum()))]
        low = self._minima.draw(rng, contents) if self._with_types and rng.random() < CHANGED else None
        for _ in range(DRAWS):
            one = (
                self._changed(low.crystal, contents, rng)
                if low
                else self._drawn(place, simple[place], contents, swelling, rng)
            )
            if one is not None and one.crystal is not None and self._allowed(one.crystal):
                return one
        return None

    def _changed(self, low: Crystal, contents: Contents, rng: np.random.Generator) -> Candidate | None:
        crystal = derived(low, contents, rng)
        return None if crystal is None else Candidate(crystal, {"origin": ORDERED})

    def _drawn(
        self, place: int, one: Simple, contents: Contents, swelling: float, rng: np.random.Generator
    ) -> Candidate | None:
        parents = self._parents_of(place, one, contents)
        some = rng.choice(len(parents), min(AT_ONCE, len(parents)), replace=False) if parents else ()
        found = ordered([parents[number] for number in some], self._known[place], rng)
        if found is None:
            return None
        info = {"origin": ORDERED, "mixed": place, "order": found[1]}
        if not isinstance(one, MixedType):  # a virtual crystal is as large as it came out
            return Candidate(found[0], info)
        return Candidate(scaled(found[0], swelling ** (1 / 3)), {**info, "prototype": one.name})

    def count(self, info: Mapping[str, Any]) -> None:
        """Take note of an order that was proposed: it is not wanted again."""
        if "mixed" in info:
            self._known[info["mixed"]].add(info["order"])

    def _parents_of(self, place: int, one: Simple, contents: Contents) -> list[Parent]:
        """The supercells of a simple crystal: finding their symmetry takes longer than drawing from it."""
        key = place, contents.num_atoms
        if key not in self._parents:
            self._parents[key] = parents_of(one.crystal, one.elements, contents)
        return self._parents[key]

    def promise(self, best: float | None) -> float:
        """0 to 1: how near the best crystal's energy per atom the orders have come, or may come."""
        if best is None or not self._lowest or sum(self._tries.values()) < 2 * TRIES:
            return 1.0
        return max(STARVING, exp(min(0.0, best - min(self._lowest.values())) / TEMPERATURE))

    def learn(self, trial: Trial) -> None:
        """Take note of what an order ended in, or had come to when it was given up."""
        place = trial.candidate.info.get("mixed")
        if place is None:
            return
        self._tries[place] += 1
        if trial.crystal is not None and trial.energy is not None:
            energy = trial.energy / trial.crystal.num_atoms
            self._lowest[place] = min(energy, self._lowest.get(place, energy))

    def _probabilities(self, simple: Mapping[int, Simple]) -> Floats:
        best = min(self._lowest.values(), default=0.0)
        weights = np.array([one.weight for one in simple.values()])
        for i, place in enumerate(simple):
            if self._tries[place] >= TRIES:
                above = self._lowest[place] - best if place in self._lowest else float("inf")
                weights[i] *= max(STARVING, exp(-above / TEMPERATURE))
        return np.asarray(weights / weights.sum())
