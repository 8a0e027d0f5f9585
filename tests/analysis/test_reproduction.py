"""Targets of `crysim reproduce`, their protocols, and the tables with the paper's values."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from crysim.analysis.comparison import Comparison
from crysim.analysis.paper.bits import bits_table
from crysim.analysis.paper.figures import fit_history, initial_predictions, matches_figure
from crysim.analysis.paper.tables import find_target, merged, protocol_path, seeds_table, target_tables, targets
from crysim.analysis.references import compare_records, load_references
from crysim.errors import CrysimError, InputError, UnknownNameError
from crysim.harness.config_file import read_settings
from crysim.harness.journal import RunRecord
from crysim.workflows.reproduce import cut_notes, reproduce, target_parts
from crysim.workflows.reproduction_cuts import Cuts


@pytest.mark.parametrize("protocol", ["small", "large", "silica", "grid", "grid-silica", "regression"])
def test_protocols_are_the_papers(protocol: str) -> None:
    settings = read_settings(protocol_path(protocol), {})
    assert settings.budget == 300
    assert settings.energy == "m3gnet"
    assert len(settings.seeds) == (5 if protocol in ("large", "silica") else 3)
    for spec in settings.runs():
        if spec.strategy.name == "crysim":
            g = spec.parts["encoder"].options["grid_resolution"]
            assert g == (int(spec.method.split("-")[-1]) if protocol == "regression" else g)
            assert max(spec.system.composition.counts) <= g**3


def test_every_table_and_figure_has_a_target() -> None:
    names = {f"table-s{i}" for i in range(1, 14)} | {
        "crystals40",
        "table-1",
        "fig-2",
        "fig-4",
        "fig-s2",
        "fig-s3",
        "fig-s4",
        "fig-s5",
    }
    assert set(targets()) == names
    for target in targets().values():
        for protocol in target.protocols:
            assert protocol_path(protocol).is_file()
    with pytest.raises(UnknownNameError, match="did you mean 'table-s2'"):
        find_target("table-s2x")


def test_parts_are_cut_and_say_so(tmp_path: Path) -> None:
    (part,) = target_parts(find_target("table-s7"), tmp_path, Cuts(budget=50, seeds="0,1", systems=("Y6Co51",)))
    assert part.settings.system == ("Y6Co51",)
    assert part.settings.seeds == (0, 1)
    assert part.settings.budget == 50
    assert part.settings.out.endswith("large-m3gnet-annealer")  # whatever the budget
    assert any("relaxations 50 (the protocol: 300)" in note for note in part.notes)
    assert any("seeds 0, 1 (the protocol: 0, 1, 2, 3, 4)" in note for note in part.notes)
    assert any("annealer (the paper: Fixstars Amplify)" in note for note in part.notes)
    whole = target_parts(find_target("table-s2"), tmp_path, Cuts(settings={"solver": "amplify"}))
    assert whole[0].notes == ()
    (figure,) = target_parts(find_target("fig-s3"), tmp_path, Cuts())
    assert figure.settings.seeds == (0,)
    assert len(figure.settings.methods) == 5
    with pytest.raises(UnknownNameError, match="method of table-s2"):
        target_parts(find_target("table-s2"), tmp_path, Cuts(methods=("randon",)))
    with pytest.raises(UnknownNameError, match="system of table-s12"):
        target_parts(find_target("table-s12"), tmp_path, Cuts(systems=("ScBe5",)))
    with pytest.raises(InputError, match="budget is 0"):
        target_parts(find_target("table-s2"), tmp_path, Cuts(budget=0))[0].settings.runs()


def test_our_own_searches_stand_beside_the_papers_where_they_are_asked_for(tmp_path: Path) -> None:
    target = find_target("table-s8")
    (alone,) = target_parts(target, tmp_path, Cuts())
    (both,) = target_parts(target, tmp_path, Cuts(ours=True))
    assert both.settings.methods == (*alone.settings.methods, "portfolio", "crysim-own")
    assert both.settings.out == alone.settings.out  # the paper's runs are taken over
    assert "portfolio, crysim-own: not of the paper" in both.notes[-1]
    assert not any("not of the paper" in note for note in alone.notes)
    specs = {spec.method: spec for spec in both.settings.runs()}
    assert specs["crysim"].strategy.options["protocol"] == "paper"
    assert specs["crysim-own"].strategy.options["protocol"] == "own"
    (one,) = target_parts(target, tmp_path, Cuts(methods=("portfolio",)))
    assert one.settings.methods == ("portfolio",)
    assert cut_notes(target, Cuts(systems=("Y6Co51", "Ca24Al16Si24O96"))) == []  # the protocol's, of which it has one
    assert cut_notes(target, Cuts(methods=("portfolio",))) == [
        "cut or changed: methods portfolio (the protocol: random, pyxtal-random, bayesian, swarm, crysim)"
    ]
    with pytest.raises(InputError, match="nothing of ours stands beside table-1: leave out --ours"):
        reproduce(["table-1"], str(tmp_path), Cuts(ours=True))


def test_a_cut_names_all_of_the_target_though_a_protocol_falls_out() -> None:
    cuts = Cuts(systems=("Y6Co51",), methods=("crysim",), symmetry="keep")
    systems, methods, symmetry = cut_notes(find_target("table-s7"), cuts)
    assert systems == "cut or changed: systems Y6Co51 (the protocol: Y6Co51, Ca24Al16Si24O96, Si96O192)"
    assert methods.startswith("cut or changed: methods crysim (the protocol: random, ")
    assert symmetry == "symmetry of the relaxations: keep"
    assert cut_notes(find_target("table-s7"), Cuts()) == []
    (bits,) = cut_notes(find_target("table-s12"), Cuts(systems=("Y6Co51",)))
    assert bits == "cut or changed: systems Y6Co51 (the protocol: Y6Co51, Ca24Al16Si24O96, Si96O192)"


def test_the_papers_values_stand_beside_ours(recorded: Comparison) -> None:
    tables = target_tables(find_target("table-s2"), recorded, ["cut"])
    row = next(r for r in tables[0].rows if (r["seed"], r["method"]) == (0, "crysim"))
    assert (row["lowest"], row["paper_lowest"]) == (-41.5917, -41.59)
    assert (row["first_match"], row["paper_first_match"]) == (1, 4)
    assert (row["num_lowest"], row["paper_num_lowest"]) == (2, 199)
    assert tables[0].notes[-1] == "cut"
    headings = [column.heading for column in tables[0].columns]
    assert headings.count("paper") == 7
    assert tables[0].notes[0] == "estimated stable energy: -41.59 eV here, -41.59 eV in the paper"
    assert r"$I_{M,0}$ & paper & $D_{M,0}$ & paper" in tables[0].to_latex()


def test_without_a_reference_the_matches_are_unknown(recorded: Comparison) -> None:
    bare = Comparison(recorded.runs)
    table = seeds_table(bare, "Ca4S4", "Table S2: Ca4S4")
    assert {row["num_matched"] for row in table.rows} == {None}
    assert "--reference Ca4S4=FILE" in table.notes[0]
    assert {row["num_matched"] for row in bare.per_seed("Ca4S4").rows} == {None}


def test_table_s7(recorded: Comparison) -> None:
    (table,) = target_tables(find_target("table-s7"), recorded)
    random = table.rows[0]
    assert (random["seed_0"], random["seed_1"], random["mean"], random["std"]) == (-41.0, -40.0, -40.5, 0.5)
    assert random["found"] == "2/2"
    assert "paper_mean" not in random


def test_tables_of_the_grid(tmp_path: Path, record_of: Callable[..., RunRecord]) -> None:
    made = [
        record_of("Y6Co51", "crysim-5", 0, [-390.0, -400.0]),
        record_of("Y6Co51", "crysim-5", 1, [-402.0, None]),
        record_of("Y6Co51", "crysim-5-no-mid", 0, [None, None]),
    ]
    comparison = compare_records(made, load_references(tmp_path, made))
    (table,) = target_tables(find_target("table-1"), comparison)
    without, with_mid = table.rows
    assert (with_mid["g"], with_mid["mid"], with_mid["runs"]) == (5, True, 2)
    assert (with_mid["mean"], with_mid["std"], with_mid["paper_mean"]) == (-401.0, 1.0, -392.03)
    assert (without["runs"], without["mean"], without["paper_mean"]) == (0, None, -388.85)
    (filtered,) = target_tables(find_target("table-s13"), comparison)
    assert [(row["mean"], row["failed"]) for row in filtered.rows] == [(0.0, 2.0), (0.0, 0.5)]
    assert "failed" in [column.heading for column in filtered.columns]


def test_merging_needs_one_model(recorded: Comparison) -> None:
    both = merged([recorded, recorded])
    assert len(both.runs) == 8


def test_figure_2_draws(recorded: Comparison) -> None:
    assert len(matches_figure(recorded).axes) == 4


def test_fits_of_a_journal(records: list[RunRecord]) -> None:
    iterations, values = fit_history(records[2])
    assert iterations == [1, 2, 3, 4]
    assert values["train_pcc"] == [0.9] * 4
    assert fit_history(records[0])[0] == []
    with pytest.raises(CrysimError, match="no initial crystals"):
        initial_predictions(records[0])


def test_a_target_without_runs_makes_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = partial(bits_table, num_initial=20)
    monkeypatch.setattr("crysim.workflows.reproduce.bits_table", few)
    out = tmp_path / "new" / "folder"
    (made,), ended = reproduce(["table-s12"], str(out), Cuts(systems=("Y6Co51",)))
    assert (made.target.name, ended.exit_code) == ("table-s12", 0)
    assert {path.name for path in out.iterdir()} == {
        "cuts.json",
        *(f"table-s12.{kind}" for kind in ("md", "csv", "tex", "json")),
    }


def test_table_s12() -> None:
    table = bits_table(["Y6Co51"], "bits", num_initial=60)
    assert [row["g"] for row in table.rows] == [5, 7, 9, 12, 15]
    for row in table.rows:
        for key in ("lattice_angle", "crystal_system", "space_group", "combination", "positions"):
            assert row[key] == row[f"paper_{key}"]
        assert abs(int(row["lattice_length"] or 0) - int(row["paper_lattice_length"] or 0)) <= 6  # few crystals
