"""What a user asks of the bench, spelt out as runs."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from crysim.composition import CellKind, Contents, cell_kind, check_size
from crysim.declared import PARTS as PARTS_PANEL
from crysim.declared import RECORDS, RUN, setting
from crysim.errors import InputError, UnknownNameError, check_seconds
from crysim.harness.contents import MAX_SEARCHED, units
from crysim.harness.placement import TASK_TIMEOUT, Placement
from crysim.harness.spec import PartSpec, RunSettings, RunSpec
from crysim.harness.systems import System, find_system, read_seed_structures, references
from crysim.interfaces import Strategy
from crysim.plugins import KINDS, Kind, current_options, known_options, plugin_manager

PARTS: tuple[Kind, ...] = ("encoder", "surrogate", "solver")
Options = Mapping[str, Any]


ALWAYS: tuple[Kind, ...] = ("energy", "executor")
"""Kinds of which every run has one, whatever its strategy is built of."""
TASK_GRACE = 60.0
"""Seconds over twice what a relaxation may take by its own clock, before its process is taken to hang."""

MOST_WORKERS = 100_000
"""Processes: more than any cluster gives to one comparison."""

DEFAULT_SYSTEMS = ("Ca4S4",)
DEFAULT_METHODS = ("crysim", "random")


@dataclass(frozen=True, kw_only=True)
class BenchSettings(RunSettings):
    """A comparison: systems × methods × seeds.

    Attributes:
        options: of plug-ins, by kind and name.
        method_options: from the command line: ``KEY`` for every method that has it, or ``LABEL.KEY`` for one.
        variants: by label, the table of the file.
    """

    system: tuple[str, ...] = setting(
        DEFAULT_SYSTEMS,
        "Formula per cell, or per unit with --z; a structure file, or mp:mp-1234; may be repeated.",
        RUN,
        metavar="FORMULA",
    )
    z: tuple[int, ...] | None = setting(
        None, "Formula units per cell, as in 4, 1-4 or 1,2,4.", RUN, shown_default="1", reader=units
    )
    cell: str = setting("conventional", "Cell that the formula units fill: conventional or primitive.", RUN)
    method: tuple[str, ...] = setting(
        (),
        "Strategy, or a variant's label; may be repeated.",
        RUN,
        shown_default="crysim and random",
    )
    seeds: tuple[int, ...] = setting((0,), "One run each, as in 0-4 or 0,3,7.", RUN)
    reference: Mapping[str, str] = setting(
        {},
        "Known ground truth: a structure file, or mp:mp-1234 of the Materials Project; may be repeated.",
        RUN,
        reader=references,
        metavar="[FORMULA=]FILE",
    )
    seed_structures: tuple[str, ...] = setting(
        (),
        "Relaxed before the search, which learns from it: a file, or mp:mp-1234; may be repeated.",
        RUN,
        flag="--seed-structure",
        metavar="FILE",
    )
    initial: str | None = setting(
        None,
        "First crystals of each method that has the option: random or prior, or as the method has it.",
        PARTS_PANEL,
        shown_default="the method's own",
    )
    encoder: str = setting("crysim", "Crystals to bits.", PARTS_PANEL)
    surrogate: str = setting("fm", "Bits to a quadratic model.", PARTS_PANEL)
    solver: str = setting("annealer", "Ising solver.", PARTS_PANEL)
    energy: str = setting("chgnet", "Energy model.", PARTS_PANEL)
    out: str = setting("crysim-bench", "Folder of the results.", RECORDS)
    workers: int = setting(1, "Worker processes.", RECORDS)
    executor: str = setting(
        "processes",
        "Where relaxations and runs are computed: processes, dask[:ADDRESS], parsl:FILE, or a plug-in's.",
        RECORDS,
    )
    task_timeout: float | None = setting(
        None,
        "Seconds after which a process that relaxes one crystal, or a strategy that proposes, is killed.",
        RECORDS,
        shown_default="3600; with --timeout, a minute more than twice that",
    )
    options: Mapping[Kind, Mapping[str, Options]] = field(default_factory=dict)
    method_options: Options = field(default_factory=dict)
    variants: Mapping[str, Options] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        cell_kind(self.cell)
        if not self.system:
            raise InputError("no system is given: name at least one formula per cell, as in --system Ca4S4")
        if not 1 <= self.workers <= MOST_WORKERS:
            raise InputError(f"workers is {self.workers}: it must be from 1 to {MOST_WORKERS:,}")
        check_seconds("task_timeout", self.task_timeout)
        for what, names in (("system", self.system), ("method", self.methods), ("seed", self.seeds)):
            if len(set(names)) < len(names):
                raise InputError(f"a {what} is given twice: {', '.join(map(str, names))}")

    @property
    def methods(self) -> tuple[str, ...]:
        """The labels to compare: those named, else all variants of the file, else `DEFAULT_METHODS`."""
        return self.method or tuple(self.variants) or DEFAULT_METHODS

    @property
    def placement(self) -> Placement:
        """Where the runs are computed."""
        name, limit = self.executor, time_limit(self.task_timeout, self.relax.timeout)
        return Placement(self.workers, PartSpec(name, self._part_options("executor", name)), limit)

    @property
    def _cell(self) -> CellKind:
        return cell_kind(self.cell)

    def systems(self) -> list[System]:
        """The systems with their ground truths.

        Raises:
            InputError: a formula or a reference is wrong.
        """
        return [find_system(text, reference=self.reference.get(text), cell=self._cell) for text in self.system]

    def runs(self) -> list[RunSpec]:
        """Every run, seeds innermost.

        Raises:
            InputError: a name, an option or a number is wrong.
        """
        methods = {label: self._method(label) for label in self.methods}
        self._check_used(methods)
        systems = self._contents()
        pairs = _pairs_of(self.pair_distances, systems)
        seeds = read_seed_structures(self.seed_structures, systems)
        return [
            RunSpec(
                **{**self.shared(), "pair_distances": pairs[system]},
                system=system,
                method=label,
                strategy=strategy,
                energy=PartSpec(self.energy, self._part_options("energy", self.energy)),
                parts=parts,
                seed=seed,
                seed_structures=seeds[system],
            )
            for system in systems
            for label, (strategy, parts) in methods.items()
            for seed in self.seeds
        ]

    def _contents(self) -> list[Contents]:
        """What the cells hold; two spellings of one formula are refused, since their runs would share a folder."""
        spelt: dict[Contents, str] = {}
        for text in self.system:
            contents = Contents.from_formula(text, cell=self._cell)
            check_size(contents, MAX_SEARCHED)
            if contents in spelt:
                raise InputError(f"a system is given twice: {spelt[contents]} and {text} are both {contents.formula}")
            spelt[contents] = text
        return list(spelt)

    def _method(self, label: str) -> tuple[PartSpec, dict[Kind, PartSpec]]:
        variant = self.variants.get(label, {})
        name = variant.get("strategy", label)
        strategies = plugin_manager().names("strategy")
        if "strategy" not in variant and label not in strategies:
            if label in self.variants:
                raise InputError(
                    f'[method.{label}] does not say which strategy it is a variant of: write strategy = "crysim", '
                    f"or another of {', '.join(strategies)}"
                )
            raise UnknownNameError("method", label, [*strategies, *self.variants])
        cls = plugin_manager().get("strategy", name)
        assert issubclass(cls, Strategy)
        options = {
            **self._part_options("strategy", name),
            **current_options("strategy", name, variant.get("options", {})),
            **current_options("strategy", name, self._chosen_options(label, known_options(cls))),
        }
        parts: dict[Kind, PartSpec] = {}
        for kind in KINDS:
            if kind in cls.parts:
                part = variant.get(kind, getattr(self, kind))
                own = current_options(kind, part, variant.get(f"{kind}_options", {}))
                parts[kind] = PartSpec(part, {**self._part_options(kind, part), **own})
        return PartSpec(name, options), parts

    def _part_options(self, kind: Kind, name: str) -> dict[str, Any]:
        tables = self.options.get(kind, {})
        return current_options(kind, name, tables.get(name) or tables.get(name.partition(":")[0]) or {})

    def _chosen_options(self, label: str, known: Container[str]) -> dict[str, Any]:
        chosen = {"initial": self.initial} if self.initial is not None and "initial" in known else {}
        for key, value in self.method_options.items():
            owner, dot, option = key.rpartition(".")
            if (dot and owner == label) or (not dot and option in known):
                chosen[option] = value
        return chosen

    def _check_used(self, methods: Mapping[str, tuple[PartSpec, Mapping[Kind, PartSpec]]]) -> None:
        """Refuse an option or a part that no method would heed, so that a misspelt one is not passed over."""
        known = {label: known_options(plugin_manager().get("strategy", s.name)) for label, (s, _) in methods.items()}
        for key in self.method_options:
            owner, dot, option = key.rpartition(".")
            if dot and owner not in methods:
                raise UnknownNameError("method of an option", owner, methods)
            if not dot and not any(option in options for options in known.values()):
                raise UnknownNameError(
                    "option of the methods", option, {o for options in known.values() for o in options}
                )
        if self.initial is not None and not any("initial" in options for options in known.values()):
            raise InputError(f"initial is {self.initial!r}, and no method has that option: {', '.join(methods)}")
        defaults = {f.name: f.default for f in fields(self)}
        for kind in (*PARTS, *ALWAYS):
            if kind in ALWAYS or getattr(self, kind) != defaults[kind]:
                plugin_manager().get(kind, getattr(self, kind))


def time_limit(task_timeout: float | None, timeout: float | None) -> float:
    """Seconds that a process may take for one crystal, of what is said of them and of a relaxation's own clock."""
    if task_timeout is None and timeout is not None:
        return 2 * timeout + TASK_GRACE
    return task_timeout or TASK_TIMEOUT


def _pairs_of(distances: Mapping[str, float], systems: Sequence[Contents]) -> dict[Contents, dict[str, float]]:
    """Of the distances those of each system's own pairs."""
    found: dict[Contents, dict[str, float]] = {system: {} for system in systems}
    for pair, distance in distances.items():
        owners = [c for c in systems if all(element in c.elements for element in pair.split("-"))]
        for system in owners or systems[:1]:  # `RunSpec` refuses what belongs to none
            found[system][pair] = distance
    return found
