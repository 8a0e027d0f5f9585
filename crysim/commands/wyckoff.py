"""`crysim wyckoff`: the space groups and Wyckoff combinations that a formula fits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from crysim.symmetry import Combination, SpaceGroup, WyckoffCombinations

MOST_DIGITS = 4000
"""Of an index: Python reads no whole number of many more."""
_ORDERS = "general-first or fewest-free-first."


def wyckoff(
    formula: Annotated[str, typer.Argument(help="Atoms per cell, as in Ca4S4 or Ca24Al16(SiO4)24.")],
    space_group: Annotated[
        int | None, typer.Option("--space-group", "-g", help="List the combinations of this group.")
    ] = None,
    index: Annotated[str | None, typer.Option(help="With --space-group: the combination of this index.")] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            min=1,
            show_default="1 with --index, else 20",
            help="With --space-group: at most so many combinations, from --index on.",
        ),
    ] = None,
    order: Annotated[str, typer.Option(help=f"Order of the combinations: {_ORDERS}")] = "general-first",
    z: Annotated[int, typer.Option("--z", help="Formula units per cell: every count is multiplied by it.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; counts are exact whole numbers.")] = False,
) -> None:
    """Show the space groups that a formula fits, with their exact numbers of Wyckoff combinations."""
    import json

    from crysim.composition import Composition
    from crysim.errors import InputError, UnknownNameError
    from crysim.symmetry import compatible_space_groups
    from crysim.symmetry import space_group as find_group

    if order not in ("general-first", "fewest-free-first"):
        raise UnknownNameError("order of Wyckoff combinations", order, ("general-first", "fewest-free-first"))
    if index is not None and not (index.isdecimal() and len(index) <= MOST_DIGITS):
        raise InputError(f"--index must be a whole number from 0 on, not '{index:.40}'")
    if space_group is None and (index is not None or limit is not None):
        raise InputError("--index and --limit need a space group: say which with --space-group N")
    composition = Composition.from_formula(formula, z)
    counts = compatible_space_groups(composition, None if space_group is None else [space_group])
    if not counts:
        raise InputError(f"{composition} fits no Wyckoff combination of space group {space_group}")
    groups = [find_group(number) for number in counts]
    report: dict[str, Any] = {
        "formula": composition.formula,
        "space_groups": [
            {
                "number": group.number,
                "symbol": group.symbol,
                "crystal_system": group.crystal_system,
                "combinations": counts[group.number],
            }
            for group in groups
        ],
    }
    if space_group is None:
        if as_json:
            typer.echo(json.dumps(report, indent=2))
        else:
            _print_groups(report)
        return
    from crysim.symmetry import WyckoffCombinations

    combinations = WyckoffCombinations(composition, space_group, order)  # type: ignore[arg-type]
    start = int(index or 0)
    stop = start + (limit or (20 if index is None else 1))
    listed = [combinations.unrank(start)]
    listed += [combinations.unrank(i) for i in range(start + 1, min(stop, combinations.count))]
    if as_json:
        report["order"] = order
        report["combinations"] = [
            _describe(combinations, start + i, combination) for i, combination in enumerate(listed)
        ]
        typer.echo(json.dumps(report, indent=2))
    else:
        _print_combinations(combinations, start, listed)


def _describe(combinations: WyckoffCombinations, index: int, combination: Combination) -> dict[str, Any]:
    group, elements = combinations.space_group, combinations.composition.elements
    return {
        "index": index,
        "free_coordinates": combinations.num_free_coordinates(combination),
        "sites": {e: _labels(group, indices) for e, indices in zip(elements, combination, strict=True)},
    }


def _labels(group: SpaceGroup, indices: tuple[int, ...]) -> list[str]:
    return [group.positions[i].label for i in indices]


def _print_groups(report: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("number", justify="right")
    table.add_column("symbol")
    table.add_column("crystal system")
    table.add_column("combinations", justify="right")
    for row in report["space_groups"]:
        table.add_row(str(row["number"]), row["symbol"], row["crystal_system"], f"{row['combinations']:,}")
    console = Console()
    console.print(table)
    console.print(f"{report['formula']} fits {len(report['space_groups'])} space groups", style="dim", highlight=False)


def _print_combinations(combinations: WyckoffCombinations, start: int, listed: list[Combination]) -> None:
    from itertools import groupby

    from rich.console import Console
    from rich.table import Table

    group, composition = combinations.space_group, combinations.composition
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("index", justify="right")
    table.add_column("free", justify="right")
    for element in composition.elements:
        table.add_column(element)
    for index, combination in enumerate(listed, start=start):
        cells = []
        for indices in combination:
            runs = [(label, len(list(same))) for label, same in groupby(_labels(group, indices))]
            cells.append(" ".join(label if n == 1 else f"{n}×{label}" for label, n in runs))
        table.add_row(f"{index:,}", str(combinations.num_free_coordinates(combination)), *cells)
    console = Console()
    console.print(table)
    console.print(
        f"{composition} has {combinations.count:,} Wyckoff combinations in {group.symbol} ({group.number}), "
        f"{combinations.order}",
        style="dim",
        highlight=False,
    )
