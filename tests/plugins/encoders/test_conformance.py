"""The encoder suite, on the encoder crysim."""

from __future__ import annotations

import pytest

from crysim.testing.encoders import EncoderSuite, MakeEncoder
from crysim_encoders.symmetry_encoding import SymmetryEncoder


class TestAllAtoms(EncoderSuite):
    same = staticmethod(lambda crystal: crystal.space_group)

    @pytest.fixture
    def make(self) -> MakeEncoder:
        return lambda: SymmetryEncoder(grid_resolution=5)


class TestIndependent(EncoderSuite):
    formula = "ScBe5"
    same = staticmethod(lambda crystal: crystal.space_group)

    @pytest.fixture
    def make(self) -> MakeEncoder:
        return lambda: SymmetryEncoder(
            grid_resolution=5, marking="independent", order="fewest-free-first", placement="uniform"
        )
