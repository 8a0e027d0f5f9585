"""What solvers reached on models, as tables: see solvers.py, which runs them."""

from __future__ import annotations

import statistics
from math import inf
from typing import Any

import numpy as np
from exact_peers import PROVING

OURS = ("convex", "annealer")
BUDGETS = (10.0, 30.0)
PROOF_SECONDS = 60.0
ANNEALER_SECONDS = 10.0
MOMENTS = (0.1, 1.0, 10.0, 60.0)

Result = dict[str, Any]


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
    """Everything that the results say, smallest models first."""
    bits = {name.split("|")[0]: result["bits"] for name, result in results.items() if "bits" in result}
    models = sorted({name.split("|")[0] for name in results}, key=lambda model: (bits.get(model, inf), model))
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
