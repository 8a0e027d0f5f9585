"""The other way round: crysim's solvers as a client of Amplify's SDK.

import amplify
from crysim_solvers.amplify.adapter import CrysimClient

client = CrysimClient()
client.parameters.time_limit = 2.0
result = amplify.solve(model, client)
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np

from crysim import __version__
from crysim.errors import InputError
from crysim.interfaces import SampleSet
from crysim.quadratic import QuadraticModel
from crysim_solvers.arrange import Arranged, ExactlyK, arrange, run_solver


@dataclass
class Parameters:
    """What a user may set between solves.

    Attributes:
        time_limit: seconds, or None for the solver's default.
        num_samples: distinct solutions wanted.
        seed: the same seed gives the same answer.
    """

    time_limit: float | None = None
    num_samples: int = 1
    seed: int = 0


@dataclass(frozen=True)
class ClientResult:
    """What `amplify.solve` reads, and the answer itself as ``samples``."""

    samples: SampleSet
    _solutions: list[tuple[list[float], timedelta]]
    _response_time: timedelta
    _execution_time: timedelta


@dataclass
class CrysimClient:
    """A client for `amplify.solve` (Amplify's ``CustomClientProtocol``).

    Equality constraints 'the sum of these binary variables is k' that share no variable become exact groups; any
    other is added to the objective as weight × (left − right)², so give it a weight. Variables of other types and
    inequalities are converted by the SDK before they get here.

    Args:
        solver: of crysim: ``annealer``, ``convex``, ...
        options: of the solver.
        low_rank: the whole objective as a low-rank model with its groups. Reading the SDK's objective takes 4 s at
            4,157 bits, and its couplings then have no structure that a solver could use; with this the objective is
            only evaluated, at the answer, to see that it is the same function.
    """

    solver: str = "annealer"
    options: Mapping[str, Any] = field(default_factory=dict)
    low_rank: QuadraticModel | None = None
    parameters: Parameters = field(default_factory=Parameters)

    @property
    def version(self) -> str:
        """Of crysim."""
        return __version__

    @property
    def acceptable_degrees(self) -> Any:
        """Binary variables: a quadratic objective, linear equalities."""
        import amplify

        return amplify.AcceptableDegrees(objective={"Binary": "Quadratic"}, equality_constraints={"Binary": "Linear"})

    def solve(self, objective: Any, constraints: Any, dry_run: bool = False) -> ClientResult | None:
        """Called by `amplify.solve`.

        Raises:
            InputError: ``low_rank`` is another function than the objective.
            CrysimError: the solver failed.
        """
        begin = time.perf_counter()
        if self.low_rank is None:
            arranged = _read(objective, constraints)
        else:
            arranged = Arranged(self.low_rank, np.arange(self.low_rank.num_bits))
        if dry_run:
            return None
        p = self.parameters
        samples = run_solver(self.solver, dict(self.options), arranged.model, p.num_samples, p.time_limit, p.seed)
        vectors = arranged.back(samples.bits)
        if self.low_rank is not None:
            _check_same(objective, vectors[0], float(samples.energies[0]))
        execution = timedelta(seconds=samples.timing["total"] / 1e9)
        solutions = [(x.astype(float).tolist(), execution) for x in vectors]
        return ClientResult(samples, solutions, timedelta(seconds=time.perf_counter() - begin), execution)


def _read(objective: Any, constraints: Any) -> Arranged:
    """The problem that the SDK hands over: polynomials in the variables 0 … M−1."""
    terms: dict[tuple[int, ...], float] = dict(objective.as_dict())
    groups: list[ExactlyK] = []
    taken: set[int] = set()
    for constraint in constraints or ():
        left, _, right = constraint.conditional
        group = _group_of(left.as_dict(), float(right), constraint.label)
        if group is not None and taken.isdisjoint(group.variables):
            groups.append(group)
            taken.update(group.variables)
        elif group is not None or constraint.conditional[1] == "EQ":
            _add_square(terms, left.as_dict(), float(right), constraint.weight)
        else:
            for key, value in constraint.penalty.as_dict().items():  # the weight is in it
                terms[key] = terms.get(key, 0.0) + value
    size = 1 + max((max(key) for key in [*terms, *(g.variables for g in groups)] if key), default=-1)
    linear = np.zeros(size)
    rows, columns, values = [], [], []
    for key, value in terms.items():
        if len(key) == 2:
            rows.append(key[0])
            columns.append(key[1])
            values.append(value)
        elif key:
            linear[key[0]] = value
    return arrange(linear, rows, columns, values, terms.get((), 0.0), groups)


def _group_of(left: Mapping[tuple[int, ...], float], right: float, name: str) -> ExactlyK | None:
    """The group that 'c Σ x = right' is; None if it is none."""
    constant = left.get((), 0.0)
    coefficients = {key[0]: value for key, value in left.items() if key}
    if not coefficients or any(len(key) > 1 for key in left):
        return None
    first = next(iter(coefficients.values()))
    k = (right - constant) / first if first else -1.0
    if any(value != first for value in coefficients.values()) or not k.is_integer() or not 0 <= k <= len(coefficients):
        return None
    return ExactlyK(tuple(coefficients), int(k), name)


def _add_square(
    terms: dict[tuple[int, ...], float], left: Mapping[tuple[int, ...], float], right: float, weight: float
) -> None:
    """Add weight × (left − right)² of a linear left side to the objective's terms."""
    factors = {**left, (): left.get((), 0.0) - right}
    for a, x in factors.items():
        for b, y in factors.items():
            key = tuple(sorted({*a, *b}))
            terms[key] = terms.get(key, 0.0) + weight * x * y


def _check_same(objective: Any, bits: Any, energy: float) -> None:
    import amplify

    variables = objective.variables
    values = {amplify.Poly(variable): int(bits[variable.id]) for variable in variables if variable.id < len(bits)}
    found = objective.substitute(values) if values else objective
    if len(values) != len(variables) or abs(float(found) - energy) > 1e-6 * max(1.0, abs(energy)):
        raise InputError("low_rank is not the objective that amplify.solve was given: their energies differ")
