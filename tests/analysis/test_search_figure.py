"""The figure of a search: one line a run, per atom."""

from __future__ import annotations

import numpy as np
import pytest

from crysim.analysis.figures import accumulated_figure, plain_text, search_figure, time_figure
from crysim.analysis.references import compare_records
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


@pytest.mark.parametrize("label", ["a$_{$", "$^$", "_{x}", "_hidden", "100 $", r"a\$b$_{$"])
def test_a_label_is_drawn_as_it_is_and_never_read_as_mathematics(records: list[RunRecord], label: str) -> None:
    """Labels of imports, names of plug-ins and of their phases come from data."""
    named = [
        RunRecord(one.path, {**one.manifest, "config": {**one.config, "method": label}}, one.trials) for one in records
    ]
    comparison = compare_records(named, {})
    for figure in (search_figure(named), accumulated_figure(comparison), time_figure(comparison)):
        figure.canvas.draw()  # where matplotlib reads its texts
    (legend,) = accumulated_figure(comparison).legends
    assert plain_text(label) in [text.get_text() for text in legend.get_texts()]
