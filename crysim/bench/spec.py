"""What a run is: a method on a system with a seed, within a budget of relaxations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import inf
from typing import Any

from crysim.composition import Composition
from crysim.crystal import Crystal
from crysim.errors import InputError
from crysim.interfaces import EnergyModel, Problem, RelaxSettings, Strategy
from crysim.plugins import Kind, current_options, default_options, plugin_manager


@dataclass(frozen=True)
class PartSpec:
    """A plug-in by its name, with the user's options for it."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RunSpec:
    """A run. What is written here, the versions and the energy model's weights determine its trials on a CPU.

    Attributes:
        system: atoms of the cell.
        method: the label under which runs are compared; by default the strategy's name.
        strategy: the search.
        energy: the energy model.
        parts: what the strategy is built of: by kind, ``encoder``, ``surrogate``, ``solver``.
        seed: of everything random in the run.
        budget: relaxations.
        batch: candidates asked for at a time; a strategy may return fewer.
        relax: how candidates are relaxed.
        space_groups: allowed numbers, or None for all.
        min_distance: Å between atoms of random crystals; None: the strategy's default.
        pair_distances: Å, instead for pairs of elements, as ``{"Ca-O": 2.0}``.
        seed_structures: crystals that are relaxed before any that the strategy proposes; part of the budget.
        min_relaxed_distance: Å; a trial with a closer pair after relaxation does not count (section 2.3).
        threads: of torch and of linear algebra.
    """

    system: Composition
    method: str
    strategy: PartSpec
    energy: PartSpec
    parts: Mapping[Kind, PartSpec] = field(default_factory=dict)
    seed: int = 0
    budget: int = 100
    batch: int = 8
    relax: RelaxSettings = field(default_factory=RelaxSettings)
    space_groups: tuple[int, ...] | None = None
    min_distance: float | None = None
    pair_distances: Mapping[str, float] = field(default_factory=dict)
    seed_structures: tuple[Crystal, ...] = ()
    min_relaxed_distance: float = 1.0
    threads: int = 1

    def __post_init__(self) -> None:
        for name, least in (("budget", 1), ("batch", 1), ("threads", 1), ("seed", 0)):
            value = getattr(self, name)
            if value < least:
                raise InputError(f"{name} is {value}: it must be at least {least}")
        for group in self.space_groups or ():
            if not 1 <= group <= 230:
                raise InputError(f"space group {group} does not exist: numbers run from 1 to 230")
        for name in ("min_distance", "min_relaxed_distance"):
            distance = getattr(self, name)
            if distance is not None and not 0 <= distance < inf:
                raise InputError(f"{name} is {distance} Å: it must be a finite number from 0 on")
        _ = self.problem.min_distances  # refuses pairs that are none

    @property
    def label(self) -> str:
        """For people: ``crysim on Ca4S4, seed 0``."""
        return f"{self.method} on {self.system.formula}, seed {self.seed}"

    def config(self) -> dict[str, Any]:
        """The whole configuration as JSON values, every option's default written out."""
        config: dict[str, Any] = {
            "system": self.system.formula,
            "method": self.method,
            "seed": self.seed,
            "budget": self.budget,
            "batch": self.batch,
            "space_groups": None if self.space_groups is None else sorted(self.space_groups),
            "min_distance": self.min_distance,
            "min_relaxed_distance": self.min_relaxed_distance,
            "threads": self.threads,
            "strategy": _resolved("strategy", self.strategy),
            "parts": {str(kind): _resolved(kind, part) for kind, part in sorted(self._bound_parts().items())},
            "energy": _resolved("energy", self.energy),
            "relax": asdict(self.relax),
        }
        # What a run does not use is not written down, so that runs of earlier versions still go on.
        if self.pair_distances:
            config["pair_distances"] = dict(sorted(self.pair_distances.items()))
        if self.seed_structures:
            config["seed_structures"] = [crystal.to_dict() for crystal in self.seed_structures]
        plain: dict[str, Any] = json.loads(json.dumps(config, default=str))
        return plain

    @property
    def problem(self) -> Problem:
        """What the strategy is asked to solve."""
        return Problem(self.system, self.seed, self.space_groups, self.min_distance, self.pair_distances)

    def check(self) -> None:
        """Raise InputError if a name or an option is wrong, or an extra, a checkpoint or a token is missing."""
        build_energy(self.energy).check()
        for part in self._build_parts().values():
            part.check()
        self.build_strategy()

    def build_strategy(self) -> Strategy:
        """The strategy with its parts."""
        strategy: Strategy = plugin_manager().build(
            "strategy", self.strategy.name, self.strategy.options, problem=self.problem, **self._build_parts()
        )
        return strategy

    def _build_parts(self) -> dict[str, Any]:
        manager = plugin_manager()
        return {kind: manager.build(kind, part.name, part.options) for kind, part in self._bound_parts().items()}

    def _bound_parts(self) -> dict[Kind, PartSpec]:
        """The parts; an encoder with an option ``space_groups`` gets the run's, so that it proposes no others."""
        parts = dict(self.parts)
        encoder = parts.get("encoder")
        if encoder is not None and self.space_groups is not None:
            cls, options = _class_and_options("encoder", encoder)
            if "space_groups" in default_options(cls):
                parts["encoder"] = PartSpec(encoder.name, {"space_groups": sorted(self.space_groups), **options})
        return parts


def build_energy(part: PartSpec) -> EnergyModel:
    """The energy model of a specification."""
    model: EnergyModel = plugin_manager().build("energy", part.name, part.options)
    return model


def _class_and_options(kind: Kind, part: PartSpec) -> tuple[Any, dict[str, Any]]:
    cls = plugin_manager().get(kind, part.name)
    options = current_options(kind, part.name, part.options)
    argument = part.name.partition(":")[2]
    if cls.argument is not None and argument:
        options[cls.argument] = argument
    return cls, options


def _resolved(kind: Kind, part: PartSpec) -> dict[str, Any]:
    cls, options = _class_and_options(kind, part)
    resolved = {**default_options(cls), **options}
    return {"name": part.name, "options": {k: v for k, v in resolved.items() if k not in cls.local_options}}
