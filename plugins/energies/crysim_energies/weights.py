"""The hash of what a calculator learnt: torch modules' parameters, and files that its options name."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

_DEPTH = 4
"""How far below the calculator modules are looked for: in its attributes, their lists and tables, and theirs."""


def weights_hash(calculator: Any, options: Mapping[str, Any]) -> str | None:
    """sha256 over the weights of a calculator; None where there are none.

    Args:
        calculator: whose attributes, and what lies in those, may hold torch modules: their ``state_dict`` counts, name
            by name, with type, shape and bytes.
        options: of which those that are paths of files count with the files' bytes.
    """
    parts = [_state_hash(module) for module in _modules(calculator)]
    parts += [_file_hash(key, path) for key, path in sorted(_files(options))]
    return sha256("".join(parts).encode()).hexdigest() if parts else None


def _modules(calculator: Any) -> Iterator[Any]:
    """Every outermost torch module below a calculator, once, in the order of the attributes' names."""
    torch = sys.modules.get("torch")
    if torch is None:  # then nothing can be a module of it
        return
    seen: set[int] = set()

    def walk(value: Any, depth: int) -> Iterator[Any]:
        if id(value) in seen or depth > _DEPTH:
            return
        if isinstance(value, torch.nn.Module):
            seen.add(id(value))
            yield value
        elif isinstance(value, Mapping):
            for key in sorted(value, key=str):
                yield from walk(value[key], depth + 1)
        elif isinstance(value, list | tuple):
            for one in value:
                yield from walk(one, depth + 1)
        elif hasattr(value, "__dict__") and not isinstance(value, type):
            seen.add(id(value))
            yield from walk(vars(value), depth + 1)

    yield from walk(calculator, 0)


def _state_hash(module: Any) -> str:
    digest = sha256()
    for name, value in sorted(module.state_dict().items()):
        digest.update(name.encode())
        if hasattr(value, "detach"):
            tensor = value.detach().cpu().contiguous()
            digest.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
            import torch

            digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
        else:
            digest.update(repr(value).encode())
    return digest.hexdigest()


def _files(options: Mapping[str, Any]) -> Iterator[tuple[str, Path]]:
    for key, value in options.items():
        for one in value if isinstance(value, list | tuple) else [value]:
            with suppress(OSError, ValueError):  # no name that a file could have
                if isinstance(one, str | Path) and Path(one).is_file():
                    yield str(key), Path(one)


def _file_hash(key: str, path: Path) -> str:
    return sha256(key.encode() + path.read_bytes()).hexdigest()
