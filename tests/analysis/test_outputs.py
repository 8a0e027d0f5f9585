"""Tables in every form, figures, and comparisons of runs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from crysim.analysis.comparison import Comparison, Reference
from crysim.analysis.figures import band, mean_seconds
from crysim.analysis.outcome import terminal_table, write_outcome
from crysim.analysis.tables import Column, Table, lowest_cells
from crysim.errors import InputError
from crysim.harness.journal import RunRecord
from crysim.harness.systems import find_system


@pytest.fixture
def comparison(record_of: Callable[..., RunRecord]) -> Comparison:
    runs = (
        record_of("Ca4S4", "random", 0, [-40.0, None, -41.0, -41.0]),
        record_of("Ca4S4", "random", 1, [-39.0, -39.5, -40.0]),
        record_of("Ca4S4", "crysim", 0, [-41.59, -41.59, -41.0, -41.0]),
        record_of("ScBe5", "crysim", 0, [-20.0, -26.0, -26.0, -26.24]),
    )
    crystal = find_system("Ca4S4").reference
    assert crystal is not None
    return Comparison(runs, {"Ca4S4": Reference(crystal, -41.59)}, count_distinct=True)


def test_the_summary(comparison: Comparison) -> None:
    table = comparison.summary()
    random, crysim, alone = table.rows
    assert (random["system"], random["method"], random["runs"]) == ("Ca4S4", "random", 2)
    assert (random["lowest"], random["mean"], random["std"]) == (-41.0, -40.5, 0.5)
    assert (random["found"], random["failed"], random["relaxations"]) == (2, 1, 7)
    assert (crysim["to_lowest"], crysim["to_energy"]) == (1.0, 1.0)
    assert (crysim["to_match"], crysim["evaluations_to_match"], crysim["seconds_to_match"]) == (1.0, 2.0, 1.75)
    assert (random["to_match"], random["evaluations_to_match"], random["seconds_to_match"]) == (3.0, 6.0, 5.25)
    assert (random["mean_to_strict"], crysim["mean_to_strict"]) == (3.5, 1.0)  # the second seed with its budget, 4
    assert (random["found_strict"], random["interval_strict"]) == (1, "0.09–0.91")  # far above the reference
    assert random["area"] == pytest.approx(((-40 - 40 - 41 - 41) / 4 + (-39 - 39.5 - 40 - 40) / 4) / 2)
    assert crysim["distinct"] == 2.0  # rock salt at two energies
    assert alone.get("reference") is None
    assert "found" not in alone
    assert table.best == {(1, "mean"), (2, "mean")}
    assert any("1 of 4 runs" in note for note in table.notes)


def test_energies_of_two_models_are_not_compared(record_of: Callable[..., RunRecord]) -> None:
    other = {"model": "chgnet", "weights_sha256": "a9"}
    runs = (record_of("Ca4S4", "a", 0, [-1.0]), record_of("Ca4S4", "b", 0, [-1.0], fingerprint=other))
    with pytest.raises(InputError, match=r"different models or pressures cannot be compared: .* differ in model"):
        Comparison(runs)


def test_enthalpies_of_two_pressures_are_not_compared(record_of: Callable[..., RunRecord]) -> None:
    runs = (record_of("Ca4S4", "a", 0, [-1.0]), record_of("Ca4S4", "b", 0, [-1.0], pressure=10.0))
    with pytest.raises(InputError, match="differ in pressure"):
        Comparison(runs)


def test_every_form_of_a_table() -> None:
    columns = (Column("system", "system", formula=True), Column("energy", "energy | eV", ".2f"), Column("ok", "ok"))
    table = Table(
        "A & B_1 100 %",
        columns,
        ({"system": "Ca24(SiO4)2", "energy": -1.005, "ok": True}, {"system": "x", "energy": float("nan"), "ok": None}),
        notes=("mean ± std",),
        best=frozenset({(0, "energy")}),
    )
    markdown = table.to_markdown()
    assert r"| system | energy \| eV | ok |" in markdown
    assert "| Ca24(SiO4)2 | **-1.00** | yes |" in markdown
    assert "| x | / | / |" in markdown
    rows = list(csv.DictReader(io.StringIO(table.to_csv())))
    assert rows[0] == {"system": "Ca24(SiO4)2", "energy": "-1.005", "ok": "True"}
    latex = table.to_latex()
    assert r"\caption{A \& B\_1 100 \%}" in latex
    assert r"Ca$_{24}$(SiO$_{4}$)$_{2}$ & \textbf{-1.00} & yes \\" in latex
    assert r"mean $\pm$ std" in latex
    data = json.loads(table.to_json())
    assert data["rows"][1] == {"system": "x", "energy": None, "ok": None}
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(table.to_rich())
    assert "-1.00" in console.export_text()


def test_names_from_data_are_text_in_markdown_and_latex() -> None:
    name = r"<script>a</script> $x_{1$ `b` [c](d) \| e"
    table = Table("title", (Column("method", "method"),), ({"method": name},))
    assert r"| \<script>a\</script> \$x_{1\$ \`b\` \[c](d) \\\| e |" in table.to_markdown()
    latex = (
        r"\textless{}script\textgreater{}a\textless{}/script\textgreater{} \$x\_\{1\$ `b` [c](d) \textbackslash{}| e"
    )
    assert latex in table.to_latex()


def test_lowest_cells_mark_ties() -> None:
    rows = [{"s": 1, "e": -1.001}, {"s": 1, "e": -1.004}, {"s": 2, "e": 5.0}, {"s": 2, "e": None}]
    assert lowest_cells(rows, "e", group="s") == {(0, "e"), (1, "e"), (2, "e")}


def test_bands_begin_where_every_seed_has_a_value() -> None:
    mean, low, high = band(np.array([[np.nan, -1.0, -3.0], [-1.0, -2.0, -2.0]]))
    np.testing.assert_array_equal(mean, [np.nan, -1.5, -2.5])
    np.testing.assert_array_equal(low, [np.nan, -2.0, -3.0])
    np.testing.assert_array_equal(high, [np.nan, -1.0, -2.0])


def test_seconds_by_phase(comparison: Comparison) -> None:
    assert mean_seconds([comparison.runs[0].trials]) == {"train": 0.25, "solve": 0.5, "relax": 1.0}
    assert mean_seconds([]) == {}


def test_the_files_of_a_bench(comparison: Comparison, tmp_path: Path) -> None:
    paths = write_outcome(comparison, tmp_path)
    assert {path.name for path in paths} == {
        *(f"summary.{ending}" for ending in ("md", "csv", "tex", "json")),
        *(f"seeds-{s}.{ending}" for s in ("Ca4S4", "ScBe5") for ending in ("md", "csv", "tex", "json")),
        "energy.png",
        "energy.svg",
        "energy-evaluations.png",
        "energy-cpu-seconds.png",
        "time.png",
    }
    assert (tmp_path / "energy.png").read_bytes().startswith(b"\x89PNG")
    assert "reference" in (tmp_path / "energy.svg").read_text()
    first = (tmp_path / "energy.png").read_bytes()
    write_outcome(comparison, tmp_path)
    assert (tmp_path / "energy.png").read_bytes() == first


def test_the_terminal_shows_no_empty_column(comparison: Comparison) -> None:
    keys = [column.key for column in terminal_table(comparison).columns]
    assert keys[:2] == ["system", "method"]
    notes = terminal_table(comparison).all_notes
    assert any(note.startswith("strict:") for note in notes)
    assert not any(note.startswith("mean so far") for note in notes)  # of a column that is not shown
    assert len(set(notes)) == len(notes)
    assert "evaluations" not in keys  # of whole runs
    headings = [column.heading for column in terminal_table(comparison).columns]
    assert headings[headings.index("to lowest") :][:3] == ["to lowest", "evaluations", "CPU s"]  # each currency
