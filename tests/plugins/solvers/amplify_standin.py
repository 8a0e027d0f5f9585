"""A stand-in for Amplify's annealing engine on 127.0.0.1: its HTTP protocol (v0 and v1), and its faults.

Run as a process of its own, because the SDK's client holds Python's lock while it waits:

    python amplify_standin.py --token AE/...

It prints its port on the first line, answers v0 (``/health``, ``/solve``) and v1 (``/v1/health``, ``/v1/sync/solve``),
and minimises what it is sent by descent from random feasible vectors. Two paths of its own steer it:
``POST /_fault {"kind": K, "times": N}`` makes the next N solve requests fail, ``GET /_requests`` returns the solve
requests so far. It reads the request as a service would, so a body that the service would refuse is a 400 here.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

FAULTS = (
    "400", "401", "403", "429", "500", "503",
    "hang", "truncated", "not-json", "empty", "infeasible", "partly", "crash", "echo",
)  # fmt: skip

_RESTARTS = 60


@dataclass
class Problem:
    """What a request asks to minimise: ``x Q x`` with Q upper triangular, and groups of bits with their counts."""

    quadratic: np.ndarray[Any, Any]
    groups: list[tuple[list[int], int]]


def read_v0(body: dict[str, Any]) -> Problem:
    """The v0 body: ``matrix`` (rows of the upper triangle) or ``polynomial``; constraints with conditions."""
    groups = []
    for constraint in body.get("constraints", []):
        condition = constraint["condition"]
        assert condition["op"] == "EQ"
        assert constraint["multiplier"] > 0
        groups.append(([int(term[0]) for term in condition["left"]], round(condition["right"])))
    if "matrix" in body:
        return Problem(_triangle(body["matrix"]), groups)
    terms = [(term[-1], *term[:-1]) for term in body.get("polynomial", [])]
    return Problem(_terms(terms, groups), groups)


def read_v1(body: dict[str, Any]) -> Problem:
    """The v1 body: ``dense_objective`` or ``sparse_objective``; ``constraints``, or ``penalties`` for Pubo and Qubo."""
    groups = []
    for constraint in body.get("constraints", []):
        assert constraint["lower"] == constraint["upper"]
        groups.append(([int(term[1]) for term in constraint["expression"]], round(constraint["upper"])))
    if "dense_objective" in body:
        quadratic = _triangle(body["dense_objective"]["matrix"])
    else:
        quadratic = _terms([tuple(term) for term in body.get("sparse_objective", [])], groups)
    for penalty in body.get("penalties", []):
        quadratic += penalty["weight"] * _terms([tuple(t) for t in penalty["expression"]], [], len(quadratic))
    return Problem(quadratic, groups)


def _triangle(rows: list[list[float]]) -> np.ndarray[Any, Any]:
    quadratic = np.zeros((len(rows), len(rows)))
    for i, row in enumerate(rows):
        quadratic[i, i:] = row
    return quadratic


def _terms(terms: list[tuple[Any, ...]], groups: list[tuple[list[int], int]], size: int = 0) -> np.ndarray[Any, Any]:
    indices = [int(i) for term in terms for i in term[1:]] + [i for members, _ in groups for i in members]
    quadratic = np.zeros((size or max(indices) + 1,) * 2)
    for value, *pair in terms:
        if pair:
            quadratic[pair[0], pair[-1]] += value
    return quadratic


def descend(problem: Problem, rng: np.random.Generator, rounds: int = 20) -> np.ndarray[Any, Any]:
    """A feasible vector that no exchange within one group (or flip of a free bit) improves."""
    size = len(problem.quadratic)
    coupling = np.triu(problem.quadratic, 1)
    coupling = coupling + coupling.T
    linear = np.diag(problem.quadratic)
    x = np.zeros(size)
    free = np.ones(size, dtype=bool)
    for members, count in problem.groups:
        free[members] = False
        x[rng.choice(members, count, replace=False)] = 1
    x[free] = rng.random(int(free.sum())) < 0.2
    fields = linear + coupling @ x
    for _ in range(rounds):
        before = x.copy()
        for members, _count in problem.groups:
            for i in [i for i in members if x[i]]:
                zeros = np.array([j for j in members if not x[j]], dtype=int)
                if not zeros.size:
                    continue
                change = fields[zeros] - fields[i] - coupling[i, zeros]
                best = int(np.argmin(change))
                if change[best] < -1e-12:
                    j = zeros[best]
                    x[i], x[j] = 0, 1
                    fields += coupling[j] - coupling[i]
        for i in np.flatnonzero(free):
            if (fields[i] < 0) != bool(x[i]):
                x[i] = 1 - x[i]
                fields += coupling[i] * (2 * x[i] - 1)
        if (x == before).all():
            break
    return x


@dataclass
class State:
    """What the server remembers between requests."""

    token: str
    fault: str = ""
    times: int = 0
    proxied: int = 0
    requests: list[dict[str, Any]] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    state: State

    def parse_request(self) -> bool:
        """Take the absolute addresses that a client sends to its proxy as our own."""
        good = super().parse_request()
        if good and self.path.startswith("http://"):
            self.state.proxied += 1
            self.path = "/" + self.path.split("/", 3)[3]
        return good

    def do_GET(self) -> None:
        """Health, and the requests so far."""
        if self.path == "/_requests":
            self._reply(200, {"requests": self.state.requests, "proxied": self.state.proxied})
        elif self.path in ("/health", "/v1/health"):
            self._reply(200, {"status": "ok", "version": "1.4.0"})
        else:
            self._reply(404, {"message": "not found"})

    def do_POST(self) -> None:
        """Solve, and the control of faults."""
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        size = len(raw)
        if self.headers.get("Content-Encoding") == "gzip":
            raw = gzip.decompress(raw)
        body = json.loads(raw)
        if self.path == "/_fault":
            assert body["kind"] in ("", *FAULTS)
            self.state.fault, self.state.times = body["kind"], body["times"]
            self.state.requests.clear()
            self._reply(200, {})
            return
        record = {"path": self.path, "bytes": size, "keys": sorted(body)}
        record |= {key: body[key] for key in ("timeout", "time_limit_ms", "constraints", "penalties") if key in body}
        self.state.requests.append(record)
        if self.headers.get("Authorization") != f"Bearer {self.state.token}":
            self._reply(401, {"message": "Unauthorized"})
            return
        fault = ""
        if self.state.times > 0:
            self.state.times -= 1
            fault = self.state.fault
        if self.path == "/solve":
            problem, version = read_v0(body), 0
        elif self.path == "/v1/sync/solve":
            problem, version = read_v1(body), 1
        else:
            self._reply(404, {"message": "not found"})
            return
        record["num_bits"] = len(problem.quadratic)
        self._solve(problem, version, fault)

    def _solve(self, problem: Problem, version: int, fault: str) -> None:
        if fault.isdigit():
            self._reply(int(fault), {"message": f"fault {fault}"})
            return
        if fault == "echo":  # a careless gateway that repeats what it was sent
            self._reply(400, {"message": f"bad header {self.headers.get('Authorization')}"})
            return
        if fault == "hang":
            time.sleep(60)
            return
        if fault == "not-json":
            self._send(200, b"<html>bad gateway</html>")
            return
        rng = np.random.default_rng(len(self.state.requests))
        vectors = [] if fault == "empty" else _best(problem, [descend(problem, rng) for _ in range(_RESTARTS)])
        if fault in ("infeasible", "partly"):
            for number, x in enumerate(vectors):
                if problem.groups and (fault == "infeasible" or number % 2 == 0):
                    # One more 1-bit than allowed in the first group.
                    members = problem.groups[0][0]
                    x[members[int(np.argmin(x[members]))]] = 1
        reply = _reply_v0(problem, vectors) if version == 0 else _reply_v1(problem, vectors)
        if fault == "crash":
            reply.pop("execution_time", None)
        data = json.dumps(reply).encode()
        if fault == "truncated":
            self._send(200, data[: len(data) // 2], length=len(data))
            self.close_connection = True
            return
        self._send(200, data)

    def _reply(self, status: int, body: Any) -> None:
        self._send(status, json.dumps(body).encode())

    def _send(self, status: int, data: bytes, length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data) if length is None else length))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


def _best(problem: Problem, vectors: list[np.ndarray[Any, Any]]) -> list[np.ndarray[Any, Any]]:
    order = np.argsort(_energies(problem, vectors), kind="stable")[:3]
    return [vectors[i] for i in order]


def _feasible(problem: Problem, x: np.ndarray[Any, Any]) -> bool:
    return all(round(x[members].sum()) == count for members, count in problem.groups)


def _energies(problem: Problem, vectors: list[np.ndarray[Any, Any]]) -> list[float]:
    return [float(x @ problem.quadratic @ x) for x in vectors]


def _reply_v0(problem: Problem, vectors: list[np.ndarray[Any, Any]]) -> dict[str, Any]:
    stamps = [float(i + 1) for i in range(len(vectors))]
    return {
        "execution_time": {"annealing_time": 10.0, "queue_time": 1.0, "cpu_time": 1.0, "time_stamps": stamps},
        "energies": _energies(problem, vectors),
        "spins": [x.astype(int).tolist() for x in vectors],
        "feasibilities": [_feasible(problem, x) for x in vectors],
        "message": "",
    }


def _reply_v1(problem: Problem, vectors: list[np.ndarray[Any, Any]]) -> dict[str, Any]:
    solutions = [
        {
            "time_stamp_ms": float(i + 1),
            "objective": energy,
            "values": x.astype(int).tolist(),
            "status": "Feasible" if _feasible(problem, x) else "Infeasible",
        }
        for i, (x, energy) in enumerate(zip(vectors, _energies(problem, vectors), strict=True))
    ]
    return {"solutions": solutions, "execution_time_ms": 10.0, "queue_time_ms": 1.0, "version": "1.4.0"}


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--token", required=True)
    options = parser.parse_args()
    Handler.state = State(token=options.token)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
