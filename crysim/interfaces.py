"""The five interfaces that plug-ins fill, and the values that they exchange.

One iteration flows one way (see `crysim.bench`):

    Strategy.ask -> candidates -> EnergyModel.relax -> trials, journalled -> Strategy.tell

Everything is batched: a list in, a list of the same length and order out. Randomness comes in as a
`numpy.random.Generator` or a seed, never from a global. A failure is a status, never an energy.

A plug-in class carries its ``name`` (what users type), and takes its options as keyword arguments of
``__init__`` with defaults and annotations: ``crysim plugins`` lists them from the signature. A name that
takes an argument (``ase:lj``, ``dimod:tabu``) sets ``argument`` to the argument's name and receives it as the
keyword argument of that name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from math import inf, isfinite
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from crysim.errors import InputError, UnknownNameError
from crysim.quadratic import BitGroup, Bits, Floats, QuadraticModel
from crysim.spacing import Spacing

if TYPE_CHECKING:
    from crysim.composition import Composition
    from crysim.crystal import Crystal

API_VERSION = 1
"""Version of these interfaces; a plug-in may state the one that it was written for as ``api_version``."""


class Plugin:
    """What every plug-in class carries."""

    name: ClassVar[str]
    """What users type: lower case, words joined by hyphens."""
    api_version: ClassVar[int] = API_VERSION
    argument: ClassVar[str | None] = None
    """For names with an argument, ``name:ARGUMENT``: the keyword of ``__init__`` that receives it."""
    extra: ClassVar[str | None] = None
    """The extra of crysim that brings this plug-in's dependencies, or None."""
    local_options: ClassVar[tuple[str, ...]] = ()
    """Options that say where things are on this machine (paths, addresses) and change no result: runs forget them."""

    @classmethod
    def unavailable(cls) -> str | None:
        """Why this plug-in cannot run here (a missing extra, no device), in one line; None if it can."""
        return None

    def check(self) -> None:
        """Raise InputError if it cannot start as it was set up (no token); called before any work, once."""


# --------------------------------------------------------------------------------------------- encoder


class Encoder(Plugin, ABC):
    """Crystals of one composition to bit vectors and back.

    Order of calls: ``__init__(**options)``, `fit` once on the initial crystals, then `encode` and `decode`.
    """

    @abstractmethod
    def fit(self, crystals: Sequence[Crystal]) -> None:
        """Learn the bounds (and with them the number of bits) from the initial crystals of one composition."""

    @property
    @abstractmethod
    def groups(self) -> tuple[BitGroup, ...]:
        """The segments of a vector with their counts of ones; valid after `fit`."""

    @property
    @abstractmethod
    def num_bits(self) -> int:
        """M, the length of a vector; valid after `fit`."""

    @abstractmethod
    def encode(self, crystals: Sequence[Crystal]) -> Bits:
        """Bit vectors ``[len(crystals), M]``."""

    @abstractmethod
    def decode(self, bits: Bits, rng: np.random.Generator) -> list[Crystal]:
        """The crystals that one vector ``[M]`` stands for, at least one; the strategy chooses among them.

        The first is the one that the vector names most directly.
        """


# ------------------------------------------------------------------------------------------- surrogate


@dataclass(frozen=True)
class FitReport:
    """How a fit went, for the journal and for figure S3 of the paper.

    Attributes:
        epochs: passes over the data.
        train_pcc, validation_pcc: Pearson correlation of predicted and given energies (NaN if undefined).
        validation_rmse: in the units of the energies given.
        seconds: wall time.
    """

    epochs: int
    train_pcc: float
    validation_pcc: float
    validation_rmse: float
    seconds: float


class Surrogate(Plugin, ABC):
    """A quadratic regression from bit vectors to energies.

    Order of calls: ``__init__(**options)``, then any number of `fit`, each followed by `predict` and
    `quadratic_model`. A fit starts from scratch unless an option says that it starts from the last one's weights.
    """

    tuning_space: ClassVar[Mapping[str, Sequence[Any]]] = {}
    """What ``crysim tune`` tries: values by option; for ``"a,b"`` pairs of values for the options a and b together."""

    @abstractmethod
    def fit(self, bits: Bits, energies: Floats, rng: np.random.Generator) -> FitReport:
        """Fit to vectors ``[n, M]`` and energies ``[n]`` (eV per cell, finite)."""

    @abstractmethod
    def predict(self, bits: Bits) -> Floats:
        """Energies ``[n]`` (eV per cell) of vectors ``[n, M]``."""

    @abstractmethod
    def quadratic_model(self, groups: Sequence[BitGroup]) -> QuadraticModel:
        """The fitted function as a model, in units of the standardised energy, with the encoder's groups.

        Its order of vectors is that of `predict`; its scale is what the solver sees.
        """

    def state(self) -> dict[str, np.ndarray[Any, Any]] | None:
        """What the next fit depends on besides its data (warm-start weights), or None."""
        return None

    def load_state(self, state: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Take up a state that `state` returned."""


# ----------------------------------------------------------------------------------------------- solver


@dataclass(frozen=True)
class SampleSet:
    """What a solver found: distinct feasible vectors, best first.

    Attributes:
        bits: ``[n, M]``.
        energies: ``[n]`` of the model, recomputed by ``QuadraticModel.energies``.
        timing: nanoseconds by phase; ``"total"`` always (dimod's convention).
        lower_bound: no feasible vector has a lower energy; None if the solver proves nothing.
        optimal: the first vector is proven optimal.
        info: counts and notes that can be written as JSON (sweeps, repaired, ...).
    """

    bits: Bits
    energies: Floats
    timing: Mapping[str, int]
    lower_bound: float | None = None
    optimal: bool = False
    info: Mapping[str, Any] = field(default_factory=dict)

    @property
    def gap(self) -> float | None:
        """Energy of the best vector minus the lower bound; None if there is no bound."""
        if self.lower_bound is None or not len(self.energies):
            return None
        return max(0.0, float(self.energies[0]) - self.lower_bound)


class IsingSolver(Plugin, ABC):
    """Minimises a quadratic model under its 'exactly k' groups."""

    remote: bool = False
    """Whether it sends the model to a service: then nothing solves it twice, or for a trial, without being asked."""

    def refuses(self, model: QuadraticModel) -> str | None:
        """Why this solver cannot take the model (too many bits, no low rank), in one line; None if it can."""
        return None

    @abstractmethod
    def solve(
        self,
        model: QuadraticModel,
        *,
        num_samples: int = 1,
        time_limit: float | None = None,
        seed: int = 0,
    ) -> SampleSet:
        """Find up to ``num_samples`` distinct feasible vectors, best first.

        Args:
            model: what to minimise.
            num_samples: how many distinct vectors are wanted.
            time_limit: seconds of wall time after which the best so far is returned; None: the solver's default.
            seed: the same model, options and seed give the same answer on a CPU, unless the time limit cuts in.

        Raises:
            InputError: the solver refuses the model.
            CrysimError: no answer could be had (no network, nothing feasible).
        """


# ----------------------------------------------------------------------------------------- energy model


SYMMETRY_MODES = ("keep", "release", "polish")
"""What a relaxation can do with the space group of its start."""


@dataclass(frozen=True)
class RelaxSettings:
    """How a structure is relaxed.

    Attributes:
        fmax: convergence: the largest atomic force and the cell's, eV/Å, as in ASE's cell filters.
        max_steps: steps of the optimiser.
        pressure: GPa; the energy that is minimised and reported is then the enthalpy, eV per cell.
        symmetry: ``keep`` the space group, ``release`` it, or ``polish``: keep, then release if that pays.
            None: the energy model's default.
        num_frames: frames kept of the trajectory, first and last always.
        timeout: seconds of wall time for one crystal, or None.

    Raises:
        InputError: a setting is out of its range.
    """

    fmax: float = 0.005
    max_steps: int = 500
    pressure: float = 0.0
    symmetry: str | None = None
    num_frames: int = 30
    timeout: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.fmax < inf:
            raise InputError(f"fmax is {self.fmax} eV/Å: it must be positive")
        for name in ("max_steps", "num_frames"):
            if getattr(self, name) < 0:
                raise InputError(f"{name} is {getattr(self, name)}: it cannot be negative")
        if not isfinite(self.pressure):
            raise InputError(f"pressure is {self.pressure} GPa: it must be a finite number")
        if self.timeout is not None and not self.timeout > 0:
            raise InputError(f"timeout is {self.timeout} s: it must be positive")
        if self.symmetry is not None and self.symmetry not in SYMMETRY_MODES:
            raise UnknownNameError("symmetry mode", self.symmetry, SYMMETRY_MODES)


@dataclass(frozen=True)
class Frame:
    """A crystal with its energy, eV per cell (enthalpy under pressure)."""

    crystal: Crystal
    energy: float


class RelaxStatus(StrEnum):
    """How a relaxation ended."""

    RELAXED = "relaxed"
    NOT_CONVERGED = "not-converged"
    FAILED = "failed"


@dataclass(frozen=True)
class Relaxation:
    """The outcome of relaxing one crystal.

    Attributes:
        status: relaxed, not converged within the steps, or failed.
        crystal: where it ended, with the space group that it has there; None if failed.
        energy: eV per cell there (enthalpy under pressure); None if failed.
        steps: optimiser steps taken.
        evaluations: evaluations of energy and forces.
        max_force: largest atomic or cell force at the end, eV/Å; None if failed.
        frames: of the trajectory, as crystals of the *starting* space group and sites (what an encoder can encode).
        seconds: wall time; in a batch, this crystal's share.
        reason: why it failed or stopped, in one line; empty if relaxed.
    """

    status: RelaxStatus
    crystal: Crystal | None
    energy: float | None
    steps: int
    evaluations: int
    max_force: float | None
    frames: tuple[Frame, ...] = ()
    seconds: float = 0.0
    reason: str = ""


class EnergyModel(Plugin, ABC):
    """Energies and relaxations of crystals."""

    @property
    def cutoff(self) -> float | None:
        """Å beyond which an atom does not feel another directly; None if the model does not say."""
        return None

    @property
    def elements(self) -> frozenset[str] | None:
        """Symbols of the elements that the model knows; None if it does not say."""
        return None

    @abstractmethod
    def fingerprint(self) -> dict[str, str]:
        """What makes energies comparable: the model's name, its weights' sha256, its package's version."""

    @abstractmethod
    def energies(self, crystals: Sequence[Crystal]) -> Floats:
        """Energies ``[n]``, eV per cell; NaN where the model fails on a crystal."""

    @abstractmethod
    def relax(self, crystals: Sequence[Crystal], settings: RelaxSettings) -> list[Relaxation]:
        """Relax atoms and cell. Never raises for one bad crystal: its relaxation says ``failed`` and why."""


# -------------------------------------------------------------------------------------------- strategy


@dataclass(frozen=True)
class Candidate:
    """A crystal that a strategy wants relaxed.

    Attributes:
        crystal: the structure to start from.
        info: what the strategy wants journalled and told back (its solver's answer, its parents, ...); JSON values.
        seconds: wall time by phase of the strategy (``train``, ``solve``, ``decode``, ...).
    """

    crystal: Crystal
    info: Mapping[str, Any] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)


class TrialStatus(StrEnum):
    """How a trial counts."""

    RELAXED = "relaxed"
    NOT_CONVERGED = "not-converged"
    TOO_CLOSE = "too-close"
    UNBOUND = "unbound"
    EXPLODED = "exploded"
    COLLAPSED = "collapsed"
    FAILED = "failed"


@dataclass(frozen=True)
class Trial:
    """A candidate that was relaxed: one line of a run's journal.

    Attributes:
        number: from 0, in the order of the journal.
        candidate: what was asked for.
        status: ``too-close`` means that a pair ended under the bench's minimum distance (1.0 Å, section 2.3); in a run
            that asks for bound crystals, ``unbound``, ``exploded`` and ``collapsed``: see `crysim.validity`.
        crystal: relaxed; None if failed.
        energy: eV per cell; None if failed.
        frames: sampled from the trajectory, for training.
        steps, evaluations: of the optimiser and the energy model.
        seconds: wall time of the relaxation.
        reason: why it failed or does not count; empty otherwise.
    """

    number: int
    candidate: Candidate
    status: TrialStatus
    crystal: Crystal | None
    energy: float | None
    frames: tuple[Frame, ...]
    steps: int
    evaluations: int
    seconds: float
    reason: str = ""

    @property
    def counts(self) -> bool:
        """Whether the trial enters the statistics: relaxed or not converged, and nothing said against it."""
        return self.status in (TrialStatus.RELAXED, TrialStatus.NOT_CONVERGED)


@dataclass(frozen=True)
class Problem:
    """What a strategy is asked to solve.

    Attributes:
        composition: atoms per cell.
        seed: of the run; a strategy derives every generator from it.
        space_groups: allowed numbers, or None for all.
        min_distance: Å, pairs in the first random crystals are farther apart; None: the default by size.
        pair_distances: Å, instead for pairs of elements, as ``{"Ca-O": 2.0}``.
    """

    composition: Composition
    seed: int
    space_groups: tuple[int, ...] | None = None
    min_distance: float | None = None
    pair_distances: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def spacing(self) -> Spacing:
        """The minimum distances of all pairs of elements."""
        return Spacing(self.composition, self.min_distance, self.pair_distances)

    def allows(self, crystal: Crystal) -> bool:
        """Whether the space group is allowed and no two atoms are too close."""
        allowed = self.space_groups is None or crystal.space_group in self.space_groups
        return allowed and self.spacing.kept_by(crystal)


class Strategy(Plugin, ABC):
    """A search: proposes crystals, and learns what became of them.

    Order of calls: ``__init__(problem, **parts, **options)``; `initial` once, and `start` once with those crystals
    and their energies; `hear`, if the user gave seed structures; then `ask` and `tell` in turn. A strategy never
    relaxes and never writes: the bench does both.

    What `ask` returns depends only on the options, the problem, what `start` and `tell` were given, and `state`:
    a killed run is resumed by telling the journal's trials again and loading the last state.
    """

    parts: ClassVar[tuple[str, ...]] = ()
    """Kinds of plug-ins that the strategy is built of; each is passed to ``__init__`` as a keyword argument."""
    problem: Problem

    def initial(self) -> list[Crystal]:
        """Crystals whose unrelaxed energies the strategy wants before the first `ask`; none by default."""
        return []

    def start(self, frames: Sequence[Frame]) -> None:
        """Receive the initial crystals with their energies (those whose energy failed are left out)."""

    def hear(self, trials: Sequence[Trial]) -> None:
        """Learn the outcome of crystals that the user, and not the strategy, proposed: seed structures.

        Called after `start` and before the first `ask`; their ``info`` is the bench's own.
        """

    @abstractmethod
    def ask(self, n: int) -> list[Candidate]:
        """Propose at least one and at most ``n`` candidates; fewer where the strategy's nature or options say so."""

    @abstractmethod
    def tell(self, trials: Sequence[Trial]) -> None:
        """Learn the outcome of every candidate of the last `ask`, in its order."""

    def state(self) -> dict[str, np.ndarray[Any, Any]] | None:
        """What the next `ask` depends on besides what was told (warm-start weights), or None."""
        return None

    def load_state(self, state: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Take up a state that `state` returned."""


def derive_rng(seed: int, *keys: int | str) -> np.random.Generator:
    """A generator for one purpose: the same seed and keys give the same stream, others an independent one."""
    words = [seed & 0xFFFFFFFF, seed >> 32]
    for key in keys:
        words.extend(key.encode() if isinstance(key, str) else (key & 0xFFFFFFFF,))
        words.append(0x1F)
    return np.random.default_rng(np.random.SeedSequence(words))
