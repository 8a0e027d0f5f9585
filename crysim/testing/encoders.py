"""What every encoder must do. To test one, subclass and override one fixture::

    from crysim.testing.encoders import EncoderSuite

    class TestMine(EncoderSuite):
        @pytest.fixture
        def make(self):
            return lambda: MyEncoder(grid_resolution=6)

Needs pytest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np
import pytest

from crysim.composition import Composition
from crysim.crystal import Crystal
from crysim.crystal.generation import RandomGenerator
from crysim.errors import CrysimError
from crysim.interfaces import Encoder
from crysim.quadratic import QuadraticModel
from crysim.quadratic.model import check_groups
from crysim.testing.plugins import check_name_and_options

MakeEncoder = Callable[[], Encoder]


class EncoderSuite:
    """The contract of `crysim.interfaces.Encoder`, as tests."""

    formula: ClassVar[str] = "Ca4S4"
    same: ClassVar[Callable[[Crystal], object]] = staticmethod(lambda crystal: crystal.system)
    """What the first decoded crystal of an encoded one shares with it."""

    @pytest.fixture
    def make(self) -> MakeEncoder:
        """A function that makes a new encoder, always with the same options. Override this."""
        raise NotImplementedError("override the fixture 'make'")

    @pytest.fixture(scope="class")
    @classmethod
    def crystals(cls) -> list[Crystal]:
        composition = Composition.from_formula(cls.formula)
        return RandomGenerator(composition).sample(60, np.random.default_rng(0))

    @pytest.fixture
    def encoder(self, make: MakeEncoder, crystals: list[Crystal]) -> Encoder:
        encoder = make()
        encoder.fit(crystals)
        return encoder

    def vectors(self, encoder: Encoder, n: int) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
        """Feasible vectors as a solver may return them, ``[n, M]``."""
        model = QuadraticModel(
            np.zeros(encoder.num_bits), factors=np.zeros((encoder.num_bits, 1)), groups=encoder.groups
        )
        return model.random_bits(n, np.random.default_rng(1))

    def test_carries_a_name_and_documented_options(self, make: MakeEncoder) -> None:
        check_name_and_options(make())

    def test_groups_are_disjoint_and_in_order(self, encoder: Encoder) -> None:
        check_groups(encoder.groups, encoder.num_bits)
        assert len({group.name for group in encoder.groups}) == len(encoder.groups)

    def test_same_crystals_same_layout(self, make: MakeEncoder, encoder: Encoder, crystals: list[Crystal]) -> None:
        other = make()
        other.fit(crystals)
        assert (other.groups, other.num_bits) == (encoder.groups, encoder.num_bits)
        np.testing.assert_array_equal(other.encode(crystals), encoder.encode(crystals))

    def test_encodes_in_batches_as_one_by_one(self, encoder: Encoder, crystals: list[Crystal]) -> None:
        bits = encoder.encode(crystals)
        assert bits.shape == (len(crystals), encoder.num_bits)
        assert bits.dtype == np.bool_
        for crystal, row in zip(crystals[:10], bits, strict=False):
            np.testing.assert_array_equal(encoder.encode([crystal])[0], row)
        assert encoder.encode([]).shape == (0, encoder.num_bits)

    def test_an_encoded_crystal_has_at_most_as_many_ones_as_its_groups_say(
        self, encoder: Encoder, crystals: list[Crystal]
    ) -> None:
        """Fewer where two atoms fall on one bit."""
        bits = encoder.encode(crystals)
        for group in encoder.groups:
            ones = np.count_nonzero(bits[:, group.slice], axis=1)
            assert (ones <= group.k).all(), group.name
            assert ones.any(), group.name

    def test_any_feasible_vector_is_a_crystal(self, encoder: Encoder, crystals: list[Crystal]) -> None:
        for vector in self.vectors(encoder, 40):
            before = vector.copy()
            decoded = encoder.decode(vector, np.random.default_rng(2))
            assert decoded
            assert all(crystal.composition == crystals[0].composition for crystal in decoded)
            np.testing.assert_array_equal(vector, before)
            assert encoder.encode(decoded).shape == (len(decoded), encoder.num_bits)

    def test_same_generator_same_crystals(self, encoder: Encoder) -> None:
        for vector in self.vectors(encoder, 5):
            first = encoder.decode(vector, np.random.default_rng(3))
            assert first == encoder.decode(vector, np.random.default_rng(3))

    def test_encoded_crystals_decode_to_their_like(self, encoder: Encoder, crystals: list[Crystal]) -> None:
        same = type(self).same
        for crystal, vector in zip(crystals, encoder.encode(crystals), strict=True):
            assert same(encoder.decode(vector, np.random.default_rng(4))[0]) == same(crystal)

    def test_encodes_what_a_relaxation_brings(self, encoder: Encoder, crystals: list[Crystal]) -> None:
        """Lengths out of the bounds, coordinates out of the cell."""
        for factor in (0.5, 1.7):
            moved = [
                crystal.with_parameters(
                    [*(factor * length for length in crystal.cell[:3]), *crystal.cell[3:]],
                    [tuple(x - 1.0 for x in site.free) for site in crystal.sites],
                )
                for crystal in crystals
            ]
            assert encoder.encode(moved).any(axis=1).all()

    def test_says_that_it_was_not_fitted(self, make: MakeEncoder, crystals: list[Crystal]) -> None:
        with pytest.raises(CrysimError):
            make().encode(crystals)
