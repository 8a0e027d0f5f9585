"""The command line: thin, it parses, calls and prints.

Each command is a function of the same name in its own module of `crysim.commands`, imported only when the command is
called, so that ``crysim --help`` is quick. `InputError`, and what is wrong with a command line itself, become one line
on stderr and exit code 2.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from contextlib import nullcontext
from importlib import import_module
from inspect import signature
from keyword import iskeyword
from pathlib import Path
from typing import Any, NoReturn, get_args

import typer
from typer.core import TyperCommand, TyperGroup

from crysim.errors import (
    EXIT_ALL_FAILED,
    EXIT_BAD_INPUT,
    EXIT_INTERRUPTED,
    CrysimError,
    InputError,
    hush_warnings,
    one_line,
)
from crysim.interrupts import run_to_exit
from crysim.streams import reserved_stdout

COMMANDS: dict[str, str] = {
    "search": "Search the stable crystals of one formula; writes the best as CIF.",
    "bench": "Compare strategies: methods × systems × seeds, within a budget of relaxations.",
    "relax": "Relax crystals from files.",
    "wyckoff": "Show the space groups and Wyckoff combinations compatible with a formula.",
    "solve": "Minimise a quadratic model from a file with an Ising solver.",
    "compare-solvers": "Compare Ising solvers on quadratic models.",
    "status": "Show how far the runs of a folder are, from another terminal.",
    "verify": "Compute again what a folder of results claims, and say what differs.",
    "compact": "Pack the journals and initial crystals of finished runs, which are read as before.",
    "export": "Write the best crystals found as CIF, POSCAR, extxyz, a database or inputs of DFT programs.",
    "report": "Write one HTML file of a bench's results, which opens without a network.",
    "import": "Add results of CALYPSO, CrySPY or another program to those of a bench.",
    "reproduce": "Make the paper's tables and figures again, with the paper's values beside ours.",
    "tune": "Tune a surrogate's hyperparameters on a set of crystals.",
    "doctor": "Look at this machine: versions, plug-ins, weights, device, speed of each energy.",
    "plugins": "List the plug-ins that are installed.",
}
"""Names and one-line descriptions; ``compare-solvers`` is ``crysim.commands.compare_solvers.compare_solvers``."""

_UsageError: Any = typer.BadParameter.__base__
"""What typer raises on a wrong command line: click's class, or, in releases that bring click along, their own."""


_OF_A_PATH = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.EACCES, errno.EPERM, errno.ELOOP)
"""What a system says of a path that a person gave wrongly; a full or a broken disk is no bad input."""


class LazyGroup(TyperGroup):
    """A group that knows its commands' names and imports a command's module when it is called."""

    def __init__(self, **attrs: Any) -> None:
        super().__init__(**attrs)
        for name, text in COMMANDS.items():
            self.add_command(TyperCommand(name=name, help=text, callback=None))

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Find a command and put the real one in its placeholder's place."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, _load(name) if name in COMMANDS else command, rest

    def invoke(self, ctx: Any) -> Any:
        """Run a command; errors raised on purpose become one line and an exit code."""
        arguments = [*getattr(ctx, "_protected_args", ()), *ctx.args]
        try:
            with reserved_stdout() if "--json" in arguments else nullcontext():
                return super().invoke(ctx)
        except InputError as error:
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(EXIT_BAD_INPUT) from error
        except CrysimError as error:
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(EXIT_ALL_FAILED) from error
        except OSError as error:
            if error.errno == errno.EPIPE:  # whoever read the output has gone: typer ends in silence
                raise
            place = f"'{str(error.filename)[:80]}': " if error.filename else ""
            typer.echo(one_line(f"error: {place}{error.strerror or error}"), err=True)
            raise typer.Exit(EXIT_BAD_INPUT if error.errno in _OF_A_PATH else EXIT_ALL_FAILED) from error
        except _UsageError as error:
            path = error.ctx.command_path if error.ctx is not None else ctx.command_path
            typer.echo(one_line(f"error: {error.format_message()} (see '{path} --help')"), err=True)
            raise typer.Exit(EXIT_BAD_INPUT) from error
        except KeyboardInterrupt as error:
            typer.echo("interrupted", err=True)
            raise typer.Exit(EXIT_INTERRUPTED) from error


def path(text: str | Path) -> Path:
    """A path of a command line; an empty one, as of a variable that is not set, would be the current folder."""
    if not text:
        raise typer.BadParameter("the path is empty: name a file or a folder")
    if "\0" in str(text):
        raise typer.BadParameter("a path holds no NUL")
    return Path(text)


def _with_paths(command: Callable[..., None]) -> Callable[..., None]:
    """Have `path` read every parameter of a command that is a path."""
    parameters = signature(command, eval_str=True).parameters.values()
    for parameter in parameters:
        kind, *about = get_args(parameter.annotation) or (None,)
        if kind is Path or Path in get_args(kind):
            about[0].parser, about[0].metavar = path, about[0].metavar or "<path>"
    command.__annotations__ = {one.name: one.annotation for one in parameters}
    return command


def _load(name: str) -> Any:
    module_name = name.replace("-", "_")
    if iskeyword(module_name):
        module_name += "_"
    module = import_module(f"crysim.commands.{module_name}")
    single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    single.command(name, help=None)(_with_paths(getattr(module, module_name)))
    return typer.main.get_command(single)


app = typer.Typer(cls=LazyGroup, no_args_is_help=True, add_completion=True, pretty_exceptions_enable=False)


def _version(value: bool) -> None:
    if value:
        from crysim import __version__

        typer.echo(f"crysim {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
) -> None:
    """Crystal structure prediction by plug-ins, and the comparison of the strategies that do it."""


def main() -> NoReturn:
    """The command line as a function that ends the process; `crysim.__main__` is the entry point that starts sooner."""
    hush_warnings()
    run_to_exit(app)
