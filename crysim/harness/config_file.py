"""The bench's settings from a TOML file and the command line, every mistake named.

The file's tables::

    [bench]              system, z, cell, method, encoder, surrogate, solver, energy, budget, seeds, out, ...
    [relax]              fmax, max_steps, pressure, symmetry, num_frames, timeout
    [solver.NAME]        options of a plug-in; likewise [encoder.NAME], [surrogate.NAME], [energy.NAME],
                         [strategy.NAME], [executor.NAME]
    [method.LABEL]       a variant of a method: strategy, encoder, surrogate, solver, and options of each

What the command line gives has the same keys and goes before the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from crysim.composition import CELLS
from crysim.declared import assignments, declared, renamed
from crysim.errors import InputError, UnknownNameError
from crysim.harness.settings import ALWAYS, DEFAULT_SYSTEMS, PARTS, BenchSettings, Options
from crysim.harness.systems import spelled_out
from crysim.interfaces import RelaxSettings
from crysim.plugins import KINDS, Kind, plugin_manager
from crysim.regular_files import read_toml
from crysim.renamed import with_current_names

_SETTINGS = {one.name: one for one in declared(BenchSettings)}
_RENAMED = renamed(BenchSettings)
_RELAX = {one.name: one for one in declared(RelaxSettings)}
_OTHERS = ("options", "surrogate_config", *(f"{kind}_options" for kind in (*PARTS, *ALWAYS)))
_VARIANT_KEYS = {"strategy", "options", *PARTS, *(f"{kind}_options" for kind in PARTS)}


def read_settings(
    file: Path | None, given: Mapping[str, Any], defaults: Mapping[str, Any] | None = None
) -> BenchSettings:
    """The settings of a TOML file, overridden by those of the command line.

    Args:
        file: the TOML file, or None.
        given: fields of `BenchSettings` and of `RelaxSettings`; ``encoder_options``, ``surrogate_options``,
            ``solver_options``, ``energy_options``, ``executor_options``: tables of options of the parts chosen;
            ``options``: of the strategies, ``KEY`` or ``METHOD.KEY``; ``surrogate_config``: a file of crysim tune. A
            value of None is not given.
        defaults: in place of those of the fields, where neither says anything.

    Raises:
        InputError: no readable TOML, an unknown key, a value that is no value of its key.
    """
    tables = read_toml(file, "the configuration") if file is not None else {}
    known = {"bench", "relax", "method", *KINDS}
    for key in tables:
        if key not in known:
            raise UnknownNameError(f"table of {file}", key, known)
    here = with_current_names({k: v for k, v in given.items() if v is not None}, _RENAMED, "setting")
    names = {*_SETTINGS, *_RELAX, *_OTHERS}
    for key in here:
        if key not in names:
            raise UnknownNameError("setting", key, names)
    if "surrogate_config" in here:
        here["surrogate_tables"] = _surrogate_tables(Path(here["surrogate_config"]))
        here.setdefault("surrogate", next(iter(here["surrogate_tables"])))
    chosen = {**(defaults or {}), **_bench_table(tables.get("bench", {}), str(file))}
    chosen.update({key: value for key, value in here.items() if key in _SETTINGS})
    relax = {**_table(tables, "relax", file), **{key: value for key, value in here.items() if key in _RELAX}}
    converted = {key: _SETTINGS[key].read(value) for key, value in chosen.items()}
    units, cell = converted.pop("z", None), converted.get("cell", CELLS[0])
    systems, references = converted.get("system", DEFAULT_SYSTEMS), converted.get("reference")
    converted["system"], converted["reference"] = spelled_out(systems, references, cell, units)
    settings = BenchSettings(
        **converted,
        relax=_relax_settings(relax, f"[relax] of {file}" if "relax" in tables else "--relax"),
        variants=_variants(_table(tables, "method", file), str(file)),
        method_options=dict(here.get("options", {})),
    )
    _check_file(settings, tables, here, file)
    options: dict[Kind, dict[str, Options]] = {}
    for kind in KINDS:
        options[kind] = {name: dict(table) for name, table in _table(tables, kind, file).items()}
        for name, table in here.get(f"{kind}_tables", {}).items():
            options[kind][name] = {**options[kind].get(name, {}), **table}
        for name in options[kind]:
            plugin_manager().get(kind, name)
        if extra := here.get(f"{kind}_options"):
            name = getattr(settings, kind)
            base = options[kind].get(name) or options[kind].get(name.partition(":")[0]) or {}
            options[kind][name] = {**base, **extra}
    return replace(settings, options=options)


def check_from_file(kind: Kind, name: str, options: Options, *, named_there: bool = True) -> None:
    """Refuse a part of a file that somebody else may have written, where it could run a program or foreign code.

    Args:
        kind, name: of the part, as users type it.
        options: that the file gives it.
        named_there: whether the name is the file's too, and not the person's.

    Raises:
        InputError: see `crysim.interfaces.plugin.Plugin.check_from_file`.
    """
    argument = name.partition(":")[2] or None
    plugin_manager().get(kind, name).check_from_file(argument, options, named_there=named_there)


def _check_file(settings: BenchSettings, tables: Mapping[str, Any], here: Mapping[str, Any], file: Path | None) -> None:
    """`check_from_file` of every part that a configuration names or gives options to."""
    variants = [settings.variants[label] for label in settings.methods if label in settings.variants]
    kinds: tuple[Kind, ...] = (*PARTS, *ALWAYS)
    for kind in kinds:
        own = _table(tables, kind, file)

        def options(name: str, own: Mapping[str, Any] = own) -> Options:
            return own.get(name) or own.get(name.partition(":")[0]) or {}

        chosen = getattr(settings, kind)
        if kind in tables.get("bench", {}) or options(chosen):
            check_from_file(kind, chosen, options(chosen), named_there=kind not in here)
        for variant in variants:
            if kind in variant or f"{kind}_options" in variant:
                name = variant.get(kind, chosen)
                there = {**options(name), **variant.get(f"{kind}_options", {})}
                check_from_file(kind, name, there, named_there=kind in variant or kind not in here)


def command_line(given: Mapping[str, Any]) -> dict[str, Any]:
    """The ``given`` of `read_settings` from a command's options, whose plug-ins' options are texts ``KEY=VALUE``."""
    found = {key: value for key, value in given.items() if value not in (None, [])}
    for kind in (*PARTS, *ALWAYS):
        if f"{kind}_option" in found:
            found[f"{kind}_options"] = assignments(found.pop(f"{kind}_option"))
    options = assignments(found.pop("option", ()))
    if "mid" in found:
        options["mid"] = found.pop("mid")
    return found | ({"options": options} if options else {})


def _surrogate_tables(file: Path) -> dict[str, Any]:
    """The options in a file of ``crysim tune``: one table [surrogate.NAME]."""
    tables = read_toml(file, "the options")
    options = _table(tables, "surrogate", file)
    if set(tables) != {"surrogate"} or len(options) != 1:
        raise InputError(f"{file} must hold one table [surrogate.NAME] and nothing else, as crysim tune writes it")
    return options


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
        if name not in _SETTINGS and name not in _RENAMED:
            raise UnknownNameError(f"key of [bench] in {file}", key, _SETTINGS)
        chosen[name] = value
    return with_current_names(chosen, _RENAMED, f"key of [bench] in {file}")


def _relax_settings(table: Mapping[str, Any], where: str) -> RelaxSettings:
    chosen = {}
    for key, value in table.items():
        name = key.replace("-", "_")
        if name not in _RELAX:
            raise UnknownNameError(f"key of {where}", key, _RELAX)
        chosen[name] = _RELAX[name].read(value)
    return RelaxSettings(**chosen)


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
