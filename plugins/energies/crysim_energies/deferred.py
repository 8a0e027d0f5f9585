"""Packages whose own code runs once somebody asks for what it makes, so that one of their modules loads without it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

from crysim.process_state import PROCESS_STATE


def defer_package(name: str, parts: Sequence[str] = ()) -> ModuleType:
    """Have a package among the modules without running its ``__init__``; one that was imported is left as it is.

    Its modules can be imported from then on. The ``__init__`` runs as soon as an attribute is asked for that the
    package does not have, so whoever uses the package itself finds all of it.

    Args:
        name: of the package; those that it lies in are imported.
        parts: modules of the package in which attributes are looked for first. One that it lacks is passed over.

    Raises:
        ModuleNotFoundError: there is no such package.
    """
    with PROCESS_STATE:
        if name in sys.modules:
            return sys.modules[name]
        spec = find_spec(name)
        if spec is None or spec.loader is None:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        package = module_from_spec(spec)
        run = spec.loader.exec_module

        def load(attribute: str) -> Any:
            if attribute.startswith("__"):  # what looks at all modules asks every one for such
                raise AttributeError(f"module {name!r} has no attribute {attribute!r}")
            for part in parts:
                with suppress(ModuleNotFoundError):
                    module = import_module(f"{name}.{part}")
                    if hasattr(module, attribute):
                        return getattr(module, attribute)
            with PROCESS_STATE:
                if vars(package).pop("__getattr__", None) is not None:
                    run(package)
            return getattr(package, attribute)

        vars(package)["__getattr__"] = load
        sys.modules[name] = package
        parent, _, own = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], own, package)
        return package
