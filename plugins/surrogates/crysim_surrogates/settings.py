"""How a factorization machine is trained: the table of section E.1 of the supplement, and presets of it."""

from __future__ import annotations

import math
import typing
from dataclasses import dataclass, fields
from typing import Any, Literal

from crysim.errors import InputError

Scheduler = Literal["None", "ReduceLROnPlateau", "LinearLR", "ExponentialLR", "MultiStepLR", "SequentialLR"]
Loss = Literal["mse", "rmse"]
Unseen = Literal["free", "zero", "penalise"]


_SMALLEST_BATCH = 5
"""A correlation within fewer vectors says little (the authors' program drops such batches)."""


@dataclass(frozen=True)
class TrainingSettings:
    """What a training run depends on besides its data; the defaults are those of section E.1.

    Attributes:
        max_epoch: passes over the training vectors.
        patience: epochs without a lower validation loss after which training ends; None: half of ``max_epoch``.
        batch_size: vectors per step; 0: all of them.
        min_batches: steps of an epoch at least, with smaller batches where there are few vectors.
        rank: K, columns of the factors.
        learning_rate: of Adam, before warm-up and decay.
        scheduler: how the learning rate decays, see `crysim_surrogates.schedule`.
        weight_decay: of Adam (added to the gradient).
        loss: ``mse``: a·MSE − b·|PCC|, as the authors' program has it; ``rmse``: a·RMSE − b·PCC, equation 29.
        error_weight, correlation_weight: a and b.
        warmup_steps: steps over which the learning rate rises linearly to its value.
        ema_momentum: weight of an epoch's new parameters when mixed with the last epoch's; 1: no mixing.
        init_scale: parameters start uniformly within ± this.
        unseen: what a bit does that is 1 in no vector of the data, and so gets no gradient. ``free``: what its random
            initial values say, less their decay; ``zero``: nothing; ``penalise``: costs ``unseen_penalty``.
        unseen_penalty: in standard deviations of the energies; a negative one draws the search to unseen bits.
    """

    max_epoch: int = 800
    patience: int | None = None
    batch_size: int = 100
    min_batches: int = 1
    rank: int = 16
    learning_rate: float = 1e-3
    scheduler: Scheduler = "MultiStepLR"
    weight_decay: float = 1e-9
    loss: Loss = "mse"
    error_weight: float = 10.0
    correlation_weight: float = 1.0
    warmup_steps: int = 1000
    ema_momentum: float = 1.0
    init_scale: float = 0.1
    unseen: Unseen = "free"
    unseen_penalty: float = 1.0

    def __post_init__(self) -> None:
        for name, least in (("max_epoch", 1), ("rank", 1), ("batch_size", 0), ("min_batches", 1), ("warmup_steps", 0)):
            if getattr(self, name) < least:
                raise InputError(f"{name} of the surrogate is at least {least}, not {getattr(self, name)}")
        if self.patience is not None and self.patience < 1:
            raise InputError(f"patience of the surrogate is at least 1, not {self.patience}")
        if not self.learning_rate > 0:
            raise InputError(f"learning_rate of the surrogate is positive, not {self.learning_rate}")
        for name in ("weight_decay", "error_weight", "correlation_weight", "init_scale"):
            if not getattr(self, name) >= 0:
                raise InputError(f"{name} of the surrogate is not negative: {getattr(self, name)} will not do")
        if self.error_weight == 0 and self.correlation_weight == 0:
            raise InputError("error_weight and correlation_weight of the surrogate cannot both be 0")
        if not 0 < self.ema_momentum <= 1:
            raise InputError(f"ema_momentum of the surrogate is above 0 and at most 1, not {self.ema_momentum}")

    @property
    def epochs_of_patience(self) -> int:
        """Epochs without improvement that end the training."""
        return self.patience if self.patience is not None else max(1, self.max_epoch // 2)

    def steps_per_epoch(self, num_rows: int) -> int:
        """Batches that ``num_rows`` training vectors are split into, all nearly equal."""
        steps = math.ceil(num_rows / self.batch_size) if self.batch_size else 1
        return max(steps, min(self.min_batches, num_rows // _SMALLEST_BATCH))


SECTION_E_TABLE: dict[str, tuple[Any, ...]] = {
    "max_epoch": (300, 500, 800, 1000, 1500),
    "batch_size": (5, 10, 20, 50, 100),
    "rank": (8, 16, 24, 32, 64),
    "learning_rate": (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7),
    "scheduler": typing.get_args(Scheduler),
    "weight_decay": (1e-5, 1e-6, 1e-7, 1e-8, 1e-9),
    "error_weight,correlation_weight": ((0, 1), (1, 1), (1, 10), (1, 100), (100, 1), (10, 1), (1, 0)),
    "warmup_steps": (0, 200, 500, 1000),
    "ema_momentum": (1, 0.5, 0.1, 0.01),
}
"""The values that the authors tuned over."""

PRESETS: dict[str, TrainingSettings] = {
    "paper": TrainingSettings(),
    "fast": TrainingSettings(
        max_epoch=100,
        min_batches=20,
        learning_rate=3e-3,
        scheduler="LinearLR",
        weight_decay=1e-2,
        loss="rmse",
        warmup_steps=100,
        init_scale=0.03,
        unseen="zero",
    ),
}
"""``paper``: section E.1. ``fast``: a tenth of the epochs at the same or a higher validation correlation; what helps
most are smaller initial values (products of a hundred ones' factors start small) and a loss without |PCC|, which
rewards functions that run against the energies."""


def settings_of(preset: str, **overrides: Any) -> TrainingSettings:
    """A preset with those values changed that are not None."""
    base = PRESETS[preset]
    chosen = {f.name: getattr(base, f.name) for f in fields(base)}
    chosen.update({key: value for key, value in overrides.items() if value is not None})
    return TrainingSettings(**chosen)
