"""The figure of a search: one line a run, per atom."""

from __future__ import annotations

import numpy as np
import pytest

from crysim.analysis.figures import search_figure
from crysim.harness.journal import RunRecord


def test_lines_are_lowest_energies_per_atom(records: list[RunRecord]) -> None:
    (axis,) = search_figure(records).axes
    assert len(axis.lines) == len(records)
    first = np.asarray(axis.lines[0].get_ydata())
    assert first == pytest.approx(np.array([-40.0, -40.0, -41.0, -41.0]) / 8)
    assert axis.get_ylabel() == "lowest energy so far (eV per atom)"


def test_a_run_of_one_relaxation_is_seen(records: list[RunRecord]) -> None:
    one = RunRecord(records[0].path, records[0].manifest, records[0].trials[:1])
    (axis,) = search_figure([one]).axes
    assert axis.lines[0].get_marker() == "o"


def test_without_an_energy_nothing_breaks(records: list[RunRecord]) -> None:
    failed = RunRecord(records[0].path, records[0].manifest, records[0].trials[1:2])
    search_figure([failed])
