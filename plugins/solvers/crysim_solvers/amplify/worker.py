"""The process that talks to Amplify: ``python -m crysim_solvers.amplify.worker``.

stdin: a JSON line (`crysim_solvers.amplify.request.Request.header`) and the model as npz. stdout: a JSON line with
``timing`` (nanoseconds) and ``info``, and the solutions as npz; or a JSON line with ``error``.
"""

from __future__ import annotations

import io
import json
import os
import sys
import time
from typing import Any

import numpy as np

from crysim.quadratic.convert import to_amplify
from crysim.quadratic.io import read_npz


def solve(request: dict[str, Any], data: bytes) -> tuple[dict[str, Any], Any]:
    """Build, send, and return the head of the answer and the solutions ``[n, M]``."""
    import amplify

    client = make_client(amplify, request)
    if request["client"] in ("v0", "v1"):
        client.version  # noqa: B018 - a request: a service that cannot be reached costs no building
    begin = time.perf_counter_ns()
    model = read_npz(io.BytesIO(data), "the request")
    weights = None if request["weights"] is None else np.array(request["weights"])
    problem, variables = to_amplify(model, weights)
    built = time.perf_counter_ns()
    result = _solve(amplify, problem, client, request)
    rows = [np.asarray(variables.evaluate(s.values)) > 0.5 for s in result]
    bits = np.array(rows, dtype=np.uint8).reshape(-1, model.num_bits)
    microseconds = result.execution_time.total_seconds() * 1e6
    timing = {"build": built - begin, "execution": round(1000 * microseconds)}
    info = {"solutions": len(rows), "feasible_as_returned": sum(bool(s.feasible) for s in result)}
    return {"timing": timing, "info": info}, bits


def make_client(amplify: Any, request: dict[str, Any]) -> Any:
    """The SDK's client with its parameters."""
    place = {key: request[key] for key in ("url", "proxy") if request[key] is not None}
    milliseconds = max(1, round(1000 * request["seconds"]))
    client: Any
    if request["client"] == "v1":
        client = amplify.AmplifyAEClient(token=request["token"], **place)
        client.parameters.time_limit_ms = milliseconds
        client.solver = request["engine"]
    elif request["client"] == "v0":
        client = amplify.FixstarsClient(token=request["token"], **place)
        client.parameters.timeout = milliseconds
        if request["num_outputs"] > 1:
            client.parameters.outputs.num_outputs = request["num_outputs"]
            client.parameters.outputs.duplicate = False
    elif request["client"] == "dwave":
        client = amplify.DWaveSamplerClient(token=request["token"], **place)
        client.parameters.num_reads = max(100, request["num_outputs"])
    else:
        client = amplify.LeapHybridSamplerClient(token=request["token"], **place)
        client.parameters.time_limit = request["seconds"]
    return client


def _solve(amplify: Any, problem: Any, client: Any, request: dict[str, Any]) -> Any:
    """Solve; a failing service (5xx), which the SDK gives up at once, is tried again after 1, 2, 4 s."""
    for attempt in range(request["retries"] + 1):
        try:
            return amplify.solve(problem, client, num_solves=request["num_solves"], filter_solution=False)
        except RuntimeError as error:
            if attempt == request["retries"] or not str(error).startswith("5"):
                raise
            time.sleep(2.0**attempt)
    raise AssertionError


def main() -> None:
    """Answer one request."""
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever the SDK prints goes to stderr
    head, _, data = sys.stdin.buffer.read().partition(b"\n")
    try:
        reply, bits = solve(json.loads(head), data)
    except (RuntimeError, ValueError, ImportError, OSError) as error:
        answer.write(json.dumps({"error": str(error) or type(error).__name__}).encode())
    else:
        archive = io.BytesIO()
        np.savez(archive, bits=bits)
        answer.write(json.dumps(reply).encode() + b"\n" + archive.getbuffer())
    answer.close()


if __name__ == "__main__":
    main()
