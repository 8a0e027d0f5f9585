"""Curves and tables in three currencies: relaxations begun, evaluations, CPU seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crysim.analysis.comparison import Comparison
from crysim.analysis.currencies import CURRENCIES, lowest_curves
from crysim.analysis.figures import accumulated_figure, search_figure
from crysim.analysis.origins import origin_table
from crysim.analysis.references import compare_records, load_references
from crysim.errors import UnknownNameError
from crysim.harness.budgets import Spent
from crysim.harness.journal import RunRecord


def test_a_curve_falls_where_its_trials_ended_and_initial_crystals_come_before(
    record_of: Callable[..., RunRecord],
) -> None:
    run = record_of("Ca4S4", "random", 0, [-40.0, None, -41.0, -40.0])
    run.__dict__["initial_spent"] = Spent(0, 100, 3.0)
    places, energies = lowest_curves([run], "evaluations")
    assert places.tolist() == [102.0, 104.0, 106.0, 108.0]
    assert energies.tolist() == [[-40.0, -40.0, -41.0, -41.0]]
    places, energies = lowest_curves([run], "cpu_seconds")
    np.testing.assert_allclose(
        places, 3.0 + 1.75 * np.arange(1, 5)
    )  # wall seconds, since these journals have no others
    assert energies.tolist() == [[-40.0, -40.0, -41.0, -41.0]]


def test_a_seed_without_an_energy_yet_leaves_a_gap_and_one_that_ended_goes_on_flat(
    record_of: Callable[..., RunRecord],
) -> None:
    short, late = record_of("Ca4S4", "random", 0, [-40.0]), record_of("Ca4S4", "random", 1, [None, -39.0, -42.0])
    places, energies = lowest_curves([short, late], "evaluations")
    assert places.tolist() == [2.0, 4.0, 6.0]
    np.testing.assert_array_equal(energies, [[-40.0, -40.0, -40.0], [np.nan, -39.0, -42.0]])
    places, energies = lowest_curves([short, late], "relaxations")
    np.testing.assert_array_equal(energies, [[-40.0] * 4, [np.nan, -39.0, -42.0, -42.0]])


def test_a_run_that_another_budget_ended_is_drawn_as_far_as_it_went(record_of: Callable[..., RunRecord]) -> None:
    run = record_of("Ca4S4", "random", 0, [-40.0, -41.0])
    limited = replace(run, manifest={**run.manifest, "config": {**run.config, "budget": 1000, "budget_evaluations": 4}})
    assert limited.complete
    assert lowest_curves([limited], "relaxations")[0].tolist() == [1.0, 2.0]


def test_the_summary_says_each_median_in_each_currency(recorded: Comparison) -> None:
    row = next(row for row in recorded.summary().rows if (row["system"], row["method"]) == ("Ca4S4", "crysim"))
    for what in ("match", "strict", "energy", "lowest"):
        relaxations = row[f"to_{what}"]
        assert isinstance(relaxations, float)
        assert row[f"evaluations_to_{what}"] == 2 * relaxations
        assert row[f"cpu_seconds_to_{what}"] == 1.75 * relaxations
    keys = {column.key for column in recorded.summary().columns}
    assert {"cpu_seconds", "evaluations", "relaxations"} <= keys


def test_figures_say_what_was_spent(recorded: Comparison, record_of: Callable[..., RunRecord]) -> None:
    labels: dict[str, Any] = {}
    for currency in CURRENCIES:
        labels[currency] = accumulated_figure(recorded, currency=currency).axes[0].get_xlabel()
    assert labels == {
        "relaxations": "relaxations",
        "evaluations": "evaluations of the energy model",
        "cpu_seconds": "CPU seconds",
    }
    figure = search_figure([record_of("Ca4S4", "random", 0, [-40.0, -41.0])], currency="evaluations")
    assert figure.axes[0].lines[0].get_xdata().tolist() == [2, 4]  # type: ignore[union-attr]
    with pytest.raises(UnknownNameError, match="currency"):
        accumulated_figure(recorded, currency="euros")  # type: ignore[arg-type]


def test_hits_are_counted_by_the_origin_of_a_proposal(record_of: Callable[..., RunRecord]) -> None:
    """The reference has -41.5917 eV per 8 atoms: 50 meV per atom above it is -41.19."""
    runs = [
        record_of("Ca4S4", "crysim", 0, [-41.58, None, -41.2], info={"origin": "answer"}),
        record_of("Ca4S4", "crysim", 1, [-41.0, -40.0, -41.5, -41.0], info={"origin": "prior"}),
        record_of("Ca4S4", "random", 0, [-41.5]),
    ]
    table = origin_table(compare_records(runs, load_references(Path("none"), runs)))
    assert table is not None
    assert [(row["method"], row["origin"], row["relaxations"], row["hits"]) for row in table.rows] == [
        ("crysim", "answer", 3, 2),
        ("crysim", "prior", 4, 1),
    ]
    assert origin_table(compare_records(runs[2:], load_references(Path("none"), runs[2:]))) is None
