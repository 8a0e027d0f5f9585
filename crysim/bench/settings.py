"""What a user asks of the bench: read from a TOML file and the command line, checked, and spelt out as runs.

The file's tables::

    [bench]              system, method, encoder, surrogate, solver, energy, budget, seeds, out, workers, batch, ...
    [relax]              fmax, max_steps, pressure, symmetry, num_frames, timeout
    [solver.NAME]        options of a plug-in; likewise [encoder.NAME], [surrogate.NAME], [energy.NAME], [strategy.NAME]
    [method.LABEL]       a variant of a method: strategy, encoder, surrogate, solver, and options of each

What the command line gives has the same keys and goes before the file.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from crysim.bench import values
from crysim.bench.spec import PartSpec, RunSpec
from crysim.composition import Composition
from crysim.errors import InputError, UnknownNameError
from crysim.interfaces import RelaxSettings, Strategy
from crysim.plugins import KINDS, Kind, default_options, plugin_manager
from crysim.systems import System, find_system

PARTS: tuple[Kind, ...] = ("encoder", "surrogate", "solver")
_VARIANT_KEYS = {"strategy", "options", *PARTS, *(f"{kind}_options" for kind in PARTS)}
Options = Mapping[str, Any]


@dataclass(frozen=True)
class BenchSettings:
    """A comparison: systems × methods × seeds.

    Attributes:
        system: formulas per cell.
        method: strategies' names and variants' labels.
        encoder, surrogate, solver: what methods are built of, unless a variant says otherwise.
        energy: the energy model, one for all.
        budget, batch, space_groups, min_distance, too_close, threads: see `RunSpec`.
        seeds: one run each.
        reference: ground truths, ``FORMULA=FILE``, or ``FILE`` if there is one system.
        out: the folder of the results.
        workers: processes.
        relax: how candidates are relaxed.
        options: of plug-ins, by kind and name.
        method_options: from the command line: ``KEY`` for every method that has it, or ``LABEL.KEY`` for one.
        variants: by label, the table of the file.
    """

    system: tuple[str, ...] = ()
    method: tuple[str, ...] = ()
    encoder: str = "crysim"
    surrogate: str = "fm"
    solver: str = "annealer"
    energy: str = "chgnet"
    budget: int = 100
    seeds: tuple[int, ...] = (0,)
    batch: int = 8
    space_groups: tuple[int, ...] | None = None
    min_distance: float | None = None
    too_close: float = 1.0
    threads: int = 1
    reference: tuple[str, ...] = ()
    out: str = "crysim-bench"
    workers: int = 1
    relax: RelaxSettings = field(default_factory=RelaxSettings)
    options: Mapping[Kind, Mapping[str, Options]] = field(default_factory=dict)
    method_options: Options = field(default_factory=dict)
    variants: Mapping[str, Options] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.system:
            raise InputError("no system is given: name at least one formula per cell, as in --system Ca4S4")
        if not self.method and not self.variants:
            raise InputError("no method is given: name at least one, as in --method crysim --method random")
        if self.workers < 1:
            raise InputError(f"workers is {self.workers}: it must be at least 1")
        for what, names in (("system", self.system), ("method", self.methods), ("seed", self.seeds)):
            if len(set(names)) < len(names):
                raise InputError(f"a {what} is given twice: {', '.join(map(str, names))}")

    @property
    def methods(self) -> tuple[str, ...]:
        """The labels to compare; all variants of the file if none are named."""
        return self.method or tuple(self.variants)

    def systems(self) -> list[System]:
        """The systems with their ground truths.

        Raises:
            InputError: a formula or a reference is wrong.
        """
        references: dict[str, str] = {}
        for text in self.reference:
            formula, equals, source = text.partition("=")
            if not equals and len(self.system) > 1:
                raise InputError(f"reference '{text}': say whose it is, as in --reference {self.system[0]}={text}")
            formula, source = (formula, source) if equals else (self.system[0], text)
            if formula not in self.system:
                raise UnknownNameError("system of a reference", formula, self.system)
            references[formula] = source
        return [find_system(formula, reference=references.get(formula)) for formula in self.system]

    def runs(self) -> list[RunSpec]:
        """Every run, seeds innermost.

        Raises:
            InputError: a name, an option or a number is wrong.
        """
        methods = {label: self._method(label) for label in self.methods}
        self._check_used(methods)
        return [
            RunSpec(
                system=system,
                method=label,
                strategy=strategy,
                energy=PartSpec(self.energy, self._part_options("energy", self.energy)),
                parts=parts,
                seed=seed,
                budget=self.budget,
                batch=self.batch,
                relax=self.relax,
                space_groups=self.space_groups,
                min_distance=self.min_distance,
                too_close=self.too_close,
                threads=self.threads,
            )
            for system in map(Composition.from_formula, self.system)
            for label, (strategy, parts) in methods.items()
            for seed in self.seeds
        ]

    def _method(self, label: str) -> tuple[PartSpec, dict[Kind, PartSpec]]:
        variant = self.variants.get(label, {})
        name = variant.get("strategy", label)
        if "strategy" not in variant and label not in plugin_manager().names("strategy"):
            raise UnknownNameError("method", label, [*plugin_manager().names("strategy"), *self.variants])
        cls = plugin_manager().get("strategy", name)
        assert issubclass(cls, Strategy)
        options = {
            **self._part_options("strategy", name),
            **variant.get("options", {}),
            **self._chosen_options(label, default_options(cls)),
        }
        parts: dict[Kind, PartSpec] = {}
        for kind in KINDS:
            if kind in cls.parts:
                part = variant.get(kind, getattr(self, kind))
                own = variant.get(f"{kind}_options", {})
                parts[kind] = PartSpec(part, {**self._part_options(kind, part), **own})
        return PartSpec(name, options), parts

    def _part_options(self, kind: Kind, name: str) -> dict[str, Any]:
        tables = self.options.get(kind, {})
        return dict(tables.get(name) or tables.get(name.partition(":")[0]) or {})

    def _chosen_options(self, label: str, known: Mapping[str, Any]) -> dict[str, Any]:
        chosen = {}
        for key, value in self.method_options.items():
            owner, dot, option = key.rpartition(".")
            if (dot and owner == label) or (not dot and option in known):
                chosen[option] = value
        return chosen

    def _check_used(self, methods: Mapping[str, tuple[PartSpec, Mapping[Kind, PartSpec]]]) -> None:
        """Refuse an option or a part that no method would heed, so that a misspelt one is not passed over."""
        known = {label: default_options(plugin_manager().get("strategy", s.name)) for label, (s, _) in methods.items()}
        for key in self.method_options:
            owner, dot, option = key.rpartition(".")
            if dot and owner not in methods:
                raise UnknownNameError("method of an option", owner, methods)
            if not dot and not any(option in options for options in known.values()):
                raise UnknownNameError(
                    "option of the methods", option, {o for options in known.values() for o in options}
                )
        defaults = {f.name: f.default for f in fields(self)}
        for kind in (*PARTS, "energy"):
            if kind == "energy" or getattr(self, kind) != defaults[kind]:
                plugin_manager().get(kind, getattr(self, kind))


def read_settings(file: Path | None, given: Mapping[str, Any]) -> BenchSettings:
    """The settings of a TOML file, overridden by those of the command line.

    Args:
        file: the TOML file, or None.
        given: keys of `BenchSettings`, ``relax`` as a table, and ``NAME_options`` of the chosen encoder, surrogate,
            solver and energy; a value of None is not given.

    Raises:
        InputError: no readable TOML, an unknown key, a value that is no value of its key.
    """
    tables = _read_toml(file) if file is not None else {}
    known = {"bench", "relax", "method", *KINDS}
    for key in tables:
        if key not in known:
            raise UnknownNameError(f"table of {file}", key, known)
    here = {key: value for key, value in given.items() if value is not None}
    chosen = {**_bench_table(tables.get("bench", {}), str(file)), **{k: v for k, v in here.items() if k in _KEYS}}
    relax = {**_table(tables, "relax", file), **here.get("relax", {})}
    settings = BenchSettings(
        **{key: values.convert(key, value, _KEYS[key]) for key, value in chosen.items()},
        relax=_relax_settings(relax, f"[relax] of {file}" if "relax" in tables else "--relax"),
        variants=_variants(_table(tables, "method", file), str(file)),
        method_options=here.get("method_options", {}),
    )
    options: dict[Kind, dict[str, Options]] = {}
    for kind in KINDS:
        options[kind] = {name: dict(table) for name, table in _table(tables, kind, file).items()}
        for name in options[kind]:
            plugin_manager().get(kind, name)
        if extra := here.get(f"{kind}_options"):
            name = getattr(settings, kind)
            base = options[kind].get(name) or options[kind].get(name.partition(":")[0]) or {}
            options[kind][name] = {**base, **extra}
    return replace(settings, options=options)


_KEYS: dict[str, values.Converter] = {
    "system": values.names,
    "method": values.names,
    "encoder": values.text,
    "surrogate": values.text,
    "solver": values.text,
    "energy": values.text,
    "budget": values.whole,
    "seeds": values.numbers,
    "batch": values.whole,
    "space_groups": values.numbers,
    "min_distance": values.real,
    "too_close": values.real,
    "threads": values.whole,
    "reference": values.names,
    "out": values.text,
    "workers": values.whole,
}
_RELAX_KEYS: dict[str, values.Converter] = {
    "fmax": values.real,
    "max_steps": values.whole,
    "pressure": values.real,
    "symmetry": values.text,
    "num_frames": values.whole,
    "timeout": values.real,
}
SYMMETRIES = ("keep", "release", "polish")


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read the configuration {file}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{file} is no TOML: {error}") from error


def _table(tables: Mapping[str, Any], name: str, file: Path | None) -> dict[str, Any]:
    table = tables.get(name, {})
    if not isinstance(table, dict):
        raise InputError(f"'{name}' in {file} is a table: write [{name}.NAME], or {name} = ... under [bench]")
    for key, value in table.items():
        if name != "relax" and not isinstance(value, dict):
            raise InputError(f"'{name}.{key}' in {file} is no table: write [{name}.NAME] with options under it")
    return table


def _bench_table(table: Any, file: str) -> dict[str, Any]:
    if not isinstance(table, dict):
        raise InputError(f"'bench' in {file} is no table: write [bench]")
    chosen = {}
    for key, value in table.items():
        name = key.replace("-", "_")
        if name not in _KEYS:
            raise UnknownNameError(f"key of [bench] in {file}", key, _KEYS)
        chosen[name] = value
    return chosen


def _relax_settings(table: Mapping[str, Any], where: str) -> RelaxSettings:
    chosen = {}
    for key, value in table.items():
        name = key.replace("-", "_")
        if name not in _RELAX_KEYS:
            raise UnknownNameError(f"key of {where}", key, [f.name for f in fields(RelaxSettings)])
        chosen[name] = values.convert(name, value, _RELAX_KEYS[name])
    settings = RelaxSettings(**chosen)
    if settings.symmetry is not None and settings.symmetry not in SYMMETRIES:
        raise UnknownNameError("symmetry of the relaxation", settings.symmetry, SYMMETRIES)
    for name, least in (("fmax", 0.0), ("max_steps", 0), ("num_frames", 1)):
        value = getattr(settings, name)
        if value < least or (name == "fmax" and value == 0):
            raise InputError(f"{name} is {value}: it must be {'above' if name == 'fmax' else 'at least'} {least:g}")
    return settings


def _variants(tables: Mapping[str, Mapping[str, Any]], file: str) -> dict[str, Options]:
    for label, table in tables.items():
        if not label or not all(c.isalnum() or c in "._+-" for c in label):
            raise InputError(f"[method.{label}] in {file}: a label holds letters, digits and . _ + - only")
        if label in plugin_manager().names("strategy") and table.get("strategy", label) != label:
            raise InputError(f"[method.{label}] in {file}: the label is another strategy's name; choose another")
        for key, value in table.items():
            if key not in _VARIANT_KEYS:
                raise UnknownNameError(f"key of [method.{label}] in {file}", key, _VARIANT_KEYS)
            wanted: type = dict if key.endswith("options") else str
            if not isinstance(value, wanted):
                raise InputError(
                    f"'{key}' of [method.{label}] in {file} must be a {'table' if wanted is dict else 'name'}"
                )
    return dict(tables)


def assignments(texts: Sequence[str]) -> dict[str, Any]:
    """Read ``KEY=VALUE`` texts; a value is what TOML reads it as, and text if it reads nothing.

    Raises:
        InputError: a text without ``=``.
    """
    found = {}
    for one in texts:
        key, equals, value = one.partition("=")
        if not equals or not key.strip():
            raise InputError(f"option '{one}': write KEY=VALUE")
        try:
            found[key.strip()] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            found[key.strip()] = value.strip()
    return found


def given_settings(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The ``given`` of `read_settings` from a command's arguments; those that are no settings are passed over."""
    given: dict[str, Any] = {key: value for key, value in arguments.items() if key in _KEYS and value not in (None, [])}
    given["relax"] = {key: arguments[key] for key in _RELAX_KEYS if arguments.get(key) is not None}
    for kind in (*PARTS, "energy"):
        given[f"{kind}_options"] = assignments(arguments.get(f"{kind}_option") or ())
    given["method_options"] = assignments(arguments.get("option") or ())
    if arguments.get("mid") is not None:
        given["method_options"]["mid"] = arguments["mid"]
    return given
