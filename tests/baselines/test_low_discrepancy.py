"""Points of Sobol's sequence are scipy's to the last bit: what `enumerate` proposes hangs on them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import qmc

from crysim.interfaces import derive_rng
from crysim_baselines.low_discrepancy import sobol_points


@pytest.mark.parametrize("dimensions", [1, 2, 3, 7, 24, 61])
@pytest.mark.parametrize("power", [1, 2, 7, 10])
def test_points_are_those_of_scipy(dimensions: int, power: int) -> None:
    for seed in range(3):
        theirs, ours = (derive_rng(seed, "points", dimensions) for _ in range(2))
        for _ in range(2):  # each time another scrambling
            expected = qmc.Sobol(dimensions, rng=theirs).random_base2(power)
            found = sobol_points(dimensions, power, ours)
            assert found.shape == expected.shape
            assert found.dtype == expected.dtype
            assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1, 2**32, 2**63, 2**64, 2**70])
def test_a_derived_generator_is_that_of_its_words(seed: int) -> None:
    words = [seed & 0xFFFFFFFF, seed >> 32, *b"enumerate", 0x1F, 194, 0x1F]
    expected = np.random.default_rng(np.random.SeedSequence(words))
    found = derive_rng(seed, "enumerate", 194)
    for _ in range(3):
        assert found.bytes(64) == expected.bytes(64)
        (found,), (expected,) = found.spawn(1), expected.spawn(1)
