"""Quadratic models as numpy's npz: the arrays' headers are read and checked before any array is.

See `crysim.quadratic.io` for what the arrays are.
"""

from __future__ import annotations

import struct
import zipfile
from dataclasses import dataclass
from math import prod
from typing import Any, BinaryIO

import numpy as np
from scipy import sparse

from crysim.arrays import Floats
from crysim.errors import InputError
from crysim.quadratic.limits import MAX_BITS, check_size
from crysim.quadratic.model import BitGroup, QuadraticModel
from crysim.regular_files import UNREADABLE_NPZ

FORMAT = "crysim-quadratic-model"
VERSION = 1
_NUMBERS, _WHOLE, _TEXTS = "fiu", "iu", "US"
_MEMBERS: dict[str, tuple[int, str]] = {
    "format": (0, _TEXTS),
    "version": (0, _WHOLE),
    "linear": (1, _NUMBERS),
    "offset": (0, _NUMBERS),
    "factors": (2, _NUMBERS),
    "couplings": (2, _NUMBERS),
    "couplings_data": (1, _NUMBERS),
    "couplings_indices": (1, _WHOLE),
    "couplings_indptr": (1, _WHOLE),
    "group_names": (1, _TEXTS),
    "groups": (2, _WHOLE),
}
"""Dimensions and kinds of the arrays; members of other names are not looked at."""
_MAX_DIRECTORY = 1 << 20
"""Bytes of the list of a zip file's members: a model has ten."""
_LARGE, _MAX_RATIO = 256 << 20, 200
"""Members of more bytes than this that shrink to a smaller part than one in so many are mostly zeros, or a bomb."""


@dataclass(frozen=True)
class _Member:
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def num_bytes(self) -> int:
        return prod(self.shape) * self.dtype.itemsize


def write_npz(model: QuadraticModel, file: BinaryIO, *, compress: bool = True) -> None:
    """Write a model in the npz format to an open file."""
    arrays: dict[str, Any] = {
        "format": np.array(FORMAT),
        "version": np.array(VERSION),
        "linear": model.linear,
        "offset": np.array(model.offset),
        "group_names": np.array([g.name for g in model.groups], dtype=np.str_),
        "groups": np.array([(g.start, g.size, g.k) for g in model.groups], dtype=np.int64).reshape(-1, 3),
    }
    if model.factors is not None:
        arrays["factors"] = model.factors
    elif isinstance(model.couplings, np.ndarray):
        arrays["couplings"] = model.couplings
    else:
        matrix: Any = model.couplings
        arrays |= {f"couplings_{part}": getattr(matrix, part) for part in ("data", "indices", "indptr")}
    (np.savez_compressed if compress else np.savez)(file, **arrays)


def read_npz(file: BinaryIO, path: str) -> QuadraticModel:
    """Read a model in the npz format from an open file that can seek.

    Args:
        file: opened for reading.
        path: what errors call it.

    Raises:
        InputError: it holds no model, or one beyond `crysim.quadratic.limits`.
    """
    try:
        _check_directory(file, path)
        with zipfile.ZipFile(file) as archive:
            return _read(archive, path)
    except InputError:
        raise
    except UNREADABLE_NPZ as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"the model {path} is no readable npz file: {reason}") from error


def _check_directory(file: BinaryIO, path: str) -> None:
    """Refuse a zip file whose list of members, which is read as a whole, is long."""
    end = file.seek(0, 2)
    file.seek(max(0, end - (1 << 16) - 22))
    tail = file.read()
    file.seek(0)
    place = tail.rfind(b"PK\x05\x06")
    if 0 <= place <= len(tail) - 22 and struct.unpack_from("<I", tail, place + 12)[0] > _MAX_DIRECTORY:
        raise InputError(f"the model {path} is a zip file of too many members for a model")


def _read(archive: zipfile.ZipFile, path: str) -> QuadraticModel:
    names = set(archive.namelist())
    members = {name: _header(archive, name, path) for name in _MEMBERS if f"{name}.npy" in names}
    if "format" not in members or str(_array(archive, "format")) != FORMAT:
        raise InputError(f"{path} is an npz file, but holds no quadratic model (no format '{FORMAT}')")
    version = int(_array(archive, "version")) if "version" in members else 0
    if version != VERSION:
        raise InputError(f"the model {path} has the version {version}; this program reads {VERSION}")
    _check_shapes(members, path)
    try:
        return _model(archive, set(members), members["linear"].shape[0])
    except (ValueError, TypeError, IndexError, OverflowError) as error:
        raise InputError(f"the model {path} holds arrays that do not fit together: {error}") from error


def _header(archive: zipfile.ZipFile, name: str, path: str) -> _Member:
    """What an array is, from the first bytes of its member."""
    info = archive.getinfo(f"{name}.npy")
    with archive.open(info) as file:
        version = np.lib.format.read_magic(file)
        readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        if version not in readers:
            raise ValueError(f"'{name}' is an array of the unknown version {version}")
        shape, _, dtype = readers[version](file)
    if dtype.hasobject:
        raise ValueError(f"'{name}' holds pickled objects, which could run code")
    dimensions, kinds = _MEMBERS[name]
    if len(shape) != dimensions or dtype.kind not in kinds:
        wanted = {_NUMBERS: "numbers", _WHOLE: "whole numbers", _TEXTS: "text"}[kinds]
        raise InputError(
            f"the model {path}: '{name}' has the shape {shape} and the type {dtype}, not {wanted}"
            f" of {dimensions} dimensions"
        )
    member = _Member(tuple(shape), dtype)
    if member.num_bytes > info.file_size:
        raise ValueError(f"'{name}' is shorter than its header says")
    if member.num_bytes > _LARGE and member.num_bytes > _MAX_RATIO * info.compress_size:
        raise InputError(
            f"the model {path}: '{name}' takes {member.num_bytes >> 20:,} MiB, and next to nothing in the file: "
            "write couplings that are mostly zero in their CSR form"
        )
    return member


def _check_shapes(members: dict[str, _Member], path: str) -> None:
    wanted = ["linear", "offset", "groups", "group_names"]
    sparse_parts = [f"couplings_{part}" for part in ("data", "indices", "indptr")]
    if not {"factors", "couplings"} & set(members):
        wanted += sparse_parts
    missing = [name for name in wanted if name not in members]
    if missing:
        raise InputError(f"the model {path} lacks the array '{missing[0]}'")
    used = set(wanted) | ({"factors", "couplings"} & set(members))
    bits = members["linear"].shape[0]
    couplings = members["couplings_data"].shape[0] if "couplings_data" in used else 0
    check_size(path, bits, couplings, sum(8 * prod(members[name].shape) for name in used - {"group_names"}))
    check_size(path, bits, num_bytes=members["group_names"].num_bytes)
    shapes = {
        "factors": (bits, members["factors"].shape[1] if "factors" in members else 0),
        "couplings": (bits, bits),
        "couplings_indices": (couplings,),
        "couplings_indptr": (bits + 1,),
        "groups": (members["group_names"].shape[0], 3),
    }
    for name, shape in shapes.items():
        if name in used and members[name].shape != shape:
            raise InputError(f"the model {path}: '{name}' has the shape {list(members[name].shape)}, not {list(shape)}")
    if members["groups"].shape[0] > min(bits, MAX_BITS):
        raise InputError(f"the model {path} has more groups than its {bits:,} variables")


def _array(archive: zipfile.ZipFile, name: str) -> Any:
    with archive.open(f"{name}.npy") as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def _model(archive: zipfile.ZipFile, names: set[str], size: int) -> QuadraticModel:
    def floats(name: str) -> Floats:
        return np.asarray(_array(archive, name), dtype=np.float64)

    groups = tuple(
        BitGroup(str(name), int(start), int(length), int(k))
        for name, (start, length, k) in zip(_array(archive, "group_names"), _array(archive, "groups"), strict=True)
    )
    linear, offset = floats("linear"), float(_array(archive, "offset"))
    if "factors" in names:
        return QuadraticModel(linear, floats("factors"), None, groups, offset)
    couplings: Any
    if "couplings" in names:
        couplings = floats("couplings")
    else:
        parts = (floats("couplings_data"), _array(archive, "couplings_indices"), _array(archive, "couplings_indptr"))
        couplings = sparse.csr_array(parts, shape=(size, size))
        couplings.check_format(full_check=True)
    return QuadraticModel(linear, None, couplings, groups, offset)
