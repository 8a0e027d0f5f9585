"""Learning rates: a warm-up by steps, then a decay by epochs (supplement, section E.1).

Every decay ends at 1e-4 of the initial rate. The supplement describes one scheme under the name of another: what it
says of ``ExponentialLR`` (four times by 0.1, evenly over the training) is the authors' ``MultiStepLR``; their
``ExponentialLR`` multiplies by 0.99 an epoch until 1e-4 is reached.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from crysim_surrogates.settings import TrainingSettings

END_FACTOR = 1e-4
_EXPONENTIAL_GAMMA = 0.99
_SEQUENTIAL_GAMMA = 0.993
_PLATEAU_FACTOR = 0.9
_PLATEAU_PATIENCE = 10


def decay_factor(scheduler: str, epoch: int, max_epoch: int) -> float:
    """What the initial learning rate is multiplied by after ``epoch`` epochs of decay (all schemes but the plateau)."""
    if scheduler == "LinearLR":
        return _linear(epoch, int(0.8 * max_epoch))
    if scheduler == "ExponentialLR":
        return max(END_FACTOR, _EXPONENTIAL_GAMMA**epoch)
    if scheduler == "MultiStepLR":
        drops = round(-math.log10(END_FACTOR))
        return float(10.0 ** -min(drops, epoch // max(1, max_epoch // (drops + 1))))
    if scheduler == "SequentialLR":
        milestone = int(0.4 * max_epoch)
        if epoch < milestone:
            return _linear(epoch, int(0.8 * milestone))
        return float(max(END_FACTOR, _SEQUENTIAL_GAMMA ** (epoch - milestone)))
    return 1.0


def _linear(epoch: int, span: int) -> float:
    return 1.0 + (END_FACTOR - 1.0) * min(1.0, epoch / max(1, span))


class Schedule:
    """The learning rate of every step of a training run.

    Call `rates` for the steps of an epoch, then `end_epoch` with its validation loss.
    """

    def __init__(self, settings: TrainingSettings) -> None:
        self._settings = settings
        self._steps = 0
        self._epochs = 0
        self._factor = 1.0
        self._best = math.inf
        self._stale = 0

    def rates(self, steps: int) -> NDArray[np.float64]:
        """Learning rates ``[steps]`` of the next steps."""
        warmup = self._settings.warmup_steps
        at = np.arange(self._steps, self._steps + steps)
        self._steps += steps
        factors = np.full(steps, self._factor)
        if warmup:
            rising = at < warmup
            factors[rising] = (1 + (warmup - 1) * at[rising] / warmup) / warmup
        return self._settings.learning_rate * factors

    def end_epoch(self, validation_loss: float) -> None:
        """Let the rate decay, once the warm-up is over."""
        if self._steps < self._settings.warmup_steps:
            return
        self._epochs += 1
        if self._settings.scheduler == "ReduceLROnPlateau":
            self._plateau(validation_loss)
        else:
            self._factor = decay_factor(self._settings.scheduler, self._epochs, self._settings.max_epoch)

    def _plateau(self, loss: float) -> None:
        self._stale = 0 if loss < self._best else self._stale + 1
        self._best = min(self._best, loss)
        if self._stale > _PLATEAU_PATIENCE:
            self._factor = max(END_FACTOR, self._factor * _PLATEAU_FACTOR)
            self._stale = 0
