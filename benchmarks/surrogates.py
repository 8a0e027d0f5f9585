"""Training of surrogates: ours against the plain torch loop on dense vectors, on the same data, split and settings.

    python benchmarks/surrogates.py [--data FILE ...] [--epochs N] [--quick] [--json FILE]

Data sets come from make_datasets.py (benchmarks/data/*.npz by default); --quick makes do with drawn ones and a few
epochs. Seconds are CPU seconds of one thread, so that other work on the machine does not count. The dense loop takes
minutes to an hour of them; --epochs ends the paper's 800 earlier, for that loop and for ours with the same settings.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from crysim.quadratic import BitGroup, QuadraticModel
from crysim.workflows.training_data import TrainingData
from crysim_surrogates.dataset import Dataset, prepare
from crysim_surrogates.fm import FactorizationMachine
from crysim_surrogates.objective import loss_value, pearson
from crysim_surrogates.quadratic_regression import QuadraticRegression
from crysim_surrogates.schedule import Schedule
from crysim_surrogates.settings import TrainingSettings, settings_of

FOLDER = Path(__file__).parent / "data"
QUICK_EPOCHS = 5
SPLIT_SEED = 0


@dataclass(frozen=True)
class Row:
    """One way of training on one data set."""

    data: str
    bits: int
    vectors: int
    ones: float
    method: str
    seconds: float
    epochs: int
    validation_pcc: float


def dense_torch(data: Dataset, settings: TrainingSettings, rng: np.random.Generator) -> tuple[float, int]:
    """The loop that one would write first: dense float vectors, matrix products, automatic differentiation, Adam.

    Returns:
        The validation correlation of the best epoch, and the epochs taken.
    """
    x, y = torch.as_tensor(data.training.to_dense(), dtype=torch.float32), torch.as_tensor(data.target).float()
    held = torch.as_tensor(data.validation.to_dense(), dtype=torch.float32)
    m = x.shape[1]
    start = rng.uniform(-settings.init_scale, settings.init_scale, (m + 1, settings.rank + 1))
    linear = torch.tensor(start[:-1, 0], dtype=torch.float32, requires_grad=True)
    factors = torch.tensor(start[:-1, 1:], dtype=torch.float32, requires_grad=True)
    constant = torch.zeros((), requires_grad=True)
    adam = torch.optim.Adam([linear, factors, constant], lr=1.0, weight_decay=settings.weight_decay)

    def predict(vectors: torch.Tensor) -> torch.Tensor:
        pairs = ((vectors @ factors) ** 2).sum(1) - (vectors**2 @ factors**2).sum(1)
        return constant + vectors @ linear + 0.5 * pairs

    schedule = Schedule(settings)
    steps = math.ceil(len(x) / settings.batch_size)
    lowest, pcc, stale, epoch = math.inf, math.nan, 0, 0
    while epoch < settings.max_epoch and stale <= settings.epochs_of_patience:
        batches = torch.tensor_split(torch.as_tensor(rng.permutation(len(x))), steps)
        for rows, rate in zip(batches, schedule.rates(steps), strict=True):
            adam.param_groups[0]["lr"] = float(rate)
            adam.zero_grad()
            values, target = predict(x[rows]), y[rows]
            p, t = values - values.mean(), target - target.mean()
            correlation = (p @ t) / ((p @ p) * (t @ t)).sqrt()
            mse = ((values - target) ** 2).mean()
            if settings.loss == "mse":
                loss = settings.error_weight * mse - settings.correlation_weight * correlation.abs()
            else:
                loss = settings.error_weight * mse.sqrt() - settings.correlation_weight * correlation
            loss.backward()
            adam.step()
        epoch += 1
        with torch.no_grad():
            predicted = predict(held).numpy().astype(np.float64)
        value = loss_value(predicted, data.validation_target, settings)
        schedule.end_epoch(value)
        stale += 1
        if value < lowest:
            lowest, pcc, stale = value, pearson(predicted, data.validation_target), 0
    return pcc, epoch


def methods(epochs: int | None, quick: bool) -> dict[str, Callable[[TrainingData], tuple[float, float, int]]]:
    """What is compared; each gives the validation correlation, CPU seconds and epochs."""
    few: dict[str, Any] = {} if epochs is None else {"max_epoch": epochs}

    def dense(data: TrainingData) -> tuple[float, float, int]:
        rng = np.random.default_rng(SPLIT_SEED)
        prepared = prepare(data.bits, data.energies, rng)
        started = time.process_time()
        pcc, epochs = dense_torch(prepared, settings_of("paper", **few), rng)
        return pcc, time.process_time() - started, epochs

    def ours(make: Callable[[], Any]) -> Callable[[TrainingData], tuple[float, float, int]]:
        def run(data: TrainingData) -> tuple[float, float, int]:
            surrogate = make()
            started = time.process_time()
            report = surrogate.fit(data.bits, data.energies, np.random.default_rng(SPLIT_SEED))
            return report.validation_pcc, time.process_time() - started, report.epochs

        return run

    return {
        "dense torch, paper's settings": dense,
        "fm, paper's settings": ours(lambda: FactorizationMachine(preset="paper", **few)),
        "fm, defaults": ours(lambda: FactorizationMachine(**(few if quick else {}))),
        "quadratic-regression": ours(QuadraticRegression),
    }


def drawn_data(num_bits: int = 4157, n: int = 1000, seed: int = 0) -> TrainingData:
    """Vectors shaped like those of Y6Co51 at g = 12, with energies of a hidden model; for --quick."""
    rng = np.random.default_rng(seed)
    sizes = [(57, 1)] * 6 + [(7, 1), (19, 1), (300, 1), (1728, 6)]
    sizes.append((num_bits - sum(size for size, _ in sizes), 51))
    groups, start = [], 0
    for number, (size, k) in enumerate(sizes):
        groups.append(BitGroup(f"group {number}", start, size, k))
        start += size
    hidden = QuadraticModel(
        linear=rng.normal(size=num_bits), factors=rng.normal(scale=0.2, size=(num_bits, 4)), groups=tuple(groups)
    )
    bits = hidden.random_bits(n, rng)
    return TrainingData(bits, hidden.energies(bits), hidden.groups, "drawn", np.zeros(n, dtype=np.bool_))


def measure(name: str, data: TrainingData, epochs: int | None, quick: bool) -> list[Row]:
    """Every method on one data set, printed as they come."""
    n, m = data.bits.shape
    print(f"\n{name}: {n} vectors of {m} bits, {data.bits.sum() / n:.0f} ones each")
    print(f"  {'method':32} {'CPU s':>8} {'epochs':>7} {'ms/epoch':>9} {'val. PCC':>9} {'times faster':>13}")
    rows: list[Row] = []
    for method, run in methods(epochs, quick).items():
        pcc, seconds, epochs = run(data)
        rows.append(Row(name, m, n, float(data.bits.sum() / n), method, seconds, epochs, pcc))
        faster = rows[0].seconds / seconds
        print(f"  {method:32} {seconds:8.2f} {epochs:7d} {1000 * seconds / epochs:9.2f} {pcc:9.4f} {faster:13.1f}")
    return rows


def keep(path: Path, name: str, rows: list[Row]) -> None:
    """Put a data set's rows into a file, in the place of those that it has of it."""
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    known = [row for row in known if row["data"] != name] + [asdict(row) for row in rows]
    path.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, action="append", help="data set (npz); may be repeated")
    parser.add_argument("--vectors", type=int, help="at most so many of each")
    parser.add_argument("--epochs", type=int, help="at most so many with the paper's settings (default: its 800)")
    parser.add_argument("--quick", action="store_true", help=f"drawn data, {QUICK_EPOCHS} epochs")
    parser.add_argument("--json", type=Path, help="keep the figures in this file")
    args = parser.parse_args(arguments)
    torch.set_num_threads(1)
    # The first call compiles, or reads what an earlier one compiled.
    FactorizationMachine(max_epoch=1).fit(np.eye(20, dtype=np.bool_), np.arange(20.0), np.random.default_rng(0))
    paths = args.data or sorted(FOLDER.glob("*.npz"))
    if args.quick:
        sets = {"drawn": drawn_data()}
    elif paths:
        sets = {path.stem: TrainingData.load(path) for path in paths}
    else:
        parser.error(f"no data sets in {FOLDER}: make some with make_datasets.py, or use --quick")
    epochs = args.epochs or (QUICK_EPOCHS if args.quick else None)
    for name, data in sets.items():
        chosen = np.random.default_rng(SPLIT_SEED).permutation(len(data.energies))[: args.vectors]
        some = TrainingData(data.bits[chosen], data.energies[chosen], data.groups, data.formula, data.is_frame[chosen])
        rows = measure(name, some, epochs, args.quick)
        if args.json:
            keep(args.json, name, rows)


if __name__ == "__main__":
    main()
