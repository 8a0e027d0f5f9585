"""Ising solvers on models as a search trains them: ours against dwave-samplers, OpenJij, simulated bifurcation, and
the exact solvers SCIP and HiGHS.

    python benchmarks/solvers.py [--quick] [--models NAME ...] [--solvers NAME ...] [--budgets S ...] [--json FILE]

Models are those of make_models.py (trained on M3GNet energies of real crystals) and ``random-M``: normally distributed
coefficients in the groups of Table S12. Every run is a process of its own with one thread, and seconds are its CPU
seconds, so that other work on the machine does not count. Peers get each time budget, tuned penalties
(`crysim.quadratic.penalties.tight_penalties`), repair of broken groups, and our own descent by exchanges on their
three best answers: without it they are far behind. One that ends with more than a fifth of its budget left, as
dimod:tabu does on a busy machine because it reads a clock of its own, runs again with another seed. Ours are run once,
`convex` until it has a proof or 60 s are over. SCIP and HiGHS (`exact_peers`; named with --solvers, since they are
installed apart) are run once until they have a proof or the largest budget is over, and the history that they keep
says what they had at each.

The tables say, in per cent of (mean random energy − best energy), how far each answer is above the best one known, and
how many times sooner `convex` had an energy at least as low. Memory is the peak over what imports take. With --json a
run goes on where the file ends, so models and budgets can be added one by one: all of it takes hours, nearly all of
them the peers', so that --at-most ends a run after so many CPU seconds of jobs, and the exact solvers and the small
models come first. --quick is a run of under a minute on two models.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from exact_peers import PROVING
from make_models import MODELS
from solver_tables import ANNEALER_SECONDS, BUDGETS, OURS, PROOF_SECONDS, Result, key, print_tables

from crysim.arrays import Bits
from crysim.quadratic import BitGroup, QuadraticModel
from crysim.quadratic.io import load_model

PEERS = ("dimod:sa", "dimod:tabu", "dimod:openjij-sa", "dimod:openjij-sqa", "simulated-bifurcation")
QUICK_MODELS = ("Y6Co51-g5-later", "random-801")
QUICK_PEERS = ("dimod:sa", "dimod:tabu", "simulated-bifurcation")
QUICK_BUDGET = 2.0
POLISHED = 3
OPTIONS = {"convex": {"max_nodes": 10**12}}
"""It ends with a proof, or when its time is over."""
KEPT = ("feasible", "reads", "repaired", "nodes", "replicas", "programs", "tangents", "status")
LEFT, MOST_RUNS = 0.2, 20
SHAPES = {  # Table S12: bits of a length, of the space group, voxels, ones of each element
    801: (35, 19, 125, (6, 51)),
    4157: (85, 19, 1728, (6, 51)),
    7677: (90, 68, 1728, (24, 16, 24, 96)),
    14334: (113, 68, 3375, (24, 16, 24, 96)),
}


def random_model(bits: int) -> QuadraticModel:
    """Normally distributed coefficients, K = 16, in the groups of Table S12."""
    length, space_groups, voxels, ones = SHAPES[bits]
    parts = [(length, 1)] * 3 + [(40, 1)] * 3 + [(7, 1), (space_groups, 1), (300, 1)] + [(voxels, k) for k in ones]
    groups, start = [], 0
    for number, (size, k) in enumerate(parts):
        groups.append(BitGroup(f"g{number}", start, size, k))
        start += size
    rng = np.random.default_rng(bits)
    return QuadraticModel(rng.normal(size=bits), factors=rng.normal(size=(bits, 16)) / 4.0, groups=tuple(groups))


def find_model(name: str) -> QuadraticModel:
    """A model by name."""
    return (
        random_model(int(name.removeprefix("random-")))
        if name.startswith("random-")
        else load_model(MODELS / f"{name}.npz")
    )


def model_names() -> list[str]:
    """All models, the small ones first."""
    names = [path.stem for path in MODELS.glob("*.npz")] + [f"random-{bits}" for bits in SHAPES]
    return sorted(names, key=lambda name: (find_model(name).num_bits, name))


# ------------------------------------------------------------------------------------------------- one run


def peak_memory(reset: bool = False) -> float:
    """MB of the process's peak since the last reset (Linux), or since its start."""
    if reset:
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024.0


def use_cpu_clock() -> None:
    """Make every clock of this process that Python code reads stand still while other processes have the CPU."""
    time.perf_counter = time.monotonic = time.time = time.process_time
    time.perf_counter_ns = time.monotonic_ns = time.time_ns = time.process_time_ns


def descended(model: QuadraticModel, bits: Bits) -> Bits:
    """Vectors ``[n, M]`` of a low-rank model after our descent by exchanges."""
    from crysim.quadratic.convex_relaxation import LowRankForm
    from crysim_solvers.local_search.descent import Descent

    descent = Descent(LowRankForm.of(model))
    partition = descent.form.partition
    ones = [descent.double(partition.ones_of(row)) for row in bits]
    return partition.bits_of(np.array(ones).reshape(len(bits), -1))


def run_job(model_name: str, solver_name: str, budget: float) -> Result:
    """Run one solver on one model in this process."""
    wall = time.perf_counter
    use_cpu_clock()
    from crysim.plugins import plugin_manager

    if solver_name not in PROVING and not solver_name.startswith("dimod:openjij"):
        import torch

        torch.set_num_threads(1)
    solver: Any = (
        PROVING[solver_name]()
        if solver_name in PROVING
        else plugin_manager().build("solver", solver_name, OPTIONS.get(solver_name, {}))
    )
    warm = random_model(801)
    if solver_name in OURS:
        solver.solve(warm, num_samples=2, time_limit=0.5)  # compiles, or reads what was compiled
        descended(warm, warm.random_bits(1, np.random.default_rng(0)))
    model = find_model(model_name)
    reason = solver.refuses(model)
    if reason:
        return {"refused": reason}
    base = peak_memory(reset=True)
    begin, wall_begin = time.perf_counter(), wall()
    samples = solver.solve(model, num_samples=10, time_limit=budget, seed=0)
    seconds, runs = time.perf_counter() - begin, 1
    again = solver_name not in OURS and solver_name not in PROVING
    while again and seconds < (1.0 - LEFT) * budget and runs < MOST_RUNS:
        more = solver.solve(model, num_samples=10, time_limit=budget - seconds, seed=runs)
        samples = min(samples, more, key=lambda found: found.energies.min(initial=np.inf))
        seconds, runs = time.perf_counter() - begin, runs + 1
    wall_seconds, memory = wall() - wall_begin, peak_memory() - base
    if not len(samples.energies):
        return {
            "refused": f"nothing feasible in {budget:g} s",
            "bits": model.num_bits,
            "seconds": seconds,
            "memory_mb": memory,
            "lower_bound": samples.lower_bound,
            "optimal": False,
            "history": samples.info.get("history"),
        }
    best = float(samples.energies[0])
    polished = float(model.energies(descended(model, samples.bits[:POLISHED])).min())
    return {
        "bits": model.num_bits,
        "mean": float(model.energies(model.random_bits(1000, np.random.default_rng(0))).mean()),
        "seconds": seconds,
        "wall_seconds": wall_seconds,
        "runs": runs,
        "memory_mb": memory,
        "best": best,
        "polished": min(best, polished),
        "lower_bound": samples.lower_bound,
        "optimal": samples.optimal,
        "history": samples.info.get("history"),
        "info": {k: v for k, v in samples.info.items() if k in KEPT},
    }


def run_apart(model: str, solver: str, budget: float) -> Result:
    """Run one job in a process of its own with one thread."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    command = [sys.executable, __file__, "--job", model, solver, str(budget)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **threads}, check=False)
    if done.returncode != 0:
        return {"refused": (done.stderr.strip().splitlines() or ["killed"])[-1]}
    result: Result = json.loads(done.stdout.splitlines()[-1])
    return result


def planned(options: argparse.Namespace) -> list[tuple[str, str, float]]:
    """The runs that the options ask for, ours first."""
    models = options.models or (QUICK_MODELS if options.quick else model_names())
    peers = options.solvers or (QUICK_PEERS if options.quick else PEERS)
    budgets = options.budgets or ((QUICK_BUDGET,) if options.quick else BUDGETS)
    jobs = [(model, "convex", PROOF_SECONDS) for model in models]
    if options.solvers == ["convex"]:
        jobs += [(model, "convex", budget) for model in models for budget in options.budgets or ()]
    if not options.solvers or "annealer" in options.solvers:
        jobs += [(model, "annealer", ANNEALER_SECONDS) for model in models]
    jobs += [(m, peer, max(budgets)) for m in models for peer in peers if peer in PROVING]
    others = [peer for peer in peers if peer not in OURS + tuple(PROVING)]
    return jobs + [(m, peer, budget) for budget in budgets for m in models for peer in others]


def main() -> None:
    """Run what the options ask for, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two models, three peers, 2 s")
    parser.add_argument("--models", nargs="+", help="names; default: all")
    parser.add_argument("--solvers", nargs="+", help=f"default: annealer {' '.join(PEERS)}; convex is always run")
    parser.add_argument(
        "--budgets",
        nargs="+",
        type=float,
        help="seconds of the peers; default: 10 30. With --solvers convex: of runs beside those of 60 s",
    )
    parser.add_argument("--json", type=Path, help="where results are kept")
    parser.add_argument("--at-most", type=float, default=float("inf"), help="CPU seconds of jobs after which to end")
    parser.add_argument("--job", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        model, solver, budget = options.job
        print(json.dumps(run_job(model, solver, float(budget))))
        return
    results: dict[str, Result] = {}
    if options.json and options.json.exists():
        results = json.loads(options.json.read_text())
    jobs = [job for job in planned(options) if key(*job) not in results]
    spent = 0.0
    for number, job in enumerate(jobs, 1):
        if spent > options.at_most:
            print(f"\n{len(jobs) - number + 1} runs left: the same command goes on", file=sys.stderr)
            break
        print(f"\r{number}/{len(jobs)} {' '.join(map(str, job))}   ", end="", file=sys.stderr, flush=True)
        results[key(*job)] = run_apart(*job)
        spent += results[key(*job)].get("seconds", 0.0)
        if options.json:
            options.json.write_text(json.dumps(results))
    print(file=sys.stderr)
    print_tables(results)


if __name__ == "__main__":
    main()
