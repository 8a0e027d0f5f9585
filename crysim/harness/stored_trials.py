"""The trials of a journal on disk: their columns at once, each trial when it is asked for.

Beside the journal lies a cache of the columns, which holds for a journal of the same size, time and last line. It may
be deleted at any time; a reader that cannot write it does without.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, NoReturn, overload

import numpy as np
import orjson

from crysim.errors import InputError
from crysim.harness.blocks import is_stored, open_lines, stored_path
from crysim.harness.columns import ROW, Collector, TrialColumns
from crysim.harness.lines import ChainReader, seal, unseal
from crysim.harness.records import trial_from_dict
from crysim.interfaces import Trial
from crysim.process_state import garbage_kept
from crysim.regular_files import open_regular
from crysim.written_files import replace_file

CACHE = "journal.cache"
_FORMAT = 2
_AT_ONCE = 128
"""Records that are turned into columns together: more, and they would leave the processor's cache meanwhile."""
_NO_TRIAL = (KeyError, TypeError, ValueError, OverflowError, AttributeError)
"""What a record leads to that is none of a trial."""
_INFO, _START, _CRYSTAL, _FRAMES, _FIT = b',"info":{', b',"start":{', b',"crystal":', b',"frames":[', b'"fit":'


class StoredTrials(Sequence[Trial]):
    """The trials of a journal, or the first of them, without their trajectories.

    Attributes:
        path: of the journal.
        columns: of these trials.
        key: what tells the journal from any other, and from itself at another time.
    """

    def __init__(
        self, path: Path, columns: TrialColumns, key: Sequence[Any] = (), begin: int = 0, first: int = 0
    ) -> None:
        """Trials whose lines begin at a byte, of which the first has a number."""
        self.path, self.columns, self.key = path, columns, tuple(key)
        self._begin, self._first = begin, first

    def __len__(self) -> int:
        return len(self.columns)

    @overload
    def __getitem__(self, index: int) -> Trial: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Trial]: ...
    def __getitem__(self, index: int | slice) -> Trial | Sequence[Trial]:
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step != 1:
                return [self[i] for i in range(start, stop, step)]
            begin = self._where(start)[0] if start < len(self) else 0
            return StoredTrials(self.path, self.columns[start:stop], self.key, begin, self._first + start)
        place = range(len(self))[index]
        begin, end = self._where(place)
        with open_lines(self.path) as lines:
            return self._trial(place, lines.read(begin, end))

    def __iter__(self) -> Iterator[Trial]:
        if not len(self):
            return
        with open_lines(self.path) as lines:
            for place in range(len(self)):
                yield self._trial(place, lines.read(*self._where(place)))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Sequence)
            and len(self) == len(other)
            and all(a == b for a, b in zip(self, other, strict=True))
        )

    __hash__ = None  # type: ignore[assignment]

    def _where(self, place: int) -> tuple[int, int]:
        ends = self.columns.rows["end"]
        return int(ends[place - 1]) if place else self._begin, int(ends[place])

    def _trial(self, place: int, line: bytes) -> Trial:
        record = unseal(line.rstrip(b"\n"))
        number = self._first + place
        if record is None or record.get("number") != number:
            raise InputError(f"{self.path}, line {number + 1}: it has changed while it was read; read it again")
        return read_trial(self.path, number, record, frames=False)


def read_trial(path: Path, number: int, record: Mapping[str, Any], *, frames: bool) -> Trial:
    """The trial of a journal's line.

    Raises:
        InputError: its record is no trial's.
    """
    try:
        return trial_from_dict(record, frames=frames)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError, InputError) as error:
        _refuse(path, number, error)


def wrong_line(path: Path, number: int, what: str) -> InputError:
    """The error of a line that fits its checksum, and is not the trial of its number."""
    return InputError(
        f"{path}, line {number + 1}: the line is not trial {number} of this run ({what}); restore the file, or delete "
        f"its folder to run it anew"
    )


def _refuse(path: Path, number: int, error: Exception) -> NoReturn:
    what = f"no {error}" if isinstance(error, KeyError) else str(error).partition("\n")[0]
    raise wrong_line(path, number, what) from error


def stored_trials(path: Path, beginning: str) -> StoredTrials:
    """The trials of a journal, from its cache or from itself.

    Args:
        path: of the journal.
        beginning: see `crysim.harness.lines.read_chain`.

    Raises:
        InputError: a line is damaged, or does not belong where it stands.
    """
    if not is_stored(path):
        return StoredTrials(path, Collector().columns())
    key = _key(path, beginning)
    columns = _read_cache(path.with_name(CACHE), key)
    if columns is None:
        columns = scan(path, beginning)
        with suppress(OSError, InputError):
            if len(columns) >= WORTH_A_CACHE and _key(path, beginning) == key:
                replace_file(path.with_name(CACHE), _cache(key, columns))
    return StoredTrials(path, columns, key)


def is_cached(path: Path, beginning: str) -> bool:
    """Whether a journal's cache holds."""
    return _read_cache(path.with_name(CACHE), _key(path, beginning)) is not None


WORTH_A_CACHE = 200
"""Trials from which on a cache is written: fewer are read as quickly."""


def scan(path: Path, beginning: str) -> TrialColumns:
    """The columns of a journal, every line looked at.

    Raises:
        InputError: a line is damaged, or does not belong where it stands.
    """
    chain, found = ChainReader(path, beginning), Collector()
    with garbage_kept():  # a million rows are made, and no circles
        return _scan(path, chain, found)


def _scan(path: Path, chain: ChainReader, found: Collector) -> TrialColumns:
    records: list[Mapping[str, Any]] = []
    ends: list[int] = []
    try:
        for line, end in chain:
            number = len(found) + len(records)
            try:
                record = _cut_down(line) or chain.record(line)
                if record["number"] != number:
                    raise wrong_line(path, number, f"its number is {record['number']!r}")
            except _NO_TRIAL as error:
                _refuse(path, number, error)
            records.append(record)
            ends.append(end)
            if len(records) == _AT_ONCE:
                full, records, ends = (records, ends), [], []
                _add(path, found, *full)
    finally:  # what is wrong with a line before one that is damaged is said first
        _add(path, found, records, ends)
    return found.columns()


def _add(path: Path, found: Collector, records: Sequence[Mapping[str, Any]], ends: Sequence[int]) -> None:
    """Add records; where one of them is no trial's, one after the other, so that it can be named."""
    try:
        found.add(records, ends)
    except _NO_TRIAL:
        for record, end in zip(records, ends, strict=True):
            try:
                found.add([record], [end])
            except _NO_TRIAL as error:
                _refuse(path, len(found), error)


def _cut_down(line: bytes) -> Mapping[str, Any] | None:
    """The record of a sealed line without what no column needs; None where the line is not as the journal writes it.

    A mark that is found too early, in what a strategy wrote into its info, leaves brackets without their partners.
    """
    info, start = line.find(_INFO), -1
    if info >= 0:
        start = line.find(_START, info)
    frames = line.find(_FRAMES, line.find(_CRYSTAL, start)) if start >= 0 else -1
    if frames < 0:
        return None
    if line.find(_FIT, info, start) >= 0:
        short = line[:frames] + b"}"
    else:
        short = b'%b,"info":{}%b}' % (line[:info], line[start:frames])
    try:
        record = orjson.loads(short)
    except orjson.JSONDecodeError:
        return None
    return record if isinstance(record, dict) else None


# --------------------------------------------------------------------------------------------------- the cache


def journal_key(path: Path) -> list[Any]:
    """What tells a journal from itself at another time; empty if there is none."""
    return _key(path, "") if is_stored(path) else []


def _key(path: Path, beginning: str) -> list[Any]:
    """What a cache must have been made of: the journal's size, time and last bytes, and the run's identity."""
    stored = stored_path(path)
    about = stored.stat()
    with open_regular(stored, "the journal") as file:
        file.seek(max(0, about.st_size - 4096))
        tail = file.read()
    last = tail.rstrip(b"\n").rpartition(b"\n")[2]
    return [_FORMAT, about.st_size, about.st_mtime_ns, last[-200:].decode("latin-1"), beginning]


def _cache(key: Sequence[Any], columns: TrialColumns) -> bytes:
    reasons = "\n".join(" ".join(reason.splitlines()) for reason in columns.reasons).encode()
    rows, seconds = columns.rows.tobytes(), columns.phase_seconds.astype("<f8").tobytes()
    about = {"key": list(key), "trials": len(columns), "phases": list(columns.phases), "reasons": len(reasons)}
    return seal(about).encode() + b"\n" + rows + seconds + reasons


def _read_cache(path: Path, key: Sequence[Any]) -> TrialColumns | None:
    """The columns in a cache; None if it is of another journal, or not as it was written."""
    try:
        with open_regular(path, "the cache") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
            end = data.find(b"\n")
            about = None if end < 0 else unseal(data[:end])
            if about is None or about["key"] != json.loads(json.dumps(key)):
                return None
            return _columns(about, memoryview(data[end + 1 :]))
    except (OSError, InputError, ValueError, KeyError, TypeError):
        return None


def _columns(about: Mapping[str, Any], data: memoryview) -> TrialColumns | None:
    count, phases = int(about["trials"]), tuple(map(str, about["phases"]))
    first, second = count * ROW.itemsize, count * ROW.itemsize + count * len(phases) * 8
    if len(data) != second + about["reasons"]:
        return None
    seconds = np.frombuffer(data[first:second], dtype="<f8").reshape(count, len(phases))
    reasons = bytes(data[second:]).decode().split("\n")
    if len(reasons) != max(1, count):
        return None
    return TrialColumns(np.frombuffer(data[:first], dtype=ROW), phases, seconds, tuple(reasons[:count]))
