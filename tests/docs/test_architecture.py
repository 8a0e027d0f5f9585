"""The architecture page shows the layers that are checked."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_table_of_rooms_is_the_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (contract,) = [one for one in contracts if one["type"] == "layers"]
    wanted = [sorted(layer.split(" | ")) for layer in contract["layers"]]
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.search(r"\| room \| what is inside \|\n.*?\n((?:\|.*\n)+)", page)
    assert rows is not None
    shown = [sorted(re.findall(r"`([a-z_]+)/?`", row.split("|")[1])) for row in rows[1].splitlines()]
    assert shown == wanted
