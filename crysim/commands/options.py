"""Options that commands share: those of declared settings are made from the declarations, the others stand here."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from crysim.declared import PARTS, RECORDS, RELAX, RUN, Setting, bare, declared

__all__ = ["PARTS", "RECORDS", "RELAX", "RUN", "Json", "with_settings"]

EncoderOption = Annotated[
    list[str] | None,
    typer.Option("--encoder-option", metavar="KEY=VALUE", help="Of the encoder.", rich_help_panel=PARTS),
]
SurrogateOption = Annotated[
    list[str] | None,
    typer.Option("--surrogate-option", metavar="KEY=VALUE", help="Of the surrogate.", rich_help_panel=PARTS),
]
SurrogateConfig = Annotated[
    Path | None,
    typer.Option(
        "--surrogate-config", help="TOML file of crysim tune: the surrogate and its options.", rich_help_panel=PARTS
    ),
]
SolverOption = Annotated[
    list[str] | None, typer.Option("--solver-option", metavar="KEY=VALUE", help="Of the solver.", rich_help_panel=PARTS)
]
EnergyOption = Annotated[
    list[str] | None,
    typer.Option("--energy-option", metavar="KEY=VALUE", help="Of the energy model.", rich_help_panel=PARTS),
]
ExecutorOption = Annotated[
    list[str] | None,
    typer.Option("--executor-option", metavar="KEY=VALUE", help="Of the executor.", rich_help_panel=RECORDS),
]
Option = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        metavar="[METHOD.]KEY=VALUE",
        help="Of the strategies, or of one method only.",
        rich_help_panel=PARTS,
    ),
]
Mid = Annotated[
    bool | None,
    typer.Option(
        "--mid/--no-mid",
        help="Strategy crysim: the steps that heed the minimum interatomic distance.",
        show_default=False,
        rich_help_panel=PARTS,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_PART_OPTIONS: dict[str, Any] = {
    "option": Option,
    "encoder_option": EncoderOption,
    "surrogate_option": SurrogateOption,
    "surrogate_config": SurrogateConfig,
    "solver_option": SolverOption,
    "energy_option": EnergyOption,
    "executor_option": ExecutorOption,
    "mid": Mid,
}
"""Options of a search's parts: they are no settings, since which there are depends on the parts."""

Command = Callable[..., None]


def with_settings(
    *classes: type, only: tuple[str, ...] | None = None, without: tuple[str, ...] = (), parts: tuple[str, ...] = ()
) -> Callable[[Command], Command]:
    """Give a command an option for every declared setting of some classes.

    The command gets those that were given, by name, as the keyword argument ``given``.

    Args:
        classes: with `crysim.declared.setting` fields.
        only: names of the settings; None: all that have a flag.
        without: names that are left out.
        parts: names of `_PART_OPTIONS`; ``("all",)`` for all of them.
    """
    wanted = [
        one
        for cls in classes
        for one in sorted(declared(cls), key=lambda one: one.name not in cls.__annotations__)  # its bases' last
        if one.flag and (only is None or one.name in only) and one.name not in without
    ]
    added = {one.name: _annotation(one) for one in wanted}
    added |= {name: hint for name, hint in _PART_OPTIONS.items() if name in parts or parts == ("all",)}

    def decorate(command: Command) -> Command:
        own = [p for p in inspect.signature(command, eval_str=True).parameters.values() if p.name != "given"]

        def call(**arguments: Any) -> None:
            given = {name: arguments.pop(name) for name in added}
            command(given={k: v for k, v in given.items() if v not in (None, [])}, **arguments)

        before = [p for p in own if p.default is p.empty]
        after = [p for p in own if p.default is not p.empty]
        made = [
            inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=h) for n, h in added.items()
        ]
        ordered = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in (*before, *after)]
        position = next((i for i, p in enumerate(ordered) if p.name == "as_json"), len(ordered))
        call.__signature__ = inspect.Signature([*ordered[:position], *made, *ordered[position:]])  # type: ignore[attr-defined]
        call.__annotations__ = {p.name: p.annotation for p in (*ordered, *made)}
        call.__name__, call.__doc__ = command.__name__, command.__doc__
        return call

    return decorate


def _annotation(one: Setting) -> Any:
    """The typer option of a setting; what is not given is None, so that a file may say it."""
    kind = bare(one.hint)
    shown = kind if kind in (int, float, str, bool) else str if kind == tuple[int, ...] else list[str]
    metavar = one.declaration.metavar or ("KEY=VALUE" if isinstance(kind, Mapping) else None)
    about = one.declaration.help
    flag = f"{one.flag}/--no-{one.flag.removeprefix('--')}" if kind is bool else one.flag
    if one.default_text != "none":
        about += f" Default: {one.default_text}."
    return Annotated[
        shown | None,
        typer.Option(flag, metavar=metavar, help=about, rich_help_panel=one.declaration.panel, show_default=False),
    ]
