"""What a run is: a method on a system with a seed, within a budget of relaxations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from math import inf
from typing import Any, cast

from crysim.composition import Composition, Contents
from crysim.crystal import Crystal
from crysim.crystal.min_distances import check_distance
from crysim.declared import RECORDS, RUN, declared, numbers, setting
from crysim.errors import InputError
from crysim.interfaces import EnergyModel, Problem, RelaxSettings, Strategy
from crysim.plugins import Kind, current_options, default_options, plugin_manager
from crysim.symmetry import space_group_number
from crysim.written_files import path_part


def space_groups(value: Any) -> tuple[int, ...]:
    """Numbers of space groups, from numbers, ranges and symbols: ``"225,Fm-3m,195-199"``, or a list of such.

    Raises:
        ValueError: what it must be.
        InputError: a symbol that no space group has.
    """
    found: list[int] = []
    for part in value if isinstance(value, list | tuple) else [value]:
        if isinstance(part, str):
            for text in part.split(","):
                found.extend(numbers(text) if text.strip()[:1].isdigit() else (space_group_number(text),))
        else:
            found.extend(numbers(part))
    if not found:
        raise ValueError("numbers or symbols of space groups, as in 225,Fm-3m,195-199")
    return tuple(found)


NEWER = ("pair_distances", "require_bound", "ahead", "budget_evaluations", "budget_seconds")
"""Settings that the first runs' manifests do not know: not written where they have their default."""


@dataclass(frozen=True)
class PartSpec:
    """A plug-in by its name, with the user's options for it."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """What a user says of a run and every run of a comparison shares; a new setting is one more field here.

    Attributes:
        relax: how candidates are relaxed.
    """

    budget: int = setting(100, "Relaxations of each run.", RUN)
    budget_evaluations: int | None = setting(
        None,
        "Evaluations of the energy model of each run, initial crystals' too; it ends at the first budget reached.",
        RUN,
        shown_default="any number",
    )
    budget_seconds: float | None = setting(
        None,
        "CPU seconds of each run, strategy and relaxations; it ends at the first budget reached.",
        RUN,
        shown_default="any number",
    )
    batch: int = setting(8, "Crystals relaxed together, at most.", RUN)
    ahead: int = setting(
        1, "Batches that are asked for before the first of them is told, at most; strategies may allow fewer.", RUN
    )
    space_groups: tuple[int, ...] | None = setting(
        None, "Allowed ones, as in 195-230,Fm-3m.", RUN, shown_default="all", reader=space_groups
    )
    min_distance: float | None = setting(
        None, "Å, between atoms of random crystals.", RUN, shown_default="the strategy's"
    )
    pair_distances: Mapping[str, float] = setting(
        {},
        "Å, instead for a pair of elements, as in Ca-O=2.0; may be repeated.",
        RUN,
        flag="--pair-distance",
        metavar="A-B=Å",
    )
    min_relaxed_distance: float = setting(
        1.0,
        "Å; a crystal with a closer pair after relaxation does not count (section 2.3); of hydrogen's 0.7 of it.",
        RUN,
        flag="",
        former="too_close",
    )
    require_bound: bool = setting(
        False, "Count only crystals that hold together and have neither flown apart nor collapsed.", RUN
    )
    threads: int = setting(1, "Threads of each process.", RECORDS)
    relax: RelaxSettings = field(default_factory=RelaxSettings)

    def __post_init__(self) -> None:
        for name in ("budget", "batch", "ahead", "threads"):
            value = getattr(self, name)
            if value < 1:
                raise InputError(f"{name} is {value}: it must be at least 1")
        if self.budget_evaluations is not None and self.budget_evaluations < 1:
            raise InputError(f"budget_evaluations is {self.budget_evaluations}: it must be at least 1")
        if self.budget_seconds is not None and not 0 < self.budget_seconds < inf:
            raise InputError(f"budget_seconds is {self.budget_seconds}: it must be positive and finite")
        for group in self.space_groups or ():
            if not 1 <= group <= 230:
                raise InputError(f"space group {group} does not exist: numbers run from 1 to 230")
        for name in ("min_distance", "min_relaxed_distance"):
            distance = getattr(self, name)
            if distance is not None:
                check_distance(name, distance)

    def shared(self) -> dict[str, Any]:
        """The fields of this class, to make another object that has them."""
        return {one.name: getattr(self, one.name) for one in fields(RunSettings)}


@dataclass(frozen=True, kw_only=True)
class RunSpec(RunSettings):
    """A run. What is written here, the versions and the energy model's weights determine its trials on a CPU.

    Attributes:
        system: contents of the cell; a composition given in their place is that of the conventional one.
        method: the label under which runs are compared; by default the strategy's name.
        strategy: the search.
        energy: the energy model.
        parts: what the strategy is built of: by kind, ``encoder``, ``surrogate``, ``solver``.
        seed: of everything random in the run.
        seed_structures: crystals that are relaxed before any that the strategy proposes; part of the budget.
    """

    system: Contents
    method: str
    strategy: PartSpec
    energy: PartSpec
    parts: Mapping[Kind, PartSpec] = field(default_factory=dict)
    seed: int = 0
    seed_structures: tuple[Crystal, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "system", Contents.of(self.system))
        path_part(self.method, "the method")
        if self.seed < 0:
            raise InputError(f"seed is {self.seed}: it must be at least 0")
        if self.system.further and not self.chooses_contents:
            raise InputError(
                f"strategy '{self.strategy.name}' searches cells of one content, not {self.system}: give one --z"
            )
        _ = self.problem.min_distances  # refuses pairs that are none

    @property
    def label(self) -> str:
        """For people: ``crysim on Ca4S4, seed 0``."""
        return f"{self.method} on {self.system.name}, seed {self.seed}"

    def config(self) -> dict[str, Any]:
        """The whole configuration as JSON values, every option's default written out."""
        config: dict[str, Any] = {
            "system": self.system.formula,
            "method": self.method,
            "seed": self.seed,
            **{one.name: _plain(getattr(self, one.name)) for one in declared(RunSettings)},
            "strategy": _resolved("strategy", self.strategy),
            "parts": {str(kind): _resolved(kind, part) for kind, part in sorted(self._bound_parts().items())},
            "energy": _resolved("energy", self.energy),
            "relax": asdict(self.relax),
        }
        config["ahead"] = self.batches_ahead
        # What a run does not use is not written down, so that runs of earlier versions still go on.
        if self.system.primitive:
            config["cell"] = self.system.cell
        if self.system.further:
            config["further"] = [one.formula for one in self.system.further]
        for name in NEWER:
            if config[name] == next(one.default for one in declared(RunSettings) if one.name == name):
                del config[name]
        if self.seed_structures:
            config["seed_structures"] = [crystal.to_dict() for crystal in self.seed_structures]
        plain: dict[str, Any] = json.loads(json.dumps(config, default=str))
        return plain

    @property
    def strategy_in_words(self) -> str:
        """The strategy and what it is built of, any of which may be at fault where it fails: for errors."""
        parts = ", ".join(f"{kind} '{part.name}'" for kind, part in sorted(self.parts.items()))
        return f"strategy '{self.strategy.name}'" + (f" with {parts}" if parts else "")

    @property
    def batches_ahead(self) -> int:
        """Batches under way at a time: as many as are wanted and the strategy allows."""
        cls = plugin_manager().get("strategy", self.strategy.name)
        assert issubclass(cls, Strategy)
        return min(self.ahead, cls.max_ahead)

    @property
    def problem(self) -> Problem:
        """What the strategy is asked to solve."""
        cls = plugin_manager().get("energy", self.energy.name)
        blends = issubclass(cls, EnergyModel) and cls.can_blend(self.energy.options)
        return Problem(self.system, self.seed, self.space_groups, self.min_distance, self.pair_distances, blends)

    def check(self) -> None:
        """Raise InputError if a name or an option is wrong, or an extra, a checkpoint or a token is missing."""
        build_energy(self.energy).check()
        for part in self._build_parts().values():
            part.check()
        self.build_strategy().check()

    def build_strategy(self) -> Strategy:
        """The strategy with its parts."""
        strategy: Strategy = plugin_manager().build(
            "strategy", self.strategy.name, self.strategy.options, problem=self.problem, **self._build_parts()
        )
        return strategy

    @property
    def chooses_contents(self) -> bool:
        """Whether its strategy can choose among several contents."""
        cls = plugin_manager().get("strategy", self.strategy.name)
        return issubclass(cls, Strategy) and cls.several_contents

    def _build_parts(self) -> dict[str, Any]:
        manager = plugin_manager()
        return {kind: manager.build(kind, part.name, part.options) for kind, part in self._bound_parts().items()}

    def _bound_parts(self) -> dict[Kind, PartSpec]:
        """The parts; an encoder with an option ``space_groups`` gets the run's, so that it proposes no others."""
        parts = dict(self.parts)
        strategy, options = _class_and_options("strategy", self.strategy)
        for kind, by_name in strategy.part_defaults(options, self.system).items():
            part = parts.get(kind)
            if part is not None and part.name in by_name:
                parts[kind] = PartSpec(part.name, {**by_name[part.name], **part.options})
        encoder = parts.get("encoder")
        if encoder is not None and self.space_groups is not None:
            cls, options = _class_and_options("encoder", encoder)
            if "space_groups" in default_options(cls):
                parts["encoder"] = PartSpec(encoder.name, {"space_groups": sorted(self.space_groups), **options})
        return parts


def _plain(value: Any) -> Any:
    """A setting's value in an order that does not depend on how it was given."""
    if isinstance(value, Mapping):
        return dict(sorted(value.items()))
    return sorted(value) if isinstance(value, tuple) else value


def energy_class(name: str) -> type[EnergyModel]:
    """The energy model of a name, before it is made.

    Raises:
        UnknownNameError, PluginError: see `PluginManager.get`.
    """
    return cast("type[EnergyModel]", plugin_manager().get("energy", name))


def build_energy(part: PartSpec) -> EnergyModel:
    """The energy model of a specification."""
    model: EnergyModel = plugin_manager().build("energy", part.name, part.options)
    return model


def check_elements(energy: str, known: frozenset[str] | None, composition: Composition | Contents) -> None:
    """Raise InputError if an energy model says which elements it knows, and one of a composition is not among them."""
    unknown = [] if known is None else [element for element in composition.elements if element not in known]
    if unknown:
        raise InputError(
            f"{energy} does not know {', '.join(unknown)}, which {composition.formula} holds: give another --energy"
        )


def _class_and_options(kind: Kind, part: PartSpec) -> tuple[Any, dict[str, Any]]:
    cls = plugin_manager().get(kind, part.name)
    options = current_options(kind, part.name, part.options)
    argument = part.name.partition(":")[2]
    if cls.argument is not None and argument:
        options[cls.argument] = argument
    return cls, options


def _resolved(kind: Kind, part: PartSpec) -> dict[str, Any]:
    cls, options = _class_and_options(kind, part)
    resolved = cls.spelled_out({**default_options(cls), **options})
    unsaid = {key for key, value in cls.newer_options.items() if key in resolved and resolved[key] == value}
    return {"name": part.name, "options": {k: v for k, v in resolved.items() if k not in {*cls.local_options, *unsaid}}}
