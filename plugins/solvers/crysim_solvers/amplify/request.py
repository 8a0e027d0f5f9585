"""Sends one model to Amplify by a process of its own, within a deadline, and says in one line what went wrong."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from crysim.arrays import Bits, Floats
from crysim.confidential import without_credentials
from crysim.errors import CrysimError, InputError
from crysim.quadratic import QuadraticModel
from crysim.quadratic.io import write_npz

_RETRY = re.compile(r"\[amplify:WARNING\] (.*?)[,:] retrying after sleep")


@dataclass(frozen=True)
class Request:
    """What to ask for; the attributes are the options of the solver.

    Attributes:
        seconds: of annealing in each of ``num_solves`` runs.
        num_outputs: solutions wanted of each.
        weights: of the constraints, one per group; None where the machine has no use for them.
    """

    client: str
    engine: str
    token: str
    url: str | None
    proxy: str | None
    seconds: float
    num_solves: int
    num_outputs: int
    retries: int
    patience: float
    weights: Floats | None

    def header(self) -> dict[str, Any]:
        """What the worker is told besides the model."""
        header = {key: getattr(self, key) for key in self.__dataclass_fields__ if key not in ("patience", "weights")}
        return {**header, "weights": None if self.weights is None else self.weights.tolist()}


@dataclass(frozen=True)
class Reply:
    """Solutions ``[n, M]`` as they came, with nanoseconds by phase and what else the service said."""

    bits: Bits
    timing: Mapping[str, int]
    info: Mapping[str, Any]


def send(model: QuadraticModel, request: Request) -> Reply:
    """Build the request in a process of its own, send it, and wait for the answer.

    Raises:
        InputError: the token or the URL is wrong.
        CrysimError: no network, the service is full, refuses or fails, or the deadline passed.
    """
    payload = io.BytesIO()
    payload.write(json.dumps(request.header()).encode() + b"\n")
    write_npz(model, payload, compress=False)
    environment = {key: value for key, value in os.environ.items() if key != "AMPLIFY_TOKEN"}
    # The token goes through the pipe: a command line and an environment can be read by others.
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "crysim_solvers.amplify.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )
    watch = _Watch(process, request.retries)
    deadline = request.num_solves * request.seconds + request.patience
    since = time.monotonic()
    try:
        output = _exchange(process, payload.getbuffer(), deadline)
    except subprocess.TimeoutExpired:
        raise CrysimError(
            f"amplify gave no answer within {deadline:g} s, annealing and {request.patience:g} s of patience together: "
            "the service does not reply, or its queue is long; see the option patience"
        ) from None
    finally:
        process.kill()
        process.wait()
        watch.join()
    if watch.gave_up:
        raise _translate(f"maximum retries exceeded: {watch.gave_up}", request)
    if process.returncode < 0 or not output:
        waited = time.monotonic() - since
        raise CrysimError(
            f"amplify's SDK crashed on the reply of {_where(request)} after {waited:.0f} s "
            f"(exit code {process.returncode}){watch.last_line(request.token)}"
        )
    head, _, rest = output.partition(b"\n")
    answer = json.loads(head)
    if "error" in answer:
        raise _translate(answer["error"], request)
    with np.load(io.BytesIO(rest), allow_pickle=False) as archive:
        bits = archive["bits"].astype(np.bool_)
    return Reply(bits.reshape(-1, model.num_bits), answer["timing"], answer["info"])


def _exchange(process: subprocess.Popen[bytes], payload: memoryview, deadline: float) -> bytes:
    """Write the payload, read the answer. stderr belongs to the watch."""
    assert process.stdin is not None
    assert process.stdout is not None
    outputs: list[bytes] = []
    reader = threading.Thread(target=lambda: outputs.append(process.stdout.read()), daemon=True)  # type: ignore[union-attr]
    reader.start()
    with contextlib.suppress(BrokenPipeError):  # the worker died; its exit code says how
        process.stdin.write(payload)
        process.stdin.close()
    reader.join(deadline)
    if reader.is_alive():
        raise subprocess.TimeoutExpired(process.args, deadline)
    process.wait(10)
    return outputs[0]


class _Watch(threading.Thread):
    """Reads the worker's stderr, where the SDK announces its retries, and stops the worker after enough of them."""

    def __init__(self, process: subprocess.Popen[bytes], retries: int) -> None:
        super().__init__(daemon=True)
        self.gave_up = ""
        self._process = process
        self._retries = retries
        self._lines: list[str] = []
        self.start()

    def run(self) -> None:
        """Read until the worker ends."""
        assert self._process.stderr is not None
        seen = 0
        for raw in self._process.stderr:
            line = raw.decode(errors="replace").strip()
            match = _RETRY.search(line)
            seen += match is not None
            if match and seen > self._retries:
                self.gave_up = match[1]
                self._process.kill()
            elif line and not match:
                self._lines.append(line)

    def last_line(self, token: str) -> str:
        """The last thing that the worker said, the token cut out of it."""
        return ": " + without_credentials(self._lines[-1].replace(token, "***")) if self._lines else ""


def _where(request: Request) -> str:
    return request.url or "the service"


def _translate(message: str, request: Request) -> CrysimError:
    """One line for what the SDK said, with the remedy; never with the token."""
    text = without_credentials(" ".join(message.replace(request.token, "***").split()))[:300]
    code = text[:3]
    for known, line in _TRANSLATIONS:
        if re.search(known, text):
            error = InputError if line.startswith("!") else CrysimError
            return error("amplify: " + line.lstrip("!").format(where=_where(request), said=text, tries=request.retries))
    if code.isdigit():
        return CrysimError(f"amplify: {_where(request)} answered {text}")
    return CrysimError(f"amplify failed: {text}")


_TRANSLATIONS: tuple[tuple[str, str], ...] = (
    (r"^40[13]", "!the token is not accepted by {where} ({said}): check it, and that it belongs to this service"),
    (r"429|Too Many Requests", "{where} takes no more requests now (429), {tries} retries included: wait, or ask less"),
    (r"^400", "the request was refused by {where} ({said})"),
    (r"^5\d\d", "{where} failed ({said}), {tries} retries included: try again later"),
    (r"SSL connection failed", "no secure connection to {where}: check url and proxy"),
    (r"Connection failed", "no connection to {where}: check the network, url and proxy"),
    (r"Response error", "the reply of {where} was cut off, {tries} retries included: try again"),
    (r"parse JSON|invalid version", "the reply of {where} is none of Amplify's: check url and proxy ({said})"),
    (r"[Ii]nvalid URL", "!{where} is no URL ({said})"),
)
"""What the SDK says, and what we say; ! marks what the user has to correct."""
