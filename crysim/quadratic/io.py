"""Quadratic models on disk: numpy's npz, dimod's BQM file and COO text; groups beside them as JSON.

npz (every array plain, nothing pickled):
    ``format`` = "crysim-quadratic-model", ``version`` = 1, ``linear`` ``[M]``, ``offset``, and either ``factors``
    ``[M, K]``, or ``couplings`` ``[M, M]`` strictly upper triangular, or its CSR form ``couplings_data``,
    ``couplings_indices``, ``couplings_indptr``; ``group_names`` ``[G]`` and ``groups`` ``[G, 3]`` (start, size, k).

BQM file: as `dimod.BinaryQuadraticModel.to_file` writes it; bit i is the i-th variable.

COO text: a line ``i j value`` per term, ``i i value`` for a linear one, indices from 0; a pair given twice adds up.
    Comment lines start with #; of these ``# vartype=SPIN`` (default BINARY), ``# offset=VALUE`` and
    ``# num_variables=M`` (default: the largest index and one) have a meaning.

Groups, which BQM files and COO text cannot hold: a JSON list of ``{"name", "start", "size", "k"}``, disjoint and in
order. Bits in no group are free.
"""

from __future__ import annotations

import json
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from scipy import sparse

from crysim.arrays import Floats
from crysim.errors import InputError, MissingExtraError
from crysim.quadratic import BitGroup, QuadraticModel
from crysim.quadratic.convert import from_bqm, from_terms, to_bqm, upper_couplings

FORMAT = "crysim-quadratic-model"
VERSION = 1
_BQM_MAGIC = b"DIMODBQM"
_ZIP_MAGIC = b"PK\x03\x04"
_HEADER = re.compile(r"^#\s*(vartype|offset|num_variables)\s*=\s*(\S+)\s*$")


def load_model(path: str | Path, groups: str | Path | None = None) -> QuadraticModel:
    """Read a model; what kind of file it is, is seen from its content.

    Args:
        path: npz, BQM file or COO text.
        groups: a JSON file of groups; it takes the place of those in the file.

    Raises:
        InputError: no such file, none of the three formats, or a content that is no model.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            magic = file.read(8)
        if magic.startswith(_ZIP_MAGIC):
            model = _load_npz(path)
        elif magic == _BQM_MAGIC:
            model = _load_bqm(path)
        else:
            model = _load_coo(path)
    except OSError as error:
        raise InputError(f"cannot read the model {path}: {error.strerror or error}") from error
    if groups is None:
        return model
    return QuadraticModel(model.linear, model.factors, model.couplings, load_groups(groups), model.offset)


def save_model(model: QuadraticModel, path: str | Path) -> None:
    """Write a model by the name's suffix: ``.npz`` (all of it), ``.bqm`` or ``.coo`` (without the groups).

    Raises:
        InputError: another suffix, or a file that cannot be written.
    """
    path = Path(path)
    writers = {".npz": _save_npz, ".bqm": _save_bqm, ".coo": _save_coo}
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
    try:
        entries = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"cannot read the groups {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise InputError(f"the groups {path} are no JSON: {error}") from error
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


def _load_npz(path: Path) -> QuadraticModel:
    with path.open("rb") as file:
        return read_npz(file, str(path))


def read_npz(file: BinaryIO, path: str) -> QuadraticModel:
    """Read a model in the npz format from an open file that can seek.

    Args:
        file: opened for reading.
        path: what errors call it.

    Raises:
        InputError: it holds no model.
    """
    try:
        with np.load(file, allow_pickle=False) as archive:
            arrays = dict(archive.items())
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"the model {path} is no readable npz file: {error}") from error
    if str(arrays.get("format", "")) != FORMAT:
        raise InputError(f"{path} is an npz file, but holds no quadratic model (no format '{FORMAT}')")
    if int(arrays.get("version", 0)) != VERSION:
        raise InputError(f"the model {path} has the version {arrays.get('version')}; this program reads {VERSION}")
    try:
        return _model_of(arrays)
    except KeyError as error:
        raise InputError(f"the model {path} lacks the array {error}") from error
    except (ValueError, TypeError, IndexError) as error:
        raise InputError(f"the model {path} holds arrays that do not fit together: {error}") from error


def _model_of(arrays: Mapping[str, Any]) -> QuadraticModel:
    linear: Floats = np.asarray(arrays["linear"], dtype=np.float64)
    if linear.ndim != 1:
        raise InputError(f"linear terms have the shape {linear.shape}, not [M]")
    groups = tuple(
        BitGroup(str(name), int(start), int(size), int(k))
        for name, (start, size, k) in zip(arrays["group_names"], arrays["groups"], strict=True)
    )
    offset = float(arrays["offset"])
    if "factors" in arrays:
        return QuadraticModel(linear, np.asarray(arrays["factors"], dtype=np.float64), None, groups, offset)
    couplings: Any
    if "couplings" in arrays:
        couplings = np.asarray(arrays["couplings"], dtype=np.float64)
    else:
        parts = [arrays[f"couplings_{part}"] for part in ("data", "indices", "indptr")]
        couplings = sparse.csr_array(tuple(parts), shape=(len(linear), len(linear)))
        couplings.check_format(full_check=True)
    return QuadraticModel(linear, None, couplings, groups, offset)


def _save_bqm(model: QuadraticModel, path: Path) -> None:
    with to_bqm(model).to_file() as data, path.open("wb") as file:
        while chunk := data.read(1 << 20):
            file.write(chunk)


def _load_bqm(path: Path) -> QuadraticModel:
    try:
        import dimod
    except ImportError:
        raise MissingExtraError(f"reading {path}, a BQM file,", "dimod") from None
    with path.open("rb") as file:
        try:
            bqm = dimod.BinaryQuadraticModel.from_file(file)
        except (ValueError, TypeError, KeyError, EOFError, RuntimeError, struct.error) as error:
            raise InputError(f"the model {path} is no readable BQM file: {str(error).splitlines()[0]}") from error
    return from_bqm(bqm)


def _save_coo(model: QuadraticModel, path: Path) -> None:
    linear, couplings, offset = upper_couplings(model)
    rows, columns = np.nonzero(couplings)
    with path.open("w", encoding="utf-8") as file:
        file.write(f"# vartype=BINARY\n# offset={offset!r}\n# num_variables={model.num_bits}\n")
        for i in np.flatnonzero(linear):
            file.write(f"{i} {i} {float(linear[i])!r}\n")
        for i, j in zip(rows, columns, strict=True):
            file.write(f"{i} {j} {float(couplings[i, j])!r}\n")


def _load_coo(path: Path) -> QuadraticModel:
    header, terms = _read_coo(path)
    try:
        spins = {"BINARY": False, "SPIN": True}[header.get("vartype", "BINARY").upper()]
        offset = float(header.get("offset", 0.0))
        size = int(header.get("num_variables", terms[:, :2].max(initial=-1) + 1))
    except (KeyError, ValueError) as error:
        raise InputError(f"the model {path} has a header that makes no sense: {error}") from error
    rows, columns = terms[:, 0].astype(np.int64), terms[:, 1].astype(np.int64)
    if (terms[:, :2] != np.stack([rows, columns], axis=1)).any() or (terms[:, :2] < 0).any():
        raise InputError(f"the model {path} has an index that is no whole number from 0 on")
    if terms[:, :2].max(initial=-1) >= size or size == 0:
        raise InputError(f"the model {path} has an index beyond its {size} variables, or none")
    own = rows == columns
    linear = np.bincount(rows[own], weights=terms[own, 2], minlength=size).astype(np.float64)
    rows, columns, values = rows[~own], columns[~own], terms[~own, 2]
    if spins:  # s = 2x − 1
        offset += float(values.sum() - linear.sum())
        linear = 2.0 * linear
        for ends in (rows, columns):
            linear -= 2.0 * np.bincount(ends, weights=values, minlength=size)
        values = 4.0 * values
    return from_terms(linear, rows, columns, values, offset)


def _read_coo(path: Path) -> tuple[dict[str, str], Floats]:
    header: dict[str, str] = {}
    terms: list[tuple[float, float, float]] = []
    try:
        lines = path.read_text("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no model: neither npz, nor a BQM file, nor COO text") from error
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if text.startswith("#"):
            match = _HEADER.match(text)
            if match:
                header[match[1]] = match[2]
        elif text:
            try:
                i, j, value = map(float, text.split())
            except ValueError as error:
                raise InputError(f"line {number} of {path} is no 'i j value' of COO text: {text[:60]!r}") from error
            terms.append((i, j, value))
    return header, np.array(terms, dtype=np.float64).reshape(-1, 3)
