"""Strategy pyxtal-random: distances kept, hangs bounded."""

from __future__ import annotations

import numpy as np
import pytest

from crysim.composition import Composition
from crysim.errors import InputError
from crysim.interfaces import Problem, derive_rng
from crysim_baselines.pyxtal_random import PyxtalRandom, _bounded_builder

CA4S4 = Composition.from_formula("Ca4S4")


def test_distances_are_kept() -> None:
    for candidate in PyxtalRandom(Problem(CA4S4, 0, min_distance=2.0)).ask(6):
        assert candidate.crystal.min_distance() >= 2.0
        assert candidate.seconds["generate"] > 0


def test_distances_of_pairs_are_kept() -> None:
    problem = Problem(CA4S4, 0, pair_distances={"Ca-S": 2.6, "S-S": 3.5})
    crystals = [candidate.crystal for candidate in PyxtalRandom(problem).ask(6)]
    assert all(problem.min_distances.satisfied_by(crystal) for crystal in crystals)
    plain = [candidate.crystal for candidate in PyxtalRandom(Problem(CA4S4, 0)).ask(6)]
    assert not all(problem.min_distances.satisfied_by(crystal) for crystal in plain)


def test_default_distance_is_the_papers() -> None:
    assert all(c.crystal.min_distance() >= 1.5 for c in PyxtalRandom(Problem(CA4S4, 1)).ask(6))


@pytest.mark.parametrize("number", [2, 5, 15, 38, 62, 122, 147, 156, 187, 216, 225])
def test_crystals_are_those_that_pyxtal_built(number: int) -> None:
    """The atoms of the crystal stand where PyXtal's sites have them, in PyXtal's cell."""
    built = _bounded_builder()(3, number, ["Ca", "S"], [4, 4], random_state=derive_rng(1), attempts=100)
    crystal = PyxtalRandom(Problem(CA4S4, 0))._convert(built, number)
    theirs = np.concatenate(
        [site.coords for element in ("Ca", "S") for site in built.atom_sites if site.specie == element]
    )
    moves = theirs[:, None] - crystal.frac_coords[None]
    lengths = np.linalg.norm((moves - np.rint(moves)) @ crystal.lattice, axis=-1)
    assert (lengths.min(axis=1) < 1e-6).all()
    assert (lengths.min(axis=0) < 1e-6).all()
    np.testing.assert_allclose(
        crystal.lattice @ crystal.lattice.T, built.lattice.matrix @ built.lattice.matrix.T, atol=1e-9
    )


def test_what_cannot_be_built_is_given_up_soon() -> None:
    problem = Problem(CA4S4, 0, min_distance=9.0)
    with pytest.raises(InputError, match="PyXtal built no crystal of Ca4S4 in 3 space groups"):
        PyxtalRandom(problem, attempts=2, max_groups=3).ask(1)


def test_bad_options_are_refused() -> None:
    with pytest.raises(InputError, match="'attempts'"):
        PyxtalRandom(Problem(CA4S4, 0), attempts=0)
    with pytest.raises(InputError, match="fits none of the 1 space groups"):
        PyxtalRandom(Problem(Composition.from_formula("Ba3Na3Bi3"), 0, space_groups=(230,))).ask(1)
