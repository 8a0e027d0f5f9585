"""The report: complete, self-contained, and shown by a browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from crysim.analysis.comparison import Comparison
from crysim.analysis.drawing import drawn_atoms, drawn_edges
from crysim.analysis.hull import Hull
from crysim.analysis.report import make_report, report_data
from crysim.bench.journal import RunRecord
from crysim.composition import Composition
from crysim.errors import InputError
from crysim.systems import find_system

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def test_the_data_of_charts_and_crystals(recorded: Comparison, records: list[RunRecord]) -> None:
    data = report_data(recorded, records)
    assert data["methods"] == ["random", "crysim"]
    ca, sc = data["systems"]
    assert (ca["name"], ca["atoms"], ca["reference"]["energy"]) == ("Ca4S4", 8, -41.5917)
    assert ca["curves"][0]["mean"] == [-39.5, -39.75, -40.5, -40.5]
    assert sc["curves"][0]["low"] == sc["curves"][0]["high"]
    first, _, third, _ = data["runs"]
    assert first["success"] == {"paper": 3, "strict": 3, "energy": None}
    assert third["success"]["energy"] == 1  # within 1 meV per atom
    assert third["best"]["iteration"] == 1
    assert third["best"]["match"] == "strictly"
    assert first["fit"] is None
    assert third["fit"] == {"iterations": [1, 2, 3, 4], "train": [0.9] * 4, "validation": [None] * 4}
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


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
def test_a_browser_without_a_network_draws_it(recorded: Comparison, records: list[RunRecord], tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(make_report(recorded, records, title="test"), encoding="utf-8")
    assert CHROMIUM is not None
    command = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--proxy-server=127.0.0.1:9"]
    command += ["--use-angle=swiftshader", "--enable-unsafe-swiftshader", f"--user-data-dir={tmp_path / 'profile'}"]
    command += ["--virtual-time-budget=5000", "--dump-dom", path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    drawn = done.stdout.partition("<script")[0]
    assert drawn.count('aria-label="accumulated lowest energy of') == 2
    assert drawn.count('aria-label="success on') == 2
    assert drawn.count('aria-label="energy against volume of') == 2
    assert drawn.count('aria-label="surrogate on') == 2
    assert drawn.count("seconds per relaxation") >= 2
    assert drawn.count(">CIF</button>") == 4  # the reference's, and one for each of the three runs on Ca4S4
    assert "<canvas" in drawn or "no 3D graphics" in drawn


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
