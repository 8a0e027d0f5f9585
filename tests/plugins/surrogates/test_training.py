"""The compiled training equals torch's, and its schedules equal torch's schedulers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from crysim.errors import InputError
from crysim.quadratic import QuadraticModel
from crysim.testing.surrogates import example_data
from crysim_surrogates import fm_kernels
from crysim_surrogates.fm_compiled import CompiledTrainer
from crysim_surrogates.fm_torch import TorchTrainer
from crysim_surrogates.objective import loss_value, pearson
from crysim_surrogates.schedule import END_FACTOR, Schedule, decay_factor
from crysim_surrogates.settings import TrainingSettings, settings_of
from crysim_surrogates.sparse_bits import SparseBits
from crysim_surrogates.training import fm_values, train


def random_parameters(num_bits: int, rank: int, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    parameters = rng.uniform(-0.3, 0.3, (num_bits + 1, rank + 1)).astype(np.float32)
    parameters[-1, 1:] = 0.0
    return parameters


def equation_20(bits: np.ndarray[Any, Any], parameters: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Term by term, every pair once."""
    W, h, b = parameters[:-1, 1:].astype(float), parameters[:-1, 0].astype(float), float(parameters[-1, 0])
    pairs = np.triu(W @ W.T, k=1)
    return np.array([b + x @ h + x @ pairs @ x for x in bits.astype(float)])


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.sampled_from([1, 5, 16]), st.floats(0, 1))
@settings(max_examples=30, deadline=None)
def test_values_are_equation_20(seed: int, num_bits: int, rank: int, density: float) -> None:
    rng = np.random.default_rng(seed)
    bits = rng.random((7, num_bits)) < density
    parameters = random_parameters(num_bits, rank, rng)
    data = SparseBits.from_dense(bits)
    expected = equation_20(bits, parameters)
    np.testing.assert_allclose(fm_values(data, parameters), expected, atol=1e-9)
    config = TrainingSettings(rank=rank)
    for trainer in (
        CompiledTrainer(data, np.zeros(7), data, parameters, config),
        TorchTrainer(data, np.zeros(7), data, parameters, config),
    ):
        np.testing.assert_allclose(trainer.held_values(), expected, atol=1e-4)
        np.testing.assert_array_equal(trainer.parameters, parameters)
    model = QuadraticModel(linear=parameters[:-1, 0].astype(float), factors=parameters[:-1, 1:].astype(float))
    np.testing.assert_allclose(model.energies(bits) + float(parameters[-1, 0]), expected, atol=1e-9)


every_loss = pytest.mark.parametrize(
    ("loss", "error_weight", "correlation_weight"),
    [(loss, *weights) for loss in ("mse", "rmse") for weights in ((10, 1), (1, 100), (0, 1), (1, 0))],
)


@every_loss
@pytest.mark.parametrize("rank", [16, 5, 1])
def test_values_and_gradients_equal_torchs(
    loss: Any, error_weight: float, correlation_weight: float, rank: int
) -> None:
    bits, energies = example_data(101)
    bits[0] = False  # a vector without ones
    data = SparseBits.from_dense(bits)
    target = (energies - energies.mean()) / energies.std()
    config = TrainingSettings(loss=loss, error_weight=error_weight, correlation_weight=correlation_weight, rank=rank)
    parameters = random_parameters(data.num_bits, rank, np.random.default_rng(1)).astype(float)
    reference = TorchTrainer(data, target, data, parameters, config)
    expected = reference._predict(reference._ones)
    reference._loss(expected, reference._target).backward()

    starts, ones, rows = data.starts, data.ones.view(np.uint32), np.arange(101)
    h, W = parameters[:, 0].copy(), parameters[:-1, 1:].copy()
    terms, dh, dW = np.empty_like(h), np.zeros_like(h), np.zeros_like(W)
    z, values, slope = np.empty((101, rank)), np.empty(101), np.empty(101)
    fm_kernels.row_terms(h, W, terms)
    fm_kernels.forward(starts, ones, rows, W, terms, (0,) * rank, z, values)
    np.testing.assert_allclose(values, expected.detach().numpy(), rtol=0, atol=1e-11)
    fm_kernels.loss_slope(values, target, loss == "rmse", error_weight, correlation_weight, slope)
    fm_kernels.backward(starts, ones, rows, slope, (0,) * rank, z, dh, dW)
    dW -= dh[:-1, None] * W  # which `adam` does
    table, constant = reference._table.grad, reference._constant.grad
    assert table is not None
    assert constant is not None
    size = float(table.abs().max())
    assert size > 1e-3
    np.testing.assert_allclose(dW, table[:-1, 1:].numpy(), rtol=0, atol=1e-11 * size)
    np.testing.assert_allclose(dh[:-1], table[:-1, 0].numpy(), rtol=0, atol=1e-11 * size)
    np.testing.assert_allclose(dh[-1], constant.numpy(), rtol=0, atol=1e-11 * size)


@every_loss
@pytest.mark.parametrize(("batch_size", "weight_decay", "rank"), [(20, 1e-9, 16), (7, 1e-2, 5), (0, 1e-5, 1)])
def test_steps_equal_torchs(
    loss: Any, error_weight: float, correlation_weight: float, batch_size: int, weight_decay: float, rank: int
) -> None:
    """In float64: Adam's steps are of full size however small the gradient, so float32's rounding would show."""
    bits, energies = example_data(101)
    bits[0] = False
    data = SparseBits.from_dense(bits)
    target = (energies - energies.mean()) / energies.std()
    config = TrainingSettings(
        loss=loss,
        error_weight=error_weight,
        correlation_weight=correlation_weight,
        batch_size=batch_size,
        weight_decay=weight_decay,
        rank=rank,
    )
    rng = np.random.default_rng(1)
    start = random_parameters(data.num_bits, rank, rng).astype(float)
    compiled = CompiledTrainer(data, target, data, start, config)
    reference = TorchTrainer(data, target, data, start, config)
    steps = math.ceil(101 / batch_size) if batch_size else 1
    for _ in range(3):
        order = rng.permutation(101)
        rates = rng.uniform(1e-4, 1e-2, steps)
        compiled.epoch(order, rates)
        reference.epoch(order, rates)
    assert np.abs(compiled.parameters - start).max() > 1e-3
    # Adam's constants are float32's in the kernel: 1 - 0.999 differs by 1.3e-5 of itself.
    np.testing.assert_allclose(compiled.parameters, reference.parameters, rtol=0, atol=1e-5)
    np.testing.assert_allclose(compiled.held_values(), reference.held_values(), rtol=0, atol=1e-4)


def test_loss_is_torchs() -> None:
    bits, energies = example_data(50)
    data = SparseBits.from_dense(bits)
    target = (energies - energies.mean()) / energies.std()
    parameters = random_parameters(data.num_bits, 4, np.random.default_rng(0))
    for loss in ("mse", "rmse"):
        config = settings_of("paper", loss=loss, rank=4)
        trainer = TorchTrainer(data, target, data, parameters, config)
        values = trainer.held_values()
        expected = trainer._loss(torch.as_tensor(values), torch.as_tensor(target)).item()
        assert loss_value(values, target, config) == pytest.approx(expected, abs=1e-6)


def test_loss_of_equation_29() -> None:
    predicted, target = np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.5, 0.5, 2.5, 2.0])
    error = math.sqrt(np.mean((predicted - target) ** 2))
    correlation = np.corrcoef(predicted, target)[0, 1]
    config = TrainingSettings(loss="rmse", error_weight=1, correlation_weight=100)
    assert loss_value(predicted, target, config) == pytest.approx(error - 100 * correlation)
    config = TrainingSettings(loss="mse")
    assert loss_value(-predicted, target, config) == pytest.approx(
        10 * np.mean((predicted + target) ** 2) - correlation
    )
    assert math.isnan(pearson(np.ones(4), target))


def torch_rates(make: Any, epochs: int, losses: list[float] | None = None) -> list[float]:
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make(optimiser)
    rates = []
    for epoch in range(epochs):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        if losses is None:
            scheduler.step()
        else:
            scheduler.step(losses[epoch])
    return rates


@pytest.mark.parametrize("max_epoch", [800, 300])
def test_decay_is_torchs(max_epoch: int) -> None:
    lr = torch.optim.lr_scheduler
    step = max_epoch // 5
    milestone = int(0.4 * max_epoch)
    makers = {
        "LinearLR": lambda o: lr.LinearLR(o, start_factor=1, end_factor=END_FACTOR, total_iters=int(0.8 * max_epoch)),
        "MultiStepLR": lambda o: lr.MultiStepLR(o, milestones=[step, 2 * step, 3 * step, 4 * step], gamma=0.1),
        "SequentialLR": lambda o: lr.SequentialLR(
            o,
            [
                lr.LinearLR(o, start_factor=1, end_factor=END_FACTOR, total_iters=int(0.8 * milestone)),
                lr.ExponentialLR(o, gamma=0.993),
            ],
            milestones=[milestone],
        ),
        "None": lambda o: lr.ConstantLR(o, factor=1),
    }
    for name, make in makers.items():
        expected = torch_rates(make, max_epoch)
        ours = [decay_factor(name, epoch, max_epoch) for epoch in range(max_epoch)]
        np.testing.assert_allclose(ours, expected, rtol=1e-6, err_msg=name)
    exponential = [decay_factor("ExponentialLR", epoch, 2000) for epoch in range(2000)]
    assert exponential[100] == pytest.approx(0.99**100)
    assert exponential[-1] == END_FACTOR


def test_plateau_is_torchs() -> None:
    losses = [float(x) for x in np.random.default_rng(0).random(400) + np.linspace(3, 0, 400) ** 2]
    expected = torch_rates(
        lambda o: torch.optim.lr_scheduler.ReduceLROnPlateau(
            o, factor=0.9, patience=10, min_lr=END_FACTOR, threshold=0.0
        ),
        400,
        losses,
    )
    schedule = Schedule(TrainingSettings(scheduler="ReduceLROnPlateau", warmup_steps=0, learning_rate=1.0))
    ours = []
    for loss in losses:
        ours.append(schedule.rates(1)[0])
        schedule.end_epoch(loss)
    np.testing.assert_allclose(ours, expected)
    assert ours[-1] < 0.6


def test_warmup_rises_by_steps_and_decay_waits_for_it() -> None:
    schedule = Schedule(TrainingSettings(warmup_steps=100, learning_rate=0.5, scheduler="MultiStepLR", max_epoch=10))
    rates = []
    for _ in range(20):
        rates.append(schedule.rates(30))
        schedule.end_epoch(0.0)
    first = np.concatenate(rates)[:100]
    assert first[0] == pytest.approx(0.5 / 100)
    assert np.allclose(np.diff(first), np.diff(first)[0])
    assert rates[3][10:] == pytest.approx(0.5)
    # Warm-up ends in the fourth epoch, which is the first that counts towards the milestones at 2, 4, 6 and 8.
    assert [float(r[-1]) for r in rates[3:8]] == pytest.approx([0.5, 0.5, 0.05, 0.05, 0.005])
    assert rates[-1][0] == pytest.approx(0.5e-4)


def test_few_vectors_still_make_some_steps() -> None:
    config = TrainingSettings(batch_size=100, min_batches=20)
    assert [config.steps_per_epoch(n) for n in (1, 4, 9, 60, 1000, 4500)] == [1, 1, 1, 12, 20, 45]
    assert settings_of("paper").steps_per_epoch(60) == 1
    assert TrainingSettings(batch_size=0).steps_per_epoch(4500) == 1


def test_section_e_is_a_preset() -> None:
    paper = settings_of("paper")
    assert (paper.max_epoch, paper.epochs_of_patience, paper.batch_size, paper.rank) == (800, 400, 100, 16)
    assert (paper.learning_rate, paper.scheduler, paper.weight_decay) == (1e-3, "MultiStepLR", 1e-9)
    assert (paper.error_weight, paper.correlation_weight, paper.warmup_steps, paper.ema_momentum) == (10, 1, 1000, 1)
    assert (paper.loss, paper.init_scale, paper.min_batches) == ("mse", 0.1, 1)


class Scripted:
    """A trainer whose validation error is given, to see what the loop makes of it."""

    def __init__(self, errors: list[float]) -> None:
        self.parameters = np.zeros((2, 2), np.float32)
        self.errors = errors
        self.epochs = 0

    def epoch(self, order: Any, rates: Any) -> None:
        assert sorted(order) == list(range(10))
        self.parameters = self.parameters + np.float32(1)
        self.epochs += 1

    def held_values(self) -> np.ndarray[Any, Any]:
        return np.array([self.errors[self.epochs - 1]])


def test_patience_and_best_parameters() -> None:
    config = TrainingSettings(max_epoch=12, correlation_weight=0)
    trainer = Scripted([5, 4, 3, 4, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3])
    result = train(trainer, 10, np.zeros(1), config, np.random.default_rng(0))
    # Patience is half of max_epoch: 6 epochs without a fall after the fifth, and the seventh ends it.
    assert result.epochs == 12
    assert result.parameters[0, 0] == 5
    trainer = Scripted([1, *[2] * 20])
    result = train(trainer, 10, np.zeros(1), config, np.random.default_rng(0))
    assert result.epochs == 8
    assert result.parameters[0, 0] == 1


def test_ema_mixes_the_last_epochs_parameters() -> None:
    config = TrainingSettings(max_epoch=3, ema_momentum=0.5, correlation_weight=0)
    trainer = Scripted([3, 2, 1])
    result = train(trainer, 10, np.zeros(1), config, np.random.default_rng(0))
    # 0 -> 1, mixed 0.5 -> 1.5, mixed 1 -> 2, mixed 1.5
    assert result.parameters[0, 0] == 1.5


@pytest.mark.parametrize(
    "bad",
    [
        {"max_epoch": 0},
        {"rank": 0},
        {"batch_size": -1},
        {"learning_rate": 0.0},
        {"learning_rate": math.nan},
        {"weight_decay": -1.0},
        {"ema_momentum": 0.0},
        {"ema_momentum": 1.5},
        {"patience": 0},
        {"error_weight": 0.0, "correlation_weight": 0.0},
    ],
)
def test_bad_settings(bad: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(bad))):
        settings_of("paper", **bad)
