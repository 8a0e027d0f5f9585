"""The report in a real browser with the network off: what is drawn, turned, saved, and how it fits a phone.

chromedriver is spoken to in the protocol of W3C WebDriver; where it or Chromium is missing, these tests are skipped.
"""

from __future__ import annotations

import base64
import io
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pymatgen.core import Structure

from crysim.analysis.comparison import Comparison
from crysim.analysis.report.page import make_report
from crysim.crystal import Crystal
from crysim.crystal.matching import ReferenceMatcher
from crysim.harness.journal import RunRecord
from crysim.harness.systems import find_system

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
LAPTOP = (1366, 768)
PHONE = (390, 844)
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""The key of a reference to an element in WebDriver's JSON."""

pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no Chromium with its chromedriver is installed")


class Browser:
    """A session of a headless Chromium without a network, with the window of a device."""

    def __init__(self, port: int, downloads: Path, size: tuple[int, int]) -> None:
        arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
            "--proxy-server=127.0.0.1:9",
            "--use-angle=swiftshader",
            "--enable-unsafe-swiftshader",
            f"--user-data-dir={downloads / 'profile'}",
            f"--window-size={size[0]},{size[1]}",
        ]
        options: dict[str, Any] = {
            "binary": CHROMIUM,
            "args": arguments,
            "prefs": {"download.default_directory": str(downloads)},
        }
        if size == PHONE:
            metrics = {"width": size[0], "height": size[1], "pixelRatio": 2.0, "touch": True}
            options["mobileEmulation"] = {"deviceMetrics": metrics}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"performance": "ALL", "browser": "ALL"}}
        self._port = port
        self._session = ""
        found = self._send("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._session = f"/session/{found['sessionId']}"

    def _send(self, kind: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        connection = HTTPConnection("127.0.0.1", self._port, timeout=600)
        connection.request(kind, f"{self._session}{path}", data)
        reply = connection.getresponse()
        value = json.load(reply)["value"]
        connection.close()
        assert reply.status == 200, value["message"]
        return value

    def open(self, path: Path) -> None:
        self._send("POST", "/url", {"url": path.as_uri()})

    def close(self) -> None:
        self._send("DELETE", "")

    def run(self, script: str) -> Any:
        """The value of a script."""
        return self._send("POST", "/execute/sync", {"script": script, "args": []})

    def find(self, selector: str) -> str:
        """The first element of a CSS selector."""
        found: dict[str, str] = self._send("POST", "/element", {"using": "css selector", "value": selector})
        return found[ELEMENT]

    def click(self, selector: str) -> None:
        self._send("POST", f"/element/{self.find(selector)}/click", {})

    def picture(self, selector: str) -> NDArray[np.uint8]:
        """What is drawn on the canvas in an element, ``[height, width, 3]``."""
        url: str = self.run(f"return document.querySelector('{selector} canvas').toDataURL()")
        image = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))
        return np.asarray(Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA")))[..., :3]

    def drag(self, selector: str, x: int, y: int) -> None:
        """Press on an element's middle, move by so many pixels, and let go."""
        origin = {ELEMENT: self.find(selector)}
        steps = [
            {"type": "pointerMove", "origin": origin, "x": 0, "y": 0},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerMove", "origin": origin, "x": x // 2, "y": y // 2, "duration": 100},
            {"type": "pointerMove", "origin": origin, "x": x, "y": y, "duration": 100},
            {"type": "pointerUp", "button": 0},
        ]
        pointer = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": steps}
        self._send("POST", "/actions", {"actions": [pointer]})

    def log(self, kind: str) -> list[dict[str, Any]]:
        """What was logged since the last call."""
        entries: list[dict[str, Any]] = self._send("POST", "/se/log", {"type": kind})
        return entries

    def requests(self) -> list[str]:
        """Every address that was asked for; what is written out in the page, and the browser's own pages, aside."""
        messages = [json.loads(entry["message"])["message"] for entry in self.log("performance")]
        asked = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        return [url for url in asked if not url.startswith(("data:", "blob:", "chrome:"))]


@pytest.fixture(scope="module")
def driver() -> Iterator[int]:
    """The port of a chromedriver."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert DRIVER is not None
    process = subprocess.Popen([DRIVER, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            assert process.poll() is None, "chromedriver did not start"
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, recorded: Comparison, records: list[RunRecord]) -> Path:
    """A folder with the report, to which files are saved."""
    folder = tmp_path_factory.mktemp("browser")
    (folder / "report.html").write_text(make_report(recorded, records, title="test"), encoding="utf-8")
    return folder


@pytest.fixture(scope="module", params=[LAPTOP, PHONE], ids=["laptop", "phone"])
def session(request: pytest.FixtureRequest, driver: int, folder: Path) -> Iterator[Browser]:
    """A browser with the window of a laptop or a phone."""
    one = Browser(driver, folder, request.param)
    yield one
    one.close()


@pytest.fixture
def browser(session: Browser, folder: Path) -> Browser:
    """The browser, showing the report as it is at first."""
    for kind in ("performance", "browser"):
        session.log(kind)
    session.open(folder / "report.html")
    return session


def test_everything_is_drawn_and_nothing_is_asked_for(browser: Browser, folder: Path) -> None:
    labels = browser.run(
        "return [...document.querySelectorAll('svg[role=img]')].map(s => s.getAttribute('aria-label'))"
    )
    for label in ("accumulated lowest energy", "success on", "energy against volume", "surrogate on"):
        assert sum(one.startswith(label) for one in labels) == 2
    assert sum("seconds" in one for one in labels) == 2
    texts = browser.run("return [...document.querySelectorAll('svg text')].map(t => t.textContent)")
    for text in ("lowest energy (eV per cell)", "volume (Å³ per atom)", "energy (eV per atom)", "relaxations"):
        assert text in texts
    assert browser.log("browser") == []
    assert browser.requests() == [(folder / "report.html").as_uri()]


def test_the_page_never_scrolls_sideways(browser: Browser) -> None:
    browser.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    wide, room = browser.run("return [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide <= room
    # what is wider than its place scrolls within it; charts and pictures never are
    cut = browser.run(
        "return [...document.querySelectorAll('svg, .viewer, select, h1, h2, section > p')].filter(e => {"
        "const b = e.getBoundingClientRect(); return b.left < 0 || b.right > document.documentElement.clientWidth; })"
        ".map(e => e.outerHTML.slice(0, 80))"
    )
    assert cut == []
    # axis labels and numbers lie within their chart
    outside = browser.run(
        "return [...document.querySelectorAll('svg text')].filter(t => {"
        "const b = t.getBoundingClientRect(), s = t.ownerSVGElement.getBoundingClientRect();"
        "return b.width && (b.left < s.left - 1 || b.right > s.right + 1 "
        "|| b.top < s.top - 1 || b.bottom > s.bottom + 1); }).map(t => t.textContent)"
    )
    assert outside == []


def test_crystals_are_shown_and_turn_together(browser: Browser) -> None:
    before = [browser.picture(f"#{which}-viewer") for which in ("reference", "crystal")]
    for picture in before:
        green = (picture[..., 1] > 150) & (picture[..., 0] < 120) & (picture[..., 2] < 120)  # calcium
        yellow = (picture[..., 0] > 150) & (picture[..., 1] > 150) & (picture[..., 2] < 100)  # sulphur
        assert green.mean() > 0.01
        assert yellow.mean() > 0.005
    browser.drag("#reference-viewer", 60, 25)
    after = [browser.picture(f"#{which}-viewer") for which in ("reference", "crystal")]
    for old, new in zip(before, after, strict=True):
        assert (old != new).any(axis=-1).mean() > 0.02
    browser.click("#together")
    browser.drag("#crystal-viewer", 60, 25)
    alone = [browser.picture(f"#{which}-viewer") for which in ("reference", "crystal")]
    assert (alone[0] != after[0]).any(axis=-1).mean() < 0.001
    assert (alone[1] != after[1]).any(axis=-1).mean() > 0.02


def test_a_cif_is_saved(browser: Browser, folder: Path) -> None:
    path = folder / "Ca4S4-crysim-seed-0.cif"
    path.unlink(missing_ok=True)
    browser.run("document.getElementById('crystal-table').scrollIntoView()")
    browser.click("#crystal-table tbody tr:last-child button:last-child")
    while not path.exists():  # without it, the test's own time limit ends this
        time.sleep(0.1)
    reference = find_system("Ca4S4").reference
    assert reference is not None
    saved = Crystal.from_structure(Structure.from_file(path), 0.01)
    assert saved.space_group == 225
    assert ReferenceMatcher(reference).match(saved).strict


def test_choices_change_what_is_drawn(browser: Browser) -> None:
    def choose(name: str, value: str) -> None:
        browser.run(
            f"const s = document.getElementById('{name}'); s.value = '{value}'; s.dispatchEvent(new Event('change'));"
        )

    def drawn(place: str) -> str:
        return str(browser.run(f"return document.querySelector('#{place} svg').outerHTML.replace(/clip-\\w+/g, '')"))

    for name, value, place in (
        ("criterion", "energy", "success-charts"),
        ("fit-quality", "error", "fit-charts"),
        ("time-run", "1", "time-iterations"),
    ):
        before = drawn(place)
        choose(name, value)
        assert drawn(place) != before
    before_turned = browser.picture("#reference-viewer")
    choose("direction", "c")
    assert (browser.picture("#reference-viewer") != before_turned).any(axis=-1).mean() > 0.02
    choose("crystal-system", "ScBe5")
    assert "P6/mmm" in browser.run("return document.getElementById('reference-caption').textContent")
    assert browser.log("browser") == []
