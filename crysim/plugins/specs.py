"""The hooks by which plug-ins are found. A hook returns classes; each class carries its ``name``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from crysim.interfaces import Encoder, EnergyModel, Executor, IsingSolver, Strategy, Surrogate

PROJECT = "crysim"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def crysim_encoders() -> Sequence[type[Encoder]]:  # type: ignore[empty-body]
    """Encoders: crystals to bit vectors and back."""


@hookspec
def crysim_surrogates() -> Sequence[type[Surrogate]]:  # type: ignore[empty-body]
    """Surrogates: bit vectors and energies to a quadratic model."""


@hookspec
def crysim_solvers() -> Sequence[type[IsingSolver]]:  # type: ignore[empty-body]
    """Solvers: a quadratic model to bit vectors of low energy."""


@hookspec
def crysim_energies() -> Sequence[type[EnergyModel]]:  # type: ignore[empty-body]
    """Energy models: crystals to energies and relaxed crystals."""


@hookspec
def crysim_strategies() -> Sequence[type[Strategy]]:  # type: ignore[empty-body]
    """Strategies: searches that the bench compares."""


@hookspec
def crysim_executors() -> Sequence[type[Executor]]:  # type: ignore[empty-body]
    """Executors: where energies, relaxations and whole runs are computed."""
