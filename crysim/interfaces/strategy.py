"""Strategies: searches that the bench drives and compares."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from crysim.composition import Contents
from crysim.crystal import MinDistances
from crysim.errors import CrysimError
from crysim.interfaces.blend import Blend
from crysim.interfaces.draft import Draft
from crysim.interfaces.energy import Frame, Relaxation
from crysim.interfaces.plugin import Plugin
from crysim.interfaces.racing import StopRule
from crysim.renamed import alias_methods, note

if TYPE_CHECKING:
    from crysim.composition import Composition
    from crysim.crystal import Crystal


ANY_NUMBER = 1_000_000
"""`Strategy.max_ahead` of a strategy that may be asked as often as anybody likes before it is told."""


@dataclass(frozen=True)
class Candidate:
    """A crystal that a strategy wants relaxed: itself, or a draft of it, which is drawn where it is relaxed.

    Attributes:
        crystal: the structure to start from; None: there is a draft, or, of a trial, its draft could not be drawn.
        info: what the strategy wants journalled and told back (its solver's answer, its parents, ...); JSON values.
        seconds: wall time by phase of the strategy (``train``, ``solve``, ``decode``, ...).
        stop: leave to stop its relaxation, by what is known now; None: it is relaxed to its end. Not journalled: the
            trial says what became of it.
        cpu_seconds: of the strategy, its batch's shared evenly, and of drawing it; the bench measures it. None: not
            measured.
        draft: what draws the crystal, in place of one.
        blend: of a virtual crystal, the elements that are taken for one in it: it holds any number of formula units,
            merged so, and is no answer.
    """

    crystal: Crystal | None
    info: Mapping[str, Any] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    stop: StopRule | None = None
    cpu_seconds: float | None = None
    draft: Draft | None = None
    blend: Blend | None = None

    @property
    def start(self) -> Crystal:
        """The crystal, of a candidate that has one.

        Raises:
            CrysimError: it is not drawn, or could not be.
        """
        if self.crystal is None:
            raise CrysimError("the candidate's crystal is not drawn: there is its draft alone, or drawing it failed")
        return self.crystal

    def drawn(self) -> Candidate:
        """Itself with its crystal, drawn here and now if there is a draft."""
        if self.draft is None:
            return self
        crystal, info = self.draft.draw()
        return replace(self, crystal=crystal, info={**self.info, **info}, draft=None)


class TrialStatus(StrEnum):
    """How a trial counts."""

    RELAXED = "relaxed"
    NOT_CONVERGED = "not-converged"
    TOO_CLOSE = "too-close"
    UNBOUND = "unbound"
    EXPLODED = "exploded"
    COLLAPSED = "collapsed"
    FAILED = "failed"
    STOPPED = "stopped"
    KNOWN = "known"
    VIRTUAL = "virtual"


@dataclass(frozen=True)
class Trial:
    """A candidate that was relaxed, and how that counts: one line of a run's journal.

    Attributes:
        number: from 0, in the order of the journal.
        candidate: what was asked for.
        relaxation: what became of it. Of one that was read from a journal, the largest force is not known, nor, where
            it does not count, whether it converged: it says that it did not.
        status: ``too-close`` means that a pair ended under the bench's minimum distance (1.0 Å, section 2.3; less for
            hydrogen); in a run that asks for bound crystals, ``unbound``, ``exploded`` and ``collapsed``: see
            `crysim.crystal.validity`.
            ``stopped`` and ``known``: given up by the candidate's leave (`Candidate.stop`), on its way down.
            ``virtual``: a virtual crystal (`Candidate.blend`) that came to its end.
        reason: why it failed, did not converge or does not count; empty otherwise.
    """

    number: int
    candidate: Candidate
    relaxation: Relaxation
    status: TrialStatus
    reason: str = ""

    @property
    def crystal(self) -> Crystal | None:
        """Relaxed, or where it was given up; None if failed."""
        return self.relaxation.crystal

    @property
    def energy(self) -> float | None:
        """eV per cell of the relaxed crystal; None if failed."""
        return self.relaxation.energy

    @property
    def frames(self) -> tuple[Frame, ...]:
        """Sampled from the trajectory, for training."""
        return self.relaxation.frames

    @property
    def steps(self) -> int:
        """Of the optimiser."""
        return self.relaxation.steps

    @property
    def evaluations(self) -> int:
        """Of energy and forces."""
        return self.relaxation.evaluations

    @property
    def seconds(self) -> float:
        """Wall time of the relaxation."""
        return self.relaxation.seconds

    @property
    def cpu_seconds(self) -> float:
        """CPU time of strategy and relaxation; where it was not measured, their wall time."""
        own, relaxed = self.candidate.cpu_seconds, self.relaxation.cpu_seconds
        return (sum(self.candidate.seconds.values()) if own is None else own) + (
            self.seconds if relaxed is None else relaxed
        )

    @property
    def counted(self) -> bool:
        """Whether the trial enters the statistics: relaxed or not converged, and nothing said against it."""
        return self.status in (TrialStatus.RELAXED, TrialStatus.NOT_CONVERGED)

    @property
    def counts(self) -> bool:
        """The old name of `counted`."""
        note("attribute of a trial", "counts", "counted")
        return self.counted


@dataclass(frozen=True)
class Problem:
    """What a strategy is asked to solve.

    Attributes:
        contents: atoms per cell, of the conventional or of the primitive cell; a composition given in their place is
            that of the conventional one. With contents of the primitive cell, crystals of different groups have
            different compositions (`Contents.composition_in`): energies and volumes are compared by
            `Contents.per_cell`.
        seed: of the run; a strategy derives every generator from it.
        space_groups: allowed numbers, or None for all.
        min_distance: Å, pairs in the first random crystals are farther apart; None: the default by size.
        pair_distances: Å, instead for pairs of elements, as ``{"Ca-O": 2.0}``.
        blends: whether the energy model relaxes virtual crystals (`Candidate.blend`).
    """

    contents: Contents
    seed: int
    space_groups: tuple[int, ...] | None = None
    min_distance: float | None = None
    pair_distances: Mapping[str, float] = field(default_factory=dict)
    blends: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "contents", Contents.of(self.contents))

    @property
    def composition(self) -> Composition:
        """The atoms of one cell of the kind that the contents fill."""
        return self.contents.composition

    @cached_property
    def min_distances(self) -> MinDistances:
        """The minimum distances of all pairs of elements."""
        return MinDistances(self.composition, self.min_distance, self.pair_distances)

    def allows(self, crystal: Crystal) -> bool:
        """Whether the space group is allowed and no two atoms are too close."""
        allowed = self.space_groups is None or crystal.space_group in self.space_groups
        return allowed and self.min_distances.satisfied_by(crystal)


RENAMED_METHODS = {"initial": "initial_crystals", "start": "set_initial", "hear": "tell_seeds"}
"""New names of a strategy's methods by the old ones."""


class Strategy(Plugin, ABC):
    """A search: proposes crystals, and learns what became of them.

    Order of calls: ``__init__(problem, **parts, **options)``; `initial_crystals` once, and `set_initial` once with
    those crystals and their energies; `tell_seeds`, if the user gave seed structures; then `ask` and `tell` in turn.
    With `max_ahead` above 1, `ask` may be called so many times before the first `tell`: ask 1, ask 2, tell 1, ask 3,
    tell 2, ... A strategy never relaxes and never writes: the bench does both.

    What `ask` returns depends only on the options, the problem, what `set_initial` and `tell` were given, how often and
    when it was called, and `state`: a killed run is resumed by the same calls, with `asked` in place of `ask` for what
    the journal holds, and by loading the last state.

    One process asks, and many relax. A strategy whose crystals take long to draw gives drafts in their place
    (`Candidate.draft`): each holds what it depends on, and is drawn by the worker that relaxes it. What is told back,
    and handed to `asked`, has the crystals.

    The smallest one proposes random crystals, each from the seed and its number alone:

    >>> from crysim.composition import Composition
    >>> from crysim.crystal.generation import RandomGenerator
    >>> from crysim.interfaces import ANY_NUMBER, Candidate, Problem, Strategy, derive_rng
    >>> class Random(Strategy):
    ...     name = "my-random"
    ...     max_ahead = ANY_NUMBER
    ...
    ...     def __init__(self, problem) -> None:
    ...         self.problem, self._count = problem, 0
    ...         self._source = RandomGenerator(
    ...             problem.contents, problem.space_groups, problem.min_distance, problem.pair_distances
    ...         )
    ...
    ...     def ask(self, n):
    ...         numbers = range(self._count, self._count + n)
    ...         self._count += n
    ...         rngs = [derive_rng(self.problem.seed, "random", number) for number in numbers]
    ...         return [Candidate(self._source.sample(1, rng)[0]) for rng in rngs]
    ...
    ...     def asked(self, candidates):
    ...         self._count += len(candidates)
    ...
    ...     def tell(self, trials):
    ...         pass
    >>> problem = Problem(Composition.from_formula("NaCl"), seed=0, space_groups=(221, 225))
    >>> candidates = Random(problem).ask(3)
    >>> len(candidates), all(problem.allows(candidate.start) for candidate in candidates)
    (3, True)
    """

    parts: ClassVar[tuple[str, ...]] = ()
    """Kinds of plug-ins that the strategy is built of; each is passed to ``__init__`` as a keyword argument."""
    max_ahead: ClassVar[int] = 1
    """How many times `ask` may be called before the first of them is told; one that has a `state`: once."""
    several_contents: ClassVar[bool] = False
    """Whether it can choose among several contents (`Contents.further`)."""
    problem: Problem

    @classmethod
    def part_defaults(
        cls, options: Mapping[str, Any], contents: Contents
    ) -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
        """Options of its parts, by kind and name, where a person gives none; by default the parts' own.

        Args:
            options: the strategy's, as they were given.
            contents: that are searched.
        """
        del options, contents
        return {}

    def __init_subclass__(cls, **keywords: Any) -> None:
        """Let the methods be called by the names that they had before (`RENAMED_METHODS`), for one release."""
        super().__init_subclass__(**keywords)
        alias_methods(cls, RENAMED_METHODS, f"strategy '{getattr(cls, 'name', cls.__name__)}'")

    def initial_crystals(self) -> list[Crystal]:
        """Crystals whose unrelaxed energies the strategy wants before the first `ask`; none by default."""
        return []

    def set_initial(self, frames: Sequence[Frame]) -> None:
        """Receive the initial crystals with their energies (those whose energy failed are left out)."""

    def tell_seeds(self, trials: Sequence[Trial]) -> None:
        """Learn the outcome of crystals that the user, and not the strategy, proposed: seed structures.

        Called after `set_initial` and before the first `ask`; their ``info`` is the bench's own.
        """

    @abstractmethod
    def ask(self, n: int) -> list[Candidate]:
        """Propose at least one and at most ``n`` candidates; fewer where the strategy's nature or options say so."""

    def asked(self, candidates: Sequence[Candidate]) -> None:
        """Take note of what `ask` returned at this place in a run that goes on, instead of proposing it again.

        A strategy with `max_ahead` above 1 must count here what it counts in `ask`; by default nothing is noted.
        """

    @abstractmethod
    def tell(self, trials: Sequence[Trial]) -> None:
        """Learn the outcome of every candidate of the earliest `ask` that was not told yet, in its order."""

    def finished(self) -> str:
        """Why it wants no more relaxations, by what was told; empty while it does."""
        return ""

    def state(self) -> dict[str, np.ndarray[Any, Any]] | None:
        """What the next `ask` depends on besides what was told (warm-start weights), or None."""
        return None

    def load_state(self, state: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Take up a state that `state` returned."""

    def ask_again(self, n: int, trials: Sequence[Trial]) -> None:
        """Bring the state to where an `ask` left it whose answers are known: called in its place, where it was lost.

        By default it asks. A strategy whose `ask` costs more than its state (a solver's time on a service) overrides
        this, so that a run that goes on pays for no answer twice.

        Args:
            n: what it was asked for.
            trials: what became of its candidates; they are told next.
        """
        self.ask(n)


alias_methods(Strategy, RENAMED_METHODS, "strategies")
