"""Crystal structure prediction as a black-box problem of amplify-bbopt, with crysim's encoder and solvers.

    pip install 'crysim[amplify,chgnet]' amplify-bbopt
    python crystal_problem.py CaS --space-groups 195-230 --initial 100 --iterations 20

amplify-bbopt trains its factorization machine and keeps its data and history. From crysim it has what it lacks for
crystals: bits whose every vector is a crystal, 'exactly k of these bits' as its constraints, the energy as its black
box, and a solver on this machine in place of a service with a token.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import amplify
import numpy as np
from amplify_bbopt import (
    AmplifyModel,
    BinaryVariable,
    BlackBoxFuncBase,
    Dataset,
    FlattenedSolution,
    FMTrainer,
    Optimizer,
    blackbox,
)

from crysim.composition import Composition
from crysim.crystal import Crystal
from crysim.crystal.generation import RandomGenerator
from crysim.errors import CrysimError
from crysim.interfaces import Encoder
from crysim.plugins import plugin_manager
from crysim.quadratic import QuadraticModel
from crysim_solvers.amplify.adapter import CrysimClient

Energies = Callable[[Sequence[Crystal]], Any]
"""Energies ``[n]``, eV per cell, of crystals; not finite where there is none."""


class CrystalProblem:
    """One composition as a black box of bits.

    Attributes:
        encoder: fitted to the initial crystals.
        crystals: evaluated so far, with their energies, best first or not.
        highest: eV, stands for whatever is higher or has no energy, so that one bad crystal does not bend the model.
    """

    def __init__(
        self,
        formula: str,
        energies: Energies,
        *,
        space_groups: Iterable[int] | None = None,
        num_initial: int = 100,
        grid_resolution: int = 8,
        seed: int = 0,
    ) -> None:
        """Draw the initial crystals, fit the encoder to them, and evaluate what their vectors stand for."""
        groups = None if space_groups is None else list(space_groups)
        self._energies, self._rng = energies, np.random.default_rng(seed)
        initial = RandomGenerator(Composition.from_formula(formula), groups).sample(num_initial, self._rng)
        self.encoder: Encoder = plugin_manager().build(
            "encoder", "crysim", {"grid_resolution": grid_resolution, "space_groups": groups}
        )
        self.encoder.fit(initial)
        known = np.asarray(energies(initial), dtype=np.float64)
        self.highest = float(np.median(known[np.isfinite(known)]))
        self.crystals: list[tuple[float, Crystal]] = list(zip(known.tolist(), initial, strict=True))
        self._initial = self.encoder.encode(initial), np.array([self._capped(energy) for energy in known])

    @property
    def training_data(self) -> Dataset:
        """The initial vectors ``[n, M]`` and their energies, eV."""
        bits, energies = self._initial
        whole = self._keeps_groups(bits)
        return Dataset(bits[whole].astype(np.float64), energies[whole])

    def black_box(self) -> BlackBoxFuncBase[Any]:
        """The energy as a function of the bits, as amplify-bbopt wants it."""
        variables = [BinaryVariable() for _ in range(self.encoder.num_bits)]

        @blackbox
        def energy(bits: list[int] = variables) -> float:  # type: ignore[assignment]
            return self.energy(np.array(bits) > 0)

        return energy

    def constraints(self, black_box: BlackBoxFuncBase[Any]) -> amplify.ConstraintList:
        """'Exactly k of these bits', for each group of the encoder."""
        bits = [variable.to_poly() for variable in black_box.flattened_variables_dict.values()]
        return amplify.ConstraintList(
            [amplify.equal_to(amplify.sum(bits[g.slice]), g.k, label=g.name) for g in self.encoder.groups]
        )

    def energy(self, bits: Any) -> float:
        """eV per cell of the crystal that a vector ``[M]`` names most directly."""
        crystal = self.encoder.decode(bits, self._rng)[0]
        energy = float(self._energies([crystal])[0])
        self.crystals.append((energy, crystal))
        return self._capped(energy)

    @property
    def best(self) -> tuple[float, Crystal]:
        """The lowest energy so far, eV per cell, and its crystal."""
        return min((one for one in self.crystals if np.isfinite(one[0])), key=lambda one: one[0])

    def _capped(self, energy: float) -> float:
        return min(energy, self.highest) if np.isfinite(energy) else self.highest

    def _keeps_groups(self, bits: Any) -> Any:
        return np.all([bits[:, g.slice].sum(axis=1) == g.k for g in self.encoder.groups], axis=0)


class CrysimOptimizer(Optimizer):  # type: ignore[misc]
    """amplify-bbopt's optimizer of a crystal problem, with crysim's solvers.

    The model is a factorization machine with its groups, so it goes to the solver as that, and `convex` says whether
    its answer is proven the lowest.

    Attributes:
        problem: what is optimised.
        proofs: of every iteration, whether the solver proved its answer.
    """

    def __init__(self, problem: CrystalProblem, trainer: FMTrainer, *, solver: str = "convex", seed: int = 0) -> None:
        """Take up the problem's initial data; 10 answers are asked of the solver each time."""
        self.problem, self.proofs = problem, []
        self._solver = solver
        black_box = problem.black_box()
        super().__init__(
            black_box,
            trainer,
            training_data=problem.training_data,
            constraints=problem.constraints(black_box),
            seed=seed,
        )
        # `Optimizer` takes only clients that the SDK brings, though the SDK's `solve` takes others.
        self._amplify_model, given = AmplifyModel(self.amplify_model.variables, self._client()), self._amplify_model
        self._amplify_model.constraints = given.constraints

    def minimize_surrogate(self, max_retries: int = 10) -> tuple[list[FlattenedSolution], amplify.Result]:
        """The lowest vectors of the trained model, best first, and the SDK's result."""
        machine = self.surrogate_model.trainer.model
        model = QuadraticModel(
            machine.linear, factors=machine.quadratic, groups=self.problem.encoder.groups, offset=float(machine.bias)
        )
        variables = self.amplify_model.variables
        objective = self.surrogate_model.to_poly()
        result = amplify.solve(amplify.Model(objective, self.amplify_model.constraints), self._client(model))
        self.proofs.append(result.client_result.samples.optimal)
        vectors = [variables.evaluate(solution.values) for solution in result]
        return [FlattenedSolution(vector, vector, vector) for vector in vectors], result

    def _client(self, model: QuadraticModel | None = None) -> CrysimClient:
        # Other objectives (the distance from a known vector) are no factorization machines.
        client = CrysimClient("annealer" if model is None else self._solver, low_rank=model)
        client.parameters.num_samples = 10
        return client


def main() -> None:
    """Search one formula with CHGNet, single evaluations, nothing relaxed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("formula", help="contents of the conventional cell, Ca4S4")
    parser.add_argument("--space-groups", default="2-230", help="a range of numbers")
    parser.add_argument("--initial", type=int, default=100)
    parser.add_argument("--iterations", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=200, help="of the library's training")
    parser.add_argument("--energy", default="chgnet")
    options = parser.parse_args()
    first, last = (int(number) for number in options.space_groups.split("-"))
    try:
        energies = plugin_manager().build("energy", options.energy).energies
        problem = CrystalProblem(
            options.formula, energies, space_groups=range(first, last + 1), num_initial=options.initial
        )
    except CrysimError as error:
        parser.error(str(error))
    print(f"{problem.encoder.num_bits} bits; lowest of {options.initial} random crystals: {problem.best[0]:.3f} eV")
    trainer = FMTrainer(seed=0)
    trainer.epochs = options.epochs
    optimizer = CrysimOptimizer(problem, trainer)
    optimizer.optimize(options.iterations)
    energy, crystal = problem.best
    print(f"lowest after {options.iterations} more: {energy:.3f} eV, space group {crystal.space_group}")
    print(f"answers proven the lowest of their model: {sum(optimizer.proofs)} of {len(optimizer.proofs)}")


if __name__ == "__main__":
    main()
