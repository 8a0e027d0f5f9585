"""The options of strategy ``crysim``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from crysim.composition import Composition
from crysim.errors import InputError, UnknownNameError, check_at_least, check_positive
from crysim.strategies.training_set import FEWEST

SMALL = 30
"""Atoms per cell up to which candidates are chosen by energy alone."""

Choice = Literal["in-turn", "energy", "distance", "shared"]
Initial = Literal["random", "prior"]
Protocol = Literal["own", "paper"]
Targets = Literal["energy", "rank", "relaxed"]

DEFAULTS: Mapping[Protocol, Mapping[str, Any]] = {
    "paper": {
        "num_initial": 1000,
        "candidates_per_solve": 1,
        "initial": "random",
        "race": False,
        "avoid_known": False,
        "prior_weight": 0.0,
        "targets": "energy",
        "draws": 1,
    },
    "own": {
        "num_initial": 50,
        "candidates_per_solve": 8,
        "choice": "shared",
        "initial": "prior",
        "max_points": 2000,
        "race": True,
        "avoid_known": True,
        "prior_weight": 0.1,
        "targets": "relaxed",
        "draws": 4,
    },
}
"""What an option is under each protocol where it is None; what is left out stays None."""
OWN_PARTS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "encoder": {"crysim": {"group_size": 12}},
    "surrogate": {"fm": {"warm_start": True, "max_epoch": 60}},
    "solver": {"annealer": {"sweeps": 30, "max_replicas": 8}},
}
"""Options of parts, by kind and name, under the project's own protocol where a person gives none."""
OWN_PARTS_SMALL = {**OWN_PARTS, "encoder": {"crysim": {"group_size": 12, "grid_resolution": 8}}}
"""The same for cells of at most `SMALL` atoms."""


@dataclass(frozen=True, kw_only=True)
class IsingOptions:
    """What a user can set of the search.

    Attributes:
        protocol: what the options below are that are not given: the ``paper``'s search, or the project's ``own``.
        num_initial: random crystals whose energies, unrelaxed, are the first data (paper: 1000; own: 50).
        candidates_per_solve: candidates that are relaxed together and made of one fit and solve (paper: 1; own: 8).
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
            fair energy and nothing to the lowest. ``shared`` (own): of each batch some of the initial crystals lowest
            in energy, some by energy of the answers, and some fresh draws of the prior (`initial_share`,
            `answer_share`).
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
        max_points: training points at most, the oldest left out first (paper: all of them; own: 2000).
        initial: what the first data are drawn from: the paper's ``random`` crystals, or a ``prior`` (own) of frequent
            space groups and few free coordinates at packed volumes (`crysim.crystal.prior`).
        initial_share, answer_share: of a batch with ``choice="shared"``; the rest are fresh draws of the prior.
        solve_every: with ``choice="shared"``, batches for each fit and solve: only every so many there are answers, and
            so many times as many of them.
        race: whether a relaxation is stopped once it cannot win, or falls into a known minimum (paper: no; own: yes).
        avoid_known: whether crystals are left out that are, but for setting and size, a minimum already reached or a
            crystal already tried (paper: no; own: yes).
        prior_weight: price of a bit of the crystal system, the space group or the combinations by how rare it is among
            the initial crystals: so many standard deviations of the energies for each factor e (paper: 0).
        targets: of the fit: energies of the crystals of each trajectory (paper), or the normal scores of their
            ``rank``, or ``relaxed`` (own), those of what relaxations ended in, for start, end and answer alike.
        draws: of the prior for each that is relaxed: the one that the model predicts lowest is (own: 4).

    Raises:
        InputError: a number out of range.
    """

    protocol: Protocol = "own"
    num_initial: int | None = None
    candidates_per_solve: int | None = None
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
    initial: Initial | None = None
    initial_share: float = 0.125
    answer_share: float = 0.25
    solve_every: int = 3
    race: bool | None = None
    avoid_known: bool | None = None
    prior_weight: float | None = None
    targets: Targets | None = None
    draws: int | None = None

    def __post_init__(self) -> None:
        if self.protocol not in get_args(Protocol):
            raise UnknownNameError("protocol of strategy 'crysim'", self.protocol, get_args(Protocol))
        for key, value in DEFAULTS[self.protocol].items():
            if getattr(self, key) is None:
                object.__setattr__(self, key, value)
        least = {
            "num_initial": FEWEST,
            "candidates_per_solve": 1,
            "draws": 1,
            "solve_every": 1,
            "prior_weight": 0,
            "initial_share": 0,
            "answer_share": 0,
            "num_samples": 1,
            "exploration_weight": 0,
            "redraws": 0,
            "max_points": FEWEST,
        }
        given = ((key, getattr(self, key), n) for key, n in least.items() if getattr(self, key) is not None)
        check_at_least("strategy 'crysim'", *given)
        if self.initial_share + self.answer_share > 1:
            raise InputError("options 'initial_share' and 'answer_share' of strategy 'crysim' are at most 1 together")
        for what, chosen, known in (
            ("kind of initial crystals", self.initial, get_args(Initial)),
            ("kind of targets", self.targets, get_args(Targets)),
            ("choice of strategy 'crysim'", self.choice or "energy", get_args(Choice)),
        ):
            if chosen not in known:
                raise UnknownNameError(what, str(chosen), known)
        check_positive("strategy 'crysim'", solve_seconds=self.solve_seconds)

    @property
    def per_solve(self) -> int:
        """Candidates of one fit and solve."""
        assert self.candidates_per_solve is not None
        return self.candidates_per_solve

    def choice_for(self, composition: Composition) -> Choice:
        """How candidates are chosen for a cell of these atoms."""
        return self.choice or ("energy" if composition.num_atoms <= SMALL else "in-turn")
