"""Surrogate ``fm``: its options, warm starts and bits without data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from crysim.errors import InputError, UnknownNameError
from crysim.plugins import plugin_manager
from crysim.testing.surrogates import GROUPS, NUM_BITS, example_data
from crysim_surrogates.dataset import prepare
from crysim_surrogates.fm import FactorizationMachine
from crysim_surrogates.sparse_bits import SparseBits


@given(arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=12)), st.data())
def test_sparse_bits_round_trip(bits: np.ndarray, data: st.DataObject) -> None:
    sparse = SparseBits.from_dense(bits)
    np.testing.assert_array_equal(sparse.to_dense(), bits)
    np.testing.assert_array_equal(sparse.counts(), bits.sum(axis=0))
    np.testing.assert_array_equal(sparse.matrix().toarray(), bits)
    rows = data.draw(st.lists(st.integers(0, len(bits) - 1), max_size=8)) if len(bits) else []
    chosen = sparse.take(np.array(rows, dtype=np.int64))
    np.testing.assert_array_equal(chosen.to_dense(), bits[rows])
    np.testing.assert_array_equal(SparseBits.concatenate([chosen, sparse]).to_dense(), np.vstack([bits[rows], bits]))
    if len(bits):
        padded = sparse.padded()
        again = np.zeros((len(bits), bits.shape[1] + 1), dtype=bool)
        np.put_along_axis(again, padded, True, axis=1)
        np.testing.assert_array_equal(again[:, :-1], bits)


def test_one_tenth_is_held_back_and_energies_are_standardised() -> None:
    bits, energies = example_data(200)
    data = prepare(bits, energies, np.random.default_rng(0))
    assert (len(data.training), len(data.validation)) == (180, 20)
    target = np.concatenate([data.target, data.validation_target])
    assert target.mean() == pytest.approx(0, abs=1e-12)
    assert target.std() == pytest.approx(1)
    np.testing.assert_allclose(np.sort(data.units.restore(target)), np.sort(energies))


def test_a_vector_stays_on_its_side() -> None:
    bits, energies = example_data(400)
    bits = np.unique(bits, axis=0)
    energies = energies[: len(bits)]
    few = prepare(bits[:200], energies[:200], np.random.default_rng(0), by_hash=True)
    many = prepare(bits, energies, np.random.default_rng(1), by_hash=True)
    held_before = {row.tobytes() for row in few.validation.to_dense()}
    held_after = {row.tobytes() for row in many.validation.to_dense()}
    trained_after = {row.tobytes() for row in many.training.to_dense()}
    assert held_before <= held_after
    assert not held_after & trained_after
    assert 0.05 < len(held_after) / len(bits) < 0.15


def test_warm_start_continues_the_same_function() -> None:
    bits, energies = example_data(300)
    surrogate = FactorizationMachine(warm_start=True, rank=4)
    surrogate.fit(bits[:250], energies[:250], np.random.default_rng(0))
    before = surrogate.predict(bits)
    data = prepare(bits, 2 * energies + 7, np.random.default_rng(1), by_hash=True)
    start = surrogate._continued(data)
    assert start is not None
    from crysim_surrogates.training import fm_values

    again = data.units.restore(fm_values(SparseBits.from_dense(bits), start))
    np.testing.assert_allclose(again, before, rtol=1e-5)


def test_warm_start_is_ahead_of_a_cold_one() -> None:
    bits, energies = example_data(400)
    pcc = {}
    for warm in (True, False):
        surrogate = FactorizationMachine(warm_start=warm, rank=4, max_epoch=20, warmup_steps=0)
        for seed in range(4):
            report = surrogate.fit(bits, energies, np.random.default_rng(seed))
        assert report.epochs == (5 if warm else 20)
        pcc[warm] = report.train_pcc
    assert pcc[True] > pcc[False]


@pytest.mark.parametrize("unseen", ["free", "zero", "penalise"])
def test_unseen_bits(unseen: str) -> None:
    bits, energies = example_data(200)
    bits[:, 20] = False
    surrogate = plugin_manager().build("surrogate", "fm", {"unseen": unseen, "unseen_penalty": 2.5, "rank": 4})
    surrogate.fit(bits, energies, np.random.default_rng(0))
    model = surrogate.quadratic_model(GROUPS)
    fields = model.local_fields(bits)[:, 20]
    if unseen == "free":
        assert np.std(fields) > 0
    else:
        np.testing.assert_allclose(fields, 0.0 if unseen == "zero" else 2.5)
    assert np.std(model.local_fields(bits)[:, 19]) > 0


@pytest.mark.parametrize("unseen", ["free", "zero", "penalise"])
def test_a_state_predicts_bits_that_no_vector_had(unseen: str) -> None:
    bits, energies = example_data(50)
    bits[:, :3] = False
    ongoing, resumed = (FactorizationMachine(warm_start=True, rank=4, unseen=unseen) for _ in range(2))
    ongoing.fit(bits, energies, np.random.default_rng(0))
    state = ongoing.state()
    assert state is not None
    resumed.load_state(state)
    bits[:, :3] = True
    np.testing.assert_array_equal(resumed.predict(bits), ongoing.predict(bits))
    earlier = {key: value for key, value in state.items() if key != "seen"}  # as earlier releases wrote it
    FactorizationMachine(warm_start=True, rank=4, unseen=unseen).load_state(earlier)


def test_options_come_through_the_manager() -> None:
    manager = plugin_manager()
    surrogate = manager.build(
        "surrogate", "fm", {"scheduler": "LinearLR", "rank": 8, "loss": "rmse", "preset": "paper"}
    )
    assert surrogate.settings.rank == 8
    assert surrogate.settings.loss == "rmse"
    assert surrogate.settings.max_epoch == 800
    assert surrogate.settings.epochs_of_patience == 400
    with pytest.raises(UnknownNameError, match="did you mean 'scheduler'"):
        manager.build("surrogate", "fm", {"schedular": "LinearLR"})
    with pytest.raises(InputError, match="scheduler"):
        manager.build("surrogate", "fm", {"scheduler": "Cosine"})
    with pytest.raises(InputError, match="max_epoch"):
        manager.build("surrogate", "fm", {"max_epoch": 0})


@pytest.mark.parametrize(
    ("bits", "energies"),
    [
        (np.zeros((0, 5), bool), np.zeros(0)),
        (np.zeros((3, 5), bool), np.zeros(4)),
        (np.zeros(5, bool), np.zeros(1)),
    ],
)
def test_data_that_do_not_fit_together(bits: np.ndarray, energies: np.ndarray) -> None:
    with pytest.raises(InputError, match="vectors"):
        FactorizationMachine().fit(bits, energies, np.random.default_rng(0))


def test_another_number_of_bits() -> None:
    surrogate = FactorizationMachine(max_epoch=2)
    surrogate.fit(*example_data(20), np.random.default_rng(0))
    with pytest.raises(InputError, match=f"{NUM_BITS} bits"):
        surrogate.predict(np.zeros((1, NUM_BITS + 1), bool))


def test_torch_on_a_device_does_what_the_compiled_code_does() -> None:
    """``cpu:0`` goes through torch, as a GPU does."""
    import torch

    bits, energies = example_data(150)
    device = "cuda" if torch.cuda.is_available() else "cpu:0"
    compiled = FactorizationMachine(rank=4, max_epoch=15)
    in_torch = FactorizationMachine(rank=4, max_epoch=15, device=device)
    first = compiled.fit(bits, energies, np.random.default_rng(0))
    second = in_torch.fit(bits, energies, np.random.default_rng(0))
    assert second.epochs == first.epochs
    assert second.validation_pcc == pytest.approx(first.validation_pcc, abs=1e-3)
    np.testing.assert_allclose(in_torch.predict(bits), compiled.predict(bits), atol=0.01 * energies.std())


def test_a_device_that_is_not_there() -> None:
    for device in ("gpu", "cuda:99"):
        with pytest.raises(InputError, match=f"device '{device}'"):
            FactorizationMachine(device=device)
