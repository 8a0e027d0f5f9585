"""Amplify's plug-in against a server that speaks its protocol, faults included; the real SDK on both v0 and v1."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from crysim.errors import CrysimError, InputError, MissingExtraError
from crysim.interfaces import IsingSolver
from crysim.plugins import plugin_manager
from crysim.quadratic import BitGroup, QuadraticModel

pytest.importorskip("amplify")
TOKEN = "AE/stand-in-secret"  # noqa: S105


class Engine:
    """The stand-in, in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.url = f"http://127.0.0.1:{int(process.stdout.readline())}"

    def fault(self, kind: str = "", times: int = 1) -> None:
        """Make the next solve requests fail, and forget the past ones."""
        data = json.dumps({"kind": kind, "times": times}).encode()
        self._ask("_fault", data)

    def state(self) -> dict[str, Any]:
        """What it was sent since the last call of `fault`."""
        return self._ask("_requests")

    def _ask(self, path: str, data: bytes | None = None) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}/{path}", data, timeout=60) as reply:  # noqa: S310
            answer: dict[str, Any] = json.load(reply)
        return answer


@pytest.fixture(scope="module")
def server() -> Iterator[Engine]:
    command = [sys.executable, str(Path(__file__).with_name("amplify_standin.py")), "--token", TOKEN]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield Engine(process)
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def engine(server: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    server.fault()
    monkeypatch.setenv("AMPLIFY_TOKEN", TOKEN)
    return server


def solver(**options: Any) -> IsingSolver:
    built: IsingSolver = plugin_manager().build("solver", "amplify", options)
    return built


def model(seed: int = 0, size: int = 4) -> QuadraticModel:
    rng = np.random.default_rng(seed)
    groups = (BitGroup("system", 0, size, 1), BitGroup("group", size, size, 1), BitGroup("sites", 2 * size, size, 2))
    num_bits = 3 * size + 1
    return QuadraticModel(rng.normal(size=num_bits), factors=rng.normal(size=(num_bits, 2)), groups=groups, offset=0.7)


def optimum(of: QuadraticModel) -> float:
    exact: IsingSolver = plugin_manager().build("solver", "exact")
    return float(exact.solve(of).energies[0])


@pytest.mark.parametrize(
    "options",
    [{}, {"engine": "Qubo"}, {"engine": "Pubo", "penalty": "tight"}, {"client": "v0"}, {"num_solves": 2}],
    ids=str,
)
def test_the_minimum_comes_back_with_recomputed_energies(engine: Engine, options: dict[str, Any]) -> None:
    found = solver(url=engine.url, **options).solve(model(), num_samples=2, time_limit=1.0)
    if "engine" not in options:  # the stand-in's descent gets caught between penalties
        assert found.energies[0] == pytest.approx(optimum(model()))
    np.testing.assert_array_equal(found.energies, model().energies(found.bits))
    assert model().is_feasible(found.bits).all()
    assert found.info["repaired"] == 0
    assert found.info["feasible"] == found.info["reads"] > 0
    requests = engine.state()["requests"]
    assert len(requests) == options.get("num_solves", 1)
    sent = requests[0]
    seconds = 1000.0 / options.get("num_solves", 1)
    assert sent.get("timeout", sent.get("time_limit_ms")) == seconds
    if options.get("client") == "v0":
        assert len(sent["constraints"]) == 3
        assert min(c["multiplier"] for c in sent["constraints"]) > 0
    elif "engine" in options:
        assert len(sent["penalties"]) == 3
    else:
        assert [(c["lower"], c["upper"]) for c in sent["constraints"]] == [(1, 1), (1, 1), (2, 2)]


@pytest.mark.parametrize("client", ["v0", "v1"])
@pytest.mark.parametrize(
    ("kind", "error", "message"),
    [
        ("400", CrysimError, "was refused .*400: Bad Request"),
        ("401", InputError, "token is not accepted"),
        ("403", InputError, "token is not accepted"),
        ("not-json", CrysimError, "none of Amplify's"),
        ("empty", CrysimError, "no feasible solution"),
    ],
)
def test_each_fault_is_one_clear_line(
    engine: Engine, client: str, kind: str, error: type[CrysimError], message: str
) -> None:
    engine.fault(kind, 100)
    with pytest.raises(CrysimError, match=message) as caught:
        solver(url=engine.url, client=client).solve(model(), time_limit=0.1)
    assert type(caught.value) is error
    assert "\n" not in str(caught.value)
    assert len(engine.state()["requests"]) == 1


def test_a_failing_service_is_tried_again_within_bounds(engine: Engine) -> None:
    engine.fault("503", 1)
    assert len(solver(url=engine.url).solve(model(), time_limit=0.1).energies)
    assert len(engine.state()["requests"]) == 2
    engine.fault("500", 100)
    with pytest.raises(CrysimError, match=r"500: Internal Server Error.*1 retries included"):
        solver(url=engine.url, retries=1).solve(model(), time_limit=0.1)
    assert len(engine.state()["requests"]) == 2


def test_a_full_service_is_not_asked_for_ever(engine: Engine) -> None:
    engine.fault("429", 100)
    with pytest.raises(CrysimError, match="no more requests now"):
        solver(url=engine.url, retries=0).solve(model(), time_limit=0.1)
    assert len(engine.state()["requests"]) == 1


def test_a_reply_that_is_cut_is_tried_again_and_then_an_error(engine: Engine) -> None:
    engine.fault("truncated", 1)
    assert len(solver(url=engine.url).solve(model(), time_limit=0.1).energies)
    engine.fault("truncated", 100)
    with pytest.raises(CrysimError, match="was cut off"):
        solver(url=engine.url, retries=1).solve(model(), time_limit=0.1)


def test_a_service_that_does_not_reply_is_left_at_the_deadline(engine: Engine) -> None:
    engine.fault("hang", 1)
    with pytest.raises(CrysimError, match=r"no answer within 2\.1 s"):
        solver(url=engine.url, patience=2.0).solve(model(), time_limit=0.1)


def test_a_crash_of_the_sdk_is_an_error_not_ours(engine: Engine) -> None:
    engine.fault("crash", 1)
    with pytest.raises(CrysimError, match="SDK crashed on the reply"):
        solver(url=engine.url, client="v0").solve(model(), time_limit=0.1)


@pytest.mark.parametrize("client", ["v0", "v1"])
def test_infeasible_answers_are_mended_and_counted(engine: Engine, client: str) -> None:
    engine.fault("partly", 1)
    found = solver(url=engine.url, client=client).solve(model(), num_samples=3, time_limit=0.1)
    assert (found.info["reads"], found.info["feasible"], found.info["repaired"]) == (3, 1, 2)
    assert model().is_feasible(found.bits).all()
    np.testing.assert_array_equal(found.energies, model().energies(found.bits))
    engine.fault("infeasible", 1)
    with pytest.raises(CrysimError, match="no feasible solution"):
        solver(url=engine.url, client=client, repair=False).solve(model(), time_limit=0.1)


def test_no_network_and_a_wrong_url(engine: Engine) -> None:
    with pytest.raises(CrysimError, match=r"no connection to http://127.0.0.1:9"):
        solver(url="http://127.0.0.1:9", retries=0).solve(model(), time_limit=0.1)
    with pytest.raises(InputError, match="is no URL"):
        solver(url="nonsense://x").solve(model(), time_limit=0.1)


def test_a_proxy_is_used(engine: Engine) -> None:
    before = engine.state()["proxied"]
    found = solver(url="http://engine.invalid", proxy=engine.url).solve(model(), time_limit=0.1)
    assert len(found.energies)
    assert engine.state()["proxied"] > before


def test_the_token_comes_from_a_private_file_or_the_environment(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AMPLIFY_TOKEN")
    with pytest.raises(InputError, match="set AMPLIFY_TOKEN"):
        solver(url=engine.url).solve(model())
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    path.chmod(0o644)
    with pytest.raises(InputError, match=f"can be read by others: chmod 600 {path}"):
        solver(url=engine.url, token_file=str(path)).solve(model())
    path.chmod(0o600)
    assert len(solver(url=engine.url, token_file=str(path)).solve(model(), time_limit=0.1).energies)
    for content, message in (("", "is empty"), ("two words", "holds no token"), ("a\r\nb: c", "holds no token")):
        path.write_text(content)
        with pytest.raises(InputError, match=message):
            solver(url=engine.url, token_file=str(path)).solve(model())
    with pytest.raises(InputError, match="cannot read the token file"):
        solver(url=engine.url, token_file=str(tmp_path / "missing")).solve(model())


def test_the_token_is_in_no_message(engine: Engine, capfd: pytest.CaptureFixture[str]) -> None:
    for kind in ("401", "echo", "not-json", "500"):
        engine.fault(kind, 100)
        built = solver(url=engine.url, retries=0)
        with pytest.raises(CrysimError) as caught:
            built.solve(model(), time_limit=0.1)
        assert TOKEN not in str(caught.value)
        assert TOKEN not in repr(vars(built))
        assert caught.value.__cause__ is None
    captured = capfd.readouterr()
    assert TOKEN not in captured.out + captured.err


def test_a_wrong_token_is_refused_at_once(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMPLIFY_TOKEN", "AE/another")
    with pytest.raises(InputError, match="token is not accepted"):
        solver(url=engine.url).solve(model(), time_limit=0.1)
    assert len(engine.state()["requests"]) == 1


def test_the_plans_limits_are_checked_before_anything_is_sent(engine: Engine) -> None:
    large = QuadraticModel(np.zeros(8193), factors=np.zeros((8193, 1)))
    built = solver(url=engine.url, plan="basic")
    assert "takes 8,192 bits and this model has 8,193" in (built.refuses(large) or "")
    with pytest.raises(InputError, match="8,192 bits"):
        built.solve(large)
    assert solver(plan="standard", memory_limit=10.0).refuses(large) is None
    assert "memory_limit" in (solver(plan="standard", memory_limit=1.0).refuses(large) or "")
    with pytest.raises(InputError, match="ends at 10 s"):
        built.solve(model(), time_limit=30.0)
    assert engine.state()["requests"] == []
    assert built.solve(model()).info["seconds"] == 10.0
    assert solver(url=engine.url).solve(model()).info["seconds"] == 30.0


@pytest.mark.parametrize("client", ["v0", "v1"])
def test_only_the_bits_that_the_bound_leaves_open_are_sent(engine: Engine, client: str) -> None:
    rng = np.random.default_rng(2)
    groups = tuple(BitGroup(f"group {g}", 40 * g, 40, 1 + g // 3) for g in range(6))
    wide = QuadraticModel(rng.normal(size=240), factors=0.4 * rng.normal(size=(240, 4)), groups=groups, offset=-3.0)
    built = solver(url=engine.url, client=client, open_bits_only=True, plan="basic")
    found = built.solve(wide, num_samples=3, time_limit=0.5)
    sent = engine.state()["requests"][0]["num_bits"]
    assert sent <= found.info["bits_sent"] < 200
    assert wide.is_feasible(found.bits).all()
    np.testing.assert_array_equal(found.energies, wide.energies(found.bits))
    assert found.lower_bound is not None
    assert found.lower_bound <= found.energies[0] + 1e-9


def test_open_bits_need_a_bound() -> None:
    coupled = QuadraticModel(np.zeros(2500), couplings=sparse.csr_array((2500, 2500)))
    assert "needs a lower bound" in (solver(open_bits_only=True).refuses(coupled) or "")


def test_nothing_is_sent_if_no_bit_is_open(engine: Engine) -> None:
    alone = QuadraticModel(np.arange(6.0), factors=np.zeros((6, 1)), groups=(BitGroup("group", 0, 6, 2),))
    found = solver(url=engine.url, open_bits_only=True).solve(alone)
    assert found.optimal
    assert found.energies.tolist() == [1.0]
    assert engine.state()["requests"] == []


def test_the_papers_timeouts_by_size() -> None:
    from crysim_solvers.amplify.solver import paper_timeout

    assert [paper_timeout(n) for n in (801, 5000, 5001, 8000, 8001, 14_334)] == [30, 30, 50, 50, 80, 80]


def test_machines_of_d_wave_are_refused_without_token_or_package(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.util import find_spec

    monkeypatch.delenv("DWAVE_API_TOKEN", raising=False)
    for client in ("dwave", "leap-hybrid"):
        with pytest.raises(InputError, match="set DWAVE_API_TOKEN"):
            solver(client=client).solve(model())
    assert "at most 180 bits" in (solver(client="dwave").refuses(model(size=100)) or "")
    monkeypatch.setenv("DWAVE_API_TOKEN", "DEV-x")
    if find_spec("dwave.system") is None:
        with pytest.raises(MissingExtraError, match=r"crysim\[dwave\]"):
            solver(client="dwave").solve(model())


@pytest.mark.parametrize(
    "options", [{"retries": 4}, {"num_solves": 0}, {"plan": "free"}, {"penalty_scale": -1.0}, {"client": "v2"}], ids=str
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(options))):
        solver(**options)
