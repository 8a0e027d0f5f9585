"""Strategy ``prior``: random crystals as nature tends to make them, each relaxed only as long as it may yet win.

Space groups by their frequency, combinations with few free coordinates rather than many (`crysim.crystal.prior`), at
the volume of covalent spheres and then at that of the best crystal. It learns nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

from crysim import hookimpl
from crysim.crystal import Crystal
from crysim.crystal.prior import FREQUENCY, MIN_RATIO, PLACEMENTS, SIMPLICITY
from crysim.crystal.recipes import PriorRecipe
from crysim.errors import check_at_least, check_not_negative
from crysim.interfaces import ANY_NUMBER, Candidate, Draft, Problem, Strategy, Trial, derive_rng
from crysim.interfaces.racing import MARGIN, PATIENCE
from crysim.strategies.racing import Race


@dataclass(frozen=True)
class PriorDraft(Draft):
    """One crystal of a prior.

    Attributes:
        recipe: of what it is drawn from.
        seed: of the run.
        number: of the candidate.
        volume: Å³ per cell of the contents; None: from covalent spheres.
    """

    recipe: PriorRecipe
    seed: int
    number: int
    volume: float | None

    def draw(self) -> tuple[Crystal, Mapping[str, Any]]:
        """The crystal."""
        return self.recipe.generator.draw(derive_rng(self.seed, "prior", self.number), self.volume), {}


class PriorSearch(Strategy):
    """Draws from a prior over space groups and numbers of free coordinates.

    The crystal of trial n depends on the seed, n and the volume of the best crystal told before. With ``race`` each
    candidate comes with leave to stop: where it cannot get under the best energy told before, or falls into a minimum
    that an earlier trial reached.
    """

    name: ClassVar[str] = "prior"
    max_ahead: ClassVar[int] = ANY_NUMBER

    def __init__(
        self,
        problem: Problem,
        *,
        frequency: float = FREQUENCY,
        simplicity: float = SIMPLICITY,
        placements: int = PLACEMENTS,
        min_ratio: float = MIN_RATIO,
        race: bool = True,
        patience: int = PATIENCE,
        margin: float = MARGIN,
    ) -> None:
        """Choose the prior and the race; nothing is counted yet.

        Args:
            problem: what to solve. Its minimum distances hold where they are given, and not the default, which is
                larger than some bonds.
            frequency: exponent of the space group's frequency among inorganic materials; 0: all are equally likely.
            simplicity: price of a free coordinate of a combination, in natural logarithms of probability; 0: none.
            placements: cells and placements of a combination that are tried before another one is drawn.
            min_ratio: least distance at the start over the sum of covalent radii.
            race: whether a relaxation is stopped once it cannot win, or falls into a known minimum.
            patience: evaluations before that, for up to six free parameters; more for more.
            margin: eV per atom above the best that the energy within reach must lie for it.

        Raises:
            InputError: an option is out of range.
        """
        check_at_least(f"strategy '{self.name}'", ("placements", placements, 1))
        check_not_negative(
            "strategy 'prior'",
            frequency=frequency,
            simplicity=simplicity,
            min_ratio=min_ratio,
            patience=patience,
            margin=margin,
        )
        self.problem = problem
        self._strengths = (frequency, simplicity)
        self._placements = placements
        self._min_ratio = min_ratio
        self._race = Race(problem.contents, wanted=race, patience=patience, margin=margin)
        self._asked = 0

    @cached_property
    def _recipe(self) -> PriorRecipe:
        """What is drawn from; contents that fit no group are refused here, and not where they are drawn."""
        problem = self.problem
        frequency, simplicity = self._strengths
        recipe = replace(
            PriorRecipe.of(problem.contents, problem.space_groups, problem.min_distance, problem.pair_distances),
            frequency=frequency,
            simplicity=simplicity,
            placements=self._placements,
            min_ratio=self._min_ratio,
        )
        _ = recipe.generator
        return recipe

    def ask(self, n: int) -> list[Candidate]:
        """Propose ``n`` crystals, as drafts."""
        numbers = range(self._asked, self._asked + n)
        self._asked += n
        return self._race.give_leave([self._candidate(number) for number in numbers])

    def tell_seeds(self, trials: Sequence[Trial]) -> None:
        """Take the best of seed structures for the volume, and as what is to be beaten."""
        self._race.learn(trials)

    def asked(self, candidates: Sequence[Candidate]) -> None:
        """Count them."""
        self._asked += len(candidates)

    def tell(self, trials: Sequence[Trial]) -> None:
        """Remember the best and the minima."""
        self._race.learn(trials)

    def _candidate(self, number: int) -> Candidate:
        best = self._race.best
        volume = None if best is None else best[1]
        return Candidate(None, draft=PriorDraft(self._recipe, self.problem.seed, number, volume))


@hookimpl
def crysim_strategies() -> list[type[Strategy]]:
    """The strategy of this module."""
    return [PriorSearch]
