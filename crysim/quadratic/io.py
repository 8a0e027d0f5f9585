"""Quadratic models on disk: numpy's npz, dimod's BQM file and COO text; groups beside them as JSON.

npz (every array plain, nothing pickled):
    ``format`` = "crysim-quadratic-model", ``version`` = 1, ``linear`` ``[M]``, ``offset``, and either ``factors``
    ``[M, K]``, or ``couplings`` ``[M, M]`` strictly upper triangular, or its CSR form ``couplings_data``,
    ``couplings_indices``, ``couplings_indptr``; ``group_names`` ``[G]`` and ``groups`` ``[G, 3]`` (start, size, k).

BQM file: as `dimod.BinaryQuadraticModel.to_file` writes it; bit i is the i-th variable, whose label is kept beside.

COO text: a line ``i j value`` per term, ``i i value`` for a linear one, indices from 0; a pair given twice adds up.
    Comment lines start with #; of these ``# vartype=SPIN`` (default BINARY), ``# offset=VALUE`` and
    ``# num_variables=M`` (default: the largest index and one) have a meaning.

What is larger than `crysim.quadratic.limits` allows is refused before memory is taken for it.

Groups, which BQM files and COO text cannot hold: a JSON list of ``{"name", "start", "size", "k"}``, disjoint and in
order. Bits in no group are free.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from crysim.errors import InputError
from crysim.quadratic import BitGroup, QuadraticModel
from crysim.quadratic.bqm import MAGIC, read_bqm, save_bqm
from crysim.quadratic.coo import read_coo, save_coo
from crysim.quadratic.limits import check_size
from crysim.quadratic.npz import read_npz, write_npz
from crysim.regular_files import open_regular, read_json

__all__ = ["ModelFile", "load_groups", "load_model", "read_model", "read_npz", "save_groups", "save_model", "write_npz"]

_ZIP_MAGIC = b"PK\x03\x04"
_LARGEST = 1e300
"""Sum of all coefficients' absolute values: energies, and what solvers make of them, stay finite."""


@dataclass(frozen=True)
class ModelFile:
    """A model as a file holds it.

    Attributes:
        model: of bits.
        labels: of the variables in the order of the bits; None if the file numbers them from 0.
        spins: whether the file's variables are spins: bit 1 is then spin +1, bit 0 is spin -1.
    """

    model: QuadraticModel
    labels: tuple[str | int, ...] | None = None
    spins: bool = False


def load_model(path: str | Path, groups: str | Path | None = None) -> QuadraticModel:
    """Read a model; what kind of file it is, is seen from its content.

    Args:
        path: npz, BQM file or COO text.
        groups: a JSON file of groups; it takes the place of those in the file.

    Raises:
        InputError: no such file, none of the three formats, a content that is no model, or one that is too large.
    """
    return read_model(path, groups).model


def read_model(path: str | Path, groups: str | Path | None = None) -> ModelFile:
    """Read a model with its variables' labels and kind; arguments and errors as of `load_model`."""
    path = Path(path)
    try:
        with open_regular(path, "the model") as file:
            magic = file.read(len(MAGIC))
            file.seek(0)
            if magic.startswith(_ZIP_MAGIC):
                found = ModelFile(read_npz(file, str(path)))
            elif magic == MAGIC:
                model, spins, labels = read_bqm(file, path)
                found = ModelFile(model, labels, spins)
            else:
                model, spins = read_coo(file, path)
                found = ModelFile(model, None, spins)
    except OSError as error:
        raise InputError(f"cannot read the model {path}: {error.strerror or error}") from error
    check_size(path, found.model.num_bits)
    _check_range(found.model, path)
    if groups is None:
        return found
    model = found.model
    grouped = QuadraticModel(model.linear, model.factors, model.couplings, load_groups(groups), model.offset)
    return ModelFile(grouped, found.labels, found.spins)


def _check_range(model: QuadraticModel, path: Path) -> None:
    """Refuse coefficients whose sums are no numbers any more."""
    with np.errstate(over="ignore", invalid="ignore"):
        largest = np.abs(model.linear).sum() + abs(model.offset)
        if model.factors is not None:
            largest += (np.abs(model.factors).sum(axis=0) ** 2).sum()
        elif model.couplings is not None:
            couplings: Any = model.couplings
            values = couplings if isinstance(couplings, np.ndarray) else couplings.data
            largest += sum(np.abs(block).sum() for block in np.array_split(values, 1 + values.size // (1 << 22)))
    if not largest < _LARGEST:
        raise InputError(f"the model {path} has coefficients so large that energies are no numbers: scale them down")


def save_model(model: QuadraticModel, path: str | Path) -> None:
    """Write a model by the name's suffix: ``.npz`` (all of it), ``.bqm`` or ``.coo`` (without the groups).

    Raises:
        InputError: another suffix, or a file that cannot be written.
    """
    path = Path(path)
    writers = {".npz": _save_npz, ".bqm": save_bqm, ".coo": save_coo}
    if path.suffix not in writers:
        raise InputError(f"cannot tell the format of {path}: its name must end in {', '.join(writers)}")
    try:
        writers[path.suffix](model, path)
    except OSError as error:
        raise InputError(f"cannot write the model {path}: {error.strerror or error}") from error


def load_groups(path: str | Path) -> tuple[BitGroup, ...]:
    """Read groups from JSON.

    Raises:
        InputError: no such file, or not a list of groups.
    """
    path = Path(path)
    entries = read_json(path, "the groups")
    if not isinstance(entries, list):
        raise InputError(f"the groups {path} must be a list of objects with name, start, size and k")
    return tuple(_group(entry, number, path) for number, entry in enumerate(entries))


def save_groups(groups: Sequence[BitGroup], path: str | Path) -> None:
    """Write groups as JSON, the form that `load_groups` reads."""
    entries = [{"name": g.name, "start": g.start, "size": g.size, "k": g.k} for g in groups]
    Path(path).write_text(json.dumps(entries, indent=1) + "\n", "utf-8")


def _group(entry: Any, number: int, path: Path) -> BitGroup:
    if not isinstance(entry, dict):
        raise InputError(f"group {number} in {path} must be an object with name, start, size and k")
    unknown = set(entry) - {"name", "start", "size", "k"}
    if unknown:
        raise InputError(f"group {number} in {path} has the unknown key '{min(unknown)}'")
    values = [entry.get("start"), entry.get("size"), entry.get("k", 1)]
    if any(not isinstance(v, int) or isinstance(v, bool) or v < 0 for v in values):
        raise InputError(f"group {number} in {path}: start, size and k must be integers, 0 or more")
    return BitGroup(str(entry.get("name", f"group {number}")), *values)


def _save_npz(model: QuadraticModel, path: Path) -> None:
    with path.open("wb") as file:
        write_npz(model, file)
