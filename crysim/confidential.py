"""Tokens and passwords: refused where they would be written down or shown, cut out of addresses in messages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_KEY = re.compile(
    r"(?:^|[_.-])(?:token|password|passwd|passphrase|secret|api[_-]?key|access[_-]?key|private[_-]?key|credentials?)$",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"(?P<scheme>[a-zA-Z][\w+.-]*://)(?P<user>[^/\s@]+)@")
_QUERY = re.compile(r"(?P<key>[?&][\w-]*(?:token|key|secret|password|sig(?:nature)?)=)[^&\s'\"]+", re.IGNORECASE)
HIDDEN = "***"


def without_credentials(text: str) -> str:
    """A text in which addresses have neither user, password nor a token in their query."""
    return _QUERY.sub(rf"\g<key>{HIDDEN}", _ADDRESS.sub(rf"\g<scheme>{HIDDEN}@", text))


def hidden(value: Any, key: str = "") -> Any:
    """A JSON value, in which everything that is called a token, a password or the like is replaced."""
    if isinstance(value, Mapping):
        return {name: hidden(one, str(name)) for name, one in value.items()}
    if _KEY.search(key) and value is not None:
        return HIDDEN
    if isinstance(value, list | tuple):
        return [hidden(one) for one in value]
    return without_credentials(value) if isinstance(value, str) else value


def find_credential(options: Mapping[str, Any], local: Sequence[str] = ()) -> str | None:
    """The name of the first option that holds a token or a password, such as ``sampler_options.token``; or None.

    Args:
        options: as they are given, tables in them looked into.
        local: options that are not written down: an address in them may have a password.
    """
    for path, value in _leaves(options):
        named = value is not None and any(_KEY.search(part) for part in path)
        address = path[0] not in local and isinstance(value, str) and without_credentials(value) != value
        if named or address:
            return ".".join(path)
    return None


def _leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _leaves(one, (*path, str(key)))
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _leaves(one, path)
    elif path:
        yield path, value
