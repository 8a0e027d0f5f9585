"""Energy model ``ase:NAME``: a calculator of ASE (``ase:lj``) or any other (``ase:package.module.Class``).

Other packages' calculators get a name of their own by an entry point of the group ``crysim.calculators``.
"""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Mapping
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points, version
from pathlib import Path
from typing import Any, ClassVar

from crysim import hookimpl
from crysim.errors import InputError, UnknownNameError
from crysim.interfaces import EnergyModel
from crysim.plugins.installed import import_named, installed_only
from crysim_energies.calculator_model import CalculatorModel, Optimizer
from crysim_energies.weights import weights_hash

GROUP = "crysim.calculators"
"""Of entry points: the name, and a class or a function that makes the calculator."""
_SPECIAL = {"mace_mp", "mattersim"}
"""Names of other packages' calculators that ASE knows besides its list."""
_ARITHMETIC = {"eam", "emt", "ff", "lj", "morse", "tersoff", "tip3p", "tip4p"}
"""ASE's own that start no program and load no code, whatever their options are."""
_PROGRAM = re.compile("command|exec|launch|profile|program|script|shell|binary|module|plugin", re.IGNORECASE)
"""In the name of an option: it may say what is run."""
_WORD = re.compile(r"[A-Za-z0-9_.+-]{1,64}")


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
            calculator_name: a name that is known (`known_names`), or the dotted path of a class or a function that
                makes one, which must be installed: the current folder is not looked at.
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
            with installed_only():
                self._calculator = factory(**self.options)
        # A calculator's constructor may fail in any way; what it was given came from the user.
        except Exception as error:
            lines = str(error).strip().splitlines()
            reason = f"{type(error).__name__}: {lines[0] if lines else 'no message'}"
            raise InputError(f"energy 'ase:{calculator_name}' cannot be made with {self.options}: {reason}") from error
        missing = [p for p in ("energy", "forces", "stress") if p not in _properties(self._calculator)]
        if missing:
            raise InputError(f"energy 'ase:{calculator_name}' gives no {missing[0]}, which relaxing a cell needs")

    @classmethod
    def check_from_file(cls, argument: str | None, options: Mapping[str, Any], *, named_there: bool) -> None:
        """Raise InputError unless a file names a known calculator, with options that name no program and no file.

        What ASE computes by itself takes any options.
        """
        name = argument or ""
        if named_there and name not in known_names():
            raise InputError(
                f"energy 'ase:{name}' stands in a file, which runs no foreign code: name it by --energy ase:{name}, "
                f"or register it under the entry points {GROUP}"
            )
        if name in _ARITHMETIC:
            return
        given = options.get("options")
        for key, value in (given if isinstance(given, Mapping) else {}).items():
            if _PROGRAM.search(str(key)) or not _is_plain(value):
                raise InputError(
                    f"option '{key}' of energy 'ase:{name}' stands in a file and may name a program or a file: give "
                    f"it by --energy-option 'options={{{key}=...}}'"
                )

    def fingerprint(self) -> dict[str, str]:
        """The calculator's class, package and options, and ASE's version.

        Where there are weights, in torch's modules or in files that options name, their sha256 too.
        """
        cls = type(self._calculator)
        package = cls.__module__.partition(".")[0]
        found = {
            "model": f"{self.name}:{self.calculator_name}",
            "class": f"{cls.__module__}.{cls.__qualname__}",
            "options": repr(sorted(self.options.items())),
            "package": f"ase {version('ase')}" + ("" if package == "ase" else f", {package}"),
        }
        if self._weights is not None:
            found["weights_sha256"] = self._weights
        return found

    @property
    def calculator(self) -> Any:
        """The calculator."""
        return self._calculator

    @cached_property
    def _weights(self) -> str | None:
        return weights_hash(self._calculator, self.options)


def find_calculator(name: str) -> Any:
    """The class, or function, that makes a calculator.

    Raises:
        InputError: no such name, or its package cannot be imported.
    """
    from ase.calculators.calculator import get_calculator_class

    if "." in name:
        return import_named(f"energy 'ase:{name}'", name)
    if name not in known_names():
        raise UnknownNameError("ASE calculator", name, known_names())
    try:
        with installed_only():
            return _registered()[name].load() if name in _registered() else get_calculator_class(name)
    except (ImportError, AttributeError) as error:
        raise InputError(f"energy 'ase:{name}' cannot be imported: {error}") from error


def known_names() -> list[str]:
    """The calculators that this ASE knows by name and that are there, and those of the entry points `GROUP`."""
    return sorted(_ase_names() | set(_registered()))


def _ase_names() -> set[str]:
    import ase.calculators
    from ase.calculators.calculator import external_calculators, names

    modules = {module.name for module in pkgutil.iter_modules(ase.calculators.__path__)}
    return (set(names) & modules) | _SPECIAL | set(external_calculators)


def _registered() -> dict[str, EntryPoint]:
    """Those of the entry points whose names ASE does not have."""
    return {point.name: point for point in entry_points(group=GROUP) if point.name not in _ase_names()}


def _is_plain(value: Any) -> bool:
    """Whether an option is a number, a yes or no, a word that is no file, or a list of such."""
    if isinstance(value, str):
        return _WORD.fullmatch(value) is not None and not Path(value).exists()
    if isinstance(value, list | tuple):
        return all(_is_plain(one) for one in value)
    return value is None or isinstance(value, bool | int | float)


def _properties(calculator: Any) -> list[str]:
    return list(getattr(calculator, "implemented_properties", ("energy", "forces", "stress")))


@hookimpl
def crysim_energies() -> list[type[EnergyModel]]:
    """Register the model."""
    return [ASEModel]
