"""Checksummed lines."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crysim.errors import InputError
from crysim.harness.lines import LineFile, read_chain, read_lines, seal, to_json, unseal, write_atomically

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
RECORDS = st.lists(
    st.dictionaries(st.text().filter(lambda key: key not in ("after", "checksum")), JSON, min_size=1, max_size=4),
    min_size=1,
    max_size=5,
)


@given(RECORDS)
def test_records_come_back_exactly(records: list[dict[str, object]]) -> None:
    for record in records:
        assert "\n" not in seal(record)
        back = unseal(seal(record))
        assert back == record
        assert to_json(back) == to_json(record)


@given(RECORDS, st.data())
def test_a_file_cut_anywhere_gives_the_whole_lines_before(
    tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, object]], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("cut") / "file.jsonl"
    with LineFile(path, 0, "begun") as file:
        assert file.append(records) == records
    whole = path.read_bytes()
    ends = read_lines(path)[1]
    size = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:size])
    found = read_chain(path, "begun")
    number = sum(end <= size for end in ends)
    assert found.records == records[:number]
    with LineFile(path, found.ends[-1] if number else 0, found.link(number, "begun")) as file:
        file.append(records[number:])
    assert path.read_bytes() == whole


def test_a_damaged_line_is_named_unless_it_is_the_last(tmp_path: Path) -> None:
    path = tmp_path / "file.jsonl"
    lines = [seal({"n": n}) for n in range(3)]
    path.write_text("\n".join([lines[0], lines[1].replace('"n":1', '"n":7'), lines[2], ""]))
    with pytest.raises(InputError, match=r"file\.jsonl, line 2"):
        read_lines(path)
    path.write_text("\n".join([lines[0], lines[1], lines[2].replace('"n":2', '"n":7'), ""]))
    assert read_lines(path)[0] == [{"n": 0}, {"n": 1}]


def test_numpy_is_written_and_what_json_does_not_know_is_refused() -> None:
    assert to_json({"a": np.float64(0.1), "b": np.arange(2), "c": np.bool_(True)}) == '{"a":0.1,"b":[0,1],"c":true}'
    with pytest.raises(ValueError):
        to_json({"a": float("nan")})
    with pytest.raises(TypeError):
        to_json({"a": object()})


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def written(path: Path, count: int, beginning: str = "begun") -> list[bytes]:
    with LineFile(path, 0, beginning) as file:
        file.append({"n": n} for n in range(count))
    return path.read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        (lambda lines, other: [lines[0], *lines[2:]], 2),
        (lambda lines, other: lines[1:], 1),
        (lambda lines, other: [*lines[:3], lines[2], *lines[3:]], 4),
        (lambda lines, other: [lines[0], lines[2], lines[1], *lines[3:]], 2),
        (lambda lines, other: [*lines[:2], other[2], *lines[3:]], 3),
        (lambda lines, other: [*lines[:4], other[4]], 5),
        (lambda lines, other: other, 1),
        (lambda lines, other: [*lines, seal({"n": 5}).encode() + b"\n"], 6),
    ],
    ids=[
        "deleted",
        "first deleted",
        "doubled",
        "swapped",
        "of another",
        "last of another",
        "all of another",
        "unlinked",
    ],
)
def test_a_line_that_does_not_belong_where_it_stands_is_named(tmp_path: Path, changed: Any, line: int) -> None:
    path = tmp_path / "file.jsonl"
    lines, other = written(path, 5), written(tmp_path / "other", 5, "begun elsewhere")
    path.write_bytes(b"".join(changed(lines, other)))
    with pytest.raises(InputError, match=rf"file\.jsonl, line {line}: the line (is not of this run|does not follow)"):
        read_chain(path, "begun")


def test_lines_without_a_chain_are_read_and_gone_on_with_under_a_seal(tmp_path: Path) -> None:
    path = tmp_path / "file.jsonl"
    former = [seal({"n": n}).encode() + b"\n" for n in range(3)]
    path.write_bytes(b"".join(former))
    old = read_chain(path, "begun")
    with LineFile(path, old.ends[-1], old.link(3, "begun")) as file:
        file.append([{"n": 3}, {"n": 4}])
    assert read_chain(path, "begun").records == [{"n": n} for n in range(5)]
    new = path.read_bytes().splitlines(keepends=True)[3:]
    for changed in ([former[1], former[0], former[2]], former[:2], [*former, former[2]]):
        path.write_bytes(b"".join([*changed, *new]))
        with pytest.raises(InputError, match=rf"line {len(changed) + 1}: the line does not follow"):
            read_chain(path, "begun")


def test_a_sealed_line_that_is_no_object_is_named(tmp_path: Path) -> None:
    path = tmp_path / "file.jsonl"
    body = b'"n":'
    path.write_bytes(b'{"checksum":"' + hashlib.sha256(body).hexdigest()[:16].encode() + b'",' + body + b"\n")
    with pytest.raises(InputError, match=r"file\.jsonl, line 1: .* no JSON object"):
        read_chain(path)
