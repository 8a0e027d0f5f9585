"""What the server of `tests.prepared` has imported, and read of what is compiled, before it forks: two small runs."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from crysim.harness.care import _model
from crysim.harness.executors import _warm_up
from crysim.harness.loop import execute
from crysim.harness.runner import WarmUp, serve_runs
from tests.harness.specs import EMT, small_spec

os.setpgid(0, 0)  # what it forks is ended with it
torch.set_num_threads(1)
serve_runs(WarmUp(), None)  # type: ignore[arg-type]
_warm_up(_model(EMT), True)
with TemporaryDirectory() as folder:
    for method in ("random", "crysim"):
        execute(small_spec(method, budget=3), Path(folder, method), _model(EMT))
