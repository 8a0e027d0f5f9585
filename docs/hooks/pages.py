"""Pages that are made from the code when the site is built: settings, the command line, and what a plug-in can be told.

Nothing here is written down a second time: defaults, types and texts are those of the declarations.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from crysim.cli import COMMANDS, _load
from crysim.declared import Setting, declared
from crysim.harness.settings import BenchSettings
from crysim.interfaces import RelaxSettings
from crysim.plugins import KINDS, plugin_manager

FONT = "ziamath", "fonts/STIXTwoMath-Regular.ttf"
"""A font for formulas under the Open Font License, and the package that brings it."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages and the font."""
    pages: dict[str, Callable[[], str]] = {
        "reference/settings.md": settings_page,
        "reference/commands.md": commands_page,
        "reference/plugins.md": plugins_page,
    }
    for path, make in pages.items():
        files.append(File.generated(config, path, content=make()))
    spec = find_spec(FONT[0])
    assert spec is not None
    assert spec.origin is not None
    font = Path(spec.origin).parent / FONT[1]
    files.append(File.generated(config, f"fonts/{font.name}", abs_src_path=str(font)))
    return files


# -------------------------------------------------------------------------------------------------------- settings


def settings_page() -> str:
    """The settings of `crysim search`, `crysim bench` and their Python functions, by panel."""
    lines = [
        "# Settings",
        "",
        "One name everywhere: keyword arguments of [`crysim.search` and `crysim.harness`](python.md), keys of a TOML",
        "file (`--config`), options of the [command line](commands.md).",
        "",
    ]
    lines += _panels([*declared(BenchSettings), *declared(RelaxSettings)])
    lines += [
        "In a file the settings of relaxation stand in the table `[relax]`, all others in `[bench]`.",
        "",
        "## A file",
        "",
        "```toml",
        inspect.cleandoc(_EXAMPLE),
        "```",
        "",
        "Options of plug-ins stand in tables of their own, `[solver.NAME]` and likewise for the other kinds:",
        "[what each can be told](plugins.md). A table `[method.LABEL]` declares a variant of a strategy, which is",
        "compared under its label. The command line goes before the file. A key that nothing heeds is an error that",
        "names the closest one.",
        "",
        'From Python, options are dictionaries: `solver_options={"sweeps": 500}` of the solver that is chosen and',
        'likewise for the other kinds, and `options={"crysim.choice": "distance"}` of the strategies, those of one',
        "method only with its label and a dot.",
    ]
    return "\n".join(lines)


_EXAMPLE = """
[bench]
system = ["Ca4S4", "ScBe5"]
method = ["crysim", "by-distance", "random"]
budget = 40
seeds = "0-4"
energy = "chgnet"

[relax]
fmax = 0.01

[solver.annealer]
sweeps = 500

[method.by-distance]
strategy = "crysim"
options = { choice = "distance" }
"""


def _panels(settings: Sequence[Setting]) -> Iterator[str]:
    """Tables of settings, one a panel, in the order in which they are declared."""
    panels: dict[str, list[Setting]] = {}
    for one in settings:
        panels.setdefault(one.declaration.panel, []).append(one)
    for panel, members in panels.items():
        yield from [f"## {panel}", "", "| key | option | default | |", "| --- | --- | --- | --- |"]
        for one in members:
            flag = f"`{one.flag}`" if one.flag else ""
            yield f"| `{one.name}` | {flag} | {_cell(one.default_text)} | {_cell(one.declaration.help)} |"
        yield ""


def _value(value: Any) -> str:
    if value is None or value in ((), {}, []):
        return ""
    if isinstance(value, tuple | list):
        return ", ".join(f"`{one}`" for one in value)
    return f"`{value}`"


def _attributes(owner: Any) -> dict[str, str]:
    """What the sections 'Attributes' and 'Args' of a docstring say, by name; ``a, b: text`` speaks of both."""
    found: dict[str, str] = {}
    for section in _SECTION.findall((inspect.getdoc(owner) or "") + "\n"):
        for names, text in _ENTRY.findall(inspect.cleandoc("\n" + section) + "\n"):
            for name in re.split(r",\s*", names):
                found[name] = _elsewhere(owner, name, text) or text
    return found


def _elsewhere(owner: Any, name: str, text: str) -> str:
    """The description that 'see `Class`' points to."""
    pointer = re.fullmatch(r"see\s+`([\w.]+)`\.?", text.strip())
    if pointer is None:
        return ""
    module, _, cls = pointer[1].rpartition(".")
    return _attributes(getattr(import_module(module or owner.__module__), cls)).get(name, "")


_SECTION = re.compile(r"^(?:Args|Attributes):\n((?:[ ]{4}.*\n|\n)+)", re.MULTILINE)
_ENTRY = re.compile(r"^(\w+(?:,\s*\w+)*): ((?:.*\n)(?:[ ]+.*\n|\n)*)", re.MULTILINE)


def _cell(text: str) -> str:
    """A text as the content of a cell of a table."""
    return " ".join(text.replace("|", "\\|").replace("``", "`").split())


# --------------------------------------------------------------------------------------------------------- commands


def commands_page() -> str:
    """Every command with all its options, from typer's own declarations."""
    lines = ["# Command line", "", "| | |", "| --- | --- |"]
    lines += [f"| [`crysim {name}`](#crysim-{name}) | {text} |" for name, text in COMMANDS.items()]
    lines += [
        "",
        "Exit codes: 0 good, 1 all failed or none converged, 2 bad input, 3 in part, 130 interrupted.",
        "Errors are one line that names what is wrong and what to do.",
        "`crysim --install-completion` installs completion for your shell.",
        "",
    ]
    for name in COMMANDS:
        lines += _command(name)
    return "\n".join(lines)


def _command(name: str) -> Iterator[str]:
    command = _load(name)
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option" and not getattr(one, "hidden", False)]
    usage = " ".join([f"crysim {name}", *(_argument_name(one) for one in arguments), "[OPTIONS]"])
    yield from [f"## crysim {name}", "", f"```text\n{usage}\n```", "", _prose(command.help or ""), ""]
    if arguments:
        yield from ["| argument | |", "| --- | --- |"]
        yield from (f"| `{_argument_name(one)}` | {_cell(getattr(one, 'help', None) or '')} |" for one in arguments)
        yield ""
    panels: dict[str, list[Any]] = {}
    for one in options:
        panels.setdefault(getattr(one, "rich_help_panel", None) or "Options", []).append(one)
    for panel, members in panels.items():
        yield from [f"| {panel} | | |", "| --- | --- | --- |"]
        yield from (f"| {_option_names(one)} | {_option_value(one)} | {_cell(one.help or '')} |" for one in members)
        yield ""


def _argument_name(one: Any) -> str:
    return str(one.metavar or one.name.upper())


def _option_names(one: Any) -> str:
    return " ".join(f"`{text}`" for text in [*one.opts, *one.secondary_opts])


def _option_value(one: Any) -> str:
    if one.is_flag:
        return ""
    kind = one.metavar or _kind(one)
    default = one.default
    shown = default not in (None, (), []) and not callable(default) and "Default:" not in (one.help or "")
    return f"`{kind}`, default `{default}`" if shown else f"`{kind}`"


def _kind(one: Any) -> str:
    """What an option takes, in a word; releases of typer differ in where they keep it."""
    described = getattr(one, "type_descriptor", None)
    name = str(getattr(described, "annotation", "")) if described is not None else one.type.name
    words = {"int": "N", "float": "X", "Path": "PATH", "path": "PATH"}
    return next((word for part, word in words.items() if part in name), "TEXT")


def _prose(text: str) -> str:
    return inspect.cleandoc(text)


# ---------------------------------------------------------------------------------------------------------- plug-ins

_TITLES = {
    "encoder": "Encoders",
    "surrogate": "Surrogates",
    "solver": "Solvers",
    "energy": "Energy models",
    "strategy": "Strategies",
    "executor": "Executors",
}


def plugins_page() -> str:
    """The first-party plug-ins with their options, defaults and what their docstrings say."""
    lines = [
        "# Plug-ins and their options",
        "",
        "The plug-ins that come with crysim. `crysim plugins` lists those of your installation, foreign ones included.",
        "Options are given as `--solver-option KEY=VALUE` and likewise for the other kinds, those of a strategy as",
        "`--option [METHOD.]KEY=VALUE`; in a file in tables `[solver.NAME]`; in Python as dictionaries.",
        "",
    ]
    manager = plugin_manager()
    for kind in KINDS:
        lines += [f"## {_TITLES[kind]}", ""]
        for info in manager.infos():
            if info.kind == kind and info.distribution == "crysim":
                name = re.split(r"\[|:", info.name)[0]  # of ``dask[:ADDRESS]``
                lines += _plugin(info.name, info.options, manager.get(kind, name))
    return "\n".join(lines)


def _plugin(name: str, options: Mapping[str, Any], cls: type) -> Iterator[str]:
    summary = re.split(r"\n\s*(?:Args|Attributes|Raises|Returns|Orders):\s*\n", inspect.getdoc(cls) or "")[0]
    yield from [f"### {name}", "", summary.replace("``", "`").strip(), ""]
    if options:
        described = _attributes(cls) | _attributes(cls.__init__)
        yield from ["| option | default | |", "| --- | --- | --- |"]
        for key, value in options.items():
            yield f"| `{key}` | {_value(value)} | {_cell(described.get(key, ''))} |"
        yield ""
