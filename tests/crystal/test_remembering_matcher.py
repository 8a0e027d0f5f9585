"""What a matcher reduced before, it finds again without comparing atoms; its answers are pymatgen's."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Structure
from pymatgen.core.sites import PeriodicSite

from crysim.crystal import remembering_matcher
from crysim.crystal.matching import paper_matcher, strict_matcher
from crysim.crystal.remembering_matcher import RememberingMatcher
from crysim.harness.systems import find_system


def structures() -> list[Structure]:
    """A reference, shaken, strained, in a supercell and with its elements exchanged."""
    found = find_system("Li4Zr4O8").reference
    assert found is not None
    one = found.to_structure()
    rng = np.random.default_rng(0)
    made = [one]
    for length in (0.01, 0.1, 0.4):
        moved = rng.normal(0.0, length / 10, size=one.frac_coords.shape)
        made.append(Structure(one.lattice, one.species, one.frac_coords + moved))
    made.append(one.copy().apply_strain(0.04))
    made.append(one.copy().make_supercell([1, 1, 2]))
    made.append(one.copy().replace_species({"Li": "Zr", "Zr": "Li"}))
    return made


@pytest.mark.parametrize("make", [paper_matcher, strict_matcher])
def test_answers_are_those_of_pymatgen(make: Callable[[], StructureMatcher]) -> None:
    ours = make()
    options = {"stol": ours.stol, "ltol": ours.ltol, "angle_tol": ours.angle_tol}
    answers = []
    for first in structures():
        for second in structures():
            theirs = StructureMatcher(**options).get_rms_dist(first, second)
            assert ours.get_rms_dist(first, second) == theirs
            answers.append(theirs is None)
    assert any(answers)
    assert not all(answers)


def test_what_was_reduced_is_not_looked_for_atom_by_atom(monkeypatch: pytest.MonkeyPatch) -> None:
    matcher = paper_matcher()
    reference, *others = structures()
    before = matcher.get_rms_dist(reference, others[0])
    assert before is not None
    compared: list[PeriodicSite] = []
    equal = PeriodicSite.__eq__

    def counted(self: PeriodicSite, other: object) -> bool:
        compared.append(self)
        return bool(equal(self, other))

    monkeypatch.setattr(PeriodicSite, "__eq__", counted)
    assert matcher.get_rms_dist(reference, others[0]) == before
    assert not compared


def test_so_many_are_kept_and_the_last_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembering_matcher, "MOST", 2)
    matcher = RememberingMatcher()
    reference, *others = structures()
    for other in others:
        matcher.get_rms_dist(reference, other)
        assert len(matcher._reduced) == 2
    assert any(key[1] == reference.frac_coords.tobytes() for key in matcher._reduced)
