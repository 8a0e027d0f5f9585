"""What hyperopt's searches share: the space of crystal parameters as in GN-OA, and proposals fed trial by trial.

The space (supplement F of the paper; Cheng, Gong and Yin, Nat. Commun. 13, 1492, 2022): six cell parameters, the space
group, the index of its Wyckoff combination, and three coordinates for every atom. A crystal takes of them what its
symmetry leaves free: the first coordinates, and the cell parameters of its crystal system.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from math import log
from typing import Any, ClassVar

import numpy as np

from crysim.crystal import Crystal
from crysim.crystal.generation import (
    ANGLE_BOUNDS,
    MAX_COMBINATIONS,
    allowed_space_groups,
    default_length_bounds,
    fitting_space_groups,
)
from crysim.crystal.min_distances import flat_points
from crysim.crystal.packing import estimated_volume, packing_ratios, place
from crysim.crystal.radii import radius_sums
from crysim.errors import check_at_least
from crysim.interfaces import Candidate, Problem, Strategy, Trial, TrialStatus, derive_rng
from crysim.strategies.racing import Race
from crysim.symmetry import (
    CELL_PARAMETERS,
    WyckoffCombinations,
    crystal_system,
    impose_cell,
    open_cell,
)

Values = Mapping[str, float | int]

_PENALTY = 1e6
"""Loss of a trial that does not count. hyperopt's searches use the order of losses only."""
_LENGTH_MARGIN = 1.1
"""Upper bound of lattice lengths over that of random crystals (equation 9), of
all groups together where their cells hold different numbers of atoms."""
_MIN_RATIO = 0.4
_VOLUMES = (0.4, 2.4)
"""GN-OA's limits: the least distance over the sum of covalent radii, and the volume over that of covalent spheres at a
packing of 0.55."""


class HyperoptSearch(Strategy):
    """A search by one of hyperopt's algorithms.

    Every trial is told to hyperopt with the parameters that are journalled with it, so a new process that is told the
    same trials proposes the same next one.
    """

    extra: ClassVar[str | None] = "hyperopt"
    module: ClassVar[str | None] = "hyperopt"

    def __init__(self, problem: Problem, screen: int, *, race: bool = False) -> None:
        check_at_least(f"strategy '{self.name}'", ("screen", screen, 1))
        self.problem = problem
        self._screen = screen
        self._race = Race(problem.contents, wanted=race)
        self._told = 0

    @abstractmethod
    def _suggest(self, number: int, seed: int) -> dict[str, Any]:
        """The document of hyperopt's proposal for trial ``number``."""

    @property
    def _batch(self) -> int:
        """How many proposals may be made before any of them is told."""
        return 1

    def ask(self, n: int) -> list[Candidate]:
        """Propose crystals: as many as do not depend on each other's energies."""
        numbers = range(self._told, self._told + min(n, self._batch))
        return self._race.give_leave([self._candidate(number) for number in numbers])

    def tell(self, trials: Sequence[Trial]) -> None:
        """Tell hyperopt the energies; a trial that does not count, and was not given up, gets a loss above all."""
        self._race.learn(trials)
        documents = [
            self._document(self._told + i, trial.candidate.info["parameters"], trial) for i, trial in enumerate(trials)
        ]
        self._trials.insert_trial_docs(documents)
        self._trials.refresh()
        self._told += len(trials)

    def _candidate(self, number: int) -> Candidate:
        """The first proposal within GN-OA's limits, or of those drawn the one that misses them least.

        GN-OA tells its search that a proposal out of the limits is bad, and goes on; here only relaxations are told.
        """
        start = time.perf_counter()
        best: tuple[float, Crystal, Values] | None = None
        for attempt in range(1, self._screen + 1):
            seed = int(derive_rng(self.problem.seed, self.name, number, attempt).integers(2**31 - 1))
            parameters = self._parameters(number, seed)
            crystal = self._space.crystal(parameters)
            excess = self._space.excess(crystal)
            if best is None or excess < best[0]:
                best = excess, crystal, parameters
            if excess == 0:
                break
        assert best is not None
        return Candidate(
            best[1],
            info={"parameters": best[2], "proposals": attempt},
            seconds={"suggest": time.perf_counter() - start},
        )

    def _parameters(self, number: int, seed: int) -> Values:
        """hyperopt's proposal for trial ``number``: the values of its variables."""
        values = {key: value[0] for key, value in self._suggest(number, seed)["misc"]["vals"].items()}
        return {key: value.item() if isinstance(value, np.generic) else value for key, value in values.items()}

    @cached_property
    def _space(self) -> ParameterSpace:
        return ParameterSpace(self.problem)

    @cached_property
    def _domain(self) -> Any:
        from hyperopt.base import Domain

        return Domain(_never_called, self._space.expressions())

    @cached_property
    def _trials(self) -> Any:
        from hyperopt import Trials

        return Trials()

    def _document(self, number: int, parameters: Values, trial: Trial) -> dict[str, Any]:
        from hyperopt import JOB_STATE_DONE, STATUS_OK

        loss = _PENALTY
        known = trial.counted or trial.status in (TrialStatus.STOPPED, TrialStatus.KNOWN)
        if known and trial.energy is not None and trial.crystal is not None:
            loss = self.problem.contents.per_cell(trial.energy, trial.crystal)
        misc = {
            "tid": number,
            "cmd": ("domain_attachment", "FMinIter_Domain"),
            "workdir": None,
            "idxs": {key: [number] for key in parameters},
            "vals": {key: [value] for key, value in parameters.items()},
        }
        (document,) = self._trials.new_trial_docs([number], [None], [{"status": STATUS_OK, "loss": loss}], [misc])
        document["state"] = JOB_STATE_DONE
        return dict(document)


def _never_called(_: Any) -> float:
    raise NotImplementedError("energies are told, not computed")


class ParameterSpace:
    """Crystal parameters as hyperopt's variables, and the crystal of their values."""

    def __init__(self, problem: Problem) -> None:
        self.contents = problem.contents
        allowed = allowed_space_groups(problem.space_groups)
        compatible = fitting_space_groups(self.contents, allowed)
        self.space_groups = tuple(compatible)
        self._sizes = {number: min(count, MAX_COMBINATIONS) for number, count in compatible.items()}
        sizes = {self.contents.composition_in(number).num_atoms for number in compatible}
        lower, upper = zip(*map(default_length_bounds, sizes), strict=True)
        self.length_bounds = (min(lower), _LENGTH_MARGIN * max(upper))
        self._sums = radius_sums(problem.composition)
        self._volume = estimated_volume(problem.composition)

    def expressions(self) -> dict[str, Any]:
        """The variables: lengths in Å, angles in degrees, the group as a category, everything else in [0, 1)."""
        from hyperopt import hp

        space = {name: hp.uniform(name, *self.length_bounds) for name in CELL_PARAMETERS[:3]}
        space |= {name: hp.uniform(name, *ANGLE_BOUNDS) for name in CELL_PARAMETERS[3:]}
        space["space_group"] = hp.choice("space_group", list(self.space_groups))
        space["combination"] = hp.uniform("combination", 0.0, 1.0)
        for atom in range(self.contents.num_atoms):
            for axis in "xyz":
                space[f"{axis}{atom}"] = hp.uniform(f"{axis}{atom}", 0.0, 1.0)
        return space

    def crystal(self, values: Values) -> Crystal:
        """The crystal of a proposal; angles that close no cell are moved towards 90° until they do."""
        number = self.space_groups[int(values["space_group"])]
        system = crystal_system(number)
        cell = open_cell(impose_cell(system, [float(values[name]) for name in CELL_PARAMETERS]))
        size = self._sizes[number]
        index = min(size - 1, int(Fraction(float(values["combination"])) * size))
        combinations = WyckoffCombinations(self.contents, number)
        combination = combinations.unrank(index)
        sites = sum(map(len, combination))
        points = np.array([[values[f"{axis}{i}"] for axis in "xyz"] for i in range(sites)], dtype=np.float64)
        return place(combinations.composition, number, combination, cell, points)

    def values(self, crystal: Crystal, rng: np.random.Generator) -> dict[str, float | int] | None:
        """The values that stand for a crystal, those that its symmetry leaves out drawn; None if it is out of bounds.

        The lengths of a cell, and the index of a combination among the first of its group, are bounded.
        """
        if crystal.space_group not in self._sizes:
            return None
        cell = dict(zip(CELL_PARAMETERS, crystal.cell, strict=True))
        low, high = self.length_bounds
        if not all(low <= cell[name] <= high for name in CELL_PARAMETERS[:3]):
            return None
        size = self._sizes[crystal.space_group]
        index = WyckoffCombinations(self.contents, crystal.space_group).rank(crystal.combination)
        if index >= size or not all(ANGLE_BOUNDS[0] <= cell[name] <= ANGLE_BOUNDS[1] for name in CELL_PARAMETERS[3:]):
            return None
        values: dict[str, float | int] = dict(cell)
        values["space_group"] = self.space_groups.index(crystal.space_group)
        values["combination"] = (index + 0.5) / size
        coordinates = rng.random((self.contents.num_atoms, 3))
        for row, (site, position) in enumerate(zip(crystal.sites, crystal.positions, strict=True)):
            coordinates[row, list(position.axes)] = site.free
        for atom, point in enumerate(coordinates.tolist()):
            values |= {f"{axis}{atom}": value for axis, value in zip("xyz", point, strict=True)}
        return values

    def excess(self, crystal: Crystal) -> float:
        """By how much, in logarithms, a crystal exceeds GN-OA's limits; 0 within them."""
        relative = self.contents.per_cell(crystal.volume, crystal) / self._volume
        low, high = _VOLUMES
        close = log(_MIN_RATIO / max(self.packing_ratio(crystal), 1e-6))
        return max(0.0, close) + max(0.0, log(relative / high), log(low / relative))

    def packing_ratio(self, crystal: Crystal) -> float:
        """The least distance over the sum of covalent radii."""
        points = flat_points(crystal)[None]
        combination = tuple(
            tuple(site.position for site in crystal.sites if site.element == element)
            for element in self.contents.elements
        )
        return float(packing_ratios(crystal.space_group, combination, np.array([crystal.cell]), points, self._sums)[0])
