"""The models that the benchmark of solvers runs on: factorization machines as a search trains them.

    python benchmarks/make_models.py [--data FILE ...]

Takes the data sets of make_datasets.py (benchmarks/data: real encoded crystals, M3GNet energies) and trains `fm` in
three ways: ``first`` with its defaults on the random crystals alone, as in the first iteration of a search; ``later``
on all vectors, the frames of relaxations included; ``paper`` on all vectors with the paper's settings, which leave
bits without data at their random initial values. Writes benchmarks/models/NAME.npz, which `crysim solve` takes, with
factors rounded to float16, which keeps the files small; the rounded model is the model.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from crysim.plugins import plugin_manager
from crysim.quadratic import QuadraticModel
from crysim.quadratic.io import save_model
from crysim.workflows.training_data import TrainingData

HERE = Path(__file__).parent
DATA, MODELS = HERE / "data", HERE / "models"
STAGES: dict[str, dict[str, Any]] = {"first": {}, "later": {}, "paper": {"preset": "paper", "unseen": "free"}}


def save(path: Path, model: QuadraticModel) -> None:
    """Write a low-rank model as `crysim.quadratic.io` does, its factors in float16, its linear terms in float32."""
    assert model.factors is not None
    path.parent.mkdir(exist_ok=True)
    small: dict[str, Any] = {"linear": model.linear.astype(np.float32), "factors": model.factors.astype(np.float16)}
    save_model(replace(model, **small), path)


def main() -> None:
    """Train and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="*", type=Path, help="data sets; default: all of benchmarks/data")
    args = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    for path in args.data or sorted(DATA.glob("*.npz")):
        data = TrainingData.load(path)
        for stage, options in STAGES.items():
            rows = ~data.is_frame if stage == "first" else np.ones(len(data.bits), dtype=np.bool_)
            surrogate = plugin_manager().build("surrogate", "fm", options)
            report = surrogate.fit(data.bits[rows], data.energies[rows], np.random.default_rng(0))
            model = surrogate.quadratic_model(data.groups)
            name = f"{path.stem}-{stage}"
            save(MODELS / f"{name}.npz", model)
            size = (MODELS / f"{name}.npz").stat().st_size
            print(
                f"{name}: {model.num_bits} bits, {int(rows.sum())} vectors, {report.epochs} epochs, "
                f"{report.seconds:.1f} s, validation correlation {report.validation_pcc:.3f}, {size / 1024:.0f} KiB"
            )


if __name__ == "__main__":
    main()
