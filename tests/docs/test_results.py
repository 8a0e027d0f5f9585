"""What the pages of results say is what their files hold."""

from __future__ import annotations

import json
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "results" / "baselines"


def test_the_table_of_the_baselines_is_that_of_their_summary() -> None:
    rows = {(row["system"], row["method"]): row for row in json.loads((FOLDER / "summary.json").read_text())["rows"]}
    seen = set()
    for line in (FOLDER / "README.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 5 or not cells[0].startswith("`"):
            continue
        method = cells[0].strip("`")
        for system, mean, found in (("Ca4S4", *cells[1:3]), ("ScBe5", *cells[3:5])):
            row = rows[system, method]
            of = "" if row["runs"] == 10 else f" of {row['runs']}"
            assert (mean, found) == (f"{row['mean_to_strict']:.1f}", f"{row['found_strict']}{of}"), (system, method)
            seen.add((system, method))
    assert seen == set(rows)
