"""Quadratic models as other libraries hold them: a dense matrix, dimod's BQM, Amplify's model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse

from crysim.arrays import Floats
from crysim.errors import MissingExtraError
from crysim.quadratic import BitGroup, QuadraticModel
from crysim.quadratic.penalties import coupling_rows, row_blocks

_SPARSE_BELOW = 0.2
"""Share of pairs that interact, below which couplings are kept sparse."""
_DENSE_UP_TO = 2 << 30
"""Bytes; larger matrices of couplings stay sparse."""


def upper_couplings(model: QuadraticModel, penalties: Floats | None = None) -> tuple[Floats, Floats, float]:
    """Linear terms ``[M]``, strictly upper triangular couplings ``[M, M]`` and offset, the groups' penalties included.

    Args:
        model: low-rank or with couplings.
        penalties: a weight per group (`crysim.quadratic.penalties.group_penalties`), or None for the bare energy.
            A group of weight P adds P (sum − k)² = P (Σ (1 − 2k) x_i + 2 Σ_{i<j} x_i x_j + k²).
    """
    couplings = np.zeros((model.num_bits, model.num_bits))
    for start, stop in row_blocks(model.num_bits):
        couplings[start:stop, start:] = np.triu(coupling_rows(model, start, stop)[:, start:], 1)
    linear, offset = model.linear.copy(), model.offset
    if penalties is not None:
        for group, weight in zip(model.groups, penalties, strict=True):
            rows, columns = np.triu_indices(group.size, 1)
            couplings[group.start + rows, group.start + columns] += 2.0 * weight
            linear[group.slice] += weight * (1 - 2 * group.k)
            offset += float(weight) * group.k**2
    return linear, couplings, offset


def to_bqm(model: QuadraticModel, penalties: Floats | None = None) -> Any:
    """A `dimod.BinaryQuadraticModel` of binary variables 0 … M−1.

    Args:
        model: low-rank or with couplings.
        penalties: a weight per group, added as P (sum − k)²; None leaves the groups out.

    Raises:
        MissingExtraError: dimod is not installed.
    """
    dimod = _dimod()
    if sparse.issparse(model.couplings):
        return _sparse_bqm(model, penalties)
    linear, couplings, offset = upper_couplings(model, penalties)
    return dimod.BinaryQuadraticModel(linear, couplings, offset, "BINARY")


def _sparse_bqm(model: QuadraticModel, penalties: Floats | None) -> Any:
    couplings: Any = model.couplings
    matrix = sparse.coo_array(couplings)
    rows: list[Any] = [matrix.coords[0]]
    columns: list[Any] = [matrix.coords[1]]
    values: list[Any] = [matrix.data]
    linear, offset = model.linear.copy(), model.offset
    if penalties is not None:
        for group, weight in zip(model.groups, penalties, strict=True):
            i, j = np.triu_indices(group.size, 1)
            rows.append(group.start + i)
            columns.append(group.start + j)
            values.append(np.full(len(i), 2.0 * weight))
            linear[group.slice] += weight * (1 - 2 * group.k)
            offset += float(weight) * group.k**2
    quadratic = (np.concatenate(rows), np.concatenate(columns), np.concatenate(values))
    return _dimod().BinaryQuadraticModel.from_numpy_vectors(linear, quadratic, offset, "BINARY")


def from_bqm(bqm: Any, groups: Sequence[BitGroup] = ()) -> QuadraticModel:
    """A model of the energies of a `dimod.BinaryQuadraticModel`; bit i is its i-th variable (spins become bits)."""
    binary = bqm.binary
    order = list(binary.variables)
    linear, (rows, columns, values), offset = binary.to_numpy_vectors(variable_order=order)
    return from_terms(np.asarray(linear, dtype=np.float64), rows, columns, values, float(offset), groups)


def from_terms(
    linear: Floats, rows: Any, columns: Any, values: Any, offset: float = 0.0, groups: Sequence[BitGroup] = ()
) -> QuadraticModel:
    """A model from pairs (i, j) with i ≠ j in any order; couplings of a pair given twice add up.

    Couplings are sparse if fewer than a fifth of the pairs occur, else dense.
    """
    size = len(linear)
    rows, columns = np.asarray(rows, dtype=np.int64), np.asarray(columns, dtype=np.int64)
    upper = np.minimum(rows, columns), np.maximum(rows, columns)
    matrix = sparse.csr_array(sparse.coo_array((np.asarray(values, dtype=np.float64), upper), shape=(size, size)))
    couplings: Any = matrix
    if matrix.nnz >= _SPARSE_BELOW * size * (size - 1) / 2 and size * size * 8 <= _DENSE_UP_TO:
        couplings = matrix.toarray()
    return QuadraticModel(linear, couplings=couplings, groups=tuple(groups), offset=offset)


def from_spins(linear: Floats, rows: Any, columns: Any, values: Any, offset: float = 0.0) -> QuadraticModel:
    """A model of bits x from terms in spins s = 2x − 1: as `from_terms`, bit 1 is spin +1."""
    values = np.asarray(values, dtype=np.float64)
    offset += float(values.sum() - linear.sum())
    fields = 2.0 * linear
    for ends in (rows, columns):
        fields -= 2.0 * np.bincount(ends, weights=values, minlength=len(linear))
    return from_terms(fields, rows, columns, 4.0 * values, offset)


def to_amplify(model: QuadraticModel, weights: Floats | None = None) -> tuple[Any, Any]:
    """An `amplify.Model` by the SDK's matrix interface, with one constraint per group, and its variables ``[M]``.

    Each group is ``one_hot`` or ``equal_to``. Amplify's sums and einsums take minutes where its matrix takes seconds:
    measured with SDK 1.7.3 on one core, this function takes 1.1 s at 4,157 bits and 2.9 s at 7,677 (0.8 GB).

    Args:
        model: low-rank or with couplings.
        weights: of the constraints, one per group; None leaves them at 1 (the v1 engine ignores them).

    Raises:
        MissingExtraError: amplify is not installed.
    """
    try:
        import amplify
    except ImportError:
        raise MissingExtraError("Amplify's model", "amplify") from None
    matrix = amplify.VariableGenerator().matrix("Binary", model.num_bits)
    quadratic = matrix.quadratic
    for start, stop in row_blocks(model.num_bits):
        quadratic[start:stop, start:] = np.triu(coupling_rows(model, start, stop)[:, start:], 1)
    matrix.linear[:] = model.linear
    matrix.constant = float(model.offset)
    variables = matrix.variable_array
    constraints = amplify.ConstraintList()
    for number, group in enumerate(model.groups):
        if group.size == 0:
            continue
        members = variables[group.start : group.stop]
        if group.k == 1:
            constraint = amplify.one_hot(members, label=group.name)
        else:
            constraint = amplify.equal_to(members, group.k, label=group.name)
        if weights is not None:
            constraint.weight = float(weights[number])
        constraints.append(constraint)
    return amplify.Model(matrix, constraints), variables


def _dimod() -> Any:
    try:
        import dimod
    except ImportError:
        raise MissingExtraError("a dimod model", "dimod") from None
    return dimod
