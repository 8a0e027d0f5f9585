"""Virtual crystals: which simple crystal alike elements would share the places of, before any order of them.

Li4Ti5O12 is an order of lithium and titanium on the places of spinel: its own cell has 42 atoms in low symmetry, and is
hardly ever drawn; spinel's has 14 on three positions, as one of some fifty random crystals of two units. So crystals of
the formula with such elements taken for one (Ti3O4) are drawn and relaxed, where the energy model has the mean of the
elements (`crysim.interfaces.Blend`), and those that end low are filled with the elements in orders, as known structure
types are (`crysim_baselines.portfolio.orderings`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import exp, sqrt

import numpy as np

from crysim.arrays import Floats
from crysim.composition import Composition, Contents
from crysim.crystal import Crystal
from crysim.crystal.mixed_types import likely_mixtures
from crysim.crystal.prior import SITE_PRICE
from crysim.crystal.recipes import PriorRecipe
from crysim.interfaces import (
    Blend,
    Candidate,
    Draft,
    KnownMinimum,
    StopRule,
    Stream,
    Trial,
    TrialStatus,
)
from crysim_baselines.portfolio.drafts import PRICE_OF_MANY, SPACING, VOLUMES
from crysim_baselines.portfolio.minima import TEMPERATURE, Minima, Minimum

VIRTUAL = "virtual"
MOST_ATOMS = 30
"""Of a virtual cell: a simple crystal has few."""
SPACED = 0.5
"""Of the draws keep a low virtual crystal's distances, where there is one."""
FAILURES = 8
"""Virtual crystals that fail, before one ends, until no more are drawn: the model has no mean of elements after all."""
MOST_PARENTS = 12
"""Of them, the likeliest, are put in orders."""


@dataclass(frozen=True)
class VirtualType:
    """A low virtual crystal, whose places elements share.

    Attributes:
        crystal: it; the first of the elements stands for all.
        elements: that share places.
        weight: how likely it is, in proportion.
    """

    crystal: Crystal
    elements: tuple[str, ...]
    weight: float

    @property
    def num_atoms(self) -> int:
        """Per primitive cell."""
        return self.crystal.num_primitive_atoms


@dataclass(frozen=True)
class VirtualDraft(Draft):
    """A random virtual crystal; thresholds are Å ``[elements, elements]``, volume is Å³ per cell, None: the prior's."""

    recipe: PriorRecipe
    volume: float | None
    thresholds: Floats | None
    stream: Stream

    def draw(self) -> tuple[Crystal, Mapping[str, str]]:
        """The crystal, and nothing else."""
        rng = self.stream.generator()
        return self.recipe.generator.draw(rng, self.volume, thresholds=self.thresholds), {}


@dataclass
class _Mixture:
    """Some elements taken for one: cells by how likely they are, and what ended low in any of them."""

    blend: Blend
    weight: float
    cells: Mapping[Contents, float]
    minima: Minima = field(default_factory=Minima)
    known: dict[KnownMinimum, None] = field(default_factory=dict)


class VirtualCrystals:
    """What is drawn, and what of it ended low."""

    def __init__(self, contents: Sequence[Contents], units: Mapping[int, float]) -> None:
        """Nothing is drawn yet.

        Args:
            contents: of the primitive cells that orders are wanted in.
            units: how common each number of formula units per cell is.
        """
        self._contents = contents
        self._units = units
        self.drawn = 0
        self._failed = 0
        self._ended = 0

    @cached_property
    def _mixtures(self) -> dict[tuple[str, ...], _Mixture]:
        if not self._contents:
            return {}
        unit = self._contents[0].composition.reduced
        found = {}
        for elements, weight in likely_mixtures(unit).items():
            if cells := self._cells(unit.merged(elements).reduced):
                found[elements] = _Mixture(Blend.of(unit, elements), weight, cells)
        return found

    def _cells(self, unit: Composition) -> dict[Contents, float]:
        """Cells of a merged formula, whole numbers of which hold some of the contents."""
        cells = {}
        for number in range(1, MOST_ATOMS // unit.num_atoms + 1):
            if any(one.num_atoms % (number * unit.num_atoms) == 0 for one in self._contents):
                cells[Contents(unit.times(number), "primitive")] = sqrt(self._units.get(number, 0.01))
        return cells

    def __bool__(self) -> bool:
        """Whether there is anything to draw, and a model that relaxes it."""
        return bool(self._mixtures) and (self._failed < FAILURES or self._ended > 0)

    def propose(self, rng: np.random.Generator, patience: int, margin: float) -> Candidate:
        """A virtual crystal, as a draft, with leave to stop.

        Args:
            rng: the same state, after the same trials, gives the same crystal.
            patience, margin: see `StopRule`.
        """
        mixtures = list(self._mixtures.values())
        one = mixtures[_chosen([mixture.weight for mixture in mixtures], rng)]
        contents = list(one.cells)[_chosen(list(one.cells.values()), rng)]
        recipe = replace(PriorRecipe.of(contents, None, None, {}), site_price=SITE_PRICE, price_of_many=PRICE_OF_MANY)
        low = one.minima.draw(rng)
        volume = None if low is None else low.volume * contents.num_atoms * rng.uniform(*VOLUMES)
        thresholds = None
        if low is not None and rng.random() < SPACED:
            thresholds = np.maximum(recipe.generator.thresholds, rng.uniform(*SPACING) * low.spacings)
        draft = VirtualDraft(recipe, volume, thresholds, Stream.of(rng))
        best = one.minima.best
        stop = StopRule(None if best is None else best.energy, tuple(one.known), patience, margin, polish=False)
        return Candidate(None, {"origin": VIRTUAL}, draft=draft, blend=one.blend, stop=stop)

    def learn(self, trial: Trial) -> None:
        """Take note of what a virtual crystal ended in."""
        self._failed += trial.status is TrialStatus.FAILED
        self._ended += trial.status is not TrialStatus.FAILED
        crystal, blend = trial.crystal, trial.candidate.blend
        if trial.status is not TrialStatus.VIRTUAL or crystal is None or trial.energy is None or blend is None:
            return
        mixture = self._mixtures.get(blend.elements)
        if mixture is not None:
            end = Minimum(trial.energy / crystal.num_atoms, trial.number, crystal)
            mixture.minima.add(end)
            mixture.known[end.known] = None

    @property
    def types(self) -> dict[int, VirtualType]:
        """Those that are put in orders, by the numbers of their trials, likeliest first."""
        found = []
        for elements, mixture in self._mixtures.items():
            best = mixture.minima.best
            for one in mixture.minima:
                assert best is not None
                weight = mixture.weight * exp((best.energy - one.energy) / TEMPERATURE)
                found.append((one.number, VirtualType(one.crystal, elements, weight)))
        return dict(sorted(found, key=lambda one: -one[1].weight)[:MOST_PARENTS])


def _chosen(weights: Sequence[float], rng: np.random.Generator) -> int:
    shares = np.array(weights)
    return int(rng.choice(len(shares), p=shares / shares.sum()))
