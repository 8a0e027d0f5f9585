"""How long after return the first energies stand on the screen: with nothing compiled yet, and at the next call.

    python benchmarks/first_energy.py [--rounds 2] [--checkouts . ../older] [--out results/first/first-energy.json]

The commands are `crysim search NaCl`, with CHGNet and with M3GNet (whose checkpoint must be on ``CRYSIM_MODELS``), the
same with 60 relaxations to the table at its end, and that of `make demo`, on two workers. With several checkouts each
round runs all of them, one after the other: machines differ from hour to hour, and what counts is the ratio. The
environment is that of the Python that runs this; the machine ought to have nothing else to do.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

SEARCH = ["search", "NaCl", "--workers", "2", "--energy"]
DEMO = ["bench", "--system", "ScBe5", "--method", "crysim", "--method", "random", "--energy", "chgnet"]
DEMO += ["--option", "crysim.num_initial=300", "--budget", "25", "--seeds", "0-1", "--workers", "2"]
FIRST = r"[1-9]\d* of \d+ relaxations, best"
COMMANDS = {
    "search NaCl": ([*SEARCH, "chgnet"], FIRST),
    "search NaCl, M3GNet": ([*SEARCH, "m3gnet"], FIRST),
    "search NaCl, table": ([*SEARCH, "chgnet", "--budget", "60"], None),
    "make demo": (DEMO, r"[1-9]\d* of 300 initial"),
}


def seconds_to_first(checkout: Path, arguments: list[str], sign: str | None, cache: Path) -> float:
    """Seconds until a command's progress shows an energy; it is ended then.

    Args:
        checkout: of crysim, whose sources are run.
        arguments: of ``crysim``.
        sign: what its progress looks like then; None: it is waited for.
        cache: where compiled code is kept.

    Raises:
        RuntimeError: the command ended before.
    """
    folders = [checkout, *sorted((checkout / "plugins").iterdir()), checkout / "baselines"]
    environment = os.environ | {
        "NUMBA_CACHE_DIR": str(cache),
        "PYTHONPATH": os.pathsep.join(map(str, folders)),
        "OMP_NUM_THREADS": "1",
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # as a person has it
    with TemporaryDirectory(ignore_cleanup_errors=True) as out:
        command = [sys.executable, "-m", "crysim", *arguments, "--out", str(Path(out, "out"))]
        began = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=out, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, bufsize=1
        )
        try:
            assert process.stderr is not None
            for line in process.stderr:
                if sign is not None and re.search(sign, line):
                    return time.perf_counter() - began
            if sign is None and process.wait() == 0:
                return time.perf_counter() - began
            raise RuntimeError(f"crysim {' '.join(arguments)} of {checkout} showed no energy")
        finally:
            process.kill()  # its workers end with it
            process.wait()


def measured(checkout: Path) -> dict[str, Any]:
    """Seconds of all commands of a checkout, each with nothing compiled, and once more."""
    found: dict[str, Any] = {}
    for name, (arguments, sign) in COMMANDS.items():
        with TemporaryDirectory(ignore_cleanup_errors=True) as cache:
            times = [round(seconds_to_first(checkout, arguments, sign, Path(cache)), 1) for _ in range(2)]
        found[name] = dict(zip(("nothing compiled", "next call"), times, strict=True))
    return found


def main() -> None:
    """Measure, and write what was found after each round."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--checkouts", type=Path, nargs="+", default=[Path(__file__).parents[1]])
    parser.add_argument("--out", type=Path, default=Path("results/first/first-energy.json"))
    given = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for number in range(given.rounds):
        for checkout in map(Path.resolve, given.checkouts):
            commit = subprocess.run(
                ["git", "rev-parse", "--short", "HEAD"], cwd=checkout, capture_output=True, text=True, check=True
            ).stdout.strip()
            load = round(os.getloadavg()[0], 1)
            rows.append({"round": number, "commit": commit, "cores": os.cpu_count(), "load": load} | measured(checkout))
            print(rows[-1])
            given.out.parent.mkdir(parents=True, exist_ok=True)
            given.out.write_text(json.dumps({"unit": "s", "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
