"""What `crysim search FORMULA`, as a person types it, says of compounds whose crystal is known.

    python benchmarks/front_door.py --out FOLDER [--formulas NAME ...] [--options "--energy chgnet"]

Each compound of ``front_door.toml``, or of another file of its kind, is searched with the command's defaults, in a
process of its own; the known crystal is taken to be found where the printed table holds its space group with its atoms
per primitive cell. Where it is not first, the table says how far above the first it stands. Searches are kept in
``FOLDER/front_door.jsonl``, and a run goes on where they end.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
KNOWN = HERE / "front_door.toml"
Row = dict[str, Any]


def search(formula: str, options: str) -> Row:
    """One search in an empty folder: the printed rows, and its seconds on the clock."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "crysim", "search", formula, "--json", *shlex.split(options)]
        began = time.perf_counter()
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - began
    row = {"formula": formula, "options": options, "seconds": round(seconds, 1)}
    if done.returncode:
        return {**row, "error": (done.stderr.strip().splitlines() or [str(done.returncode)])[-1]}
    return {**row, "crystals": json.loads(done.stdout)}


def judged(row: Row, symbol: str, atoms: int) -> Row:
    """Where the known crystal stands in the table, what stands first, and how far apart they are."""
    from crysim.crystal.structure_types import mirror
    from crysim.symmetry.groups import space_group_number

    number = mirror(space_group_number(symbol))
    crystals = row.get("crystals", [])
    places = [one for one in crystals if mirror(one["space_group"]) == number and one["atoms"] == atoms]
    return {
        "place": places[0]["rank"] if places else None,
        "above": places[0]["above_best"] if places else None,
        "first": crystals[0] if crystals else None,
        "template": places[0]["template"] if places else None,
    }


def print_table(rows: list[Row], known: dict[str, tuple[str, int]]) -> None:
    """One line for each compound, and the sums."""
    print("| compound | known | place | above the first (meV/atom) | first | started from | s |")
    print("|---|---|---:|---:|---|---|---:|")
    first = listed = 0
    for row in rows:
        symbol, atoms = known[row["formula"]]
        seen = judged(row, symbol, atoms)
        first += seen["place"] == 1
        listed += seen["place"] is not None
        top = seen["first"]
        cells = [
            row["formula"],
            f"{symbol}, {atoms}",
            "–" if seen["place"] is None else str(seen["place"]),
            "" if seen["above"] is None else f"{1000 * seen['above']:.1f}",
            row.get("error", "") if top is None else f"{top['symbol']}, {top['atoms']}",
            ("" if top is None else top["template"] or "") if seen["place"] is None else seen["template"] or "",
            f"{row['seconds']:.0f}",
        ]
        print("| " + " | ".join(cells) + " |")
    print(f"\n{len(rows)} compounds: the known crystal is first in {first}, among those printed in {listed}")


def main() -> None:
    """Search what is not kept yet, and print the table of all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="where searches are kept, and taken up again")
    parser.add_argument("--known", type=Path, default=KNOWN, help="compounds and their crystals")
    parser.add_argument("--formulas", nargs="+", help="default: all")
    parser.add_argument("--options", default="", help="of crysim search, in one word")
    parser.add_argument("--table", action="store_true", help="print the table of what is kept, and search nothing")
    options = parser.parse_args()
    known = {
        name: (str(symbol), int(n))
        for name, (symbol, n) in tomllib.loads(options.known.read_text())["crystals"].items()
    }
    kept = options.out / "front_door.jsonl"
    rows = [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []
    options.out.mkdir(parents=True, exist_ok=True)
    for formula in [] if options.table else options.formulas or known:
        if all(row["formula"] != formula for row in rows):
            rows.append(search(formula, options.options))
            with kept.open("a") as file:
                file.write(json.dumps(rows[-1]) + "\n")
            print(f"{formula}: {judged(rows[-1], *known[formula])['place']}", file=sys.stderr, flush=True)
    print_table(rows, known)


if __name__ == "__main__":
    main()
