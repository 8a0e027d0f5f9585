"""Encoder grid-ising."""

from __future__ import annotations

import numpy as np
import pytest

from crysim.composition import Composition
from crysim.crystal import Crystal
from crysim.crystal.generation import RandomGenerator
from crysim.errors import InputError
from crysim.testing.encoders import EncoderSuite, MakeEncoder
from crysim_encoders.grid_ising import GridIsing

CA4S4 = Composition.from_formula("Ca4S4")


class TestContract(EncoderSuite):
    same = staticmethod(lambda crystal: crystal.composition)

    @pytest.fixture
    def make(self) -> MakeEncoder:
        return lambda: GridIsing(grid_resolution=20, draws=4)

    # in a grid of 20 voxels two atoms of these crystals, 1.5 Å apart, may share one, and a vector with fewer ones than
    # its groups say cannot be decoded
    def test_encoded_crystals_decode_to_their_like(self, encoder: GridIsing, crystals: list[Crystal]) -> None:  # type: ignore[override]
        checked = 0
        for crystal, vector in zip(crystals, encoder.encode(crystals), strict=True):
            if all(np.count_nonzero(vector[group.slice]) == group.k for group in encoder.groups):
                decoded = encoder.decode(vector, np.random.default_rng(0))
                assert {c.space_group for c in decoded} == {1}
                for other in decoded:
                    np.testing.assert_array_equal(encoder.encode([other])[0], vector)
                checked += crystal.num_atoms > 0
        assert checked > 30


def fitted(g: int = 8) -> GridIsing:
    encoder = GridIsing(grid_resolution=g, draws=3)
    encoder.fit(RandomGenerator(CA4S4).sample(20, np.random.default_rng(0)))
    return encoder


def test_the_number_of_bits() -> None:
    encoder = fitted()
    assert encoder.num_bits == 3 * encoder.layout.lengths.size + 3 * 40 + 2 * 8**3
    assert [group.k for group in encoder.groups] == [1] * 6 + [4, 4]


def test_atoms_stand_within_half_a_voxel_of_where_they_were() -> None:
    encoder = fitted(16)
    for crystal in RandomGenerator(CA4S4).sample(10, np.random.default_rng(5)):
        (vector,) = encoder.encode([crystal])
        if any(np.count_nonzero(vector[group.slice]) != group.k for group in encoder.groups):
            continue
        decoded = encoder.decode(vector, np.random.default_rng(0))[0]
        for element in ("Ca", "S"):
            chosen = np.array(crystal.species) == element
            moves = crystal.frac_coords[chosen][:, None] - decoded.frac_coords[chosen][None]
            moves -= np.rint(moves)
            assert (np.abs(moves).max(axis=-1).min(axis=1) <= 0.5 / 16 + 1e-12).all()


def test_symmetry_plays_no_part() -> None:
    encoder = fitted()
    (crystal,) = RandomGenerator(CA4S4, space_groups=(225,)).sample(1, np.random.default_rng(1))
    bare = Crystal.from_p1(CA4S4, crystal.lattice, crystal.species, crystal.frac_coords)
    np.testing.assert_array_equal(*encoder.encode([crystal, bare]))


def test_bad_input_is_refused() -> None:
    with pytest.raises(InputError, match="'draws' of encoder 'grid-ising'"):
        GridIsing(draws=0)
    with pytest.raises(InputError, match="do not fit into 1³"):
        GridIsing(grid_resolution=1).fit(RandomGenerator(CA4S4).sample(1, np.random.default_rng(0)))
    encoder = fitted()
    with pytest.raises(InputError, match="must have 1 ones, not 0"):
        encoder.decode(np.zeros(encoder.num_bits, dtype=np.bool_), np.random.default_rng(0))
    with pytest.raises(InputError, match="the shape"):
        encoder.decode(np.zeros(3, dtype=np.bool_), np.random.default_rng(0))
