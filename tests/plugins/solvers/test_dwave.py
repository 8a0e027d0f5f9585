"""`dimod:dwave-hybrid` against a stand-in for D-Wave's service here, `dimod:dwave` against dwave-system's own."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crysim.errors import CrysimError
from crysim.plugins import plugin_manager
from crysim.quadratic import BitGroup, QuadraticModel

pytest.importorskip("dwave.system")
TOKEN = "DEV-stand-in-secret"  # noqa: S105


class Service:
    """What the stand-in answers with and was asked."""

    status = 401
    solvers: tuple[Any, ...] = ()

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Service]:
    state = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append((self.path, self.headers.get("X-Auth-Token", "")))
            wrong = {"error_code": state.status, "error_msg": f"refused {self.headers.get('X-Auth-Token')}"}
            data = json.dumps(list(state.solvers) if state.status == 200 else wrong).encode()
            kind = self.headers.get("Accept", "application/json").split(";")[0]
            self.send_response(state.status)
            self.send_header("Content-Type", f"{kind}; version=3.0.0" if state.status == 200 else "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("DWAVE_API_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}/sapi/v2/")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("DWAVE_API_TOKEN", TOKEN)
    yield state
    server.shutdown()
    server.server_close()


def model() -> QuadraticModel:
    rng = np.random.default_rng(0)
    groups = (BitGroup("one", 0, 4, 1), BitGroup("two", 4, 4, 2))
    return QuadraticModel(rng.normal(size=9), factors=rng.normal(size=(9, 2)), groups=groups)


def test_a_token_that_d_wave_refuses_is_one_line_without_the_token(service: Service) -> None:
    with pytest.raises(CrysimError) as caught:
        plugin_manager().build("solver", "dimod:dwave-hybrid").solve(model())
    assert service.asked[0][1] == TOKEN
    assert len(service.asked) < 5
    assert "D-Wave cannot be used" in str(caught.value)
    assert TOKEN not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_account_without_a_solver_is_one_line(service: Service) -> None:
    service.status = 200
    with pytest.raises(CrysimError, match="D-Wave cannot be used"):
        plugin_manager().build("solver", "dimod:dwave-hybrid").solve(model())
    assert {token for _, token in service.asked} == {TOKEN}


def test_the_token_may_come_from_a_private_file(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DWAVE_API_TOKEN")
    file = tmp_path / "token"
    file.write_text(TOKEN)
    file.chmod(0o600)
    with pytest.raises(CrysimError):
        plugin_manager().build("solver", "dimod:dwave-hybrid", {"token_file": str(file)}).solve(model())
    assert service.asked[0][1] == TOKEN


def test_an_annealer_is_embedded_and_its_answers_keep_the_groups(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dwave.system.testing import MockDWaveSampler

    given: list[str] = []

    class Machine(MockDWaveSampler):  # type: ignore[misc]
        def __init__(self, token: str) -> None:
            given.append(token)
            super().__init__(topology_type="pegasus", topology_shape=[4], parameter_warnings=False)

    monkeypatch.setattr("dwave.system.DWaveSampler", Machine)
    found = plugin_manager().build("solver", "dimod:dwave").solve(model(), num_samples=3)
    assert given == [TOKEN]
    assert service.asked == []
    assert model().is_feasible(found.bits).all()
    np.testing.assert_array_equal(found.energies, model().energies(found.bits))
