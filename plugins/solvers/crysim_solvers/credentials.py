"""Tokens of services: from the environment or a file that only its owner can read; never printed."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from crysim.errors import InputError


def read_token(service: str, variable: str, path: str | None) -> str:
    """The token of a service.

    Args:
        service: for messages.
        variable: the environment variable that holds the token, if ``path`` is None.
        path: a file that holds nothing else, readable by its owner alone (mode 0600).

    Raises:
        InputError: there is none, the file can be read by others, or it holds no token. The message never has it.
    """
    if path is None:
        token = os.environ.get(variable, "").strip()
        if not token:
            raise InputError(
                f"{service} needs a token: set {variable}, or put it into a file of mode 0600 and give token_file"
            )
        where = variable
    else:
        token, where = _from_file(service, Path(path).expanduser()), path
    if not token.isascii() or not token.isprintable() or " " in token:
        raise InputError(f"{where} holds no token of {service}: one line of printable characters is wanted")
    return token


def _from_file(service: str, path: Path) -> str:
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise InputError(f"the token file {path} of {service} is no regular file")
        if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise InputError(f"the token file {path} of {service} can be read by others: chmod 600 {path}")
        token = path.read_text("utf-8").strip()
    except OSError as error:
        raise InputError(f"cannot read the token file {path} of {service}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"the token file {path} of {service} is no text") from error
    if not token:
        raise InputError(f"the token file {path} of {service} is empty")
    return token
