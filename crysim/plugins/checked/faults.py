"""How the checkers name a plug-in's fault."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import isfinite
from typing import Any, ClassVar, Generic, NoReturn, TypeVar

import numpy as np

from crysim.errors import CrysimError, PluginFaultError, first_line
from crysim.interfaces import Plugin

P = TypeVar("P", bound=Plugin)


class Checked(Generic[P]):
    """Holds a plug-in, and names its faults; what the interface does not know of is looked up in the plug-in."""

    kind: str
    _own: ClassVar[frozenset[str]]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._own = frozenset(name for base in cls.__mro__ if issubclass(base, Checked) for name in vars(base))

    def __init__(self, plugin: P) -> None:
        self._plugin: P = plugin

    def __getattribute__(self, name: str) -> Any:
        # Also what the interface has a default for is the plug-in's, unless it is looked at here.
        mine = object.__getattribute__(self, "__dict__")
        if name.startswith("__") or name in mine or name in type(self)._own or "_plugin" not in mine:
            return object.__getattribute__(self, name)
        return getattr(mine["_plugin"], name)

    def check(self) -> None:
        """The plug-in's own."""
        self._plugin.check()

    def _fault(self, text: str) -> NoReturn:
        raise PluginFaultError(f"{self.kind} '{self._plugin.name}' broke its interface: {text}")

    @contextmanager
    def _calling(self, method: str) -> Iterator[None]:
        """Names the plug-in in an error that is not crysim's."""
        try:
            yield
        except CrysimError:
            raise
        except (Exception, SystemExit) as error:  # a plug-in does not end the command either
            raise PluginFaultError(
                f"{self.kind} '{self._plugin.name}' failed in {method}: {first_line(error)}"
            ) from error

    def _array(self, what: str, value: Any, shape: tuple[int, ...], kind: str) -> None:
        """Complain unless it is an array of this shape and kind of type (``b`` bool, ``f`` float)."""
        if not isinstance(value, np.ndarray):
            self._fault(f"{what} are a {type(value).__name__}, not an array")
        if value.dtype.kind != kind:
            self._fault(f"{what} are of type {value.dtype}, not {'bool' if kind == 'b' else 'float64'}")
        if value.shape != shape:
            self._fault(f"{what} have the shape {list(value.shape)}, not {list(shape)}")

    def _json(self, what: str, value: Any) -> None:
        """Complain unless it is a mapping that a journal can hold."""
        if fault := json_fault(value):
            self._fault(f"{what} {fault}")


class CheckedState(Checked[P]):
    """A plug-in with a state that its next call depends on."""

    def state(self) -> dict[str, np.ndarray[Any, Any]] | None:
        """Its state, looked at: arrays by name."""
        plugin: Any = self._plugin
        with self._calling("state"):
            state: dict[str, np.ndarray[Any, Any]] | None = plugin.state()
        if state is not None and not (
            isinstance(state, dict)
            and all(isinstance(name, str) for name in state)
            and all(isinstance(value, np.ndarray) and not value.dtype.hasobject for value in state.values())
        ):
            self._fault("its state is no dictionary of arrays of numbers or texts, by name")
        return state

    def load_state(self, state: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """The plug-in's own."""
        plugin: Any = self._plugin
        with self._calling("load_state"):
            plugin.load_state(state)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"it holds a {type(value).__name__}")


def json_fault(value: Any) -> str:
    """Why it is no mapping that a journal can hold; empty if it is one."""
    if not isinstance(value, Mapping):
        return f"is a {type(value).__name__}, not a mapping"
    try:
        json.dumps(dict(value), allow_nan=False, default=_plain)
    except Exception as error:  # noqa: BLE001 - a value may raise anything when it is asked for what it holds
        return f"cannot be written as JSON: {first_line(error)}"
    return ""


def is_number(value: Any) -> bool:
    """Whether it is a real number, NaN and infinities included, and no integer beyond what a float holds."""
    if isinstance(value, int) and not isinstance(value, bool):
        return abs(value) < 2**1023
    return isinstance(value, float | np.integer | np.floating)


def is_seconds(value: Any) -> bool:
    """Whether it is a finite number, not negative."""
    return is_number(value) and isfinite(value) and value >= 0
