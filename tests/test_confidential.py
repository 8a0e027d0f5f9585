"""Promise 19: a token stands in no file, no message and no process list."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from crysim.cli import app
from crysim.confidential import find_credential, hidden, without_credentials
from crysim.errors import InputError, first_line
from crysim.harness.spec import PartSpec, RunSpec
from crysim.plugins import plugin_manager

TOKEN = "AE-s3cretT0kenThatNobodyMaySee"  # noqa: S105 - made up


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"no connection to https://me:{TOKEN}@host/x: check", "no connection to https://***@host/x: check"),
        (f"http://{TOKEN}@proxy:80", "http://***@proxy:80"),
        (f"https://host/api?token={TOKEN}&n=3", "https://host/api?token=***&n=3"),
        (f"https://host/api?n=3&api_key={TOKEN}", "https://host/api?n=3&api_key=***"),
        ("https://host/path", "https://host/path"),
        ("mail me@host about a/b@c", "mail me@host about a/b@c"),
    ],
)
def test_addresses_are_shown_without_credentials(text: str, shown: str) -> None:
    assert without_credentials(text) == shown
    assert str(InputError(text)) == shown
    assert first_line(ValueError(text)) == f"ValueError: {shown}"


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"sampler_options": {"token": TOKEN}}, "sampler_options.token"),
        ({"sampler_options": {"solver": [{"api_key": TOKEN}]}}, "sampler_options.solver.api_key"),
        ({"DWAVE_API_TOKEN": TOKEN}, "DWAVE_API_TOKEN"),
        ({"endpoint": f"https://u:{TOKEN}@h"}, "endpoint"),
        ({"token_file": "~/.token", "sweeps": 3, "url": "https://h", "tokens": 3}, None),
    ],
)
def test_options_that_hold_credentials_are_found(options: dict[str, object], found: str | None) -> None:
    assert find_credential(options) == found
    assert TOKEN not in str(hidden(options)) or found is None


def test_a_token_among_a_samplers_options_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    pytest.importorskip("dimod")
    out = tmp_path / "out"
    told = ["--solver", "dimod:sa", "--solver-option", f'sampler_options={{token = "{TOKEN}"}}']
    for command in (
        ["bench", "--system", "Al2Cu2", "--method", "crysim", "--energy", "ase:emt", *told, "--out", str(out)],
        [
            "search",
            "Al",
            "--method",
            "crysim",
            "--cell",
            "conventional",
            "--energy",
            "ase:emt",
            *told,
            "--out",
            str(out),
        ],
    ):
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 2, result.output
        assert result.stderr.count("\n") == 1
        assert TOKEN not in result.stderr + result.stdout
        assert not out.exists()
    options = {"sampler_options": {"token": TOKEN}}
    with pytest.raises(InputError) as caught:
        plugin_manager().build("solver", "dimod:sa", options)
    assert TOKEN not in str(caught.value)


def test_an_address_with_a_password_is_in_no_manifest() -> None:
    from crysim.composition import Composition

    url = f"https://me:{TOKEN}@mirror/x/"
    spec = RunSpec(
        system=Composition.from_formula("Al2Cu2"), method="random", strategy=PartSpec("random"),
        energy=PartSpec("m3gnet", {"url": url}),
    )  # fmt: skip
    assert TOKEN not in str(spec.config())


def test_a_run_leaves_its_environments_token_in_no_file_and_no_process_list(tmp_path: Path) -> None:
    token = f"{TOKEN}-of-{os.getpid()}"  # other tests, of another run on this machine too, hand over theirs
    out = tmp_path / "out"
    command = [
        sys.executable,
        "-m",
        "crysim",
        "bench",
        "--system",
        "Al2Cu2",
        "--method",
        "random",
        "--method",
        "crysim",
    ]
    command += ["--energy", "ase:emt", "--budget", "3", "--space-groups", "123,139,221,225", "--out", str(out)]
    command += ["--option", "num_initial=60", "--encoder-option", "grid_resolution=4", "--solver-option", "sweeps=20"]
    command += ["--workers", "1"]
    environment = {**os.environ, "AMPLIFY_TOKEN": token, "DWAVE_API_TOKEN": token}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    seen = 0
    while process.poll() is None:
        for line in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                seen += token.encode() in line.read_bytes()
            except OSError:
                continue
        time.sleep(0.1)
    assert process.stdout is not None
    assert token.encode() not in process.stdout.read()
    assert process.returncode == 0
    assert seen == 0
    files = [path for path in out.rglob("*") if path.is_file()]
    assert len(files) > 10
    assert not [path for path in files if token.encode() in path.read_bytes()]
