"""Surrogate ``fm``: a factorization machine (sections 2.5 and 4.4, equation 21; training as in supplement E.1)."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from crysim import hookimpl
from crysim.errors import CrysimError, InputError
from crysim.interfaces import FitReport, Surrogate
from crysim.quadratic import BitGroup, Bits, Floats, QuadraticModel
from crysim_surrogates.fm_compiled import CompiledTrainer
from crysim_surrogates.fm_torch import Parameters, TorchTrainer
from crysim_surrogates.objective import pearson, rmse
from crysim_surrogates.settings import Loss, Scheduler, settings_of
from crysim_surrogates.sparse_bits import SparseBits
from crysim_surrogates.training import Trainer, fm_values, train

VALIDATION_SHARE = 0.1
_MIN_VALIDATION = 10


@dataclass(frozen=True)
class _Fitted:
    parameters: Parameters
    mean: float
    scale: float


class FactorizationMachine(Surrogate):
    """A quadratic regression with couplings of rank K, trained with Adam on a tenth less than all data.

    Energies are standardised to mean 0 and standard deviation 1 before training; `quadratic_model` is in these units.
    A tenth of the vectors is held back, and the parameters with the lowest validation loss on it are kept. With fewer
    than ten vectors nothing is held back, and the training loss decides.

    Args:
        preset: where the values below come from that are None (`crysim_surrogates.settings`).
        max_epoch, patience, batch_size, rank, learning_rate, scheduler, weight_decay, loss, error_weight,
            correlation_weight, warmup_steps, ema_momentum: see `crysim_surrogates.settings.TrainingSettings`.
        unseen: what a bit does that is 1 in no vector of the data, and so gets no gradient. ``free``: what its random
            initial values say; ``zero``: nothing; ``penalise``: costs ``unseen_penalty``.
        unseen_penalty: in standard deviations of the energies; a negative one draws the search to unseen bits.
        warm_start: start from the last fit's parameters. A vector is then held back or not by its own hash, so that
            none that was trained on is ever held back later.
        device: ``cpu`` trains with compiled code on one core; a device of torch, such as ``cuda``, with torch there.
    """

    name: ClassVar[str] = "fm"

    def __init__(
        self,
        *,
        preset: Literal["paper"] = "paper",
        max_epoch: int | None = None,
        patience: int | None = None,
        batch_size: int | None = None,
        rank: int | None = None,
        learning_rate: float | None = None,
        scheduler: Scheduler | None = None,
        weight_decay: float | None = None,
        loss: Loss | None = None,
        error_weight: float | None = None,
        correlation_weight: float | None = None,
        warmup_steps: int | None = None,
        ema_momentum: float | None = None,
        unseen: Literal["free", "zero", "penalise"] = "free",
        unseen_penalty: float = 1.0,
        warm_start: bool = False,
        device: str = "cpu",
    ) -> None:
        self.settings = settings_of(
            preset,
            max_epoch=max_epoch,
            patience=patience,
            batch_size=batch_size,
            rank=rank,
            learning_rate=learning_rate,
            scheduler=scheduler,
            weight_decay=weight_decay,
            loss=loss,
            error_weight=error_weight,
            correlation_weight=correlation_weight,
            warmup_steps=warmup_steps,
            ema_momentum=ema_momentum,
        )
        self._unseen = unseen
        self._unseen_penalty = unseen_penalty
        self._warm_start = warm_start
        self._device = device
        self._fitted: _Fitted | None = None
        self._trained: _Fitted | None = None

    def fit(self, bits: Bits, energies: Floats, rng: np.random.Generator) -> FitReport:
        """Train on vectors ``[n, M]`` and energies ``[n]`` (eV per cell)."""
        started = time.perf_counter()
        data, energies = _checked(bits, energies)
        mean, scale = float(energies.mean()), float(energies.std()) or 1.0
        target = (energies - mean) / scale
        held = self._held_back(data, rng)
        start = self._start(data.num_bits, mean, scale, rng)
        training, validation = data.take(~held), data.take(held if held.any() else ~held)
        validation_target = target[held if held.any() else ~held]
        trainer = self._trainer(training, target[~held], validation, start)
        result = train(trainer, len(training), validation_target, self.settings, rng)
        self._trained = _Fitted(result.parameters, mean, scale)
        self._fitted = _Fitted(self._with_unseen(result.parameters, data), mean, scale)
        predicted = fm_values(validation, result.parameters)
        return FitReport(
            epochs=result.epochs,
            train_pcc=pearson(fm_values(training, result.parameters), target[~held]),
            validation_pcc=pearson(predicted, validation_target),
            validation_rmse=rmse(predicted, validation_target) * scale,
            seconds=time.perf_counter() - started,
        )

    def _trainer(self, data: SparseBits, target: Floats, held: SparseBits, start: Parameters) -> Trainer:
        if self._device == "cpu":
            return CompiledTrainer(data, target, held, start, self.settings)
        return TorchTrainer(data, target, held, start, self.settings, self._device)

    def _held_back(self, data: SparseBits, rng: np.random.Generator) -> NDArray[np.bool_]:
        held = np.zeros(len(data), dtype=np.bool_)
        if len(data) < _MIN_VALIDATION:
            return held
        if not self._warm_start:
            held[rng.permutation(len(data))[: round(VALIDATION_SHARE * len(data))]] = True
            return held
        for row, (start, stop) in enumerate(zip(data.starts[:-1], data.starts[1:], strict=True)):
            digest = hashlib.blake2b(data.ones[start:stop].tobytes(), digest_size=4).digest()
            held[row] = int.from_bytes(digest, "little") < VALIDATION_SHARE * 2**32
        return held if not held.all() else np.zeros_like(held)

    def _start(self, num_bits: int, mean: float, scale: float, rng: np.random.Generator) -> Parameters:
        last = self._trained
        shape = (num_bits + 1, self.settings.rank + 1)
        if self._warm_start and last is not None and last.parameters.shape == shape:
            # The same function in the new units of energy.
            ratio = last.scale / scale
            parameters = last.parameters * np.float32(np.sqrt(ratio))
            parameters[:, 0] = last.parameters[:, 0] * ratio
            parameters[-1, 0] += (last.mean - mean) / scale
            return parameters
        limit = self.settings.init_scale
        parameters = rng.uniform(-limit, limit, shape).astype(np.float32)
        parameters[-1] = 0.0
        return parameters

    def _with_unseen(self, parameters: Parameters, data: SparseBits) -> Parameters:
        if self._unseen == "free":
            return parameters
        unseen = np.append(data.counts() == 0, False)
        values = parameters.copy()
        values[unseen] = 0.0
        if self._unseen == "penalise":
            values[unseen, 0] = self._unseen_penalty
        return values

    def predict(self, bits: Bits) -> Floats:
        """Energies ``[n]`` (eV per cell) of vectors ``[n, M]``."""
        fitted = self._get_fitted()
        data = SparseBits.from_dense(bits)
        if data.num_bits != len(fitted.parameters) - 1:
            raise InputError(f"the surrogate was fitted to {len(fitted.parameters) - 1} bits, not {data.num_bits}")
        return fm_values(data, fitted.parameters) * fitted.scale + fitted.mean

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
        """With ``warm_start`` the trained parameters and their unit of energy; otherwise None."""
        if not self._warm_start or self._trained is None:
            return None
        units = np.array([self._trained.mean, self._trained.scale])
        return {"parameters": self._trained.parameters.copy(), "units": units}

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take up a state that `state` returned: the next fit starts from it, and predictions come from it."""
        mean, scale = (float(u) for u in state["units"])
        self._trained = self._fitted = _Fitted(np.array(state["parameters"], dtype=np.float32), mean, scale)

    def _get_fitted(self) -> _Fitted:
        if self._fitted is None:
            raise CrysimError("the surrogate has not been fitted yet: call fit first")
        return self._fitted


def _checked(bits: Bits, energies: Floats) -> tuple[SparseBits, Floats]:
    values = np.asarray(energies, dtype=np.float64)
    dense = np.asarray(bits)
    if dense.ndim != 2 or values.shape != dense.shape[:1] or not len(values):
        raise InputError(f"a surrogate is fitted to vectors [n, M] and energies [n], not {dense.shape}, {values.shape}")
    if not np.isfinite(values).all():
        raise InputError("a surrogate cannot be fitted to an energy that is not finite: leave failed structures out")
    return SparseBits.from_dense(dense), values


@hookimpl
def crysim_surrogates() -> list[type[Surrogate]]:
    """The surrogates of this module."""
    return [FactorizationMachine]
