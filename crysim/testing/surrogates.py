"""What every surrogate must do. To test one, subclass and override one fixture::

    from crysim.testing.surrogates import SurrogateSuite

    class TestMine(SurrogateSuite):
        @pytest.fixture
        def make(self):
            return lambda: MySurrogate(rank=4)

Needs pytest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np
import pytest

from crysim.arrays import Bits, Floats
from crysim.errors import CrysimError, InputError
from crysim.interfaces import FitReport, Surrogate
from crysim.quadratic import BitGroup, QuadraticModel
from crysim.testing.elsewhere import elsewhere
from crysim.testing.plugins import check_name_and_options
from crysim.testing.surroundings import another_day, global_generators_untouched

GROUPS = (
    BitGroup("lattice", 0, 8),
    BitGroup("system", 8, 4),
    BitGroup("grid", 12, 20, k=4),
)
NUM_BITS = 33
"""One more than the groups cover: a free bit."""

MakeSurrogate = Callable[[], Surrogate]


def example_data(n: int, seed: int = 0) -> tuple[Bits, Floats]:
    """Feasible vectors ``[n, 33]`` and energies (eV) of a hidden quadratic function of rank 3 with a little noise."""
    rng = np.random.default_rng(seed)
    hidden = QuadraticModel(
        linear=rng.normal(size=NUM_BITS), factors=rng.normal(scale=0.3, size=(NUM_BITS, 3)), groups=GROUPS
    )
    draw = np.random.default_rng([seed, n])
    bits = hidden.random_bits(n, draw)
    return bits, 3.0 * hidden.energies(bits) - 100.0 + 0.05 * draw.normal(size=n)


def _work(surrogate: Surrogate) -> Floats:
    """The predictions of a fit."""
    bits, energies = example_data(120)
    surrogate.fit(bits, energies, np.random.default_rng(7))
    return surrogate.predict(bits)


class SurrogateSuite:
    """The contract of `crysim.interfaces.Surrogate`, as tests."""

    needed_pcc = 0.8
    """What a fit to 400 vectors of `example_data` must reach on vectors that it has not seen."""

    other_process: ClassVar[bool] = True
    """Whether its fit in another process is compared."""

    @pytest.fixture
    def make(self) -> MakeSurrogate:
        """A function that makes a new surrogate, always with the same options. Override this."""
        raise NotImplementedError("override the fixture 'make'")

    def test_carries_a_name_and_documented_options(self, make: MakeSurrogate) -> None:
        check_name_and_options(make())

    def test_learns_a_quadratic_function(self, make: MakeSurrogate) -> None:
        bits, energies = example_data(400)
        surrogate = make()
        report = surrogate.fit(bits, energies, np.random.default_rng(0))
        unseen_bits, unseen_energies = example_data(200)
        predicted = surrogate.predict(unseen_bits)
        assert predicted.shape == (200,)
        assert np.corrcoef(predicted, unseen_energies)[0, 1] >= self.needed_pcc
        assert isinstance(report, FitReport)
        assert predicted.dtype == np.float64
        assert report.epochs >= 1
        assert -1 <= report.validation_pcc <= 1
        assert report.train_pcc >= self.needed_pcc
        assert report.seconds > 0
        # In the units of the energies given, not standardised.
        error = np.sqrt(np.mean((predicted - unseen_energies) ** 2))
        assert error / 3 < report.validation_rmse < 3 * error

    def test_model_is_the_prediction_up_to_units(self, make: MakeSurrogate) -> None:
        bits, energies = example_data(200)
        surrogate = make()
        surrogate.fit(bits, energies, np.random.default_rng(0))
        model = surrogate.quadratic_model(GROUPS)
        assert model.groups == GROUPS
        assert model.num_bits == NUM_BITS
        vectors, _ = example_data(300)
        predicted, standardised = surrogate.predict(vectors), model.energies(vectors)
        scale, offset = np.polyfit(standardised, predicted, 1)
        assert scale > 0
        np.testing.assert_allclose(
            offset + scale * standardised, predicted, rtol=0, atol=1e-4 * float(np.std(predicted))
        )

    def test_same_generator_same_fit(self, make: MakeSurrogate) -> None:
        bits, energies = example_data(100)
        first, second = make(), make()
        first.fit(bits, energies, np.random.default_rng(7))
        second.fit(bits, energies, np.random.default_rng(7))
        np.testing.assert_array_equal(first.predict(bits), second.predict(bits))

    def test_order_of_magnitude_of_energies_does_not_matter(self, make: MakeSurrogate) -> None:
        bits, energies = example_data(200)
        first, second = make(), make()
        first.fit(bits, energies, np.random.default_rng(7))
        second.fit(bits, 1000 * energies - 5e4, np.random.default_rng(7))
        np.testing.assert_allclose(second.predict(bits), 1000 * first.predict(bits) - 5e4, rtol=1e-3)

    def test_inputs_are_left_alone(self, make: MakeSurrogate) -> None:
        bits, energies = example_data(50)
        copies = bits.copy(), energies.copy()
        surrogate = make()
        surrogate.fit(bits, energies, np.random.default_rng(0))
        surrogate.predict(bits)
        np.testing.assert_array_equal(bits, copies[0])
        np.testing.assert_array_equal(energies, copies[1])

    def test_fits_again_as_a_new_one(self, make: MakeSurrogate) -> None:
        """Unless a warm start is the surrogate's nature, which its state then shows."""
        bits, energies = example_data(100)
        used, new = make(), make()
        used.fit(*example_data(60, seed=3), np.random.default_rng(1))
        if used.state() is not None:
            pytest.skip("starts from the last fit")
        used.fit(bits, energies, np.random.default_rng(2))
        new.fit(bits, energies, np.random.default_rng(2))
        np.testing.assert_array_equal(used.predict(bits), new.predict(bits))

    def test_resumes_from_its_state(self, make: MakeSurrogate) -> None:
        bits, energies = example_data(100)
        ongoing = make()
        ongoing.fit(bits[:60], energies[:60], np.random.default_rng(1))
        state = ongoing.state()
        resumed = make()
        if state is not None:
            assert all(isinstance(value, np.ndarray) for value in state.values())
            resumed.load_state({key: value.copy() for key, value in state.items()})
            np.testing.assert_array_equal(ongoing.predict(bits), resumed.predict(bits))
        ongoing.fit(bits, energies, np.random.default_rng(2))
        resumed.fit(bits, energies, np.random.default_rng(2))
        np.testing.assert_array_equal(ongoing.predict(bits), resumed.predict(bits))

    @pytest.mark.parametrize("n", [1, 2, 9, 11])
    def test_few_vectors(self, make: MakeSurrogate, n: int) -> None:
        bits, energies = example_data(n)
        surrogate = make()
        surrogate.fit(bits, energies, np.random.default_rng(0))
        assert np.isfinite(surrogate.predict(bits)).all()
        assert np.isfinite(surrogate.quadratic_model(GROUPS).linear).all()

    def test_equal_energies(self, make: MakeSurrogate) -> None:
        bits, _ = example_data(40)
        surrogate = make()
        surrogate.fit(bits, np.full(40, -12.5), np.random.default_rng(0))
        np.testing.assert_allclose(surrogate.predict(bits), -12.5, atol=1.0)

    def test_repeated_vectors(self, make: MakeSurrogate) -> None:
        bits, energies = example_data(30)
        surrogate = make()
        surrogate.fit(np.repeat(bits, 4, axis=0), np.repeat(energies, 4), np.random.default_rng(0))
        assert np.isfinite(surrogate.predict(bits)).all()

    def test_refuses_what_is_no_energy(self, make: MakeSurrogate) -> None:
        bits, energies = example_data(30)
        energies[3] = np.nan
        with pytest.raises(InputError, match="finite"):
            make().fit(bits, energies, np.random.default_rng(0))

    def test_what_it_says_of_validation_is_of_vectors_held_back(self, make: MakeSurrogate) -> None:
        """Energies that are noise can be learnt by heart, and not foretold."""
        bits, _ = example_data(200)
        noise = np.random.default_rng(3).normal(size=200)
        reports = []
        for seed in range(3):
            surrogate = make()
            reports.append(surrogate.fit(bits, noise, np.random.default_rng(seed)))
        assert np.nanmean([report.validation_pcc for report in reports]) <= 0.6
        assert np.mean([report.validation_rmse for report in reports]) >= 0.6 * noise.std()

    def test_learns_from_all_data(self, make: MakeSurrogate) -> None:
        """The first 400 and the last 150 of 750 vectors, alone of a system, lie high."""
        bits, energies = example_data(750)
        for rows, bit in ((slice(0, 400), 8), (slice(400, 600), 9), (slice(600, 750), 10)):
            bits[rows, 8:12] = False
            bits[rows, bit] = True
        energies[600:] += 60.0
        for order in (np.arange(750), np.arange(750)[::-1]):
            surrogate = make()
            surrogate.fit(bits[order], energies[order], np.random.default_rng(0))
            predicted = surrogate.predict(bits)
            assert predicted[600:].mean() - predicted[400:600].mean() >= 30.0
            for rows in (slice(0, 400), slice(400, 600), slice(600, 750)):
                assert np.corrcoef(predicted[rows], energies[rows])[0, 1] >= 0.8 * self.needed_pcc

    def test_predicts_vectors_unlike_any_that_it_has_seen(self, make: MakeSurrogate) -> None:
        bits, energies = example_data(100)
        few = ~bits[:, 0:4].any(axis=1)
        surrogate = make()
        surrogate.fit(bits[few], energies[few], np.random.default_rng(0))
        predicted = surrogate.predict(bits)
        assert isinstance(predicted, np.ndarray)
        assert predicted.shape == (100,)
        assert predicted.dtype == np.float64
        assert np.isfinite(predicted).all()

    def test_same_whatever_surrounds_it(self, make: MakeSurrogate) -> None:
        """No global generator is touched or heeded, nor the time of the day."""
        with global_generators_untouched():
            first = _work(make())
        with another_day():
            again = _work(make())
        np.testing.assert_array_equal(again, first)

    def test_same_fit_in_another_process(self, make: MakeSurrogate) -> None:
        """Where Python hashes texts in another way."""
        if not self.other_process:
            pytest.skip("not tried")
        np.testing.assert_array_equal(elsewhere(make(), _work), _work(make()))

    def test_says_that_it_was_not_fitted(self, make: MakeSurrogate) -> None:
        surrogate = make()
        with pytest.raises(CrysimError, match="fit"):
            surrogate.predict(example_data(2)[0])
        with pytest.raises(CrysimError, match="fit"):
            surrogate.quadratic_model(GROUPS)
