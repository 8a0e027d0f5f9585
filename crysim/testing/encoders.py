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
from functools import cache
from typing import ClassVar

import numpy as np
import pytest

from crysim.arrays import Bits
from crysim.composition import Contents
from crysim.composition.contents import CellKind
from crysim.crystal import Crystal
from crysim.crystal.generation import RandomGenerator
from crysim.errors import CrysimError
from crysim.interfaces import Encoder
from crysim.quadratic import QuadraticModel
from crysim.quadratic.model import check_groups
from crysim.testing.elsewhere import elsewhere
from crysim.testing.plugins import check_name_and_options
from crysim.testing.surroundings import another_day, global_generators_untouched

MakeEncoder = Callable[[], Encoder]


@cache
def _random_crystals(formula: str, cell: CellKind, n: int) -> tuple[Crystal, ...]:
    """So many crystals, the same always; made once for all encoders that are tested."""
    generator = RandomGenerator(Contents.from_formula(formula, cell=cell))
    return tuple(generator.sample(n, np.random.default_rng(0)))


def _work(encoder: Encoder, crystals: list[Crystal]) -> tuple[Bits, list[Crystal]]:
    """Vectors, and the crystals that the first of them decode to."""
    encoder.fit(crystals)
    bits = encoder.encode(crystals)
    return bits, [one for x in bits[:5] for one in encoder.decode(x, np.random.default_rng(3))]


def _separation(crystal: Crystal, other: Crystal) -> float:
    """Mean over a crystal's atoms of the fractional distance to the nearest atom of the element in another one."""
    species = np.array(crystal.species)
    steps = crystal.frac_coords[:, None] - other.frac_coords[None]
    distances = np.linalg.norm(steps - np.rint(steps), axis=2)
    return float(np.where(species[:, None] == species[None], distances, np.inf).min(axis=1).mean())


class EncoderSuite:
    """The contract of `crysim.interfaces.Encoder`, as tests."""

    formula: ClassVar[str] = "Ca4S4"
    same: ClassVar[Callable[[Crystal], object]] = staticmethod(lambda crystal: crystal.system)
    """What the first decoded crystal of an encoded one shares with it."""

    primitive_formula: ClassVar[str] = "Mg2Al4O8"
    """Contents of the primitive cell, for an encoder that takes them."""

    length_error: ClassVar[float] = 0.12
    """Share by which lengths of the cell may be off, in the median, where a crystal is encoded and decoded."""
    place_error: ClassVar[float] = 0.8
    """How far atoms may be from where they were, over how far they are from those of another crystal of the group."""
    other_process: ClassVar[bool] = True
    """Whether its vectors in another process are compared."""

    @pytest.fixture
    def make(self) -> MakeEncoder:
        """A function that makes a new encoder, always with the same options. Override this."""
        raise NotImplementedError("override the fixture 'make'")

    @pytest.fixture(scope="class")
    @classmethod
    def crystals(cls) -> list[Crystal]:
        return list(_random_crystals(cls.formula, "conventional", 60))

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
        assert isinstance(bits, np.ndarray)
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
            assert isinstance(decoded, list)
            assert decoded
            assert all(crystal.composition == crystals[0].composition for crystal in decoded)
            np.testing.assert_array_equal(vector, before)
            assert encoder.encode(decoded[:5]).shape == (len(decoded[:5]), encoder.num_bits)

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

    @pytest.fixture(scope="class")
    @classmethod
    def in_primitive_cells(cls) -> list[Crystal]:
        """Crystals of as many atoms per primitive cell; most centrings are among them."""
        return list(_random_crystals(cls.primitive_formula, "primitive", 80))

    def test_takes_contents_of_the_primitive_cell(self, make: MakeEncoder, in_primitive_cells: list[Crystal]) -> None:
        """All groups in one layout; every vector, encoded or feasible, is a crystal with these contents."""
        encoder = make()
        if not encoder.primitive_contents:
            pytest.skip("this encoder takes conventional cells only")
        contents = Contents.from_formula(self.primitive_formula, cell="primitive")
        assert len({crystal.centring_factor for crystal in in_primitive_cells}) >= 3
        encoder.fit(in_primitive_cells, contents)
        check_groups(encoder.groups, encoder.num_bits)
        bits = encoder.encode(in_primitive_cells)
        for group in encoder.groups:
            assert (np.count_nonzero(bits[:, group.slice], axis=1) <= group.k).all(), group.name
        for vector in self.vectors(encoder, 40):
            decoded = encoder.decode(vector, np.random.default_rng(2))
            assert decoded
            assert all(map(contents.held_by, decoded))
            assert encoder.encode(decoded[:5]).shape == (len(decoded[:5]), encoder.num_bits)
        with pytest.raises(CrysimError):
            make().fit(in_primitive_cells)

    def test_lengths_come_back(self, encoder: Encoder, crystals: list[Crystal]) -> None:
        decoded = [encoder.decode(x, np.random.default_rng(4))[0] for x in encoder.encode(crystals)]
        ratios = np.array([d.cell[:3] for d in decoded]) / np.array([c.cell[:3] for c in crystals])
        assert np.median(np.abs(ratios - 1.0)) <= self.length_error
        assert abs(np.median(ratios) - 1.0) <= self.length_error / 2, "lengths are off to one side"

    def test_angles_come_back(self, encoder: Encoder, crystals: list[Crystal]) -> None:
        free = [crystal for crystal in crystals if crystal.system in ("triclinic", "monoclinic")]
        if len(free) < 3:
            pytest.skip("too few crystals with free angles")
        decoded = [encoder.decode(x, np.random.default_rng(4))[0] for x in encoder.encode(free)]
        errors = np.abs(np.array([d.cell[3:] for d in decoded]) - np.array([c.cell[3:] for c in free]))
        assert np.median(errors.max(axis=1)) <= 15.0

    def test_vectors_tell_positions(self, encoder: Encoder, crystals: list[Crystal]) -> None:
        """Crystals that differ in where their atoms are have other vectors, and atoms come back near their places."""
        mobile = [crystal for crystal in crystals if crystal.num_free_coordinates]
        moved = [c.with_parameters(c.cell, [[x + 0.37 for x in site.free] for site in c.sites]) for c in mobile]
        same = (encoder.encode(mobile) == encoder.encode(moved)).all(axis=1)
        assert same.mean() <= 0.2, "most vectors stay the same where all atoms move"
        own, other = [], []
        for crystal, there in zip(mobile, moved, strict=True):
            for decoded in encoder.decode(encoder.encode([crystal])[0], np.random.default_rng(4))[:1]:
                own.append(_separation(crystal, decoded))
                other.append(_separation(there, decoded))
        assert np.mean(own) <= self.place_error * np.mean(other), "atoms do not come back to where they were"

    def test_vectors_tell_lengths(self, encoder: Encoder, crystals: list[Crystal]) -> None:
        middle = [float(np.mean([c.cell[i] for c in crystals])) for i in range(3)]
        shorter, longer = (
            [c.with_parameters([*(f * x for x in middle), *c.cell[3:]], [s.free for s in c.sites]) for c in crystals]
            for f in (0.85, 1.15)
        )
        same = (encoder.encode(shorter) == encoder.encode(longer)).all(axis=1)
        assert not same.any(), "cells of other lengths have the same vector"

    def test_same_whatever_surrounds_it(self, make: MakeEncoder, crystals: list[Crystal]) -> None:
        """No global generator is touched or heeded, nor the time of the day."""
        with global_generators_untouched():
            first = _work(make(), crystals)
        with another_day():
            again = _work(make(), crystals)
        np.testing.assert_array_equal(again[0], first[0])
        assert again[1] == first[1]

    def test_same_vectors_in_another_process(self, make: MakeEncoder, crystals: list[Crystal]) -> None:
        """Where Python hashes texts in another way."""
        if not self.other_process:
            pytest.skip("not tried")
        here, there = _work(make(), crystals), elsewhere(make(), _work, crystals)
        np.testing.assert_array_equal(there[0], here[0])
        assert there[1] == here[1]

    def test_crystals_are_encoded_alike_in_any_company(self, encoder: Encoder, crystals: list[Crystal]) -> None:
        bits = encoder.encode(crystals)
        np.testing.assert_array_equal(encoder.encode(crystals[::-1]), bits[::-1])
        np.testing.assert_array_equal(encoder.encode(crystals), bits)

    def test_says_that_it_was_not_fitted(self, make: MakeEncoder, crystals: list[Crystal]) -> None:
        with pytest.raises(CrysimError):
            make().encode(crystals)
