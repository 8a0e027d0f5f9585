"""What every surrogate does with its data first: check, standardise, hold back."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crysim.arrays import Floats
from crysim.errors import InputError
from crysim_surrogates.sparse_bits import SparseBits

VALIDATION_SHARE = 0.1
MIN_ROWS_TO_SPLIT = 10


@dataclass(frozen=True)
class Units:
    """Energies in eV per cell are ``mean + scale · standardised``."""

    mean: float
    scale: float

    def standardise(self, energies: Floats) -> Floats:
        """From eV per cell."""
        return (energies - self.mean) / self.scale

    def restore(self, values: Floats) -> Floats:
        """To eV per cell."""
        return self.mean + self.scale * values


@dataclass(frozen=True)
class Dataset:
    """Vectors and standardised energies for training, and those held back for validation (section E.1: 9 to 1).

    With fewer than ten vectors nothing is held back, and the training vectors validate.
    """

    training: SparseBits
    target: Floats
    validation: SparseBits
    validation_target: Floats
    units: Units
    seen: NDArray[np.bool_]
    """``[M]`` bits that are 1 in some vector of either part."""
    is_split: bool
    """Whether anything was held back."""


def prepare(bits: ArrayLike, energies: ArrayLike, rng: np.random.Generator, *, by_hash: bool = False) -> Dataset:
    """Check, standardise and split the data of a fit.

    Args:
        bits: ``[n, M]``.
        energies: ``[n]`` eV per cell.
        rng: chooses what is held back.
        by_hash: a vector's own hash decides instead, so that it is on the same side in every fit.

    Raises:
        InputError: shapes that do not fit together, no vector at all, an energy that is not finite.
    """
    values = np.asarray(energies, dtype=np.float64)
    dense = np.asarray(bits)
    if dense.ndim != 2 or values.shape != dense.shape[:1] or not len(values):
        raise InputError(f"a surrogate is fitted to vectors [n, M] and energies [n], not {dense.shape}, {values.shape}")
    if not np.isfinite(values).all():
        raise InputError("a surrogate cannot be fitted to an energy that is not finite: leave failed structures out")
    data = SparseBits.from_dense(dense)
    units = Units(float(values.mean()), float(values.std()) or 1.0)
    target = units.standardise(values)
    held = _by_hash(data) if by_hash else _by_chance(len(data), rng)
    if len(data) < MIN_ROWS_TO_SPLIT or held.all():
        held = np.zeros(len(data), dtype=np.bool_)
    validating = held if held.any() else ~held
    seen = data.counts() > 0
    return Dataset(
        data.take(~held), target[~held], data.take(validating), target[validating], units, seen, bool(held.any())
    )


def _by_chance(n: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    held = np.zeros(n, dtype=np.bool_)
    held[rng.permutation(n)[: round(VALIDATION_SHARE * n)]] = True
    return held


def _by_hash(data: SparseBits) -> NDArray[np.bool_]:
    held = np.zeros(len(data), dtype=np.bool_)
    for row, (start, stop) in enumerate(zip(data.starts[:-1], data.starts[1:], strict=True)):
        digest = hashlib.blake2b(data.ones[start:stop].tobytes(), digest_size=4).digest()
        held[row] = int.from_bytes(digest, "little") < VALIDATION_SHARE * 2**32
    return held
