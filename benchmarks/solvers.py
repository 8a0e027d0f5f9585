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
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from exact_peers import PROVING
from make_models import MODELS

from crysim.arrays import Bits
from crysim.quadratic import BitGroup, QuadraticModel
from crysim.quadratic.io import load_model

OURS = ("convex", "annealer")
PEERS = ("dimod:sa", "dimod:tabu", "dimod:openjij-sa", "dimod:openjij-sqa", "simulated-bifurcation")
BUDGETS = (10.0, 30.0)
PROOF_SECONDS = 60.0
ANNEALER_SECONDS = 10.0
MOMENTS = (0.1, 1.0, 10.0, 60.0)
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

Result = dict[str, Any]


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


# ------------------------------------------------------------------------------------------------- tables


def key(model: str, solver: str, budget: float) -> str:
    """The name of a run in the results."""
    return f"{model}|{solver}|{budget:g}"


def gap_at(result: Result, seconds: float, scale: float) -> float:
    """Per cent that the best energy was above the bound after so many seconds; infinity before the first vector."""
    seen = [(upper, lower) for t, upper, lower in result["history"] if t <= seconds]
    return 100.0 * max(0.0, seen[-1][0] - seen[-1][1]) / scale if seen else np.inf


def time_to(result: Result, energy: float) -> float | None:
    """Seconds after which the best energy was at most this."""
    slack = 1e-9 * (1.0 + abs(energy))
    return next((t for t, upper, _ in result["history"] if upper <= energy + slack), None)


def print_tables(results: dict[str, Result]) -> None:
    """Everything that the results say."""
    models = sorted({name.split("|")[0] for name in results}, key=lambda m: (find_model(m).num_bits, m))
    print_ours(results, models)
    print_proofs(results, models)
    print_peers(results, models)


def print_ours(results: dict[str, Result], models: list[str]) -> None:
    """Gaps and proofs of `convex`, and the annealer beside it."""
    head = "".join(f"{f'{t:g} s':>9}" for t in MOMENTS)
    print(f"\nconvex: gap to the bound after a time, % of (mean random − best)\n{'model':<30}{'bits':>7}{head}", end="")
    print(f"{'proven':>9}{'MB':>6}{'annealer':>10}{'s':>7}")
    gaps: dict[float, list[float]] = {t: [] for t in MOMENTS}
    proven: list[bool] = []
    for model in models:
        ours = results.get(key(model, "convex", PROOF_SECONDS))
        if not ours or "best" not in ours:
            continue
        scale = ours["mean"] - ours["best"]
        row = [gap_at(ours, t, scale) for t in MOMENTS]
        proof = f"{ours['history'][-1][0]:.2f}s" if ours["optimal"] else "-"
        other = results.get(key(model, "annealer", ANNEALER_SECONDS), {})
        above = f"+{100 * (other['best'] - ours['best']) / scale:.3f}" if "best" in other else ""
        print(f"{model:<30}{ours['bits']:>7}" + "".join(f"{gap:>9.4f}" for gap in row), end="")
        print(f"{proof:>9}{ours['memory_mb']:>6.0f}{above:>10}{other.get('seconds', np.nan):>7.1f}")
        if not model.startswith("random-"):
            proven.append(ours["optimal"])
            for t, gap in zip(MOMENTS, row, strict=True):
                gaps[t].append(gap)
    for name, longer in results.items():
        model, solver, budget = name.split("|")
        if solver == "convex" and float(budget) > PROOF_SECONDS:
            told = "proven" if longer["optimal"] else "not proven"
            gap = gap_at(longer, np.inf, longer["mean"] - longer["best"])
            print(
                f"{model}: {told} after {longer['seconds']:.0f} s, {longer['info']['nodes']:.1e} nodes; gap {gap:.4f}"
            )
    if proven:
        medians = "".join(f"{statistics.median(gaps[t]):>9.4f}" for t in MOMENTS)
        print(f"{'median of trained models':<37}{medians}   proven: {sum(proven)} of {len(proven)}")


def moment(result: Result, seconds: float) -> tuple[float | None, float | None]:
    """Best energy and bound that a run had after so many seconds; None where it had none."""
    seen = [(best, bound) for t, best, bound in result.get("history") or () if t <= seconds]
    return seen[-1] if seen else (None, None)


def proof_at(result: Result, seconds: float, ours: Result) -> str:
    """What a solver that bounds the minimum had proved by then: its vector's and its bound's distance from our best."""
    if result.get("optimal") and result["seconds"] <= seconds:
        return f"proven in {result['seconds']:.2f} s"
    scale = ours["mean"] - ours["best"]
    best, bound = moment(result, seconds)
    above = "no vector" if best is None else f"+{100.0 * max(0.0, best - ours['best']) / scale:.4f}"
    below = "no bound" if bound is None else f"-{100.0 * max(0.0, ours['best'] - bound) / scale:.4f}"
    return f"{above} / {below}"


def print_proofs(results: dict[str, Result], models: list[str]) -> None:
    """What each solver that bounds the minimum proves on each model, and when."""
    columns = ("convex", *PROVING)
    rows = []
    for model in models:
        ours = results.get(key(model, "convex", PROOF_SECONDS))
        runs = {
            solver: result
            for name, result in results.items()
            for solver in (name.split("|")[1],)
            if name.split("|")[0] == model and solver in columns
        }
        if ours and "best" in ours and len(runs) > 1:
            rows.append((model, ours, runs))
    if not rows:
        return
    print(
        "\nproofs: proven, or the best vector's distance above and the bound's distance below convex's best energy, "
        f"% of (mean random − best)\n{'model':<28}{'bits':>7}{'at':>6}" + "".join(f"{name:>24}" for name in columns)
    )
    count = dict.fromkeys(columns, 0)
    for model, ours, runs in rows:
        for seconds in BUDGETS:
            cells = [proof_at(runs[name], seconds, ours) if name in runs else "-" for name in columns]
            print(f"{model:<28}{ours['bits']:>7}{seconds:>5g}s" + "".join(f"{cell:>24}" for cell in cells))
        for name, run in runs.items():
            count[name] += bool(run.get("optimal")) and run["seconds"] <= max(BUDGETS)
    print(
        f"proven within {max(BUDGETS):g} s, of {len(rows)} models: " + ", ".join(f"{k} {n}" for k, n in count.items())
    )


def print_peers(results: dict[str, Result], models: list[str]) -> None:
    """Peers' answers above ours, and how much sooner ours was there."""
    peers = sorted({tuple(name.split("|")[1:]) for name in results if name.split("|")[1] not in OURS + tuple(PROVING)})
    if not peers:
        return
    print(
        "\npeers: % of (mean random − best) above convex, repaired / polished; × how many times sooner convex had the "
        "polished one"
    )
    worst: dict[int, float] = {}
    worse = 0
    for model in models:
        ours = results.get(key(model, "convex", PROOF_SECONDS))
        run = [(solver, budget) for solver, budget in peers if f"{model}|{solver}|{budget}" in results]
        if not run or not ours or "best" not in ours:
            continue
        scale = ours["mean"] - ours["best"]
        print(f"{model} ({ours['bits']} bits)")
        for solver, budget in run:
            peer = results[f"{model}|{solver}|{budget}"]
            label = f"  {solver:<24}{budget:>5} s"
            if "best" not in peer:
                print(f"{label}  {peer['refused'][:90]}")
                continue
            repaired, polished = (100.0 * (peer[what] - ours["best"]) / scale for what in ("best", "polished"))
            reached = time_to(ours, peer["polished"])
            ratio = peer["seconds"] / reached if reached else 0.0
            worse += polished < -1e-6
            worst[ours["bits"]] = min(worst.get(ours["bits"], np.inf), ratio)
            feasible = f"{peer['info'].get('feasible', 0)}/{peer['info'].get('reads', 0)} feasible"
            print(f"{label}{repaired:>9.3f} /{polished:>8.4f}  ×{ratio:<9.0f}", end="")
            print(f"{peer['memory_mb']:>7.0f} MB  {peer['seconds']:>5.1f} s  {feasible}")
    print("\nleast ratio by size: " + ", ".join(f"{bits} bits ×{ratio:.0f}" for bits, ratio in sorted(worst.items())))
    print(f"peers' answers below ours: {worse}")


# ------------------------------------------------------------------------------------------------- program


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
