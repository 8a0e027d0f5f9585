"""The report: complete, self-contained, and shown by a browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from crysim.analysis.comparison import Comparison
from crysim.analysis.figures import seconds_by_relaxation
from crysim.analysis.hull import Hull
from crysim.analysis.references import compare_records, load_references
from crysim.analysis.report.drawing import drawn_atoms, drawn_axes, drawn_bonds, drawn_edges
from crysim.analysis.report.page import make_report, report_data
from crysim.composition import Composition
from crysim.errors import InputError
from crysim.harness.journal import RunRecord
from crysim.harness.systems import find_system

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def test_the_data_of_charts_and_crystals(recorded: Comparison, records: list[RunRecord]) -> None:
    data = report_data(recorded, records)
    assert data["methods"] == ["random", "crysim"]
    ca, sc = data["systems"]
    assert (ca["name"], ca["atoms"], ca["reference"]["energy"]) == ("Ca4S4", 8, -41.5917)
    assert ca["curves"]["relaxations"][0]["mean"] == [-39.5, -39.75, -40.5, -40.5]
    assert sc["curves"]["relaxations"][0]["low"] == sc["curves"]["relaxations"][0]["high"]
    first, _, third, _ = data["runs"]
    assert first["success"] == {"paper": 3, "strict": 3, "energy": None}
    assert first["effort"]["paper"] == first["effort"]["strict"]
    assert set(first["effort"]["paper"]) == set(first["spent"]) == {"relaxations", "evaluations", "cpu_seconds"}
    assert first["effort"]["paper"]["relaxations"] == 3
    assert first["effort"]["energy"] is None
    assert third["success"]["energy"] == 1  # within 1 meV per atom
    assert third["best"]["iteration"] == 1
    assert third["best"]["match"] == "strictly"
    assert first["fit"] is None
    assert third["fit"] == {
        "iterations": [1, 2, 3, 4],
        "train": [0.9] * 4,
        "validation": [None] * 4,
        "error": [0.1] * 4,
    }
    assert len(first["minima"]) == 3
    json.dumps(data, allow_nan=False)


def test_the_page_needs_nothing_from_elsewhere(recorded: Comparison, records: list[RunRecord]) -> None:
    page = make_report(recorded, records, title="A <comparison>")
    assert "{{" not in page.partition("<script>")[0]
    assert "<title>A &lt;comparison&gt;</title>" in page
    assert "it broke &lt;here&gt;" in page
    assert "University of Pittsburgh" in page
    head = page.partition('<script type="application/json"')[0]
    assert not re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", head)
    assert "default-src 'none'" in head
    text = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert text is not None
    assert json.loads(text[1])["systems"]


EVIL = "<img src=x onerror=\"document.title='broken'\">"


def with_label(records: list[RunRecord], label: str) -> list[RunRecord]:
    """The runs, those of the first method under another label."""
    first = records[0].method
    renamed = []
    for one in records:
        config = {**one.config, "method": label if one.method == first else one.method}
        renamed.append(replace(one, manifest={**one.manifest, "config": config}))
    return renamed


def test_only_the_pages_own_scripts_run(tmp_path: Path, records: list[RunRecord]) -> None:
    evil = with_label(records, EVIL)
    page = make_report(compare_records(evil, load_references(tmp_path, evil)), evil, title="a")
    policy = re.search(r"script-src ([^;]*);", page)
    assert policy is not None
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert len(scripts) == 3
    hashes = [f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in scripts]
    assert policy[1].split() == hashes
    assert "<img" not in page.replace(scripts[0], "")
    for text in scripts[1:]:
        assert "innerHTML" not in text
        assert "insertAdjacentHTML" not in text


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
def test_a_label_of_html_is_shown_as_text(tmp_path: Path, records: list[RunRecord]) -> None:
    evil = with_label(records, EVIL)
    page = tmp_path / "report.html"
    page.write_text(
        make_report(compare_records(evil, load_references(tmp_path, evil)), evil, title="a page"), encoding="utf-8"
    )
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000", "--dump-dom"]
    done = subprocess.run(
        [str(CHROMIUM), *options, f"--user-data-dir={tmp_path / 'profile'}", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "<title>a page</title>" in done.stdout, done.stderr[-2000:]
    assert "<svg" in done.stdout  # the page's own scripts ran
    shown = re.sub(r"<script.*?</script>", "", done.stdout, flags=re.DOTALL)
    assert "<img" not in shown
    caption = re.search(r'id="crystal-caption"[^>]*>(.*?)</', shown, re.DOTALL)
    assert caption is not None
    assert caption[1].startswith("<b>")
    assert "&lt;img src=x" in shown


def test_a_report_of_the_same_files_is_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from crysim.harness.run_folder import settle_manifest
    from crysim.workflows import report

    run = tmp_path / "run"
    run.mkdir()
    config = {"system": "Al2Cu2", "method": "random", "seed": 0, "budget": 1, "parts": {}, "relax": {"pressure": 0.0}}
    settle_manifest(run, {"config": {**config, "strategy": {"name": "random", "options": {}}}, "fingerprint": {}})
    first = report.write_report(tmp_path).read_bytes()
    made = []
    make = report.make_report
    monkeypatch.setattr(report, "make_report", lambda *given, **named: made.append(1) or make(*given, **named))
    assert report.write_report(tmp_path).read_bytes() == first
    assert not made
    assert report.write_report(tmp_path, title="another").read_bytes() != first
    (tmp_path / "report.html").write_bytes(first[:-500])  # cut by a full disk, or edited
    assert report.write_report(tmp_path).read_bytes() == first
    assert len(made) == 2


def test_atoms_on_faces_are_drawn_on_both() -> None:
    crystal = find_system("Ca4S4").reference
    assert crystal is not None
    atoms = drawn_atoms(crystal, ["Ca", "S"])
    assert sum(atom[0] == 0 for atom in atoms) == 14  # a face-centred cell: eight corners, six faces
    assert sum(atom[0] == 1 for atom in atoms) == 13  # twelve edges, one in the middle
    edges = drawn_edges(crystal)
    assert len(edges) == 12
    a = crystal.cell[0]
    assert all(
        sum((p - q) ** 2 for p, q in zip(*edge, strict=True)) == pytest.approx(a * a, rel=1e-3) for edge in edges
    )


def test_bonds_are_those_of_the_nearest_and_never_between_cations() -> None:
    def bonds(name: str) -> list[set[str]]:
        crystal = find_system(name).reference
        assert crystal is not None
        elements = list(crystal.composition.elements)
        atoms = drawn_atoms(crystal, elements)
        assert np.allclose(drawn_axes(crystal), crystal.lattice, atol=1e-4)
        return [{elements[int(atoms[k][0])] for k in pair} for pair in drawn_bonds(atoms, elements)]

    assert len(bonds("Ca4S4")) == 54  # every edge of the eight small cubes
    assert all(pair == {"Ca", "S"} for pair in bonds("Ca4S4"))
    garnet = bonds("Ca24Al16Si24O96")
    assert all("O" in pair and len(pair) == 2 for pair in garnet)
    assert {"Co"} in bonds("Y6Co51")  # no anion: metals are bonded


def test_seconds_of_each_relaxation(records: list[RunRecord]) -> None:
    series = seconds_by_relaxation([records[0].trials, records[1].trials])
    assert list(series) == ["train", "solve", "relax"]
    np.testing.assert_allclose(series["solve"], [0.5] * 4)
    assert seconds_by_relaxation([]) == {}


def test_energies_above_the_hull(tmp_path: Path, recorded: Comparison, records: list[RunRecord]) -> None:
    path = tmp_path / "phases.csv"
    path.write_text("formula,energy\nCa,-2.0\nS,-4.0\nCaS,-10.4\n")
    hull = Hull(path)
    assert hull.above(Composition.from_formula("Ca4S4"), -41.6) == pytest.approx(0.0, abs=1e-9)
    assert hull.above(Composition.from_formula("Ca4S4"), -40.0) == pytest.approx(0.2)
    assert hull.above(Composition.from_formula("ScBe5"), -1.0) is None
    data = report_data(recorded, records, hull)
    assert data["runs"][0]["best"]["hull"] == pytest.approx(0.075)
    assert data["runs"][3]["best"]["hull"] is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("formula,energy\nCaS,-10\n", "every element"),
        ("a,b\n1,2\n", "line 2"),
        ("formula,energy\nXx,1\n", "unknown element"),
    ],
)
def test_hulls_that_are_none(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "phases.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=reason):
        Hull(path)
