"""Basin hopping (Wales and Doye 1997): shake the crystal where the walk stands, relax, accept by Metropolis' rule.

The walk keeps the space group and the Wyckoff positions of where it stands; every so often a new random crystal is
proposed instead, and the walk goes there if that pays.
"""

import numpy as np

from crysim import hookimpl
from crysim.crystal.generation import RandomGenerator
from crysim.errors import InputError
from crysim.interfaces import Candidate, Strategy, derive_rng

TRIES = 30


class BasinHopping(Strategy):
    name = "basin-hopping"

    def __init__(
        self, problem, *, temperature: float = 0.05, step: float = 0.6, strain: float = 0.08, restart: float = 0.2
    ) -> None:
        """``temperature`` in eV per atom, ``step`` in Å, ``restart``: the share of random crystals."""
        if not (temperature > 0 and step > 0 and strain >= 0 and 0 <= restart <= 1):
            raise InputError("strategy 'basin-hopping': temperature and step are positive, and restart is a share")
        self.problem, self.temperature, self.step = problem, temperature, step
        self.strain, self.restart = strain, restart
        self._here, self._energy, self._told = None, np.inf, 0
        self._generator = RandomGenerator(
            problem.contents, problem.space_groups, problem.min_distance, problem.pair_distances
        )

    def ask(self, n):
        return [self._propose(derive_rng(self.problem.seed, "hop", self._told + i)) for i in range(n)]

    def tell(self, trials):
        for trial in trials:
            self._told += 1
            if not trial.counted or not self._allowed(trial.crystal):
                continue
            energy = trial.energy / trial.crystal.num_atoms
            luck = derive_rng(self.problem.seed, "accept", trial.number).random()
            if energy < self._energy - self.temperature * np.log(luck):
                self._here, self._energy = trial.crystal, energy

    def _propose(self, rng):
        if self._here is not None and rng.random() >= self.restart:
            for _ in range(TRIES):
                moved = self._shaken(rng)
                if self.problem.allows(moved):
                    return Candidate(moved, info={"move": "hop", "from_energy_per_atom": self._energy})
        return Candidate(self._generator.sample(1, rng)[0], info={"move": "random"})

    def _shaken(self, rng):
        crystal = self._here
        lengths = np.array(crystal.cell[:3]) * np.exp(self.strain * rng.standard_normal(3))
        frees = [
            np.array(site.free) + self.step * rng.standard_normal(len(site.free)) / np.cbrt(crystal.volume)
            for site in crystal.sites
        ]
        return crystal.with_parameters([*lengths, *crystal.cell[3:]], frees)

    def _allowed(self, crystal):
        """Where the walk may stand: a relaxation may have led to a group that is not asked for."""
        groups = self.problem.space_groups
        return self.problem.contents.held_by(crystal) and (groups is None or crystal.space_group in groups)


@hookimpl
def crysim_strategies():
    return [BasinHopping]
