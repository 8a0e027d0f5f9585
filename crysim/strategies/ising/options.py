"""The options of strategy ``crysim``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from crysim.composition import Composition
from crysim.errors import UnknownNameError, check_at_least, check_positive
from crysim.strategies.training_set import FEWEST

SMALL = 30
"""Atoms per cell up to which candidates are chosen by energy alone."""

Choice = Literal["in-turn", "energy", "distance"]
Initial = Literal["random", "prior"]


@dataclass(frozen=True, kw_only=True)
class IsingOptions:
    """What a user can set of the search.

    Attributes:
        num_initial: random crystals whose energies, unrelaxed, are the first data (paper: 1000).
        batch: candidates made of the distinct answers to one solve (paper: 1).
        mid: heed minimum interatomic distances: choose only crystals without a pair that is too close (with
            ``choice="distance"``: the one with the largest distance), and do not believe negative energies below
            0.5 Å. False turns both off, for the paper's ablation (Table 1).
        clip: lower targets above |lowest energy so far| to it, as the paper leaves such initial crystals out; one
            first frame of 1000 eV would leave the standardised fit no scale for the rest.
        penalise_failures: a failed relaxation's start counts as |lowest energy so far|; else nothing is learnt.
        num_samples: distinct answers asked of the solver at least.
        choice: which of the crystals that the answers stand for is tried: of the best answer's the one with the
            largest minimum ``distance`` (paper); of all answers' the one whose own vector has the lowest
            ``energy`` in the model, since an answer is a vector that no crystal need have and the model errs most
            where no data are; or ``in-turn`` an initial crystal, the lowest in energy first and one of each Wyckoff
            combination, then one by distance, then one by energy. None: by energy up to `SMALL` atoms, in turn
            above, where energies alone lead to groups of low symmetry, in which whatever is tried relaxes to a
            fair energy and nothing to the lowest.
        learn_answers: the answer itself, with the energy of the crystal that it was decoded to, is a point too;
            the paper learns the crystals' own vectors alone, which may leave the model its error.
        exploration_weight: c in the price c·√n, in standard deviations of the energies, that the model puts on a bit
            of a group with one 1-bit (lengths, angles, space group, combinations) that n candidates had (paper: 0).
        repair: where the choice is by energy, of crystals with a pair that is too close move the sites that are
            (to random points, until they are not), instead of leaving such crystals out. Only with ``mid``.
        redraws: if all these answers decode to crystals with a pair below 0.5 Å only, they count as
            |lowest energy so far| at once, and it trains and solves again, so often at most; 0: such a crystal is
            relaxed like any other (paper). Only with ``mid``.
        solve_seconds: time limit of one solve; None: the solver's own. Results then depend on the machine.
        max_points: training points at most, the oldest left out first; None: all.
        initial: what the first data are drawn from: the paper's ``random`` crystals, or a ``prior`` of frequent space
            groups and few free coordinates at packed volumes (`crysim.crystal.prior`).

    Raises:
        InputError: a number out of range.
    """

    num_initial: int = 1000
    batch: int = 1
    mid: bool = True
    clip: bool = True
    penalise_failures: bool = True
    num_samples: int = 8
    choice: Choice | None = None
    learn_answers: bool = True
    exploration_weight: float = 0.03
    repair: bool = True
    redraws: int = 3
    solve_seconds: float | None = None
    max_points: int | None = None
    initial: Initial = "random"

    def __post_init__(self) -> None:
        least = {"num_initial": FEWEST, "batch": 1, "num_samples": 1, "exploration_weight": 0, "redraws": 0}
        if self.max_points is not None:
            least["max_points"] = FEWEST
        check_at_least("strategy 'crysim'", *((key, getattr(self, key), n) for key, n in least.items()))
        if self.initial not in get_args(Initial):
            raise UnknownNameError("kind of initial crystals", self.initial, get_args(Initial))
        check_positive("strategy 'crysim'", solve_seconds=self.solve_seconds)

    def choice_for(self, composition: Composition) -> Choice:
        """How candidates are chosen for a cell of these atoms."""
        return self.choice or ("energy" if composition.num_atoms <= SMALL else "in-turn")
