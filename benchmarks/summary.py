"""Writes this version's table in benchmarks/README.md from the files under results/: no number is typed in.

    python benchmarks/summary.py [--check]

Tables of earlier versions stay as they are. --check writes nothing, and fails if the table would change.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from solver_tables import PROOF_SECONDS

import crysim

HERE = Path(__file__).resolve().parent
RESULTS = HERE.parent / "results"
PAGE = HERE / "README.md"
Row = tuple[str, str, str]
"""What was measured, the figure, and the file that it is from."""


def load(name: str) -> Any:
    """The JSON of a file under results/."""
    return json.loads((RESULTS / name).read_text(encoding="utf-8"))


def relaxation() -> Iterator[Row]:
    """Against matgl's Relaxer, by CPU seconds of one thread."""
    file = "relaxation/relaxation.json"
    data = load(file)
    for system, both in data["references"].items():
        ratio = both["shipped"]["seconds"] / both["ours"]["seconds"]
        steps = f"{both['ours']['steps']} steps for {both['shipped']['steps']}"
        yield (
            f"relaxation of {system} from a 2 % too long cell, over matgl's `Relaxer`",
            f"{ratio:.0f}× ({steps})",
            file,
        )
    for system, runs in data["random"].items():
        pairs = [
            (theirs["seconds"], ours["seconds"])
            for ours, theirs in zip(runs["ours"], runs["shipped"], strict=True)
            if "energy" in ours and "energy" in theirs
        ]
        ratio = statistics.geometric_mean(theirs / ours for theirs, ours in pairs)
        yield (
            f"relaxation of {len(pairs)} random crystals of {system} in a batch, mean",
            f"{ratio:.0f}×",
            file,
        )


def solvers() -> Iterator[Row]:
    """The solver `convex` on models that searches trained."""
    file = "solvers/solvers.json"
    runs = {
        name.partition("|")[0]: run
        for name, run in load(file).items()
        if name.endswith(f"|convex|{PROOF_SECONDS:g}") and not name.startswith("random")
    }
    proven = [run for run in runs.values() if run["optimal"]]
    bits = sorted(run["bits"] for run in runs.values())
    yield (
        f"trained models of {bits[0]:,} to {bits[-1]:,} bits that `convex` proves optimal within a minute",
        f"{len(proven)} of {len(runs)}",
        file,
    )
    for moment in (0.1, 1.0):
        gap = statistics.median(_gap(run, moment) for run in runs.values())
        yield f"gap of `convex` to its bound after {moment:g} s, median, % of (mean random − best)", f"{gap:.4f}", file


def _gap(run: dict[str, Any], moment: float) -> float:
    """What is open after some seconds, in per cent of the distance from a mean random vector to the best."""
    past = [(upper, lower) for seconds, upper, lower in run["history"] if seconds <= moment]
    if not past:
        return 100.0
    upper, lower = past[-1]
    return max(0.0, 100.0 * (upper - lower) / (run["mean"] - run["best"]))


def surrogates() -> Iterator[Row]:
    """Training to the same validation correlation."""
    file = "surrogates/surrogates.json"
    by_data: dict[str, dict[str, Any]] = {}
    for one in load(file):
        by_data.setdefault(one["data"], {})[one["method"]] = one
    for data, methods in by_data.items():
        dense, ours = methods["dense torch, paper's settings"], methods["fm, paper's settings"]
        yield (
            f"training of `fm` on {data} ({ours['bits']:,} bits, {ours['vectors']:,} vectors), over a dense torch loop",
            f"{dense['seconds'] / ours['seconds']:.1f}×",
            file,
        )


def searches() -> Iterator[Row]:
    """The strategy `crysim` against the others."""
    file = "small/summary.json"
    for row in load(file)["rows"]:
        if row["method"] == "crysim":
            yield (
                f"{row['system']}: seeds in which `crysim` finds it; relaxations to it, median",
                f"{row['found']} of {row['runs']}; {row['to_match']:g}",
                file,
            )
    file = "garnet/table-s9.json"
    matches = [row["first_match"] for row in load(file)["rows"] if row["method"] == "crysim"]
    found = ", ".join("not found" if match is None else str(match) for match in matches)
    yield "garnet (160 atoms): relaxations of `crysim` to it, by seed", found, file
    file = "baselines/summary.json"
    rows = load(file)["rows"]
    for system in sorted({row["system"] for row in rows}):
        here = [row for row in rows if row["system"] == system]
        of = {row["method"]: f"{row['mean_to_strict']:.1f} ({row['runs']} runs)" for row in here}
        yield (
            f"{system}, symmetry kept: mean relaxations to the strict match, `crysim` and `random`",
            f"{of['crysim']} and {of['random']}",
            file,
        )


def table() -> str:
    """This version's section."""
    lines = [f"## {crysim.__version__}", "", "| | | from |", "| --- | ---: | --- |"]
    for part in (searches, relaxation, solvers, surrogates):
        lines += [f"| {what} | {figure} | [`{file}`](../results/{file}) |" for what, figure, file in part()]
    return "\n".join(lines) + "\n"


def updated(page: str) -> str:
    """The page with this version's section in its place, before the older ones."""
    section = table()
    pattern = re.compile(rf"^## {re.escape(crysim.__version__)}\n.*?(?=^## |\Z)", re.DOTALL | re.MULTILINE)
    if pattern.search(page):
        return pattern.sub(lambda _: section + "\n", page).rstrip("\n") + "\n"
    first = re.search(r"^## \d", page, re.MULTILINE)
    place = first.start() if first else len(page)
    return (page[:place] + section + "\n" + page[place:]).rstrip("\n") + "\n"


def main() -> int:
    """Write the page, or check it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    page = PAGE.read_text(encoding="utf-8")
    new = updated(page)
    if check and new != page:
        print("benchmarks/README.md is not what results/ says: run python benchmarks/summary.py")
        return 1
    if not check:
        PAGE.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
