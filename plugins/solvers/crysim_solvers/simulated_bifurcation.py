"""Simulated bifurcation (Goto et al., Science Advances 7, eabe7953, 2021), of the package of that name."""

from __future__ import annotations

import time
from typing import Any, ClassVar, Literal

import numpy as np

from crysim import hookimpl
from crysim.errors import check_positive
from crysim.interfaces import IsingSolver, SampleSet
from crysim.process_state import PROCESS_STATE, warnings_ignored
from crysim.quadratic import QuadraticModel
from crysim.quadratic.convert import upper_couplings
from crysim.quadratic.penalties import penalties_of
from crysim_solvers.memory import check_limit, refuses_memory
from crysim_solvers.samples import collect

_BYTES_PER_PAIR = 90.0
"""Peak memory per pair of bits, measured at 2,000 and 4,000 bits: the package copies the couplings several times."""
_RUNS = 20
"""Runs of one call, at most: a small model's answers repeat themselves."""


class SimulatedBifurcation(IsingSolver):
    """Simulated bifurcation, with the groups as penalties; broken groups of its answers are mended and counted.

    Args:
        penalty: ``tight`` or ``safe`` weights (`crysim.quadratic.penalties`), as for ``dimod``.
        penalty_scale: factor on the weights.
        agents: systems of oscillators that run side by side; each ends as one vector. At 801 bits in 5 s, 16 of them
            come far lower than the package's 128, which do not reach the end of their schedule.
        max_steps: of an integration; after 5,000 nothing changes any more. Within a time limit runs of 1,000, 3,000,
            5,000, 5,000, ... steps follow each other: one that is cut before its schedule ends is worth nothing.
            (The package's early stopping is off: at 200 bits it ends at −7.5 where the whole run ends at −10.9.)
        mode: ``ballistic`` (lower energies here) or ``discrete``.
        heated: with thermal fluctuations.
        device: torch's; None: the CPU.
        memory_limit: GiB that the model may take; None: 80 % of what is available.
    """

    name: ClassVar[str] = "simulated-bifurcation"
    extra: ClassVar[str | None] = "simulated-bifurcation"
    module: ClassVar[str | None] = "simulated_bifurcation"

    def __init__(
        self,
        *,
        penalty: Literal["tight", "safe"] = "tight",
        penalty_scale: float = 1.0,
        agents: int = 16,
        max_steps: int = 5000,
        mode: Literal["ballistic", "discrete"] = "ballistic",
        heated: bool = False,
        device: str | None = None,
        memory_limit: float | None = None,
    ) -> None:
        check_positive(f"solver '{self.name}'", penalty_scale=penalty_scale, agents=agents, max_steps=max_steps)
        check_limit(memory_limit)
        self.penalty = penalty
        self.penalty_scale = penalty_scale
        self.agents = agents
        self.max_steps = max_steps
        self.mode = mode
        self.heated = heated
        self.device = device
        self.memory_limit = memory_limit

    def refuses(self, model: QuadraticModel) -> str | None:
        """Why the model is too large for the memory, estimated before anything is built."""
        needed = _BYTES_PER_PAIR * model.num_bits**2 / 2
        return refuses_memory(self.name, model.num_bits, needed, self.memory_limit)

    def solve(
        self, model: QuadraticModel, *, num_samples: int = 1, time_limit: float | None = None, seed: int = 0
    ) -> SampleSet:
        """Run the oscillators, anew and longer as long as the time limit allows."""
        self.check_model(model)
        import simulated_bifurcation  # noqa: F401 - seconds, that are not the solver's work
        import torch

        begin = time.perf_counter_ns()
        penalties = penalties_of(model, self.penalty, self.penalty_scale)
        linear, couplings, _ = upper_couplings(model, penalties)
        built = time.perf_counter_ns()
        tensors = torch.from_numpy(couplings), torch.from_numpy(linear)
        reads = []
        steps, number = (self.max_steps if time_limit is None else min(1000, self.max_steps)), 0
        while True:
            since = time.perf_counter_ns()
            left = None if time_limit is None else max(0.01, time_limit - (since - begin) / 1e9)
            run_seed = int(np.random.default_rng([seed, number]).integers(2**63))
            reads.append(self._minimise(torch, tensors, steps, left, run_seed))
            took = (time.perf_counter_ns() - since) / 1e9
            steps, number = min(3 * steps, self.max_steps), number + 1
            if left is None or left - took < took or number == _RUNS:
                break
        bits = np.concatenate(reads)
        sampled = time.perf_counter_ns()
        timing = {"build": built - begin, "sample": sampled - built}
        info = {"penalty": self.penalty, "largest_penalty": float(penalties.max(initial=0.0))}
        return collect(model, bits, num_samples=num_samples, begin=begin, timing=timing, info=info)

    def _minimise(self, torch: Any, tensors: Any, max_steps: int, timeout: float | None, seed: int) -> Any:
        import simulated_bifurcation

        # The package draws from torch's global generator: lend it a seeded one and put the old state back.
        devices = [torch.device(self.device)] if self.device and self.device.startswith("cuda") else []
        time_is_up = simulated_bifurcation.ConvergenceWarning  # as asked for
        with PROCESS_STATE, torch.random.fork_rng(devices=devices), warnings_ignored(time_is_up):
            torch.random.default_generator.manual_seed(seed)
            if devices:
                torch.cuda.manual_seed(seed)
            vectors, _ = simulated_bifurcation.minimize(
                *tensors,
                domain="binary",
                dtype=torch.float32,
                device=self.device,
                agents=self.agents,
                max_steps=max_steps,
                mode=self.mode,
                heated=self.heated,
                best_only=False,
                verbose=False,
                early_stopping=False,
                timeout=timeout,
            )
        return np.asarray(vectors.cpu().numpy() > 0.5)


@hookimpl
def crysim_solvers() -> list[type[IsingSolver]]:
    """Solvers of this module."""
    return [SimulatedBifurcation]
