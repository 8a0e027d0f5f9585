"""Scrambled points of Sobol's sequence, those of scipy to the last bit, in a third of the time.

``scipy.stats.qmc.Sobol`` is made to be asked again and again; here a few points are wanted of a new scrambling each
time, and what it prepares for all that could be asked for takes longer than they do.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from crysim.arrays import Floats

_BITS = 30
_Words = NDArray[np.uint32]
_DIGITS: _Words = 2 ** np.arange(_BITS, dtype=np.uint32)
_FROM_HIGHEST: _Words = _DIGITS[::-1].copy()
_BELOW: _Words = np.tril(np.broadcast_to(_FROM_HIGHEST, (_BITS, _BITS)), -1)
"""What the digits of a scrambling matrix's rows are worth, but for the diagonal, whose digits are 1."""


def sobol_points(dimensions: int, power: int, rng: np.random.Generator) -> Floats:
    """``scipy.stats.qmc.Sobol(dimensions, rng=rng).random_base2(power)``, ``[2^power, dimensions]`` in [0, 1).

    Args:
        dimensions: at least 1.
        power: at least 1, and at most 30.
        rng: a child of it draws the scrambling, as in scipy.
    """
    (own,) = rng.spawn(1)
    shift = own.integers(2, size=(dimensions, _BITS), dtype=np.uint32) @ _DIGITS
    # linear matrix scrambling: each digit plus a random sum of the digits before it
    matrices = own.integers(2, size=(dimensions, _BITS, _BITS), dtype=np.uint32)
    rows = (matrices * _BELOW).sum(axis=2, dtype=np.uint32) | _FROM_HIGHEST
    odd = np.bitwise_count(rows[:, :, None] & _directions(dimensions, power)[:, None, :]) & 1
    scrambled = (odd * _FROM_HIGHEST[:, None]).sum(axis=1, dtype=np.uint32)
    steps = np.empty((2**power, dimensions), dtype=np.uint32)
    steps[0] = shift
    steps[1:] = scrambled.T[_changes(power)]
    return np.asarray(np.bitwise_xor.accumulate(steps, axis=0) * (1.0 / 2**_BITS))


@cache
def _changes(power: int) -> NDArray[np.int64]:
    """Which direction leads from each of the first ``2^power`` points to the next ``[2^power - 1]``: Gray's code."""
    numbers = np.arange(1, 2**power)
    return np.asarray(np.bitwise_count((numbers & -numbers) - 1), dtype=np.int64)


@cache
def _directions(dimensions: int, power: int) -> _Words:
    """The first directions of the sequence before it is scrambled ``[dimensions, power]``, from scipy's own points."""
    from scipy.stats import qmc

    points = qmc.Sobol(dimensions, scramble=False).random_base2(power)
    words = (points * 2**_BITS).astype(np.uint32)
    firsts = 2 ** np.arange(power)
    return np.ascontiguousarray((words[firsts] ^ words[firsts - 1]).T)
