"""Fixstars Amplify: a GPU annealing engine in the cloud, through its SDK (the solver of the paper)."""

from __future__ import annotations

import time
from importlib.util import find_spec
from typing import Any, ClassVar, Literal

import numpy as np

from crysim import hookimpl
from crysim.arrays import Bits
from crysim.errors import CrysimError, InputError, MissingExtraError, check_positive
from crysim.interfaces import IsingSolver, SampleSet
from crysim.quadratic import QuadraticModel
from crysim.quadratic.bounds import MAX_COUPLED_BITS, lower_bound
from crysim.quadratic.fixing import Reduction, fix_bits
from crysim.quadratic.penalties import descend, penalties_of
from crysim_solvers.amplify.request import Request, send
from crysim_solvers.credentials import read_token
from crysim_solvers.memory import check_limit, refuses_memory
from crysim_solvers.samples import collect

PLAN_BITS: dict[str, int] = {"basic": 8_192, "standard": 65_536, "premium": 131_072}
"""Bits that a plan of the service takes."""
PLAN_SECONDS: dict[str, float] = {"basic": 10.0}
"""Seconds of annealing that a plan allows, where we know it."""
_CLIQUE = 180
"""Bits of a fully connected model that fit the couplers of a D-Wave Advantage."""


_DESCENTS = 8
_BYTES_PER_PAIR = 105.0
"""Peak memory of the process that builds and sends, per pair of bits, measured at 1,000, 2,000 and 4,157 bits."""


def paper_timeout(num_bits: int) -> float:
    """Seconds of annealing by the number of bits: section E.2 of the paper's supplement."""
    if num_bits <= 5_000:
        return 30.0
    return 50.0 if num_bits <= 8_000 else 80.0


class Amplify(IsingSolver):
    """Amplify's annealing engine, or a D-Wave machine through Amplify's SDK.

    Every group is an exact constraint (``one_hot``, ``equal_to``). The request is built and sent by a process of its
    own: the SDK holds Python's lock while it waits and can crash on a reply that is cut. Energies are recomputed and
    the constraints checked here; broken groups are mended, and counted as ``repaired``.

    The model is built through the SDK's matrix interface: on one core 1.1 s at 4,157 bits, 2.9 s and 0.8 GB at 7,677.
    What is sent is the upper triangle of the couplings as text: 86 MB compressed at 4,157 bits and 283 MB at 7,677,
    6 and 22 s of work before the engine starts. ``open_bits_only`` sends some 70 bits of models of either size, found
    in 0.2 s.

    The free plan ends at 10 s and 8,192 bits, so the paper's 30 to 80 s and 14,334 bits do not fit it.

    Args:
        client: ``v1`` (AmplifyAEClient), ``v0`` (FixstarsClient, deprecated by Fixstars), ``dwave`` or
            ``leap-hybrid`` (D-Wave's machines, with the token of ``DWAVE_API_TOKEN``).
        engine: of ``v1``: ``Constraint`` treats constraints exactly and has no use for weights; ``Pubo`` and
            ``Qubo`` add penalties.
        penalty: the constraints' weights, where the machine uses them: ``safe``, at which the minimum is proven
            feasible, or ``tight``, at which good feasible vectors are local minima (`crysim.quadratic.penalties`).
        penalty_scale: factor on the weights.
        num_solves: independent runs; a time limit is shared among them.
        plan: ``basic``, ``standard`` or ``premium``: its limits on bits and seconds are checked before anything is
            built or sent; ``none`` checks nothing.
        open_bits_only: fix the bits that the lower bound decides (reduced cost), and send only the others. The
            vector that the bound was compared with is among the answers; if no bit is open, it is proven to be the
            minimum and nothing is sent.
        repair: mend broken answers; if False, only feasible ones count.
        retries: how often a full or failing service (429, 5xx) or a lost connection is tried again, at most 3;
            the SDK waits about 10, 20 and 30 s after a 429 and 1 s after a lost connection, we 1, 2, 4 s after a 5xx.
        patience: seconds for building, sending, the queue and the reply, beyond the annealing itself.
        memory_limit: GiB that building the request may take; None: 80 % of what is available.
        token_file: a file with the token, mode 0600; None: the environment variable ``AMPLIFY_TOKEN``.
        url: of the service; None: the SDK's default.
        proxy: URL of a proxy, or None.
    """

    name: ClassVar[str] = "amplify"
    local_options: ClassVar[tuple[str, ...]] = ("token_file", "url", "proxy")
    extra: ClassVar[str | None] = "amplify"
    module: ClassVar[str | None] = "amplify"
    remote = True

    def __init__(
        self,
        *,
        client: Literal["v1", "v0", "dwave", "leap-hybrid"] = "v1",
        engine: Literal["Constraint", "Pubo", "Qubo"] = "Constraint",
        penalty: Literal["safe", "tight"] = "safe",
        penalty_scale: float = 1.0,
        num_solves: int = 1,
        plan: Literal["none", "basic", "standard", "premium"] = "none",
        open_bits_only: bool = False,
        repair: bool = True,
        retries: int = 3,
        patience: float = 180.0,
        memory_limit: float | None = None,
        token_file: str | None = None,
        url: str | None = None,
        proxy: str | None = None,
    ) -> None:
        check_positive("solver 'amplify'", penalty_scale=penalty_scale, num_solves=num_solves, patience=patience)
        if not 0 <= retries <= 3:
            raise InputError(f"retries of solver 'amplify' is {retries}: it must be 0 to 3")
        check_limit(memory_limit)
        self.client = client
        self.engine = engine
        self.penalty = penalty
        self.penalty_scale = penalty_scale
        self.num_solves = num_solves
        self.plan = plan
        self.open_bits_only = open_bits_only
        self.repair = repair
        self.retries = retries
        self.patience = patience
        self.memory_limit = memory_limit
        self.token_file = token_file
        self.url = url
        self.proxy = proxy

    def check(self) -> None:
        """Raise InputError if there is no token to be had."""
        self._token()

    def refuses(self, model: QuadraticModel) -> str | None:
        """Why the plan or the machine cannot take so many bits; with ``open_bits_only`` it shows only after fixing."""
        if self.open_bits_only:
            return None if model.is_low_rank or model.num_bits <= MAX_COUPLED_BITS else _no_bound(model.num_bits)
        return self._refuses_bits(model.num_bits)

    def _refuses_bits(self, num_bits: int) -> str | None:
        most = PLAN_BITS.get(self.plan)
        if most is not None and num_bits > most:
            return (
                f"solver 'amplify': the plan '{self.plan}' takes {most:,} bits and this model has {num_bits:,}: "
                "send fewer (open_bits_only) or take a larger plan"
            )
        if self.client == "dwave" and num_bits > _CLIQUE:
            return (
                f"solver 'amplify' with client 'dwave' takes fully connected models of at most {_CLIQUE} bits, "
                f"and this one has {num_bits:,}: send fewer (open_bits_only) or take client 'leap-hybrid'"
            )
        return refuses_memory(self.name, num_bits, _BYTES_PER_PAIR * num_bits**2 / 2, self.memory_limit)

    def _seconds(self, num_bits: int, time_limit: float | None) -> float:
        """Annealing time of one solve; the paper's by size if none is given, cut to the plan's."""
        most = PLAN_SECONDS.get(self.plan)
        if time_limit is None:
            return min(paper_timeout(num_bits), most or np.inf)
        seconds = time_limit / self.num_solves
        if most is not None and seconds > most:
            raise InputError(
                f"solver 'amplify': the plan '{self.plan}' ends at {most:g} s of annealing and {seconds:g} s are asked "
                "for: give a shorter time limit or more solves"
            )
        return seconds

    def solve(
        self, model: QuadraticModel, *, num_samples: int = 1, time_limit: float | None = None, seed: int = 0
    ) -> SampleSet:
        """Send the model and bring back the solutions; the service takes no seed.

        Raises:
            InputError: too many bits or seconds for the plan, no token, a wrong one, a wrong URL.
            CrysimError: no network, the service refuses or fails, nothing feasible.
        """
        self.check_model(model)
        begin = time.perf_counter_ns()
        token = self._token()
        known: list[Bits] = []
        lower_bound, reduction = None, Reduction(model, np.arange(model.num_bits), np.zeros(model.num_bits, np.bool_))
        if self.open_bits_only:
            reduction, best, lower_bound = _open_bits(model)
            known = [best]
        small = reduction.model
        reason = self._refuses_bits(small.num_bits)
        if reason:
            raise InputError(reason)
        seconds = self._seconds(small.num_bits, time_limit)
        info: dict[str, Any] = {"client": self.client, "bits_sent": small.num_bits, "seconds": seconds}
        timing = {"prepare": time.perf_counter_ns() - begin}
        if small.num_bits:
            reply = send(small, self._request(small, token, seconds, num_samples))
            bits = reduction.expand(reply.bits)
            timing |= {"request": time.perf_counter_ns() - begin - timing["prepare"], **reply.timing}
            info |= reply.info
            if not self.repair:
                bits = bits[model.is_feasible(bits)]
            if not len(bits):
                raise CrysimError(f"amplify found no feasible solution in {seconds:g} s: give it more time, or solves")
            known.extend(bits)
        return collect(
            model,
            known,
            num_samples=num_samples,
            begin=begin,
            timing=timing,
            info=info,
            lower_bound=lower_bound,
            optimal=small.num_bits == 0,
        )

    def _request(self, small: QuadraticModel, token: str, seconds: float, num_samples: int) -> Request:
        weighted = self.client != "v1" or self.engine != "Constraint"
        return Request(
            client=self.client,
            engine=self.engine,
            token=token,
            url=self.url,
            proxy=self.proxy,
            seconds=seconds,
            num_solves=self.num_solves,
            num_outputs=num_samples,
            retries=self.retries,
            patience=self.patience,
            weights=penalties_of(small, self.penalty, self.penalty_scale) if weighted else None,
        )

    def _token(self) -> str:
        if self.client in ("v1", "v0"):
            return read_token("Amplify", "AMPLIFY_TOKEN", self.token_file)
        token = read_token("D-Wave", "DWAVE_API_TOKEN", self.token_file)
        if find_spec("dwave.system") is None:
            raise MissingExtraError(f"solver 'amplify' with client '{self.client}'", "dwave")
        return token


def _no_bound(num_bits: int) -> str:
    return (
        f"solver 'amplify': open_bits_only needs a lower bound, and there is none for {num_bits:,} bits with couplings "
        "that are not low-rank"
    )


def _open_bits(model: QuadraticModel) -> tuple[Reduction, Bits, float]:
    """What the bound leaves open, the good vector that it was compared with, and the bound.

    The vector is the best of some descents from the rounded relaxation and from random vectors.
    """
    bound = lower_bound(model)
    if bound is None:
        raise InputError(_no_bound(model.num_bits))
    starts = [model.repair(bound.relaxed[None] > 0.5), model.random_bits(_DESCENTS, np.random.default_rng(0))]
    vectors = np.array([descend(model, x) for x in np.concatenate(starts)])
    energies = model.energies(vectors)
    best = int(np.argmin(energies))
    return fix_bits(model, bound, float(energies[best])), vectors[best], bound.value


@hookimpl
def crysim_solvers() -> list[type[IsingSolver]]:
    """Solvers of this module."""
    return [Amplify]
