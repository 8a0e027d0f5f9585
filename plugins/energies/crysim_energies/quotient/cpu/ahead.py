"""Every kernel of the networks on a CPU, called once on the smallest arrays: to compile it before the first crystal."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from crysim.arrays import Features, Floats, Ints

Step = Callable[[], object]


def steps(*, uses_angles: bool) -> list[Step]:
    """What to call, what takes longest first: for CHGNet, which looks at angles, or for M3GNet."""
    return [*(_of_norms() if uses_angles else _of_pairs()), *_of_vectors(), *_of_rows()]


def _features(*shape: int) -> Features:
    return np.zeros(shape, dtype=np.float32)


def _first() -> Ints:
    """The first row, by its index."""
    return np.zeros(1, dtype=np.int64)


def _of_rows() -> list[Step]:
    from crysim_energies.quotient.cpu import kernels

    x, wide, bias = _features(1, 2), _features(1, 4), _features(2)
    return [
        lambda: kernels.silu(x, bias, x.copy(), x.copy()),
        lambda: kernels.gate(x, bias, x.copy(), _features(1, 1)),
        lambda: kernels.gate_backward(_features(1, 1), x, x, x.copy()),
        lambda: kernels.silu_backward(x, x, x),
        lambda: kernels.scale_backward(x, x, x, x.copy()),
        lambda: kernels.sum_rows(x, _first(), x.copy()),
        lambda: kernels.add_ends(x, wide, _first(), _first(), 0, 2),
        lambda: kernels.sum_ends(x, wide, _first(), _first(), 0, 2),
    ]


def _of_norms() -> list[Step]:
    from crysim_energies.quotient.cpu import kernels

    x, spread = _features(1, 2), _features(1)
    return [
        lambda: kernels.normalise(x, np.float32(1e-5), x.copy(), spread),
        lambda: kernels.normalise_backward(x.copy(), x, spread),
    ]


def _of_vectors() -> list[Step]:
    from crysim_energies.quotient.cpu import vectors

    cells, point = np.eye(3)[None], np.zeros((1, 3))
    ends = _first(), _first(), _first(), cells
    return [
        lambda: vectors.pull_back(cells, cells, *ends, point, point, _first(), cells.copy(), point.copy(), np.ones(1)),
        lambda: vectors.bond_vectors(cells, point, cells, point, *ends, point),
    ]


def _of_pairs() -> list[Step]:
    from crysim_energies.quotient.cpu import bessel, three_body
    from crysim_energies.quotient.geometry.harmonics import coefficients

    length, direction, one = np.ones(1), np.ones((1, 3)), np.ones((1, 1))
    matrix: Floats = coefficients(1)
    functions = _features(1, 1), _features(1), _features(1, 1), _features(1, 1)
    ends = _first(), _first(), _first()
    cube = _features(1, 1, 1)
    slopes = np.zeros((1, 3))
    taken = _features(1, 1), *ends, *functions, cube
    return [
        lambda: three_body.pair_sums_backward(
            _features(1, 1), *taken, cube, cube.copy(), cube.copy(), _features(1, 1), *functions
        ),
        lambda: three_body.pair_sums(*taken, cube, cube.copy(), _features(1, 1)),
        lambda: three_body.pair_functions(length, direction, one, one, length, length, 4.0, matrix, *functions, slopes),
        lambda: three_body.pair_functions_backward(direction, matrix, slopes, functions, length, direction),
        lambda: bessel.spherical_bessel(length, one, length, 5.0, one.copy(), one.copy()),
    ]
