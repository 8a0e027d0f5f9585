"""Imports of what a person names by a dotted path: installed modules, and none that lies in the current folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from crysim.errors import InputError
from crysim.process_state import PROCESS_STATE


@contextmanager
def installed_only() -> Iterator[None]:
    """Modules are not looked for in the current folder, nor in that of the script that runs.

    Somebody's folder of results may hold a file named like a module. What is imported already stays imported.
    """
    here = {Path.cwd(), Path(sys.argv[0] or ".").absolute().parent}
    with PROCESS_STATE:
        before = list(sys.path)
        sys.path[:] = [place for place in before if place and Path(place).absolute() not in here]
        try:
            yield
        finally:
            sys.path[:] = before


def import_named(part: str, path: str) -> Any:
    """The attribute of a dotted path ``package.module.Name``.

    Args:
        part: what is named so, for the error: ``energy 'ase:package.module.Name'``.
        path: the dotted path.

    Raises:
        InputError: it is no such path, there is no such module or attribute, or the module fails while it is imported.
    """
    module, _, attribute = path.replace(":", ".").rpartition(".")
    if not all(one.isidentifier() for one in (*module.split("."), attribute)):
        raise InputError(f"{part}: '{path}' is no dotted path, as in package.module.Name")
    try:
        with installed_only():
            return getattr(import_module(module), attribute)
    except AttributeError:
        raise InputError(f"{part}: '{module}' has no '{attribute}'") from None
    except ImportError as error:
        known = " (modules in the current folder are not looked at)" if isinstance(error, ModuleNotFoundError) else ""
        raise InputError(f"{part}: cannot import '{module}': {_line(error)}{known}") from error
    # A module may fail in any way while it is imported.
    except (Exception, SystemExit) as error:
        raise InputError(f"{part}: cannot import '{module}': {type(error).__name__}: {_line(error)}") from error


def _line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or ["no message"])[0]
