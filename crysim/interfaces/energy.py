"""Energy models: crystals to energies and relaxed crystals."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf, isfinite
from typing import TYPE_CHECKING, Any

from crysim.arrays import Floats
from crysim.declared import RELAX, setting
from crysim.errors import InputError, UnknownNameError, check_seconds
from crysim.interfaces.blend import Blend
from crysim.interfaces.plugin import Plugin
from crysim.interfaces.racing import StopRule

if TYPE_CHECKING:
    from crysim.crystal import Crystal

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

    fmax: float = setting(0.005, "Largest force at convergence, eV/Å.", RELAX)
    max_steps: int = setting(500, "Steps of the optimiser, at most.", RELAX)
    pressure: float = setting(0.0, "GPa; energies are enthalpies then.", RELAX, shown_default="0")
    symmetry: str | None = setting(
        None, "keep, release or polish the space group.", RELAX, shown_default="the energy model's"
    )
    num_frames: int = setting(30, "Frames kept of a trajectory, for training.", RELAX, flag="")
    timeout: float | None = setting(None, "Seconds for one relaxation.", RELAX)

    def __post_init__(self) -> None:
        if not 0 < self.fmax < inf:
            raise InputError(f"fmax is {self.fmax} eV/Å: it must be positive")
        for name in ("max_steps", "num_frames"):
            if getattr(self, name) < 0:
                raise InputError(f"{name} is {getattr(self, name)}: it cannot be negative")
        if not isfinite(self.pressure):
            raise InputError(f"pressure is {self.pressure} GPa: it must be a finite number")
        check_seconds("timeout", self.timeout)
        if self.symmetry is not None and self.symmetry not in SYMMETRY_MODES:
            raise UnknownNameError("symmetry mode", self.symmetry, SYMMETRY_MODES)


@dataclass(frozen=True)
class Frame:
    """A crystal with its energy, eV per conventional cell of it (enthalpy under pressure)."""

    crystal: Crystal
    energy: float


class RelaxStatus(StrEnum):
    """How a relaxation ended."""

    RELAXED = "relaxed"
    NOT_CONVERGED = "not-converged"
    FAILED = "failed"
    STOPPED = "stopped"
    KNOWN = "known"


@dataclass(frozen=True)
class Relaxation:
    """The outcome of relaxing one crystal.

    Attributes:
        status: relaxed, not converged within the steps, or failed; with leave to stop (`EnergyModel.race`) also
            stopped, since it could not win, or known, since it fell into a known minimum.
        crystal: where it ended, with the space group that it has there; None if failed.
        energy: eV per cell there (enthalpy under pressure); None if failed.
        steps: optimiser steps taken.
        evaluations: evaluations of energy and forces.
        max_force: largest atomic or cell force at the end, eV/Å; None if failed.
        frames: of the trajectory, as crystals of the *starting* space group and sites (what an encoder can encode).
        seconds: wall time; in a batch, this crystal's share.
        cpu_seconds: CPU time of the process, the batch's shared evenly; the bench measures it. None: not measured.
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
    cpu_seconds: float | None = None


class EnergyModel(Plugin, ABC):
    """Energies and relaxations of crystals.

    The smallest one wants a certain volume per atom, and relaxes the size of the cell in one step:

    >>> import time
    >>> import numpy as np
    >>> from crysim.composition import Composition
    >>> from crysim.crystal.generation import RandomGenerator
    >>> from crysim.interfaces import EnergyModel, Frame, Relaxation, RelaxSettings, RelaxStatus
    >>> class ByVolume(EnergyModel):
    ...     name = "by-volume"
    ...
    ...     def __init__(self, *, volume: float = 18.0) -> None:
    ...         self.volume = volume
    ...
    ...     def fingerprint(self):
    ...         return {"model": "by-volume", "volume": str(self.volume)}
    ...
    ...     def energies(self, crystals):
    ...         return np.array([c.num_atoms * (c.volume / c.num_atoms / self.volume - 1) ** 2 for c in crystals])
    ...
    ...     def relax(self, crystals, settings):
    ...         return [self._relax(crystal) for crystal in crystals]
    ...
    ...     def _relax(self, crystal):
    ...         start = time.perf_counter()
    ...         scale = (self.volume * crystal.num_atoms / crystal.volume) ** (1 / 3)
    ...         cell = [*(scale * length for length in crystal.cell[:3]), *crystal.cell[3:]]
    ...         end = crystal.with_parameters(cell, [site.free for site in crystal.sites])
    ...         frames = tuple(Frame(c, float(e)) for c, e in zip((crystal, end), self.energies([crystal, end])))
    ...         seconds = time.perf_counter() - start
    ...         return Relaxation(RelaxStatus.RELAXED, end, frames[-1].energy, 1, 2, 0.0, frames, seconds)
    >>> crystals = RandomGenerator(Composition.from_formula("Na4Cl4"), [225]).sample(2, np.random.default_rng(0))
    >>> first, second = ByVolume().relax(crystals, RelaxSettings())
    >>> str(first.status), round(first.crystal.volume, 6), round(first.energy, 6)
    ('relaxed', 144.0, 0.0)
    """

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

    def warm_up(self) -> None:
        """Load and compile what the first relaxations need, in a process that is about to begin; by default nothing.

        Never a calculation of any length, and never a failure: what is wrong, the first energies say.
        """

    @classmethod
    def import_ahead(cls) -> None:
        """Import what the model stands on, for processes that are forks of this one; by default nothing.

        Only import: a fork has no threads but its own and no device that this process uses.
        """

    @classmethod
    def compile_ahead(cls, options: Mapping[str, Any]) -> None:
        """Compile what relaxations need, and keep it on the disk, without the model; by default nothing.

        Called where nothing is compiled yet, in a process that computes nothing, while another one loads the model and
        warms up: that has the half of the work to do.

        Args:
            options: that the model will be made with.
        """

    @classmethod
    def can_blend(cls, options: Mapping[str, Any]) -> bool:
        """Whether a model made with these options relaxes virtual crystals (`blended`); by default it does not."""
        del options
        return False

    def blended(self, blend: Blend) -> EnergyModel | None:
        """The model in which the blend's first element stands for all of them; None if it has none, by default."""
        del blend
        return None

    @abstractmethod
    def energies(self, crystals: Sequence[Crystal]) -> Floats:
        """Energies ``[n]``, eV per cell; NaN where the model fails on a crystal."""

    @abstractmethod
    def relax(self, crystals: Sequence[Crystal], settings: RelaxSettings) -> list[Relaxation]:
        """Relax atoms and cell. Never raises for one bad crystal: its relaxation says ``failed`` and why."""

    def race(
        self, crystals: Sequence[Crystal], settings: RelaxSettings, stops: Sequence[StopRule | None]
    ) -> list[Relaxation]:
        """Relax with leave to stop: one rule for each crystal, or None for a relaxation that goes to its end.

        A relaxation without leave ends as in `relax`. A model that cannot stop early relaxes, which is the default.
        """
        return self.relax(crystals, settings)
