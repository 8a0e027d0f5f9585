"""The other way round: crysim's solvers as a dimod sampler.

from crysim_solvers.dimod.adapter import CrysimSampler

sampleset = CrysimSampler().sample(bqm, groups=[(["a", "b", "c"], 1)], num_reads=10, time_limit=2.0)
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import dimod
import numpy as np

from crysim.errors import InputError
from crysim_solvers.arrange import ExactlyK, arrange, run_solver


class CrysimSampler(dimod.Sampler):  # type: ignore[misc]
    """A `dimod.Sampler` that can hold 'exactly k' groups of variables by itself, without penalties.

    Args:
        solver: of crysim: ``annealer``, ``convex``, ...
        options: of the solver.
    """

    def __init__(self, solver: str = "annealer", options: Mapping[str, Any] | None = None) -> None:
        self.solver = solver
        self.options = dict(options or {})

    @property
    def parameters(self) -> dict[str, list[str]]:
        """What `sample` takes."""
        return {"groups": [], "num_reads": [], "time_limit": [], "seed": []}

    @property
    def properties(self) -> dict[str, Any]:
        """The solver and its options."""
        return {"solver": self.solver, "options": self.options}

    def sample(
        self,
        bqm: Any,
        *,
        groups: Sequence[tuple[Sequence[Hashable], int]] = (),
        num_reads: int = 1,
        time_limit: float | None = None,
        seed: int = 0,
        **parameters: Any,
    ) -> Any:
        """Minimise a `dimod.BinaryQuadraticModel`.

        Args:
            bqm: of bits or spins.
            groups: disjoint: of these variables exactly k are 1 (spins: +1).
            num_reads: distinct solutions wanted; there may be fewer.
            time_limit: seconds.
            seed: the same seed gives the same answer.
            parameters: others are warned of and dropped, as dimod asks for.

        Returns:
            A `dimod.SampleSet`, best first, in the BQM's variables; ``info`` has ``timing`` (nanoseconds),
            ``lower_bound`` and ``optimal``.

        Raises:
            InputError: the groups overlap or name unknown variables.
            CrysimError: the solver failed.
        """
        self.remove_unknown_kwargs(**parameters)
        binary = bqm.change_vartype("BINARY", inplace=False)
        if not binary.num_variables:
            return dimod.SampleSet.from_samples([], energy=[], vartype=bqm.vartype)
        labels = list(binary.variables)
        linear, (rows, columns, values), offset = binary.to_numpy_vectors(variable_order=labels)
        arranged = arrange(
            np.array(linear, dtype=np.float64), rows, columns, values, float(offset), _sets(labels, groups)
        )
        samples = run_solver(self.solver, self.options, arranged.model, num_reads, time_limit, seed)
        bits = arranged.back(samples.bits).astype(np.int8)
        info = {
            "timing": dict(samples.timing),
            "lower_bound": samples.lower_bound,
            "optimal": samples.optimal,
            **samples.info,
        }
        found = dimod.SampleSet.from_samples((bits, labels), energy=samples.energies, vartype="BINARY", info=info)
        return found.change_vartype(bqm.vartype, inplace=False)


def _sets(labels: list[Hashable], groups: Sequence[tuple[Sequence[Hashable], int]]) -> list[ExactlyK]:
    place = {label: number for number, label in enumerate(labels)}
    taken: set[int] = set()
    sets = []
    for variables, k in groups:
        unknown = [variable for variable in variables if variable not in place]
        if unknown:
            raise InputError(f"a group names the variable {unknown[0]!r}, which the model does not have")
        members = [place[variable] for variable in variables]
        if not taken.isdisjoint(members) or len(set(members)) < len(members):
            raise InputError("two groups share a variable, or one names it twice")
        taken.update(members)
        sets.append(ExactlyK(tuple(members), k))
    return sets
