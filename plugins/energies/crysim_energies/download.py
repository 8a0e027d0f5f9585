"""Fetches a published checkpoint: pinned hashes, and a folder that is there whole or not at all."""

from __future__ import annotations

import http.client
import os
import shutil
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

from crysim.errors import InputError

if TYPE_CHECKING:
    from crysim_energies.checkpoints import KnownCheckpoint

TIMEOUT = 15.0
"""Seconds without an answer from the server."""
MAX_BYTES = 1 << 28
"""Of one file: no checkpoint is larger, and no server may fill the disk."""
_SCHEMES = ("http", "https")


class DownloadError(Exception):
    """A file could not be had; the message is one line."""


def fetch_checkpoint(known: KnownCheckpoint, folder: Path, url: str) -> Path:
    """Download a known checkpoint into ``folder``, which appears only when every file is there and right.

    Args:
        known: the checkpoint, with the hashes that its files must have.
        folder: where to put it.
        url: folder on an http(s) server that holds the files.

    Returns:
        ``folder``.

    Raises:
        DownloadError: no network, an answer other than the file, a wrong hash, or a folder that cannot be written.
        InputError: ``url`` is no http(s) address.
    """
    if urlsplit(url).scheme not in _SCHEMES:
        raise InputError(f"the option 'url' is '{url}': it must be an http or https address of a folder")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise DownloadError(f"cannot write to '{folder.parent}': {error.strerror or error}") from error
    try:
        for file, expected in known.sha256.items():
            address = f"{url.rstrip('/')}/{file}"
            data = _get(address)
            found = sha256(data).hexdigest()
            if found != expected:
                raise DownloadError(f"sha256 of {file} there begins {found[:12]}, not {expected[:12]}")
            with (partial / file).open("wb") as target:
                target.write(data)
                target.flush()
                os.fsync(target.fileno())
        partial.chmod(0o755)
        try:
            partial.rename(folder)
        except OSError as error:
            # Another process may have been faster: what it put there is verified when it is read.
            if not folder.is_dir():
                raise DownloadError(f"cannot write '{folder}': {error.strerror or error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def _get(address: str) -> bytes:
    try:
        with urlopen(address, timeout=TIMEOUT) as answer:  # noqa: S310 (the scheme was checked)
            data: bytes = answer.read(MAX_BYTES + 1)
    except URLError as error:
        raise DownloadError(f"{address.rpartition('/')[2]}: {getattr(error, 'reason', None) or error}") from error
    except (OSError, http.client.HTTPException) as error:
        raise DownloadError(f"{address.rpartition('/')[2]}: {error}") from error
    if len(data) > MAX_BYTES:
        raise DownloadError(f"{address.rpartition('/')[2]}: larger than {MAX_BYTES >> 20} MiB")
    return data
