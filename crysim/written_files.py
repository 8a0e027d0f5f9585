"""Files that crysim writes into a person's folders: only its own are replaced, links are never followed, and a name
that comes from data stays within its folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

from crysim.errors import InputError
from crysim.regular_files import read_json

LIST = ".crysim-files.json"
"""In a folder: the files there that crysim wrote, with the sha256 of what it wrote."""
OUTCOME = ".crysim-outcome.json"
"""In a folder of results: the files of its outcome that nothing else tells of (`note_written`), in the same form."""
_MAX_NAME = 200


def path_part(name: str, what: str) -> str:
    """A name (of a method, a system, ...) as one part of a path: a colon becomes a hyphen.

    Args:
        name: as a person, a plug-in or a file gives it.
        what: what errors call it, as in ``the method``.

    Raises:
        InputError: it is empty, too long, or names another folder, now or on another system.
    """
    part = name.replace(":", "-")
    wrong = not part.strip() or part in (".", "..") or any(c in "/\\" or not c.isprintable() for c in part)
    if wrong or len(part.encode("utf-8", "replace")) > _MAX_NAME:
        shown = name if len(name) <= 60 else name[:57] + "..."
        raise InputError(
            f"{what} '{shown}' cannot name a folder: no / and \\, no control characters, at most 200 bytes"
        )
    return part


def refuse_link(path: Path) -> None:
    """Raise InputError if a file or a folder that crysim is to write is a symbolic link."""
    if path.is_symlink():
        raise InputError(f"'{path}' is a link to '{path.readlink()}', which crysim does not write through: move it")


def replace_file(path: Path, content: bytes | str) -> None:
    """Write a file whole or not at all, in place of an older one.

    Raises:
        InputError: a link stands in its place.
        OSError: it cannot be written.
    """
    refuse_link(path)
    data = content.encode("utf-8") if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name[:40]}-{secrets.token_hex(8)}.new")
    try:
        with temporary.open("xb") as file:
            file.write(data)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


class WrittenFiles:
    """A folder into which a command writes its files in place of those that it wrote at an earlier call.

    A file that crysim did not write, or that was changed since, is neither replaced nor removed.
    """

    def __init__(self, folder: Path) -> None:
        """Make the folder and read which files are crysim's.

        Raises:
            InputError: the folder is a link or cannot be made, or the list of files is damaged.
        """
        check_written(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"cannot write to the folder '{folder}': {error.strerror or error}") from error
        self.folder = folder
        self._files = _listed(folder)

    def clear(self) -> None:
        """Remove the files of earlier calls that are still as they were written."""
        for name in list(self._files):
            if self._is_ours(name):
                (self.folder / name).unlink()
        self._files = {}
        self._save()

    def write(self, stem: str, ending: str, content: bytes | str) -> Path:
        """Write a text or bytes under a name that no file of the person has: the stem, or with a number after it.

        Raises:
            InputError: the stem is no name of a file.
        """
        stem = path_part(stem, "the file")
        data = content.encode("utf-8") if isinstance(content, str) else content
        number, name = 1, stem + ending
        while os.path.lexists(self.folder / name) and not self._is_ours(name):
            number += 1
            name = f"{stem}-{number}{ending}"
        # in the list first: a file that stands there without being in it would be taken for the person's
        self._files[name] = sha256(data).hexdigest()
        self._save()
        replace_file(self.folder / name, data)
        return self.folder / name

    def _is_ours(self, name: str) -> bool:
        path = self.folder / name
        if name not in self._files or path.is_symlink() or not path.is_file():
            return False
        return _is_as_written(path, self._files[name])

    def _save(self) -> None:
        replace_file(self.folder / LIST, json.dumps({"files": self._files}, indent=1) + "\n")


def check_written(folder: Path) -> None:
    """Look, before anything is computed, whether `WrittenFiles` will take a folder, which need not be there yet.

    Raises:
        InputError: it is a link, or the list of files in it is one or is damaged.
    """
    refuse_link(folder)
    refuse_link(folder / LIST)
    _listed(folder)


def forget_written(folder: Path) -> None:
    """Before files that `note_written` noted are written anew: what they were is no claim any more."""
    (folder / OUTCOME).unlink(missing_ok=True)


def note_written(folder: Path, paths: Iterable[Path]) -> None:
    """Note what files in a folder were when they were written, so that a change of them shows (`changed_files`)."""
    digests = {path.name: sha256(path.read_bytes()).hexdigest() for path in paths}
    replace_file(folder / OUTCOME, json.dumps({"files": digests}, indent=1) + "\n")


def changed_files(path: Path) -> tuple[int, list[Path]]:
    """How many files of a list, `LIST` or `OUTCOME`, are still there, and those of them that were changed since.

    Raises:
        InputError: the list of files is damaged.
    """
    folder, names = path.parent, _read_list(path)
    there = [name for name in names if os.path.lexists(folder / name)]
    return len(there), [folder / name for name in there if not _is_as_written(folder / name, names[name])]


def _is_as_written(path: Path, digest: str) -> bool:
    return path.is_file() and sha256(path.read_bytes()).hexdigest() == digest


def _listed(folder: Path) -> dict[str, str]:
    """The digests of the files that crysim wrote into a folder, by their names; none where there is no list."""
    return _read_list(folder / LIST)


def _read_list(path: Path) -> dict[str, str]:
    return _names(read_json(path, "the list of written files"), path) if path.exists() else {}


def _names(document: Any, path: Path) -> dict[str, str]:
    files = document.get("files") if isinstance(document, dict) else None
    if not isinstance(files, dict) or not all(isinstance(one, str) for one in files.values()):
        raise InputError(f"'{path}' is damaged: delete it")
    return {path_part(name, f"in '{path}' the file"): digest for name, digest in files.items()}
