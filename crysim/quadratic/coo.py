"""Quadratic models as COO text: read line by line, a limit on every number before it is believed.

See `crysim.quadratic.io` for the format.
"""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import BinaryIO

import numpy as np

from crysim.errors import InputError
from crysim.quadratic.convert import from_spins, from_terms, upper_couplings
from crysim.quadratic.limits import MAX_BITS, MAX_COUPLINGS, check_size
from crysim.quadratic.model import QuadraticModel

_HEADER = re.compile(r"^#\s*(vartype|offset|num_variables)\s*=\s*(\S+)\s*$")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_LONGEST = 1 << 16
"""Bytes of a line."""
_BEYOND = 1 << 62
"""Stands for every index that is larger."""


@dataclass
class _Terms:
    header: dict[str, str] = field(default_factory=dict)
    rows: array[int] = field(default_factory=lambda: array("q"))
    columns: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))


def read_coo(file: BinaryIO, path: Path) -> tuple[QuadraticModel, bool]:
    """Read COO text from an open file.

    Returns:
        The model of bits, and whether the file's variables are spins (bit 1 is spin +1).

    Raises:
        InputError: a line or a header that makes no sense, no variables, or more than `crysim.quadratic.limits`.
    """
    terms = _read_terms(file, path)
    spins, offset, size = _header(terms.header, path)
    rows, columns = (
        np.frombuffer(ends, dtype=np.int64) if ends else np.zeros(0, np.int64) for ends in (terms.rows, terms.columns)
    )
    values = np.frombuffer(terms.values, dtype=np.float64) if terms.values else np.zeros(0)
    last = int(max(rows.max(initial=-1), columns.max(initial=-1)))
    if size is None:
        if last >= MAX_BITS:
            used = len(np.union1d(rows, columns))
            index = f"of {last}" if last < _BEYOND else "beyond all bounds"
            raise InputError(
                f"the model {path} has an index {index}, of {used:,} variables in use: number them from 0 on "
                f"(at most {MAX_BITS:,})"
            )
        size = last + 1
    if not len(values) and "num_variables" not in terms.header:
        raise InputError(f"the model {path} holds no term 'i j value': there is nothing to solve")
    check_size(path, size)
    if last >= size:
        raise InputError(f"the model {path} has the index {last}, but {size} variables: they are numbered from 0")
    own = rows == columns
    linear = np.bincount(rows[own], weights=values[own], minlength=size).astype(np.float64)
    couple = from_spins if spins else from_terms
    return couple(linear, rows[~own], columns[~own], values[~own], offset), spins


def save_coo(model: QuadraticModel, path: Path) -> None:
    """Write a model as COO text, without its groups."""
    linear, couplings, offset = upper_couplings(model)
    rows, columns = np.nonzero(couplings)
    with path.open("w", encoding="utf-8") as file:
        file.write(f"# vartype=BINARY\n# offset={offset!r}\n# num_variables={model.num_bits}\n")
        for i in np.flatnonzero(linear):
            file.write(f"{i} {i} {float(linear[i])!r}\n")
        for i, j in zip(rows, columns, strict=True):
            file.write(f"{i} {j} {float(couplings[i, j])!r}\n")


def _header(header: dict[str, str], path: Path) -> tuple[bool, float, int | None]:
    try:
        spins = {"BINARY": False, "SPIN": True}[header.get("vartype", "BINARY").upper()]
        offset = float(header.get("offset", 0.0))
        size = int(header["num_variables"]) if "num_variables" in header else None
    except (KeyError, ValueError) as error:
        raise InputError(f"the model {path} has a header that makes no sense: {error}") from error
    if not isfinite(offset):
        raise InputError(f"the model {path} has the offset {offset}: it must be a finite number")
    return spins, offset, size


def _read_terms(file: BinaryIO, path: Path) -> _Terms:
    terms = _Terms()
    number = 0
    while line := file.readline(_LONGEST):
        number += 1
        if len(line) == _LONGEST and not line.endswith(b"\n"):
            raise InputError(f"{path} is no model: line {number} is longer than {_LONGEST:,} bytes")
        try:
            text = line.decode("utf-8").removeprefix("\ufeff" if number == 1 else "").strip()
        except UnicodeDecodeError as error:
            raise InputError(f"{path} is no model: neither npz, nor a BQM file, nor COO text") from error
        if _CONTROL.search(text):
            raise InputError(f"{path} is no model: neither npz, nor a BQM file, nor COO text")
        if text.startswith("#"):
            match = _HEADER.match(text)
            if match:
                terms.header[match[1]] = match[2]
        elif text:
            _add(terms, text, number, path)
    return terms


def _add(terms: _Terms, text: str, number: int, path: Path) -> None:
    try:
        i, j, value = text.split()
        row, column, coefficient = _index(i), _index(j), float(value)
    except (ValueError, OverflowError) as error:
        raise InputError(f"line {number} of {path} is no 'i j value' of COO text: {text[:60]!r}") from error
    if row < 0 or column < 0:
        raise InputError(f"line {number} of {path} has an index that is no whole number from 0 on: {text[:60]!r}")
    if not isfinite(coefficient):
        raise InputError(f"line {number} of {path} has a coefficient that must be finite: {text[:60]!r}")
    terms.rows.append(min(row, _BEYOND))
    terms.columns.append(min(column, _BEYOND))
    terms.values.append(coefficient)
    if len(terms.values) > MAX_COUPLINGS:
        raise InputError(f"the model {path} has more than {MAX_COUPLINGS:,} terms: as many can be read")


def _index(text: str) -> int:
    """A whole number, also written as 3.0; -1 for a number that is not whole."""
    try:
        return int(text)
    except ValueError:
        value = float(text)
        return int(value) if value.is_integer() else -1
