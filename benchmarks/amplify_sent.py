"""What a solve on Fixstars Amplify sends: bits, constraints and bytes, counted by the tests' stand-in for the service.

    python benchmarks/amplify_sent.py [--models NAME ...] [--json FILE]

The real SDK builds and sends the request; the stand-in on 127.0.0.1 counts it and answers nothing. Each model goes as
the bits that the lower bound leaves open, and whole up to 1,000 bits (beyond, see the docstring of `Amplify`).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from crysim.errors import CrysimError
from crysim.plugins import plugin_manager
from crysim.quadratic.io import load_model

STANDIN = Path(__file__).parents[1] / "tests" / "plugins" / "solvers" / "amplify_standin.py"
MODELS = Path(__file__).parent / "models"
TOKEN = "AE/stand-in"  # noqa: S105
NAMES = ("Y6Co51-g5-later", "Y6Co51-g12-later", "Ca24Al16Si24O96-g12-later", "Ca24Al16Si24O96-g15-later")
WHOLE_BITS = 1_000


def ask(url: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """What the stand-in says."""
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(f"{url}/{path}", data, timeout=600) as reply:  # noqa: S310
        answer: dict[str, Any] = json.load(reply)
    return answer


def sent(url: str, name: str, open_bits_only: bool) -> dict[str, Any]:
    """What one solve of a model sends."""
    model = load_model(MODELS / f"{name}.npz")
    options = {"url": url, "open_bits_only": open_bits_only, "retries": 0, "patience": 3600.0}
    solver = plugin_manager().build("solver", "amplify", options)
    ask(url, "_fault", {"kind": "empty", "times": 100})
    begin = time.process_time()
    optimal = False
    try:
        optimal = solver.solve(model, time_limit=1.0).optimal
    except CrysimError as error:
        if "no feasible solution" not in str(error):
            raise
    requests = ask(url, "_requests")["requests"]
    return {
        "model": name,
        "open_bits_only": open_bits_only,
        "bits": model.num_bits,
        "bits_sent": requests[0]["num_bits"] if requests else 0,
        "constraints": len(requests[0].get("constraints", [])) if requests else 0,
        "requests": len(requests),
        "bytes": sum(request["bytes"] for request in requests),
        "proven_before_sending": optimal,
        "cpu_seconds_here": time.process_time() - begin,
    }


def main() -> None:
    """Count, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=list(NAMES))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    os.environ["AMPLIFY_TOKEN"] = TOKEN
    server = subprocess.Popen([sys.executable, str(STANDIN), "--token", TOKEN], stdout=subprocess.PIPE, text=True)
    rows = []
    try:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{int(server.stdout.readline())}"
        for name in options.models:
            for open_bits_only in (True, False):
                if open_bits_only or load_model(MODELS / f"{name}.npz").num_bits <= WHOLE_BITS:
                    rows.append(sent(url, name, open_bits_only))
                    print(json.dumps(rows[-1]), flush=True)
                    if options.json:
                        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    finally:
        server.kill()
        server.wait()


if __name__ == "__main__":
    main()
