"""The loss of section E.1 and the figures that a fit reports."""

from __future__ import annotations

import math

import numpy as np

from crysim.arrays import Floats
from crysim_surrogates.settings import TrainingSettings

TINY = 1e-12
"""Least product of two sums of squares in a correlation; constant predictions have the correlation 0."""


def pearson(predicted: Floats, target: Floats) -> float:
    """Pearson's correlation of two vectors ``[n]``; NaN if one of them is constant or n < 2."""
    if len(target) < 2:
        return math.nan
    p, y = predicted - predicted.mean(), target - target.mean()
    norm = math.sqrt(float(p @ p) * float(y @ y))
    return float(p @ y) / norm if norm > 0 else math.nan


def rmse(predicted: Floats, target: Floats) -> float:
    """Root mean square error of two vectors ``[n]``."""
    return float(np.sqrt(np.mean((predicted - target) ** 2)))


def loss_value(predicted: Floats, target: Floats, settings: TrainingSettings) -> float:
    """The loss of predictions ``[n]``: a·MSE − b·|PCC| or a·RMSE − b·PCC (equation 29)."""
    mse = float(np.mean((predicted - target) ** 2))
    correlation = pearson(predicted, target)
    if math.isnan(correlation):
        correlation = 0.0
    if settings.loss == "mse":
        return settings.error_weight * mse - settings.correlation_weight * abs(correlation)
    return settings.error_weight * math.sqrt(mse) - settings.correlation_weight * correlation
