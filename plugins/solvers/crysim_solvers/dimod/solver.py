"""Any sampler of the dimod family, with the groups as penalties."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np

from crysim import hookimpl
from crysim.errors import CrysimError, InputError, MissingExtraError, UnknownNameError, check_positive
from crysim.interfaces import IsingSolver, SampleSet, global_generator_kept
from crysim.plugins.installed import import_named
from crysim.quadratic import QuadraticModel
from crysim.quadratic.penalties import penalties_of
from crysim_solvers.credentials import read_token
from crysim_solvers.dimod.samplers import KNOWN, Known, call_any
from crysim_solvers.dimod.search import ROUNDS, Search
from crysim_solvers.memory import check_limit, refuses_memory
from crysim_solvers.samples import collect


class Dimod(IsingSolver):
    """``dimod:SAMPLER``: a sampler by name, or by the import path of a class (``package.module.Class``).

    The model becomes a BQM in which each group has the penalty P (sum − k)². Where most reads break a group, its weight
    is doubled and the rest of the time is spent on that. Broken groups of the answers are mended one bit at a time,
    and counted. The BQM holds every pair of bits (M² of them), so memory bounds the size: see
    `refuses`.

    Args:
        sampler: sa, tabu, steepest-descent, random (dwave-samplers), openjij-sa, openjij-sqa, dwave, dwave-hybrid
            (D-Wave's machines, with the token of ``DWAVE_API_TOKEN`` or ``token_file``), or an import path.
        penalty: ``tight``: the weights P at which good feasible vectors are local minima
            (`crysim.quadratic.penalties.tight_penalties`); ``safe``: those at which the minimum is proven to be
            feasible (`crysim.quadratic.penalties.group_penalties`), five to twenty times as high. Measured at 801 bits
            in 4 s: the samplers keep every group and find the annealer's −34.07 with tight weights; with safe ones they
            keep every group too, but get stuck between −14 and −33; with half the tight ones they keep none.
        penalty_scale: factor on the weights.
        num_reads: reads of a round; None: 10 (steepest-descent 100, random 1000), or as many as the time allows.
        num_sweeps: sweeps of one read of an annealer; None: 1000, fewer where they would not fit the time limit.
        sampler_options: passed to the sampler's ``sample`` as they are, before everything that crysim sets itself.
        memory_limit: GiB that the model may take; None: 80 % of what is available.
        token_file: for D-Wave's machines: a file with the token, mode 0600; None: the environment.
    """

    name: ClassVar[str] = "dimod"
    local_options: ClassVar[tuple[str, ...]] = ("token_file", "memory_limit")
    argument: ClassVar[str | None] = "sampler"
    extra: ClassVar[str | None] = "dimod"
    module: ClassVar[str | None] = "dimod"

    def __init__(
        self,
        sampler: str,
        *,
        penalty: Literal["tight", "safe"] = "tight",
        penalty_scale: float = 1.0,
        num_reads: int | None = None,
        num_sweeps: int | None = None,
        sampler_options: Mapping[str, Any] | None = None,
        memory_limit: float | None = None,
        token_file: str | None = None,
    ) -> None:
        part = f"solver 'dimod:{sampler}'"
        check_positive(part, penalty_scale=penalty_scale, num_reads=num_reads, num_sweeps=num_sweeps)
        check_limit(memory_limit)
        self.sampler = sampler
        self.penalty = penalty
        self.penalty_scale = penalty_scale
        self.num_reads = num_reads
        self.num_sweeps = num_sweeps
        self.sampler_options = dict(sampler_options or {})
        self.memory_limit = memory_limit
        self.token_file = token_file
        self._known = _known(sampler)
        self._class = _load(sampler, self._known)
        self.remote = self._known.token is not None

    @classmethod
    def check_from_file(cls, argument: str | None, options: Mapping[str, Any], *, named_there: bool) -> None:
        """Raise InputError if a file names a sampler that crysim does not know: importing it runs its code."""
        del options  # of a known sampler: they are handed to its ``sample``, which runs nothing else
        if named_there and argument is not None and argument not in KNOWN and "." in argument:
            raise InputError(
                f"solver 'dimod:{argument}' stands in a file, which runs no foreign code: known samplers are "
                f"{', '.join(KNOWN)}; give another with --solver"
            )

    def check(self) -> None:
        """Raise InputError if a machine of D-Wave is asked for and there is no token."""
        if self._known.token is not None:
            read_token("D-Wave", self._known.token, self.token_file)

    def refuses(self, model: QuadraticModel) -> str | None:
        """Why the model is too large for the sampler or the memory, estimated before anything is built."""
        name = f"{self.name}:{self.sampler}"
        most = self._known.max_bits
        if most is not None and model.num_bits > most:
            return f"solver '{name}' takes fully connected models of at most {most} bits; this one has {model.num_bits}"
        return refuses_memory(name, model.num_bits, self._known.bytes_per_pair * _num_pairs(model), self.memory_limit)

    def solve(
        self, model: QuadraticModel, *, num_samples: int = 1, time_limit: float | None = None, seed: int = 0
    ) -> SampleSet:
        """Build the BQM, sample until the reads or the time are used up, mend what is broken.

        Raises:
            InputError: the model is refused, or an option of the sampler is wrong.
            CrysimError: the sampler failed.
        """
        self.check_model(model)
        begin = time.perf_counter_ns()
        sampler = self._build()
        self._check_options(sampler)
        weights = penalties_of(model, self.penalty, self.penalty_scale)
        num_reads = self.num_reads if self.num_reads is None else max(self.num_reads, num_samples)
        search = Search(
            model,
            weights,
            lambda bqm, run: self._known.calls(sampler, bqm, run, self.sampler_options),
            num_reads=num_reads,
            num_sweeps=self.num_sweeps,
            time_limit=time_limit,
            seed=seed,
            begin=begin,
            rounds=1 if self.remote else ROUNDS,
        )
        try:
            with global_generator_kept():  # OpenJij draws from it
                found = search.run()
        except (TypeError, ValueError) as error:
            raise InputError(f"solver 'dimod:{self.sampler}' refused its options: {_line(error)}") from error
        except (RuntimeError, OSError) as error:
            raise CrysimError(f"solver 'dimod:{self.sampler}' failed: {_line(error)}") from error
        info = {
            "sampler": self.sampler,
            "penalty": self.penalty,
            "largest_penalty": float(search.weights.max(initial=0)),
        }
        info["raised"] = search.raised
        return collect(model, found, num_samples=num_samples, begin=begin, timing=search.timing, info=info)

    def _check_options(self, sampler: Any) -> None:
        """D-Wave's samplers warn of options that they do not have and go on without: rather stop."""
        for option in self.sampler_options:
            if self._known.extra in ("dimod", "dwave") and option not in sampler.parameters:
                raise UnknownNameError(f"option of sampler '{self.sampler}'", option, sampler.parameters)

    def _build(self) -> Any:
        if self._known.token is None:
            return self._class()
        token = read_token("D-Wave", self._known.token, self.token_file)
        try:
            sampler = self._class(token=token)
            if self.sampler == "dwave":
                from dwave.system import EmbeddingComposite

                sampler = EmbeddingComposite(sampler)
        except Exception as error:  # noqa: BLE001
            # The client raises errors of a dozen unrelated classes, from no network to a wrong token.
            raise CrysimError(f"D-Wave cannot be used: {_line(error).replace(token, '***')}") from None
        return sampler


def _known(sampler: str) -> Known:
    if sampler in KNOWN:
        return KNOWN[sampler]
    if "." not in sampler:
        raise UnknownNameError("sampler of solver 'dimod'", sampler, [*KNOWN, "package.module.Class"])
    return Known(sampler, "dimod", 125, call_any)


def _load(name: str, known: Known) -> type[Any]:
    """The sampler's class."""
    part = f"solver 'dimod:{name}'"
    try:
        cls = import_named(part, known.path)
    except InputError as error:
        if name in KNOWN and isinstance(error.__cause__, ImportError):
            raise MissingExtraError(part, known.extra) from error
        raise
    if not callable(getattr(cls, "sample", None)):
        raise InputError(f"{part}: {getattr(cls, '__name__', name)} is no sampler, it has no method sample")
    return cls  # type: ignore[no-any-return]


def _num_pairs(model: QuadraticModel) -> float:
    """Pairs of bits that interact in the BQM."""
    every = model.num_bits * (model.num_bits - 1) / 2
    couplings: Any = model.couplings
    if couplings is None or isinstance(couplings, np.ndarray):
        return every
    return min(every, float(couplings.nnz) + sum(group.size * (group.size - 1) / 2 for group in model.groups))


def _line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


@hookimpl
def crysim_solvers() -> list[type[IsingSolver]]:
    """Solvers of this module."""
    return [Dimod]
