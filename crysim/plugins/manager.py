"""Finds, lists and builds plug-ins.

Every entry point of the group ``crysim`` names a module with hook implementations, and is loaded on its own: one that
fails to import is listed as broken and stops nothing until it is asked for. Loading imports plug-in modules, so these
import what is heavy (torch, amplify, ...) only where they use it.
"""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

import pluggy

from crysim.confidential import find_credential, hidden
from crysim.errors import InputError, MissingExtraError, PluginError, UnknownNameError, first_line
from crysim.interfaces import API_VERSION, Plugin
from crysim.interrupts import is_interrupted
from crysim.plugins import specs
from crysim.plugins.checked import checked
from crysim.plugins.probe import fatal_imports
from crysim.renamed import with_current_names

GROUP = "crysim"
Kind = Literal["encoder", "surrogate", "solver", "energy", "strategy", "executor"]
HOOKS: dict[Kind, str] = {
    "encoder": "crysim_encoders",
    "surrogate": "crysim_surrogates",
    "solver": "crysim_solvers",
    "energy": "crysim_energies",
    "strategy": "crysim_strategies",
    "executor": "crysim_executors",
}
KINDS: tuple[Kind, ...] = tuple(HOOKS)
_REQUIRED = "required"
_NAME = re.compile(r"[\w.+-]{1,60}")


@dataclass(frozen=True)
class PluginInfo:
    """A plug-in that was found.

    Attributes:
        kind, name: what it is, and what users type (``ase:NAME`` where a name takes an argument).
        distribution, version: where it comes from.
        api_version: of the interfaces that it was written for.
        options: default of every option by name; ``"required"`` where there is none.
        state: ``ok``, ``unavailable`` (an extra is missing) or ``broken``.
        reason: why it is not ``ok``.
    """

    kind: Kind | None
    name: str
    distribution: str
    version: str
    api_version: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    state: Literal["ok", "unavailable", "broken"] = "ok"
    reason: str = ""


@dataclass(frozen=True)
class _Found:
    cls: type[Plugin]
    distribution: str
    version: str


class PluginManager:
    """The plug-ins of a set of entry points."""

    def __init__(self, points: Iterable[EntryPoint], fatal: Mapping[EntryPoint, str] | None = None) -> None:
        """Load entry points, but for those whose import would end this process: they are broken, and why is given."""
        self._found: dict[Kind, dict[str, list[_Found]]] = {kind: {} for kind in KINDS}
        self._broken: list[PluginInfo] = []
        for point in points:
            if fatal and point in fatal:
                self._add_broken(point, fatal[point])
            else:
                self._load(point)

    def _add_broken(self, point: EntryPoint, reason: str) -> None:
        distribution = point.dist.name if point.dist else "unknown"
        version = point.dist.version if point.dist else "unknown"
        self._broken.append(PluginInfo(None, point.name, distribution, version, state="broken", reason=reason))

    def _load(self, point: EntryPoint) -> None:
        distribution = point.dist.name if point.dist else "unknown"
        version = point.dist.version if point.dist else "unknown"
        try:
            classes = _classes_of(point.load(), point.name)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt) and is_interrupted() is not False:
                raise  # the user's, as far as can be known
            self._add_broken(point, first_line(error))
            return
        for kind, cls in classes:
            self._found[kind].setdefault(cls.name, []).append(_Found(cls, distribution, version))

    def names(self, kind: Kind) -> list[str]:
        """The names of one kind, sorted; those that take an argument as ``ase:NAME``."""
        return sorted(_typed_name(found[0].cls) for found in self._found[kind].values())

    def get(self, kind: Kind, name: str) -> type[Plugin]:
        """The class of a name, its argument after the colon not looked at.

        Raises:
            UnknownNameError: no plug-in of this kind has the name; the closest is suggested.
            PluginError: two distributions bring the name, or the plug-in of that name is broken.
        """
        base = name.partition(":")[0]
        found = self._found[kind].get(base)
        if not found:
            for info in self._broken:
                if info.name in (base, f"{kind}-{base}"):
                    raise PluginError(f"{kind} '{base}' of {info.distribution} {info.version} is broken: {info.reason}")
            raise UnknownNameError(kind, base, self._found[kind])
        if len(found) > 1:
            owners = " and ".join(f"{f.distribution} {f.version}" for f in found)
            raise PluginError(f"two plug-ins are called {kind} '{base}': {owners}; uninstall one of them")
        cls = found[0].cls
        if cls.api_version != API_VERSION:
            raise PluginError(
                f"{kind} '{base}' of {found[0].distribution} was written for version {cls.api_version} "
                f"of crysim's interfaces; this is version {API_VERSION}"
            )
        return cls

    def build(self, kind: Kind, name: str, options: Mapping[str, Any] | None = None, **given: Any) -> Any:
        """Make a plug-in from its name and the user's options, behind the checker of its kind.

        The checker (`crysim.plugins.checked`) is of the kind's interface and passes on whatever else the plug-in has.

        Args:
            kind: encoder, surrogate, solver, energy, strategy or executor.
            name: the name, with ``:ARGUMENT`` where it takes one.
            options: the user's, checked against the signature.
            given: what the caller supplies itself (a strategy's problem and parts), not checked.

        Raises:
            InputError: an unknown or ill-typed option, a missing or superfluous argument, a missing extra.
        """
        return checked(kind, self.build_unchecked(kind, name, options, **given), **given)

    def build_unchecked(self, kind: Kind, name: str, options: Mapping[str, Any] | None = None, **given: Any) -> Any:
        """The plug-in of `build` itself, for its conformance suite."""
        cls = self.get(kind, name)
        base, colon, argument = name.partition(":")
        chosen = with_current_names(options or {}, cls.renamed_options, _option_of(kind, base))
        if cls.argument is None and colon:
            raise InputError(f"{kind} '{base}' takes no argument after a colon: write just '{base}'")
        if cls.argument is not None and (argument or not cls.argument_optional):
            if not argument:
                raise InputError(f"{kind} '{base}' needs an argument: {base}:{cls.argument.upper()}")
            chosen[cls.argument] = argument
        check_options(f"{kind} '{base}'", cls, chosen, given)
        reason = _unavailable(cls)
        if reason is not None:
            if cls.extra is not None:
                raise MissingExtraError(f"{kind} '{base}'", cls.extra)
            raise InputError(f"{kind} '{base}' cannot run here: {reason}")
        return cls(**given, **chosen)

    def infos(self) -> list[PluginInfo]:
        """Every plug-in found, broken ones included, by kind and name."""
        infos = [
            self._info(kind, one, [f for f in found if f is not one])
            for kind in KINDS
            for _, found in sorted(self._found[kind].items())
            for one in found
        ]
        return infos + sorted(self._broken, key=lambda info: info.name)

    def _info(self, kind: Kind, found: _Found, rivals: list[_Found]) -> PluginInfo:
        cls = found.cls
        state: Literal["ok", "unavailable", "broken"] = "ok"
        reason = _unavailable(cls) or ""
        if reason:
            state = "unavailable"
        if rivals:
            state = "broken"
            reason = "the name is also taken by " + ", ".join(f.distribution for f in rivals)
        if cls.api_version != API_VERSION:
            state, reason = "broken", f"written for version {cls.api_version} of the interfaces, not {API_VERSION}"
        return PluginInfo(
            kind,
            _typed_name(cls),
            found.distribution,
            found.version,
            cls.api_version,
            cls.spelled_out(default_options(cls)),
            state,
            reason,
        )


@cache
def plugin_manager() -> PluginManager:
    """The plug-ins that are installed."""
    points = entry_points(group=GROUP)
    return PluginManager(points, fatal_imports(points))


def default_options(cls: type[Plugin]) -> dict[str, Any]:
    """The default of every option of a plug-in class by name; ``"required"`` where there is none."""
    return {p.name: _REQUIRED if p.default is p.empty else p.default for p in option_parameters(cls).values()}


def known_options(cls: type[Plugin]) -> set[str]:
    """The names of a plug-in class's options, those that they had before included."""
    return {*option_parameters(cls), *cls.renamed_options}


def current_options(kind: Kind, name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """A user's options of an installed plug-in by their current names; an old one is noted.

    Raises:
        UnknownNameError, PluginError: there is no such plug-in (`PluginManager.get`), and there are options.
        InputError: an option is given by both names.
    """
    if not options:
        return {}
    cls = plugin_manager().get(kind, name)
    return with_current_names(options, cls.renamed_options, _option_of(kind, name.partition(":")[0]))


def _option_of(kind: Kind, name: str) -> str:
    return f"option of {kind} '{name}'"


def check_options(
    what: str, cls: type[Plugin], options: Mapping[str, Any], given: Mapping[str, Any] | None = None
) -> None:
    """Raise InputError if an option is not in the signature of ``cls``, is ill-typed, or a required one is missing."""
    parameters = option_parameters(cls)
    hints = _hints(cls)
    taken = set(given or ())
    for key, value in options.items():
        if key not in parameters or key in taken:
            raise UnknownNameError(f"option of {what}", key, set(parameters) - taken)
        if key in hints and not _fits(value, hints[key]):
            raise InputError(f"option '{key}' of {what} is {hidden(value, key)!r}: it must be {_hint_text(hints[key])}")
    if secret := find_credential(options, cls.local_options):
        raise InputError(
            f"option '{secret}' of {what} holds a token or a password, and results say what every option was: give it "
            f"by the environment variable or the file that {what} reads it from"
        )
    missing = [
        p.name for p in parameters.values() if p.default is p.empty and p.name not in options and p.name not in taken
    ]
    if missing:
        raise InputError(f"{what} needs the option '{missing[0]}'")


def option_parameters(cls: type[Plugin]) -> dict[str, inspect.Parameter]:
    """The options of a plug-in class: keywords of ``__init__`` and fields of its `Plugin.options_class`."""
    skip = {"self", "problem", *getattr(cls, "parts", ())}
    return {
        p.name: p
        for declared in _declared(cls)
        for p in inspect.signature(declared).parameters.values()
        if p.name not in skip and p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)
    }


def _declared(cls: type[Plugin]) -> list[Any]:
    """The functions whose keywords are the options: ``__init__``, and that of the dataclass of the options."""
    return [cls.__init__, *([cls.options_class] if cls.options_class is not None else [])]


def _hints(cls: type[Plugin]) -> dict[str, Any]:
    """The annotations of the options; none if they name what exists only for type checkers."""
    try:
        return {key: hint for declared in _declared(cls) for key, hint in typing.get_type_hints(declared).items()}
    except NameError:
        return {}


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value from a command line or a TOML file fits an annotation; what we cannot judge fits."""
    origin = typing.get_origin(hint)
    if origin is Literal:
        return value in typing.get_args(hint)
    if origin is typing.Union or isinstance(hint, types.UnionType):
        return any(_fits(value, h) for h in typing.get_args(hint))
    if hint is None or hint is type(None):
        return value is None
    if isinstance(origin, type) and issubclass(origin, Iterable):
        return _fits_all(value, origin, typing.get_args(hint))
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and value == value  # no NaN
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if hint in (str, bool):
        return isinstance(value, hint)
    return True


def _fits_all(value: Any, origin: type[Iterable[Any]], hints: tuple[Any, ...]) -> bool:
    """Whether a table fits a mapping's annotation, a list that of any other container: so do all that they hold."""
    if issubclass(origin, Mapping):
        return isinstance(value, Mapping) and all(
            _fits(one, hint) for pair in value.items() for one, hint in zip(pair, hints, strict=False)
        )
    alike = len(hints) == 1 or hints[1:] == (...,)
    return isinstance(value, list | tuple) and all(not alike or _fits(one, hints[0]) for one in value)


def _hint_text(hint: Any) -> str:
    """An annotation as users read it: ``int``, ``Mapping[str, float] | None``, ``one of 'none', 'basic'``."""
    if typing.get_origin(hint) is Literal:
        return "one of " + ", ".join(map(repr, typing.get_args(hint)))
    text = hint.__name__ if isinstance(hint, type) and typing.get_origin(hint) is None else str(hint)
    return text.replace("typing.", "").replace("collections.abc.", "")


def _typed_name(cls: type[Plugin]) -> str:
    if not cls.argument:
        return cls.name
    return f"{cls.name}[:{cls.argument.upper()}]" if cls.argument_optional else f"{cls.name}:{cls.argument.upper()}"


def _unavailable(cls: type[Plugin]) -> str | None:
    """Why a plug-in cannot run here; a foreign one may fail even to say so, and that is a reason."""
    try:
        reason = cls.unavailable()
    except (Exception, SystemExit) as error:
        return first_line(error)
    return reason if reason is None or isinstance(reason, str) else f"it says {type(reason).__name__}, which is no text"


def _classes_of(module: Any, name: str) -> list[tuple[Kind, type[Plugin]]]:
    manager = pluggy.PluginManager(specs.PROJECT)
    manager.add_hookspecs(specs)
    manager.register(module, name=name)
    manager.check_pending()
    classes: list[tuple[Kind, type[Plugin]]] = []
    for kind, hook in HOOKS.items():
        for group in getattr(manager.hook, hook)():
            for cls in group:
                _check_class(hook, cls)
                classes.append((kind, cls))
    if not classes:
        raise PluginError("it registers no plug-in")
    return classes


def _check_class(hook: str, cls: Any) -> None:
    """Refuse what is no plug-in class, or has a name that could not be typed, shown or sorted."""
    if not isinstance(cls, type) or not issubclass(cls, Plugin):
        raise PluginError(f"{hook} returned a {type(cls).__name__}: it must return plug-in classes that carry a name")
    for key, wanted in (("name", getattr(cls, "name", None)), ("argument", cls.argument)):
        if key == "argument" and wanted is None:
            continue
        if not isinstance(wanted, str) or not _NAME.fullmatch(wanted):
            raise PluginError(
                f"{hook} returned a class whose {key} is no name: at most 60 letters, digits, hyphens, underscores"
            )
    for value in default_options(cls).values():  # what cannot be shown is refused here, and not when it is listed
        repr(value), str(value)
