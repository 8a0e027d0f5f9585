"""Small runs with a real potential (EMT) that take about a second."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pymatgen.core
import pytest
from pymatgen.core import Lattice, Structure

from crysim.harness import blocks
from crysim.harness.journal import JOURNAL
from crysim.harness.lines import read_lines
from crysim.harness.loop import Progress, execute
from crysim.harness.spec import PartSpec, RunSpec, build_energy
from crysim.interfaces import EnergyModel
from crysim_baselines.random import RandomSearch
from tests.harness.specs import EMT, small_spec


@pytest.fixture(scope="session")
def emt() -> EnergyModel:
    return build_energy(EMT)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packed files of small runs have several blocks."""
    monkeypatch.setattr(blocks, "BLOCK", 3000)


@pytest.fixture(scope="session")
def make_spec() -> Callable[..., RunSpec]:
    return small_spec


@pytest.fixture(scope="session")
def execute_both(
    tmp_path_factory: pytest.TempPathFactory, make_spec: Callable[..., RunSpec], emt: EnergyModel
) -> Callable[..., dict[str, Path]]:
    """Makes a finished run of ``random`` and one of ``crysim``, with changes to their specifications."""

    def make(name: str, **changes: Any) -> dict[str, Path]:
        folders = {}
        for method in ("random", "crysim"):
            folders[method] = tmp_path_factory.mktemp(name) / method
            execute(make_spec(method, **changes), folders[method], emt)
        return folders

    return make


@pytest.fixture(scope="session")
def execute_until() -> Callable[[int, RunSpec, Path, EnergyModel], None]:
    """Executes a run up to so many trials, where it is broken off."""

    class StopError(Exception):
        pass

    def until(stop: int, spec: RunSpec, folder: Path, model: EnergyModel) -> None:
        def stop_there(progress: Progress) -> None:
            if progress.phase == "search" and progress.done >= stop:
                raise StopError

        with pytest.raises(StopError):
            execute(spec, folder, model, on_progress=stop_there)

    return until


@pytest.fixture(scope="session")
def trials_of() -> Callable[[Path], list[dict[str, Any]]]:
    """A journal's trials without what a clock says, and how many were asked for."""

    def read(folder: Path) -> list[dict[str, Any]]:
        records, _ = read_lines(folder / JOURNAL)
        plain = [json.loads(json.dumps(record)) for record in records]
        for record in plain:
            del record["seconds"], record["phases"], record["cpu"]
            record.pop("asked", None)
        return plain

    return read


BAD = '''
"""A calculator that does something bad where a crystal of a certain volume is relaxed."""

import os
import signal
import time
from pathlib import Path

from ase.calculators.emt import EMT


class Bad(EMT):
    def __init__(self, *, volumes, how, marks, most=None, **more):
        super().__init__(**more)
        self.volumes, self.how, self.marks, self.most = volumes, how, Path(marks, "marks"), most

    def calculate(self, atoms=None, properties=("energy",), system_changes=()):
        volume = atoms.get_volume()
        done = self.marks.read_text() if self.marks.exists() else ""
        if any(abs(volume - bad) < 1e-6 for bad in self.volumes) and (self.most is None or len(done) < self.most):
            with self.marks.open("a") as file:
                file.write("x")
            if self.how == "hang":
                time.sleep(1000)
            if self.how == "exit":
                os._exit(7)
            if self.how == "raise":
                raise ZeroDivisionError("on purpose")
            if self.how != "nan":
                os.kill(os.getpid(), getattr(signal, self.how))
        super().calculate(atoms, properties, system_changes)
        if self.how == "nan" and any(abs(volume - bad) < 1e-6 for bad in self.volumes):
            self.results["energy"] = float("nan")
'''


@pytest.fixture
def bad_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., PartSpec]:
    """An energy model that does something bad with the first crystals of some trials of random searches.

    ``how`` is a signal that its process gets, ``exit``, ``hang``, ``raise`` or ``nan``; ``most``: so often at most. A
    file ``marks`` in ``tmp_path`` has a letter for each time.
    """
    place = tmp_path / "modules"
    place.mkdir()
    (place / "crysim_bad_calculator.py").write_text(BAD)
    monkeypatch.syspath_prepend(str(place))

    def make(how: str, spec: RunSpec, *trials: int, most: int | None = None) -> PartSpec:
        crystals = [one.crystal for one in RandomSearch(spec.problem).ask(max(trials, default=0) + 1)]
        volumes = [crystals[n].volume / part for n in trials for part in (1.0, crystals[n].centring_factor)]
        options = {"volumes": volumes, "how": how, "marks": str(tmp_path), "most": most}
        return PartSpec("ase:crysim_bad_calculator.Bad", {"options": options})

    return make


@pytest.fixture
def materials_project(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A server that speaks the Materials Project's protocol and knows four entries; gives the paths asked for."""
    asked: list[str] = []
    known = {
        "mp-1672": Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.7), ["Ca", "S"], [[0, 0, 0], [0.5, 0.5, 0.5]]),
        "mp-22865": Structure.from_spacegroup("Pm-3m", Lattice.cubic(4.1), ["Cs", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]]),
        "mp-10695": Structure.from_spacegroup("F-43m", Lattice.cubic(5.4), ["Zn", "S"], [[0, 0, 0], [0.25] * 3]),
    }
    known["mp-985806"] = Structure(Lattice.tetragonal(2.9, 3.4), ["Al", "Cu"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    entries = {key: one.get_primitive_structure() for key, one in known.items()}

    def fits(material_id: str, structure: Structure, wanted: dict[str, list[str]]) -> bool:
        formula = wanted.get("formula", ["*"])[0].replace("*", "[A-Z][a-z]?")
        ids = wanted.get("material_ids", [material_id])[0].split(",")
        elements = {str(element) for element in structure.composition}
        system = {part for part in wanted.get("chemsys", [""])[0].split("-") if part not in ("", "*")}
        by_formula = "formula" not in wanted or re.fullmatch(formula, structure.composition.reduced_formula)
        return material_id in ids and bool(by_formula) and system <= elements

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.path} {self.headers['x-api-key']}")
            wanted = parse_qs(urlsplit(self.path).query)
            found = [
                {"material_id": material_id, "structure": structure.as_dict()}
                for material_id, structure in entries.items()
                if fits(material_id, structure, wanted)
            ]
            body = json.dumps({"data": found}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("MP_API_KEY", "k" * 32)
    monkeypatch.setitem(pymatgen.core.SETTINGS, "PMG_MAPI_ENDPOINT", f"http://127.0.0.1:{server.server_port}/")
    yield asked
    server.shutdown()
    thread.join()
