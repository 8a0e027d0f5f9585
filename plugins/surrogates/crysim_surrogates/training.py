"""The training loop of section E.1, whatever computes the steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from crysim.arrays import Floats
from crysim_surrogates.fm_torch import Parameters
from crysim_surrogates.objective import loss_value
from crysim_surrogates.schedule import Schedule
from crysim_surrogates.settings import TrainingSettings
from crysim_surrogates.sparse_bits import SparseBits


class Trainer(Protocol):
    """Holds the training and validation vectors, the parameters and Adam's moments."""

    parameters: Parameters

    def epoch(self, order: NDArray[np.int64], rates: Floats) -> None:
        """One step per learning rate over consecutive, nearly equal batches of the rows in ``order``."""

    def held_values(self) -> Floats:
        """The present function's values of the validation vectors, ``[n]``."""


@dataclass(frozen=True)
class Training:
    """What a training run ended with: the parameters of the lowest validation loss, and the epochs taken."""

    parameters: Parameters
    epochs: int
    validation_loss: float


def fm_values(data: SparseBits, parameters: Parameters) -> Floats:
    """Equation 21 for every row, ``[n]``."""
    table = parameters.astype(np.float64)
    sums = np.zeros((len(data), table.shape[1]))
    squares = np.zeros(len(data))
    norms = np.einsum("mk,mk->m", table[:, 1:], table[:, 1:])
    filled = data.lengths > 0
    if filled.any():
        at = data.starts[:-1][filled]
        sums[filled] = np.add.reduceat(table[data.ones], at, axis=0)
        squares[filled] = np.add.reduceat(norms[data.ones], at)
    values: Floats = table[-1, 0] + sums[:, 0] + 0.5 * (np.einsum("nk,nk->n", sums[:, 1:], sums[:, 1:]) - squares)
    return values


def random_parameters(num_bits: int, rank: int, scale: float, rng: np.random.Generator) -> Parameters:
    """Where a training starts: h and W uniformly within ± ``scale``, b = 0."""
    parameters = rng.uniform(-scale, scale, (num_bits + 1, rank + 1)).astype(np.float32)
    parameters[-1] = 0.0
    return parameters


def train(
    trainer: Trainer,
    num_rows: int,
    validation_target: Floats,
    settings: TrainingSettings,
    rng: np.random.Generator,
) -> Training:
    """Train until ``max_epoch``, or until the validation loss has not fallen for the epochs of patience.

    Args:
        trainer: with the data.
        num_rows: training vectors.
        validation_target: standardised energies of the validation vectors, ``[n]``.
        settings: of the training.
        rng: shuffles the rows before every epoch.
    """
    schedule = Schedule(settings)
    steps = settings.steps_per_epoch(num_rows)
    best = last = trainer.parameters
    lowest = math.inf
    stale = epochs = 0
    while epochs < settings.max_epoch and stale <= settings.epochs_of_patience:
        trainer.epoch(rng.permutation(num_rows), schedule.rates(steps))
        epochs += 1
        if settings.ema_momentum < 1:
            last = last + np.float32(settings.ema_momentum) * (trainer.parameters - last)
            trainer.parameters = last
        loss = loss_value(trainer.held_values(), validation_target, settings)
        schedule.end_epoch(loss)
        stale += 1
        if loss < lowest:
            best, lowest, stale = trainer.parameters, loss, 0
    return Training(best, epochs, lowest)
