"""Where a checkpoint is, and whether its bytes are the right ones.

A checkpoint is a folder with ``model.json``, ``model.pt`` and ``state.pt``, as matgl writes it. `resolve` looks, in
this order, in

1. the folder that the user names (option ``path``),
2. every folder of the environment variable ``CRYSIM_MODELS`` (a search path, separated as ``PATH`` is) for a
   sub-folder with the checkpoint's name,
3. matgl's cache, ``~/.cache/matgl``, likewise,
4. the place on the network where the checkpoint is published; it is kept in matgl's cache.

The files are read once: the bytes that were hashed are the bytes that are loaded.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Literal

from crysim.errors import InputError

FILES = ("model.json", "model.pt", "state.pt")
SEARCH_PATH_VARIABLE = "CRYSIM_MODELS"
DEFAULT_NAME = "M3GNet-MP-2021.2.8-PES"

Convention = Literal["destination", "source"]
"""Into which end of a bond M3GNet's node update sums the bond's message."""
Unverified = Literal["refuse", "source", "destination"]
"""What to do with a checkpoint that is not in `KNOWN`: refuse it, or load it with that convention."""


@dataclass(frozen=True)
class KnownCheckpoint:
    """A checkpoint whose bytes are known.

    Attributes:
        name: of its folder.
        sha256: of each file, hexadecimal.
        convention: that it was trained with. matgl changed it from destination to source without a new version
            number (pull request 761), so that the hash decides.
        url: folder that holds the files, with a slash at the end.
    """

    name: str
    sha256: Mapping[str, str]
    convention: Convention
    url: str


KNOWN = {
    known.name: known
    for known in (
        KnownCheckpoint(
            name=DEFAULT_NAME,
            sha256={
                "model.json": "05e7db8676ceb37eb07848aff49c556b188699e1035f3df0cbbf1a2c4959148f",
                "model.pt": "62678f76fbc5d8997ea1d7f3c4bf086df200102125c802b32b08ce14fbcde25b",
                "state.pt": "a9aa723705bd1a242ec8749332f137811c4a94e17995a564f8f94a9aca68061b",
            },
            convention="destination",
            url=f"https://raw.githubusercontent.com/materialyzeai/matgl/v2.0.4/pretrained_models/{DEFAULT_NAME}/",
        ),
    )
}


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was read.

    Attributes:
        name: of its folder.
        folder: where it was found.
        files: the bytes of each of `FILES`.
        convention: of the node update.
        verified: its bytes are those of a known checkpoint.
    """

    name: str
    folder: Path
    files: Mapping[str, bytes] = field(repr=False)
    convention: Convention
    verified: bool

    @cached_property
    def sha256(self) -> dict[str, str]:
        """The sha256 of each file, hexadecimal."""
        return {name: sha256(data).hexdigest() for name, data in self.files.items()}


def matgl_cache() -> Path:
    """The folder in which matgl keeps what it downloads."""
    return Path.home() / ".cache" / "matgl"


def search_folders() -> list[Path]:
    """The folders of ``CRYSIM_MODELS``, in order."""
    entries = os.environ.get(SEARCH_PATH_VARIABLE, "").split(os.pathsep)
    return [Path(entry).expanduser() for entry in entries if entry.strip()]


def find_folder(name: str) -> Path | None:
    """The first folder called ``name`` on the search path, then in matgl's cache; None if there is none."""
    folders = [parent / name for parent in (*search_folders(), matgl_cache())]
    return next((folder for folder in folders if folder.is_dir()), None)


def resolve(
    name: str = DEFAULT_NAME,
    *,
    path: str | Path | None = None,
    download: bool = True,
    url: str | None = None,
    unverified: Unverified = "refuse",
) -> Checkpoint:
    """Find and verify a checkpoint, in the order that the module's docstring gives.

    Args:
        name: of its folder; not looked at if ``path`` is given.
        path: the folder itself.
        download: whether the network may be asked, last.
        url: folder to download from instead of the published one (a mirror); the bytes must be the same.
        unverified: what to do with a checkpoint whose bytes are not known.

    Raises:
        InputError: not found, incomplete, corrupt, or not known and to be refused.
    """
    if path is not None:
        folder = Path(path).expanduser()
        if not folder.is_dir():
            raise InputError(f"the checkpoint folder '{folder}' does not exist")
        return read(folder, unverified=unverified)
    if not name or name != Path(name).name:
        raise InputError(f"'{name}' is no name of a checkpoint: give a folder as the option 'path'")
    found = find_folder(name)
    if found is not None:
        return read(found, unverified=unverified, expected=KNOWN.get(name))
    known = KNOWN.get(name)
    reason = "downloads are switched off (download=false)"
    if known is None:
        reason = "where to download it is not known"
    elif download:
        from crysim_energies.download import DownloadError, fetch_checkpoint

        try:
            return read(fetch_checkpoint(known, matgl_cache() / name, url or known.url), expected=known)
        except DownloadError as error:
            reason = f"the download failed: {error}"
    raise InputError(_ways_to_get(name, known, reason))


def read(folder: Path, *, unverified: Unverified = "refuse", expected: KnownCheckpoint | None = None) -> Checkpoint:
    """Read a checkpoint's files and compare their hashes with the known ones.

    Args:
        folder: that holds the three files.
        unverified: what to do if it is no known checkpoint.
        expected: the checkpoint that it must be. None: the one that any of the files belongs to, or that the folder
            is named after, if there is such a one.

    Raises:
        InputError: a file is missing or cannot be read, its hash is wrong, or the checkpoint is to be refused.
    """
    files: dict[str, bytes] = {}
    for file in FILES:
        try:
            files[file] = (folder / file).read_bytes()
        except FileNotFoundError:
            raise InputError(
                f"'{folder}' is no whole checkpoint: {file} is missing (needed: {', '.join(FILES)})"
            ) from None
        except OSError as error:
            raise InputError(f"cannot read '{folder / file}': {error.strerror or error}") from None
    hashes = {file: sha256(data).hexdigest() for file, data in files.items()}
    known = expected or KNOWN.get(folder.name) or _owner(hashes)
    wrong = [file for file in FILES if known is not None and hashes[file] != known.sha256[file]]
    if known is not None and not wrong:
        return Checkpoint(known.name, folder, files, known.convention, verified=True)
    if known is not None and (expected is not None or unverified == "refuse"):
        file = wrong[0]
        raise InputError(
            f"checkpoint file '{folder / file}' is corrupt: its sha256 begins {hashes[file][:12]}, "
            f"that of {known.name} begins {known.sha256[file][:12]}; fetch it again from {known.url}"
        )
    if unverified == "refuse":
        raise InputError(
            f"'{folder}' is no checkpoint that crysim knows (sha256 of state.pt begins {hashes['state.pt'][:12]}): "
            "if you trust it, set the option 'unverified' to source (made by matgl 3 or later) or destination (earlier)"
        )
    return Checkpoint(folder.name, folder, files, unverified, verified=False)


def _owner(hashes: Mapping[str, str]) -> KnownCheckpoint | None:
    return next((known for known in KNOWN.values() if any(known.sha256[f] == h for f, h in hashes.items())), None)


def _ways_to_get(name: str, known: KnownCheckpoint | None, reason: str) -> str:
    where = f" (its files: {known.url})" if known else ""
    return (
        f"checkpoint '{name}' was not found: put the folder '{name}'{where} into a folder of {SEARCH_PATH_VARIABLE} "
        f"or into {matgl_cache()}, or name it with the option 'path'; {reason}"
    )
