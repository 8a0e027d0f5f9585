"""Checksummed lines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crysim.errors import InputError
from crysim.harness.lines import append_lines, open_for_append, read_lines, seal, to_json, unseal, write_atomically

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
RECORDS = st.lists(st.dictionaries(st.text(), JSON, min_size=1, max_size=4), min_size=1, max_size=5)


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
    with open_for_append(path, 0) as file:
        append_lines(file, records)
    whole = path.read_bytes()
    ends = read_lines(path)[1]
    size = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:size])
    found, found_ends = read_lines(path)
    number = sum(end <= size for end in ends)
    assert found == records[:number]
    with open_for_append(path, found_ends[-1] if found_ends else 0) as file:
        append_lines(file, records[number:])
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
