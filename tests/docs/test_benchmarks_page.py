"""benchmarks/README.md says what the files under results/ say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_this_versions_table_is_made_of_the_results() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "summary.py"), "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
