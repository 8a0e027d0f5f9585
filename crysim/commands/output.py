"""What commands print for programs: JSON that every parser takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite
from typing import Any

from crysim.streams import write_document, writes_everything


def json_text(document: Any, *, indent: int | None = 2, ascii_only: bool = False) -> str:
    """A document as JSON; numbers that are not finite, which JSON does not know, become null."""
    return json.dumps(_finite(document), indent=indent, ensure_ascii=ascii_only, allow_nan=False, default=_plain)


def print_json(document: Any, *, indent: int | None = 2) -> None:
    """Print a document as the only thing on the standard output."""
    write_document(json_text(document, indent=indent, ascii_only=not writes_everything()))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return value


def _plain(value: Any) -> Any:
    """Numpy's numbers and arrays as plain ones, anything else as text."""
    return _finite(value.tolist()) if hasattr(value, "tolist") else str(value)
