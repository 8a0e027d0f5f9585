"""The tutorial runs from top to bottom, ends as its text says, and is committed as it ran."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat", reason="the dependency group 'docs' is not installed")
nbclient = pytest.importorskip("nbclient", reason="the dependency group 'docs' is not installed")
pytest.importorskip("ipykernel", reason="the dependency group 'docs' is not installed")
pytest.importorskip("chgnet", reason="the extra 'chgnet' is not installed")

NOTEBOOK = Path(__file__).parents[2] / "docs" / "tutorial.ipynb"


def text_of(cell: Any) -> str:
    """All that a cell printed and shows, as text and HTML."""
    shown = [one.get("text", "") + "".join(one.get("data", {}).values()) for one in cell.outputs]
    return "".join(shown)


def codes(notebook: Any) -> list[Any]:
    """The cells with code."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    place = {"metadata": {"path": str(tmp_path_factory.mktemp("tutorial"))}}
    return nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3", resources=place).execute()


def test_search_finds_rock_salt(executed: Any) -> None:
    found = next(cell for cell in codes(executed) if "found.structures[0]" in cell.source)
    assert "CaS, Fm-3m (225)" in text_of(found)


def test_results_show_themselves(executed: Any) -> None:
    search = text_of(next(cell for cell in codes(executed) if "crysim.search(" in cell.source))
    bench = text_of(next(cell for cell in codes(executed) if "crysim.bench(" in cell.source))
    assert "<table" in search
    assert "data:image/png" in search
    assert "<iframe" in search
    assert "<table" in bench
    assert "data:image/png" in bench


def test_the_search_is_the_lowest_of_the_types(executed: Any) -> None:
    relaxed = text_of(next(cell for cell in codes(executed) if "crysim.relax(" in cell.source))
    assert relaxed.index("rock salt") < relaxed.index("caesium chloride")


def test_nothing_is_printed_that_was_not_asked_for(executed: Any) -> None:
    assert [one.text for cell in codes(executed) for one in cell.outputs if one.get("name") == "stderr"] == []


def test_the_committed_notebook_was_executed_as_it_stands() -> None:
    committed = nbformat.read(NOTEBOOK, as_version=4)
    assert [cell.execution_count for cell in codes(committed)] == list(range(1, len(codes(committed)) + 1))


def test_the_committed_outputs_name_no_folder_of_a_machine() -> None:
    shown = "".join(text_of(cell) for cell in codes(nbformat.read(NOTEBOOK, as_version=4)))
    assert not re.search(r"/(?:home|root|work|Users|tmp)/", re.sub(r"base64,[A-Za-z0-9+/=]+", "", shown))
