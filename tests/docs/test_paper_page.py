"""docs/paper.md says what the files under results/ say."""

from __future__ import annotations

import json
import re
from pathlib import Path

from crysim.analysis.metrics import wilson_interval
from crysim.analysis.paper.tables import targets

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "paper.md").read_text()
RESULTS = ROOT / "results"


def test_every_file_that_it_names_is_there() -> None:
    named = set(re.findall(r"`([a-z0-9]+/[\w.-]+\.(?:json|md))`", PAGE))
    assert len(named) > 10
    assert [name for name in named if not (RESULTS / name).is_file()] == []


def test_every_interval_is_wilsons() -> None:
    given = re.findall(r"(\d+) of (\d+) \((\d\.\d\d)–(\d\.\d\d)\)", PAGE)
    assert len(given) > 10
    for hits, runs, low, high in given:
        assert (low, high) == tuple(f"{end:.2f}" for end in wilson_interval(int(hits), int(runs)))


def test_what_was_found_is_what_the_summaries_say() -> None:
    small = _found("small/summary.json")
    assert "ScBe5 | found by `crysim`, `bayesian`, `swarm`: 3 of 3" in PAGE
    assert {found for (system, _), found in small.items() if system in ("ScBe5", "Ca4S4")} == {(3, 3)}
    bismuth = {method: found for (system, method), found in small.items() if system == "Ba3Na3Bi3"}
    assert bismuth == {"crysim": (3, 1), "bayesian": (2, 2), "swarm": (1, 1)}
    assert "strict: 1, 2 and 1 of 3" in PAGE
    assert _found("oxides/summary-li4zr4o8.json") == {
        ("Li4Zr4O8", "crysim"): (0, 2), ("Li4Zr4O8", "bayesian"): (0, 3), ("Li4Zr4O8", "swarm"): (0, 3)
    }  # fmt: skip
    assert "Strict on the way: 2, 3 and 3 of 3" in PAGE
    assert _found("oxides/summary-li8zr4o12.json") == {
        ("Li8Zr4O12", "crysim"): (1, 2), ("Li8Zr4O12", "bayesian"): (0, 1), ("Li8Zr4O12", "swarm"): (0, 3)
    }  # fmt: skip
    assert "Strict: `crysim` 2, `bayesian` 1, `swarm` 3 of 3" in PAGE


def test_the_targets_that_it_says_were_not_run_are_those_without_a_table() -> None:
    listed = PAGE.split("## Not run")[1]
    rows = [line for line in listed.splitlines() if line.startswith("| `")]
    not_run = {name for row in rows for name in re.findall(r"`((?:table|fig)-[\w]+)`", row)} - {"table-s9"}
    made = {path.name for path in RESULTS.rglob("*.json")} | {path.name for path in RESULTS.rglob("*.md")}
    missing = {name for name in targets() if not any(file.startswith((f"{name}.", f"{name}-1.")) for file in made)}
    assert not_run == missing


def _found(name: str) -> dict[tuple[str, str], tuple[int, int]]:
    rows = json.loads((RESULTS / name).read_text())["rows"]
    return {(row["system"], row["method"]): (row["found"], row["found_strict"]) for row in rows}
