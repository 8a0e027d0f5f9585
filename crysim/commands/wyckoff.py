"""`crysim wyckoff`: the space groups and Wyckoff combinations that a formula fits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crysim.composition import Contents
    from crysim.symmetry import Combination, SpaceGroup, WyckoffCombinations

    Listing = tuple[Contents, WyckoffCombinations, int, list[Combination]]
    """Contents, their combinations in one group, the first index listed, and the combinations from it on."""

MOST_DIGITS = 4000
"""Of an index: Python reads no whole number of many more."""
_ORDERS = "general-first or fewest-free-first."


def wyckoff(
    formula: Annotated[str, typer.Argument(help="Atoms per cell, as in Ca4S4 or Ca24Al16(SiO4)24.")],
    space_group: Annotated[
        str | None,
        typer.Option("--space-group", "-g", help="List the combinations of this group: a number, or Fm-3m."),
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
    z: Annotated[
        str, typer.Option("--z", help="Formula units per cell, as in 4, 1-4 or 1,2,4: every count is multiplied.")
    ] = "1",
    cell: Annotated[
        str, typer.Option(help="conventional or primitive: which cell of every group holds the formula units.")
    ] = "conventional",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; counts are exact whole numbers.")] = False,
) -> None:
    """Show the space groups that a formula fits, with their exact numbers of Wyckoff combinations."""
    from crysim.commands.output import print_json
    from crysim.composition import CELLS, MAX_ATOMS
    from crysim.errors import InputError, UnknownNameError
    from crysim.harness.contents import contents_of, read_units

    if order not in ("general-first", "fewest-free-first"):
        raise UnknownNameError("order of Wyckoff combinations", order, ("general-first", "fewest-free-first"))
    if cell not in CELLS:
        raise UnknownNameError("cell", cell, CELLS)
    if index is not None and not (index.isdecimal() and len(index) <= MOST_DIGITS):
        raise InputError(f"--index must be a whole number from 0 on, not '{index:.40}'")
    if space_group is None and (index is not None or limit is not None):
        raise InputError("--index and --limit need a space group: say which with --space-group N")
    units = read_units(z)
    found = contents_of(formula, units, cell, MAX_ATOMS)
    if space_group is None:
        report = _groups(found, units)
        print_json(report) if as_json else _print_groups(report, found)
        return
    listings = _listings(formula, found, space_group, index, limit, order)
    if as_json:
        reports = [_combinations(listing, order) for listing in listings]
        print_json(reports if len(units) > 1 else reports[0])
        return
    for listing in listings:
        _print_combinations(*listing)


def _groups(found: Sequence[Contents], units: Sequence[int]) -> dict[str, Any]:
    """The groups that any of the contents fit; with several the counts of each, and their sum as ``combinations``."""
    from crysim.symmetry import compatible_space_groups
    from crysim.symmetry import space_group as find_group

    counts = [compatible_space_groups(contents) for contents in found]
    rows: list[dict[str, Any]] = []
    for group in map(find_group, sorted(set().union(*counts))):
        own = [count.get(group.number, 0) for count in counts]
        row = _describe_group(group) | {"combinations": sum(own)}
        if len(units) > 1:
            row["combinations_by_z"] = {str(z): n for z, n in zip(units, own, strict=True)}
        rows.append(row)
    report: dict[str, Any] = {"formula": found[0].formula}
    if len(units) > 1:
        report = {"formula": found[0].formula, "formulas": [contents.formula for contents in found], "z": list(units)}
        report["fitting_groups_by_z"] = {str(z): len(count) for z, count in zip(units, counts, strict=True)}
    if found[0].primitive:
        report["cell"] = found[0].cell
    report["space_groups"] = rows
    return report


def _describe_group(group: SpaceGroup) -> dict[str, Any]:
    return {"number": group.number, "symbol": group.symbol, "crystal_system": group.crystal_system}


def _listings(
    formula: str, found: Sequence[Contents], space_group: str, index: str | None, limit: int | None, order: str
) -> list[Listing]:
    """The combinations asked for of each contents that fit the group.

    Raises:
        InputError: none of them fits, or none has the index.
    """
    from crysim.errors import InputError
    from crysim.symmetry import WyckoffCombinations, space_group_number

    number = space_group_number(space_group)
    fitting = [
        (contents, combinations)
        for contents in found
        if (combinations := WyckoffCombinations(contents, number, order)).count  # type: ignore[arg-type]
    ]
    if not fitting:
        raise InputError(_why_none_fits(formula, found, number))
    start = int(index or 0)
    stop = start + (limit or (20 if index is None else 1))
    having = [pair for pair in fitting if start < pair[1].count] or fitting[-1:]
    listings = []
    for contents, combinations in having:
        first = combinations.unrank(start)
        others = [combinations.unrank(i) for i in range(start + 1, min(stop, combinations.count))]
        listings.append((contents, combinations, start, [first, *others]))
    return listings


def _why_none_fits(formula: str, found: Sequence[Contents], number: int) -> str:
    """That no contents fit, and the smallest that do, with the options that ask for them."""
    from crysim.composition import Composition
    from crysim.harness.contents import MAX_SEARCHED
    from crysim.symmetry import smallest_fitting_units
    from crysim.symmetry import space_group as find_group

    group, unit = find_group(number), Composition.from_formula(formula)
    names = ", ".join(map(str, found))
    message = f"{names} fits no Wyckoff combination of {group.symbol} ({number})"
    smallest = smallest_fitting_units(unit, number, MAX_SEARCHED)
    if smallest is None:
        return f"{message}; nor does any conventional cell of up to {MAX_SEARCHED} atoms"
    cell = unit.times(smallest)
    options, factor = f"--z {smallest}", group.centring_factor
    if smallest % factor == 0 and found[0].primitive:
        options = f"--z {smallest // factor}"
    elif found[0].primitive:
        options = f"--cell conventional {options}"
    elif smallest % factor == 0 and factor > 1:
        options += f" (or --cell primitive --z {smallest // factor})"
    return f"{message}; its smallest conventional cell there is {cell}: {options}"


def _combinations(listing: Listing, order: str) -> dict[str, Any]:
    contents, combinations, start, listed = listing
    report: dict[str, Any] = {"formula": contents.formula}
    if contents.primitive:
        report |= {"cell": contents.cell, "conventional_formula": combinations.composition.formula}
    return report | {
        "space_groups": [_describe_group(combinations.space_group) | {"combinations": combinations.count}],
        "order": order,
        "combinations": [_describe(combinations, start + i, combination) for i, combination in enumerate(listed)],
    }


def _describe(combinations: WyckoffCombinations, index: int, combination: Combination) -> dict[str, Any]:
    group, elements = combinations.space_group, combinations.composition.elements
    return {
        "index": index,
        "free_coordinates": combinations.num_free_coordinates(combination),
        "sites": {e: _labels(group, indices) for e, indices in zip(elements, combination, strict=True)},
    }


def _labels(group: SpaceGroup, indices: tuple[int, ...]) -> list[str]:
    return [group.positions[i].label for i in indices]


def _print_groups(report: dict[str, Any], found: Sequence[Contents]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("number", justify="right")
    table.add_column("symbol")
    table.add_column("crystal system")
    by_z = [str(z) for z in report.get("z", ())]
    for z in by_z:
        table.add_column(f"Z {z}", justify="right")
    table.add_column("sum" if by_z else "combinations", justify="right")
    for row in report["space_groups"]:
        counts = [f"{row['combinations_by_z'][z]:,}" for z in by_z]
        system = row["crystal_system"]
        table.add_row(str(row["number"]), row["symbol"], system, *counts, f"{row['combinations']:,}")
    console = Console()
    console.print(table)
    fitting = report.get("fitting_groups_by_z", {"": len(report["space_groups"])})
    for contents, groups in zip(found, fitting.values(), strict=True):
        console.print(f"{contents} fits {groups} space groups", style="dim", highlight=False)


def _print_combinations(
    contents: Contents, combinations: WyckoffCombinations, start: int, listed: list[Combination]
) -> None:
    from itertools import groupby

    from rich.console import Console
    from rich.table import Table

    group = combinations.space_group
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("index", justify="right")
    table.add_column("free", justify="right")
    for element in combinations.composition.elements:
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
        f"{contents} has {combinations.count:,} Wyckoff combinations in {group.symbol} ({group.number}), "
        f"{combinations.order}",
        style="dim",
        highlight=False,
    )
