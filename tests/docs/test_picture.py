"""README's first picture can be drawn anew from the folder of a bench."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from crysim.harness.loop import execute
from crysim.harness.spec import build_energy
from tests.harness.specs import EMT, small_spec

SCRIPT = Path(__file__).parents[2] / "docs" / "images" / "result.py"


def test_the_picture_of_a_bench_is_drawn(tmp_path: Path) -> None:
    for seed in range(2):
        execute(small_spec(seed=seed), tmp_path / "Al2Cu2" / "random" / f"seed-{seed}", build_energy(EMT))
    spec = importlib.util.spec_from_file_location("result_picture", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.draw(tmp_path, tmp_path / "result.png")
    assert (tmp_path / "result.png").read_bytes().startswith(b"\x89PNG")
