"""Strategy ``swarm``: particle swarm optimisation of crystals in the manner of CALYPSO, from its published description.

Wang, Lv, Zhu and Ma, Phys. Rev. B 82, 094116 (2010) and Comput. Phys. Commun. 183, 2063 (2012); the local version with
several guides: Lv, Wang, Zhu and Ma, J. Chem. Phys. 137, 084104 (2012). CALYPSO itself is closed; what its papers leave
open is said where it is decided.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from crysim import hookimpl
from crysim.arrays import Floats
from crysim.composition import Contents
from crysim.crystal import Crystal
from crysim.errors import InputError, check_at_least
from crysim.interfaces import Candidate, Problem, Strategy, Trial, derive_rng
from crysim_baselines.bonds import bond_matrix, difference
from crysim_baselines.generations import Generations, counting
from crysim_baselines.motion import align, lattice_towards
from crysim_baselines.operators import with_symmetry

_TRIES = 20
"""How often a move, or a random crystal unlike all earlier ones, is tried before the last one is taken as it is."""


@dataclass(frozen=True)
class Particle:
    """A trial of the last generation that counts.

    Attributes:
        number: of the trial.
        start: where it was before the relaxation, the x of the equations; with contents of the primitive cell this and
            ``best`` are in P1 of that cell.
        best: relaxed, with the same sites as ``start`` where the trajectory tells them: pbest.
        energy: eV per cell of the contents.
        bonds: bond characterisation matrix of ``best``.
        velocity: ``[n, 3]`` fractional, or None if it was not moved by the swarm.
    """

    number: int
    start: Crystal
    best: Crystal
    energy: float
    bonds: Floats
    velocity: Floats | None


class Swarm(Generations):
    """Generations of which a share moves as a swarm and the rest is random with symmetry.

    The best distinct structures of a generation move by v = w v + c1 r1 (pbest - x) + c2 r2 (guide - x), x = x + v. In
    the global version the guide is the best structure of all, in the local version the structurally closest of several
    best ones. Random structures that the bond characterisation matrix shows to be like an earlier one are drawn again.
    """

    name: ClassVar[str] = "swarm"

    def __init__(
        self,
        problem: Problem,
        *,
        version: Literal["local", "global"] = "local",
        population: int = 10,
        pso_ratio: float = 0.6,
        guides: int = 4,
        generations: int = 30,
        inertia_start: float = 0.9,
        inertia_end: float = 0.4,
        c1: float = 2.0,
        c2: float = 2.0,
        max_velocity: float = 0.1,
        similarity: float = 0.06,
        initial: Literal["random", "prior"] = "random",
        race: bool = False,
    ) -> None:
        """Choose the options; the defaults are those of the paper's run (supplement F) where it gives them.

        Args:
            problem: what to solve; its minimum distance holds for every structure that is proposed.
            version: ``local``: the closest of ``guides`` best structures guides (Ialgo 2); ``global``: the best.
            population: structures per generation (PopSize).
            pso_ratio: share that moves as a swarm (PsoRatio).
            guides: how many best structures guide in the local version (NumberOfLbest).
            generations: over which the inertia falls from ``inertia_start`` to ``inertia_end``.
            inertia_start, inertia_end, c1, c2: of the equation of motion.
            max_velocity: limit of each component of a velocity, fractional.
            similarity: distance of bond characterisation matrices below which two structures are the same.
            initial: what random crystals, those of the first generation among them, are drawn from: ``random``, any
                fitting group alike, or a ``prior`` of frequent groups and few free coordinates
                (`crysim.crystal.prior`).
            race: whether a relaxation is stopped once it cannot win, or falls into a known minimum.
        """
        check_at_least(
            f"strategy '{self.name}'",
            ("population", population, 2),
            ("guides", guides, 1),
            ("generations", generations, 1),
        )
        if not 0 <= pso_ratio <= 1 or max_velocity <= 0 or similarity < 0:
            raise InputError(
                "strategy 'swarm': pso_ratio is between 0 and 1, max_velocity positive, similarity not negative"
            )
        super().__init__(problem, population, initial, race=race)
        self._moving = round(pso_ratio * population)
        self._num_guides = guides if version == "local" else 1
        self._generations = generations
        self._inertia = (inertia_start, inertia_end)
        self._c1, self._c2 = c1, c2
        self._max_velocity = max_velocity
        self._similarity = similarity
        self._current: list[Particle] = []
        self._last: list[Particle] = []
        self._guides: list[Particle] = []
        self._seen: list[Floats] = []

    def tell_seeds(self, trials: Sequence[Trial]) -> None:
        """Seed structures move in the first generation, and guide it."""
        self._race.learn(trials)
        for trial, crystal, energy in counting(trials):
            self._learn(trial.number - len(trials), trial, crystal, energy)
        self._end_generation()

    def _learn(self, number: int, trial: Trial, crystal: Crystal, energy: float) -> None:
        particle = _particle(number, trial, crystal, energy, self.problem.contents)
        self._current.append(particle)
        self._seen.append(particle.bonds)

    def _end_generation(self) -> None:
        self._guides = self._distinct([*self._guides, *self._current], self._num_guides)
        self._last = self._distinct(self._current, self._moving)
        self._current = []

    def _distinct(self, particles: Sequence[Particle], n: int) -> list[Particle]:
        """The ``n`` lowest in energy that differ from each other."""
        kept: list[Particle] = []
        for particle in sorted(particles, key=lambda p: (p.energy, p.number)):
            if len(kept) == n:
                break
            if all(difference(particle.bonds, other.bonds) > self._similarity for other in kept):
                kept.append(particle)
        return kept

    def _candidate(self, number: int) -> Candidate:
        start = time.perf_counter()
        rng = derive_rng(self.problem.seed, self.name, number)
        slot = number % self._population
        info: dict[str, Any] = {"generation": number // self._population}
        moved = self._move(self._last[slot], info["generation"], rng) if slot < len(self._last) else None
        if moved is None:
            crystal = self._random(rng)
            info["origin"] = "random"
        else:
            crystal, velocity = moved
            info |= {"origin": "swarm", "parent": self._last[slot].number, "velocity": velocity}
        return Candidate(crystal, info=info, seconds={"move": time.perf_counter() - start})

    def _random(self, rng: np.random.Generator) -> Crystal:
        """A random crystal unlike those relaxed before."""
        volume = self._guides[0].best.volume if self._guides else None
        for _ in range(_TRIES):
            crystal = self._generator.draw(rng, volume)
            bonds = bond_matrix(crystal)
            if all(difference(bonds, other) > self._similarity for other in self._seen):
                break
        return crystal

    def _move(
        self, particle: Particle, generation: int, rng: np.random.Generator
    ) -> tuple[Crystal, list[list[float]] | None] | None:
        """The particle after one step and its velocity; None if no step keeps its atoms apart.

        The velocity is None where the step ended in a symmetric structure, whose atoms stand in another order.
        """
        guide = min(self._guides, key=lambda g: (difference(particle.bonds, g.bonds), g.energy))
        x = particle.start.frac_coords
        to_best = align(x, particle.best, particle.start.lattice)
        to_guide = align(x, guide.best, particle.start.lattice, shift=True)
        start, end = self._inertia
        inertia = start - (start - end) * min(1.0, generation / self._generations)
        limit = self._max_velocity
        for _ in range(_TRIES):
            velocity = particle.velocity
            if velocity is None:
                velocity = rng.uniform(-limit, limit, size=x.shape)
            r1, r2 = rng.random(2)
            velocity = np.clip(inertia * velocity + self._c1 * r1 * to_best + self._c2 * r2 * to_guide, -limit, limit)
            lattice = lattice_towards(particle.best, guide.best, 0.5 * r2)
            crystal = with_symmetry(self.problem.contents, lattice, particle.start.species, x + velocity)
            if self.problem.allows(crystal):
                return crystal, velocity.tolist() if crystal.space_group == 1 else None
        return None


def _particle(number: int, trial: Trial, relaxed: Crystal, energy: float, contents: Contents) -> Particle:
    start = trial.candidate.start
    # the trajectory's last frame has the start's sites in their order; the relaxed crystal may be set up anew
    best = trial.frames[-1].crystal if trial.frames else relaxed
    if contents.primitive:
        # a relaxed crystal whose primitive cell has grown has no cell with the start's atoms
        start, best = start.to_p1(), best.to_p1() if contents.held_by(best) else start.to_p1()
    velocity = trial.candidate.info.get("velocity")
    return Particle(
        number=number,
        start=start,
        best=best,
        energy=contents.per_cell(energy, relaxed),
        bonds=bond_matrix(relaxed),
        velocity=None if velocity is None else np.array(velocity, dtype=np.float64),
    )


@hookimpl
def crysim_strategies() -> list[type[Strategy]]:
    """The strategy of this module."""
    return [Swarm]
