"""Strategy ``pyxtal-random``: random crystals by PyXtal with minimum distances, as CrySPY's random generation."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from crysim import hookimpl
from crysim.crystal import Crystal, MinDistances, Site
from crysim.crystal.generation import allowed_space_groups, fitting_space_groups
from crysim.errors import CrysimError, InputError
from crysim.interfaces import ANY_NUMBER, Candidate, Problem, Strategy, Trial, derive_rng
from crysim.strategies.racing import Race
from crysim.symmetry import space_group

if TYPE_CHECKING:
    from pyxtal.crystal import random_crystal
    from pyxtal.tolerance import Tol_matrix

logger = logging.getLogger(__name__)


class PyxtalRandom(Strategy):
    """Random crystals that PyXtal builds in a space group drawn uniformly.

    PyXtal puts atoms on Wyckoff positions one by one, merges what falls close to a special position into it, and
    estimates the volume from radii. What it returns is checked again here, since its own check of distances does not
    see every pair. It can try for minutes in one space group, so its attempts are counted, and another group is
    drawn when they are used up. The crystal of trial n depends on the seed and n alone.
    """

    name: ClassVar[str] = "pyxtal-random"
    newer_options: ClassVar[Mapping[str, Any]] = {"race": False}
    max_ahead: ClassVar[int] = ANY_NUMBER

    def __init__(
        self,
        problem: Problem,
        *,
        volume_factor: float = 1.1,
        attempts: int = 20,
        max_groups: int = 1000,
        race: bool = False,
    ) -> None:
        """Choose the options; PyXtal is not imported yet.

        Args:
            problem: what to solve; its minimum distances hold.
            volume_factor: of PyXtal's estimate of the volume.
            attempts: placements of all atoms that are tried in one space group before another is drawn.
            max_groups: groups drawn for one crystal before giving up.
            race: whether a relaxation is stopped once it cannot win, or falls into a known minimum.
        """
        for key, value in (("volume_factor", volume_factor), ("attempts", attempts), ("max_groups", max_groups)):
            if value <= 0:
                raise InputError(f"option '{key}' of strategy 'pyxtal-random' is {value}: it must be positive")
        self.problem = problem
        self._volume_factor = volume_factor
        self._attempts = attempts
        self._max_groups = max_groups
        self._spacing = problem.min_distances
        self._race = Race(problem.contents, wanted=race)
        self._asked = 0

    @cached_property
    def _tolerances(self) -> Tol_matrix:
        return _tolerances(self._spacing)

    @cached_property
    def _groups(self) -> tuple[int, ...]:
        allowed = allowed_space_groups(self.problem.space_groups)
        return tuple(fitting_space_groups(self.problem.contents, allowed))

    def ask(self, n: int) -> list[Candidate]:
        """Propose ``n`` random crystals.

        Raises:
            InputError: nothing could be built in so many space groups.
        """
        numbers = range(self._asked, self._asked + n)
        self._asked += n
        return self._race.give_leave([self._candidate(number) for number in numbers])

    def asked(self, candidates: Sequence[Candidate]) -> None:
        """Count them."""
        self._asked += len(candidates)

    def tell(self, trials: Sequence[Trial]) -> None:
        """Learn nothing but what is to be beaten."""
        self._race.learn(trials)

    def _candidate(self, number: int) -> Candidate:
        start = time.perf_counter()
        rng = derive_rng(self.problem.seed, self.name, number)
        for drawn in range(1, self._max_groups + 1):
            group = self._groups[int(rng.integers(len(self._groups)))]
            crystal = self._try(group, rng)
            if crystal is not None and self._spacing.satisfied_by(crystal):
                return Candidate(crystal, info={"groups": drawn}, seconds={"generate": time.perf_counter() - start})
        raise InputError(
            f"PyXtal built no crystal of {self.problem.contents} in {self._max_groups} space groups with atoms at "
            f"least {self._spacing.largest:g} Å apart: lower the minimum distance, or allow other space groups"
        )

    def _try(self, group: int, rng: np.random.Generator) -> Crystal | None:
        from pyxtal.msg import Error as PyxtalError

        composition = self.problem.contents.composition_in(group)
        try:
            built = _bounded_builder()(
                3,
                group,
                list(composition.elements),
                list(composition.counts),
                self._volume_factor,
                tm=self._tolerances,
                random_state=rng,
                attempts=self._attempts,
            )
        except _AttemptsError:
            return None
        except (PyxtalError, RuntimeError, ValueError, IndexError, np.linalg.LinAlgError) as error:
            logger.debug("PyXtal failed in space group %d: %s", group, error)
            return None
        return self._convert(built, group) if built.valid else None

    def _convert(self, built: random_crystal, group: int) -> Crystal:
        positions = space_group(group).positions
        sites = tuple(
            Site(element, site.wp.index, tuple(float(site.position[axis]) for axis in positions[site.wp.index].axes))
            for element in self.problem.composition.elements
            for site in built.atom_sites
            if site.specie == element
        )
        a, b, c, alpha, beta, gamma = (float(v) for v in built.lattice.get_para(degree=True))
        return Crystal(self.problem.contents.composition_in(group), group, (a, b, c, alpha, beta, gamma), sites)


def _tolerances(spacing: MinDistances) -> Tol_matrix:
    """The minimum distances as PyXtal has them."""
    from pyxtal.tolerance import Tol_matrix

    elements = spacing.composition.elements
    matrix = Tol_matrix()
    for i, one in enumerate(elements):
        for j, other in enumerate(elements[: i + 1]):
            matrix.set_tol(one, other, float(spacing.thresholds[i, j]))
    return matrix


class _AttemptsError(CrysimError):
    """PyXtal has used up its attempts in one space group."""


def _bounded_builder() -> Any:
    """PyXtal's builder, which counts how often it places atoms: its own loops may take minutes."""
    from pyxtal.crystal import random_crystal

    class Bounded(random_crystal):  # type: ignore[misc]
        def __init__(self, *args: Any, attempts: int, **options: Any) -> None:
            self._left = attempts
            super().__init__(*args, **options)

        def _set_coords(self) -> Any:
            if self._left == 0:
                raise _AttemptsError
            self._left -= 1
            return super()._set_coords()

    return Bounded


@hookimpl
def crysim_strategies() -> list[type[Strategy]]:
    """The strategy of this module."""
    return [PyxtalRandom]
