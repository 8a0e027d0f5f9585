"""Data sets for surrogates: drawn with a real encoder and a real potential, and kept on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from crysim.composition import Composition
from crysim.errors import InputError
from crysim.interfaces import RelaxSettings
from crysim.plugins import plugin_manager
from crysim.workflows.training_data import TrainingData, generate_training_data


@pytest.fixture(scope="module")
def data() -> TrainingData:
    manager = plugin_manager()
    return generate_training_data(
        Composition.from_formula("Ar4"),
        manager.build("encoder", "crysim", {"grid_resolution": 4}),
        manager.build("energy", "ase:lj"),
        np.random.default_rng(0),
        num_random=30,
        num_relaxed=2,
        relax=RelaxSettings(max_steps=5),
    )


def test_what_is_drawn(data: TrainingData) -> None:
    n = len(data.energies)
    assert data.bits.shape == (n, data.groups[-1].stop)
    assert 0 < data.is_frame.sum() < n
    assert np.isfinite(data.energies).all()
    assert data.energies.max() <= abs(data.energies[~data.is_frame].min())


def test_survives_the_disk(data: TrainingData, tmp_path: Path) -> None:
    path = tmp_path / "new" / "set.npz"
    data.save(path)
    again = TrainingData.load(path)
    np.testing.assert_array_equal(again.bits, data.bits)
    np.testing.assert_array_equal(again.energies, data.energies)
    np.testing.assert_array_equal(again.is_frame, data.is_frame)
    assert again.groups == data.groups
    assert again.formula == "Ar4"


def test_bad_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read the data set .*none\.npz: No such file"):
        TrainingData.load(tmp_path / "none.npz")
    path = tmp_path / "text.npz"
    path.write_text("no archive")
    with pytest.raises(InputError, match=r"text\.npz"):
        TrainingData.load(path)
    np.savez(path, ones=np.zeros(3))
    with pytest.raises(InputError, match=r"text\.npz"):
        TrainingData.load(path)
