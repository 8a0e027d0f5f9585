"""The paper's protocol on Fixstars Amplify (or D-Wave) and on a solver of ours, side by side.

    export AMPLIFY_TOKEN=AE/...
    python benchmarks/on_amplify.py --target table-s2 --out on-amplify --solver-option plan=basic open_bits_only=true

Both sides are `crysim reproduce TARGET --method crysim` with nothing but the solver changed, so the records, the table
and going on after a stop are those of any run: the same command goes on where it was. OUT/side-by-side.md is there from
the beginning, with the paper's values and '/' for what has not run, and is filled as each side ends. --solver
dimod:dwave-hybrid and DWAVE_API_TOKEN do the same on D-Wave. --rest passes anything else on to both sides
(``--rest --energy chgnet``).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from crysim.analysis.paper.tables import find_target
from crysim.analysis.tables import Column, Table, Value
from crysim.declared import assignments
from crysim.errors import CrysimError
from crysim.harness.config_file import read_settings
from crysim.plugins import plugin_manager
from crysim.written_files import replace_file

SHOWN = {"first_match": "I_M,0", "lowest": "E_min (eV)", "num_lowest": "N_E", "num_matched": "N_M"}


def command(side: str, solver: str, options: argparse.Namespace) -> list[str]:
    """The command of one side."""
    given = ["--system", options.system] if options.system else []
    for name in ("budget", "seeds"):
        value = getattr(options, name)
        given += [] if value is None else [f"--{name}", str(value)]
    remote = [f"--solver-option={one}" for one in options.solver_option] if side == "remote" else []
    return [
        sys.executable, "-m", "crysim", "reproduce", options.target, "--method", "crysim", "--solver", solver,
        *remote, *given, *options.rest, "--out", str(options.out / side),
    ]  # fmt: skip


def rows_of(folder: Path, target: str) -> dict[int, dict[str, Any]]:
    """The rows of a side's table by seed; none while it has not run."""
    path = folder / f"{target}.json"
    if not path.is_file():
        return {}
    return {row["seed"]: row for row in json.loads(path.read_text("utf-8"))["rows"]}


def side_by_side(options: argparse.Namespace, seeds: list[int]) -> Table:
    """One row for each seed: the paper's values, the service's and ours."""
    remote, local = (rows_of(options.out / side, options.target) for side in ("remote", "local"))
    columns = [Column("seed", "seed")]
    rows: list[dict[str, Value]] = []
    for key, heading in SHOWN.items():
        form = ".2f" if key == "lowest" else None
        columns += [
            Column(f"paper_{key}", f"{heading}, paper", form),
            Column(f"remote_{key}", options.solver, form),
            Column(f"local_{key}", options.ours, form),
        ]
    for seed in seeds:
        row: dict[str, Value] = {"seed": seed}
        for key in SHOWN:
            either = remote.get(seed) or local.get(seed) or {}
            row[f"paper_{key}"] = either.get(f"paper_{key}")
            row[f"remote_{key}"] = remote.get(seed, {}).get(key)
            row[f"local_{key}"] = local.get(seed, {}).get(key)
        rows.append(row)
    return Table(
        f"{find_target(options.target).title}: {options.solver} and {options.ours}", tuple(columns), tuple(rows)
    )


def write(options: argparse.Namespace, seeds: list[int]) -> None:
    """Write the table as far as it is filled."""
    options.out.mkdir(parents=True, exist_ok=True)
    table = side_by_side(options, seeds)
    replace_file(options.out / "side-by-side.md", table.to_markdown())
    replace_file(options.out / "side-by-side.json", table.to_json())


def main() -> int:
    """Run ours, then the service's, and fill the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default="table-s2", help="a table of seeds: table-s1 to table-s6, table-s8 to s10")
    parser.add_argument("--system", help="of the target")
    parser.add_argument("--budget", type=int, help="relaxations; default: the paper's 300")
    parser.add_argument("--seeds", default="0-2", help="as in 0-2")
    parser.add_argument("--solver", default="amplify", help="of the service: amplify, dimod:dwave-hybrid, dimod:dwave")
    parser.add_argument("--ours", default="convex", help="beside it")
    parser.add_argument("--solver-option", nargs="*", default=[], help="of the service, as in plan=basic")
    parser.add_argument("--out", type=Path, default=Path("on-amplify"))
    parser.add_argument("--rest", nargs=argparse.REMAINDER, default=[], help="for both sides; last of all")
    options = parser.parse_args()
    try:
        if find_target(options.target).kind != "seeds":
            parser.error(f"{options.target} has no rows for seeds")
        # A missing token or a wrong option is told before the hours of our side.
        for solver, given in ((options.solver, options.solver_option), (options.ours, [])):
            plugin_manager().build("solver", solver, assignments(given)).check()
    except CrysimError as error:
        parser.error(str(error))
    seeds = list(read_settings(None, {"seeds": options.seeds, "system": ["Ca4S4"]}).seeds)
    write(options, seeds)
    code = 0
    for side, solver in (("local", options.ours), ("remote", options.solver)):
        code = max(code, subprocess.run(command(side, solver, options), check=False).returncode)
        write(options, seeds)
    print((options.out / "side-by-side.md").read_text("utf-8"))
    return code


if __name__ == "__main__":
    sys.exit(main())
