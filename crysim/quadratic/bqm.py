"""Quadratic models in the files of dimod's `BinaryQuadraticModel.to_file`, versions 1 and 2.

Read here and not by dimod, which believes what a header says of the sizes and takes any index that a file holds.
The layout: ``DIMODBQM``, two bytes of version, the header's length, a JSON header; the offset; for each variable the
place of its first neighbour and its bias; for each variable its neighbours in rising order with the biases, so that
every coupling stands twice; in version 2 the labels of the variables as JSON (version 1 has them in the header).
"""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from crysim.errors import InputError
from crysim.quadratic.convert import from_spins, from_terms, to_bqm
from crysim.quadratic.limits import check_size
from crysim.quadratic.model import QuadraticModel

MAGIC = b"DIMODBQM"
_MAX_LABELS = 256 << 20
"""Bytes of the labels, or of the header."""
_BIASES: dict[str, np.dtype[Any]] = {"float32": np.dtype("<f4"), "float64": np.dtype("<f8")}
_INDICES: dict[str, np.dtype[Any]] = {
    f"{sign}int{8 * size}": np.dtype(f"<{sign or 'i'}{size}") for sign in ("", "u") for size in (1, 2, 4, 8)
}


class _BrokenError(Exception):
    """What is wrong with a file, in some words."""


def read_bqm(file: BinaryIO, path: Path) -> tuple[QuadraticModel, bool, tuple[str | int, ...] | None]:
    """Read a BQM file.

    Returns:
        The model of bits; whether the file's variables are spins (bit 1 is spin +1); their labels in the order of the
        bits, or None if they are the numbers from 0 on. A label that is neither text nor a whole number (a tuple) is
        given as the JSON text of it.

    Raises:
        InputError: it is damaged, of a later version, empty, or beyond `crysim.quadratic.limits`.
    """
    try:
        return _read(file, path)
    except (_BrokenError, struct.error, UnicodeDecodeError) as error:
        raise InputError(f"the model {path} is no readable BQM file: {error}") from error


def save_bqm(model: QuadraticModel, path: Path) -> None:
    """Write a model as a BQM file, without its groups."""
    with to_bqm(model).to_file() as data, path.open("wb") as file:
        while chunk := data.read(1 << 20):
            file.write(chunk)


def _read(file: BinaryIO, path: Path) -> tuple[QuadraticModel, bool, tuple[str | int, ...] | None]:
    file.seek(len(MAGIC))
    major, _, length = struct.unpack("<BBI", _bytes(file, 6, "its header"))
    if major >= 3:
        raise _BrokenError(f"it has the version {major}, and versions 1 and 2 are known")
    header = _json(_bytes(file, length, "its header"), "header")
    if not isinstance(header, dict):
        raise _BrokenError("its header is no table")
    shape, vartype = header.get("shape"), header.get("vartype")
    if not (isinstance(shape, list) and len(shape) == 2 and all(type(n) is int and n >= 0 for n in shape)):
        raise _BrokenError(f"its header gives the shape {str(shape)[:40]}")
    if vartype not in ("BINARY", "SPIN"):
        raise _BrokenError(f"its header gives the vartype {str(vartype)[:40]}")
    size, pairs = shape
    check_size(path, size, pairs)
    bias = _type(header, "dtype", _BIASES)
    index, place = _type(header, "itype", _INDICES), _type(header, "ntype", _INDICES)
    offset = float(np.frombuffer(_bytes(file, bias.itemsize, "its offset"), dtype=bias)[0])
    variables = _records(file, size, [("first", place), ("bias", bias)], "its linear terms")
    neighbours = _records(file, 2 * pairs, [("other", index), ("bias", bias)], "its couplings")
    degrees = np.diff(variables["first"].astype(np.int64), append=2 * pairs)
    other = neighbours["other"].astype(np.int64)
    if (degrees < 0).any() or degrees.sum() != 2 * pairs or (other < 0).any() or (other >= size).any():
        raise _BrokenError("its couplings name variables that it does not have")
    own = np.repeat(np.arange(size), degrees)
    once = other < own
    if (other == own).any() or once.sum() != pairs:
        raise _BrokenError("not every one of its couplings stands there twice")
    couple = from_spins if vartype == "SPIN" else from_terms
    linear, values = variables["bias"].astype(np.float64), neighbours["bias"].astype(np.float64)
    model = couple(linear, own[once], other[once], values[once], offset)
    return model, vartype == "SPIN", _labels(file, header.get("variables"), major, size)


def _labels(file: BinaryIO, told: Any, major: int, size: int) -> tuple[str | int, ...] | None:
    if not told:
        return None
    if major >= 2:
        magic, length = struct.unpack("<4sI", _bytes(file, 8, "its labels"))
        if magic != b"VARS":
            raise _BrokenError("its labels are missing")
        told = _json(_bytes(file, length, "its labels"), "labels")
    if not isinstance(told, list) or len(told) != size:
        raise _BrokenError("it has not one label for each variable")
    labels = tuple(one if type(one) in (str, int) else json.dumps(one) for one in told)
    if len(set(labels)) != size:
        raise _BrokenError("two of its variables have one label")
    return None if labels == tuple(range(size)) else labels


def _bytes(file: BinaryIO, count: int, what: str) -> bytes:
    if count > _MAX_LABELS:
        raise _BrokenError(f"{what} would be {count:,} bytes")
    content = file.read(count)
    if len(content) < count:
        raise _BrokenError(f"it ends within {what}")
    return content


def _records(file: BinaryIO, count: int, fields: list[tuple[str, np.dtype[Any]]], what: str) -> Any:
    dtype = np.dtype(fields)
    left = os.fstat(file.fileno()).st_size - file.tell()
    if count * dtype.itemsize > left:
        raise _BrokenError(f"it ends within {what}")
    return np.frombuffer(file.read(count * dtype.itemsize), dtype=dtype, count=count)


def _type(header: dict[str, Any], key: str, kinds: dict[str, np.dtype[Any]]) -> np.dtype[Any]:
    name = header.get(key)
    if not isinstance(name, str) or name not in kinds:
        raise _BrokenError(f"its header gives the {key} {str(name)[:40]}")
    return kinds[name]


def _json(content: bytes, what: str) -> Any:
    try:
        return json.loads(content.decode("ascii"))
    except RecursionError as error:
        raise _BrokenError(f"the brackets of its {what} nest too deeply") from error
    except ValueError as error:
        raise _BrokenError(f"its {what} is no JSON") from error
