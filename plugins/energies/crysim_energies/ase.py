"""Energy model ``ase:NAME``: a calculator of ASE (``ase:lj``) or any other (``ase:package.module.Class``)."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from functools import cached_property
from importlib import import_module
from importlib.metadata import version
from typing import Any, ClassVar

from crysim import hookimpl
from crysim.errors import InputError, UnknownNameError
from crysim.interfaces import EnergyModel
from crysim_energies.calculator_model import CalculatorModel, Optimizer

_SPECIAL = {"mace_mp", "mattersim"}
"""Names of other packages' calculators that ASE knows besides its list."""


class ASEModel(CalculatorModel):
    """Energies of an ASE calculator that gives energy, forces and stress."""

    name = "ase"
    argument = "calculator_name"

    newer_options: ClassVar[Mapping[str, Any]] = {"optimizer": "fire"}

    def __init__(
        self, *, calculator_name: str, options: dict[str, Any] | None = None, optimizer: Optimizer = "bfgs"
    ) -> None:
        """Make the calculator.

        Args:
            calculator_name: a name that ASE knows, or the dotted path of a class or a function that makes one.
            options: keyword arguments of the calculator.
            optimizer: ``bfgs`` in the free parameters of the primitive cell; or ASE's ``fire``, as in runs of earlier
                versions, which go on with it.

        Raises:
            InputError: an unknown name (the closest is suggested), a package that is missing, or options that the
                calculator refuses.
        """
        self.calculator_name = calculator_name
        self.options = dict(options or {})
        self.optimizer = optimizer
        factory = find_calculator(calculator_name)
        try:
            self._calculator = factory(**self.options)
        # A calculator's constructor may fail in any way; what it was given came from the user.
        except Exception as error:
            lines = str(error).strip().splitlines()
            reason = f"{type(error).__name__}: {lines[0] if lines else 'no message'}"
            raise InputError(f"energy 'ase:{calculator_name}' cannot be made with {self.options}: {reason}") from error
        missing = [p for p in ("energy", "forces", "stress") if p not in _properties(self._calculator)]
        if missing:
            raise InputError(f"energy 'ase:{calculator_name}' gives no {missing[0]}, which relaxing a cell needs")

    def fingerprint(self) -> dict[str, str]:
        """The calculator's class and options, and the versions of ASE and of the package that it comes from."""
        cls = type(self._calculator)
        package = cls.__module__.partition(".")[0]
        return {
            "model": f"{self.name}:{self.calculator_name}",
            "class": f"{cls.__module__}.{cls.__qualname__}",
            "options": repr(sorted(self.options.items())),
            "package": f"ase {version('ase')}" + ("" if package == "ase" else f", {package}"),
        }

    @cached_property
    def calculator(self) -> Any:
        """The calculator."""
        return self._calculator


def find_calculator(name: str) -> Any:
    """The class, or function, that makes a calculator.

    Raises:
        InputError: no such name, or its package cannot be imported.
    """
    from ase.calculators.calculator import get_calculator_class

    if "." in name:
        module, _, attribute = name.rpartition(".")
        try:
            return getattr(import_module(module), attribute)
        except ImportError as error:
            raise InputError(f"energy 'ase:{name}': cannot import '{module}': {error}") from error
        except AttributeError:
            raise InputError(f"energy 'ase:{name}': '{module}' has no '{attribute}'") from None
    known = known_names()
    if name not in known:
        raise UnknownNameError("ASE calculator", name, known)
    try:
        return get_calculator_class(name)
    except (ImportError, AttributeError) as error:
        raise InputError(f"energy 'ase:{name}' cannot be imported: {error}") from error


def known_names() -> list[str]:
    """The calculators that this ASE knows by name and that are there."""
    import ase.calculators
    from ase.calculators.calculator import external_calculators, names

    modules = {module.name for module in pkgutil.iter_modules(ase.calculators.__path__)}
    return sorted((set(names) & modules) | _SPECIAL | set(external_calculators))


def _properties(calculator: Any) -> list[str]:
    return list(getattr(calculator, "implemented_properties", ("energy", "forces", "stress")))


@hookimpl
def crysim_energies() -> list[type[EnergyModel]]:
    """Register the model."""
    return [ASEModel]
