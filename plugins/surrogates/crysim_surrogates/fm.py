"""Surrogate ``fm``: a factorization machine (sections 2.5 and 4.4, equation 21; training as in supplement E.1)."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from crysim import hookimpl
from crysim.arrays import Bits, Floats
from crysim.errors import CrysimError, InputError
from crysim.interfaces import FitReport, Surrogate
from crysim.quadratic import BitGroup, QuadraticModel
from crysim_surrogates.dataset import Dataset, Units, prepare
from crysim_surrogates.fm_compiled import CompiledTrainer
from crysim_surrogates.fm_torch import Parameters, TorchTrainer, check_device
from crysim_surrogates.objective import pearson, rmse
from crysim_surrogates.settings import SECTION_E_TABLE, Loss, Scheduler, Unseen, settings_of
from crysim_surrogates.sparse_bits import SparseBits
from crysim_surrogates.training import Trainer, fm_values, random_parameters, train

WARM_SHARE = 4
"""A warm start trains for so much less: on M3GNet's frames it then predicts coming trajectories as well, or better."""


@dataclass(frozen=True)
class _Fitted:
    parameters: Parameters
    units: Units


class FactorizationMachine(Surrogate):
    """A quadratic regression with couplings of rank K, trained with Adam on a tenth less than all data.

    Energies are standardised to mean 0 and standard deviation 1 before training; `quadratic_model` is in these units.
    A tenth of the vectors is held back, and the parameters with the lowest validation loss on it are kept. With fewer
    than ten vectors nothing is held back, and the training loss decides.

    Args:
        preset: where the values below come from that are None (`crysim_surrogates.settings`).
        max_epoch, patience, batch_size, min_batches, rank, learning_rate, scheduler, weight_decay, loss,
            error_weight, correlation_weight, warmup_steps, ema_momentum, init_scale, unseen, unseen_penalty: see
            `crysim_surrogates.settings.TrainingSettings`.
        warm_start: start from the last fit's parameters, for a quarter of ``max_epoch``. A vector is then held back or
            not by its own hash, so that none that was trained on is ever held back later.
        device: ``cpu`` trains with compiled code on one core; a device of torch, such as ``cuda``, with torch there.
    """

    name: ClassVar[str] = "fm"
    tuning_space: ClassVar[Mapping[str, Sequence[Any]]] = SECTION_E_TABLE

    def __init__(
        self,
        *,
        preset: Literal["fast", "paper"] = "fast",
        max_epoch: int | None = None,
        patience: int | None = None,
        batch_size: int | None = None,
        min_batches: int | None = None,
        rank: int | None = None,
        learning_rate: float | None = None,
        scheduler: Scheduler | None = None,
        weight_decay: float | None = None,
        loss: Loss | None = None,
        error_weight: float | None = None,
        correlation_weight: float | None = None,
        warmup_steps: int | None = None,
        ema_momentum: float | None = None,
        init_scale: float | None = None,
        unseen: Unseen | None = None,
        unseen_penalty: float | None = None,
        warm_start: bool = False,
        device: str = "cpu",
    ) -> None:
        self.settings = settings_of(
            preset,
            max_epoch=max_epoch,
            patience=patience,
            batch_size=batch_size,
            min_batches=min_batches,
            rank=rank,
            learning_rate=learning_rate,
            scheduler=scheduler,
            weight_decay=weight_decay,
            loss=loss,
            error_weight=error_weight,
            correlation_weight=correlation_weight,
            warmup_steps=warmup_steps,
            ema_momentum=ema_momentum,
            init_scale=init_scale,
            unseen=unseen,
            unseen_penalty=unseen_penalty,
        )
        if device != "cpu":
            check_device(device)
        self._warm_start = warm_start
        self._device = device
        self._fitted: _Fitted | None = None
        self._trained: _Fitted | None = None
        self._seen: NDArray[np.bool_] | None = None

    def fit(self, bits: Bits, energies: Floats, rng: np.random.Generator) -> FitReport:
        """Train on vectors ``[n, M]`` and energies ``[n]`` (eV per cell)."""
        started = time.perf_counter()
        data = prepare(bits, energies, rng, by_hash=self._warm_start)
        start = self._continued(data)
        settings = self.settings
        if start is None:
            start = random_parameters(data.training.num_bits, settings.rank, settings.init_scale, rng)
        else:
            settings = replace(settings, max_epoch=max(1, settings.max_epoch // WARM_SHARE))
        result = train(self._trainer(data, start), len(data.training), data.validation_target, settings, rng)
        self._trained = _Fitted(result.parameters, data.units)
        self._seen = data.seen
        self._fitted = _Fitted(self._with_unseen(result.parameters, data.seen), data.units)
        predicted = fm_values(data.validation, result.parameters)
        return FitReport(
            epochs=result.epochs,
            train_pcc=pearson(fm_values(data.training, result.parameters), data.target),
            validation_pcc=pearson(predicted, data.validation_target),
            validation_rmse=rmse(predicted, data.validation_target) * data.units.scale,
            seconds=time.perf_counter() - started,
        )

    def _trainer(self, data: Dataset, start: Parameters) -> Trainer:
        if self._device == "cpu":
            return CompiledTrainer(data.training, data.target, data.validation, start, self.settings)
        return TorchTrainer(data.training, data.target, data.validation, start, self.settings, self._device)

    def _continued(self, data: Dataset) -> Parameters | None:
        """With a warm start, the last fit's function in the new units of energy."""
        last = self._trained
        shape = (data.training.num_bits + 1, self.settings.rank + 1)
        if not self._warm_start or last is None or last.parameters.shape != shape:
            return None
        ratio = last.units.scale / data.units.scale
        parameters = last.parameters * np.float32(np.sqrt(ratio))
        parameters[:, 0] = last.parameters[:, 0] * np.float32(ratio)
        parameters[-1, 0] += np.float32((last.units.mean - data.units.mean) / data.units.scale)
        return parameters

    def _with_unseen(self, parameters: Parameters, seen: NDArray[np.bool_]) -> Parameters:
        if self.settings.unseen == "free":
            return parameters
        unseen = np.append(~seen, False)
        values = parameters.copy()
        values[unseen] = 0.0
        if self.settings.unseen == "penalise":
            values[unseen, 0] = self.settings.unseen_penalty
        return values

    def predict(self, bits: Bits) -> Floats:
        """Energies ``[n]`` (eV per cell) of vectors ``[n, M]``."""
        fitted = self._get_fitted()
        data = SparseBits.from_dense(bits)
        if data.num_bits != len(fitted.parameters) - 1:
            raise InputError(f"the surrogate was fitted to {len(fitted.parameters) - 1} bits, not {data.num_bits}")
        return fitted.units.restore(fm_values(data, fitted.parameters))

    def quadratic_model(self, groups: Sequence[BitGroup]) -> QuadraticModel:
        """Factors W ``[M, K]``, linear terms ``[M]`` and offset, in units of the standardised energy."""
        values = self._get_fitted().parameters.astype(np.float64)
        return QuadraticModel(
            linear=values[:-1, 0].copy(),
            factors=np.ascontiguousarray(values[:-1, 1:]),
            groups=tuple(groups),
            offset=float(values[-1, 0]),
        )

    def state(self) -> dict[str, NDArray[Any]] | None:
        """With ``warm_start`` the trained parameters, their unit of energy and the bits seen; otherwise None."""
        if not self._warm_start or self._trained is None:
            return None
        units = np.array([self._trained.units.mean, self._trained.units.scale])
        state: dict[str, NDArray[Any]] = {"parameters": self._trained.parameters.copy(), "units": units}
        return state if self._seen is None else {**state, "seen": self._seen.copy()}

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take up a state that `state` returned: the next fit starts from it, and predictions come from it."""
        mean, scale = (float(u) for u in state["units"])
        self._trained = self._fitted = _Fitted(np.array(state["parameters"], dtype=np.float32), Units(mean, scale))
        self._seen = np.array(state["seen"], dtype=np.bool_) if "seen" in state else None  # not in earlier releases'
        if self._seen is not None:
            self._fitted = _Fitted(self._with_unseen(self._trained.parameters, self._seen), self._trained.units)

    def _get_fitted(self) -> _Fitted:
        if self._fitted is None:
            raise CrysimError("the surrogate has not been fitted yet: call fit first")
        return self._fitted


@hookimpl
def crysim_surrogates() -> list[type[Surrogate]]:
    """The surrogates of this module."""
    return [FactorizationMachine]
