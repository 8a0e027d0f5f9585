"""Runs a conformance suite on a plug-in, deliberate mutants among them, and tells which of its tests fail."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

SUITES = Path(__file__).parent / "suites"


class _Session:
    """Gives the suite its plug-in, and hears what became of its tests."""

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make
        self.failed: list[str] = []
        self.passed: list[str] = []
        self.broken: list[str] = []

    @pytest.fixture(scope="session")
    def make_plugin(self) -> Callable[..., Any]:
        return self._make

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":  # what fails in a fixture is a fault of the tests, not of the plug-in
            (self.failed if report.failed else self.passed).append(report.nodeid.rpartition("::")[2])
        elif report.failed:
            self.broken.append(report.longreprtext)


def failures(kind: str, make: Callable[..., Any], *, first: bool) -> list[str]:
    """The names of the suite's tests that fail on a plug-in; only the ``first`` if no more is wanted.

    Args:
        kind: encoder, surrogate, solver, energy, strategy or executor.
        make: makes the plug-in; a strategy's takes the problem.
    """
    session = _Session(make)
    # Of a whole suite's memory pytest would collect the garbage ten times for each plug-in, to find what nobody awaits.
    arguments = [
        str(SUITES / f"on_{kind}.py"),
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "-p",
        "no:unraisableexception",
    ]
    arguments += ["-o", "python_files=on_*.py"] + (["-x"] if first else [])
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):  # noqa: PTH123
        pytest.main(arguments, plugins=[session])
    assert not session.broken, session.broken[0]
    assert session.passed or session.failed, "no test of the suite was run"
    return session.failed
