"""The forty crystals: their data, and what a table says of searches made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from crysim.analysis.forty import LOWER, Searched, Truth, first_visit, forty_crystals, forty_table, totals
from crysim.composition import Composition
from crysim.crystal import Crystal, Site
from crysim.crystal.identify import find_space_group
from crysim.crystal.matching import ReferenceMatcher
from crysim.harness.journal import RunRecord
from crysim.harness.systems import builtin_systems
from crysim.interfaces import Candidate, Relaxation, RelaxStatus, Trial, TrialStatus
from crysim.symmetry import space_group

UNITS, MAX_ATOMS = (1, 2, 3, 4), 84
KEPT_NOT = {"LiPF6", "LiBF4", "GeH4"}
FORTY = forty_crystals()


def test_forty_truths_of_which_37_are_reachable_with_four_units_and_84_atoms() -> None:
    assert len(FORTY) == 40
    missing = {name for name, truth in FORTY.items() if not truth.reachable(UNITS, MAX_ATOMS)}
    assert missing == {"ZnSb", "Cd3As2", "Ca14MnSb11"}
    assert {name for name, truth in FORTY.items() if not truth.kept} == KEPT_NOT
    atoms = [truth.crystal.num_primitive_atoms for truth in FORTY.values()]
    assert atoms == sorted(atoms)


@pytest.mark.parametrize("formula", FORTY)
def test_a_truth_is_the_crystal_that_it_is_said_to_be(formula: str) -> None:
    truth = FORTY[formula]
    crystal, unit = truth.crystal, Composition.from_formula(formula)
    assert crystal.composition.reduced_formula == unit.reduced_formula
    assert crystal.num_primitive_atoms == truth.units * unit.num_atoms
    assert len(crystal.to_structure().get_primitive_structure(0.01)) == crystal.num_primitive_atoms
    assert crystal.min_distance() > 0.9
    found = find_space_group(crystal.to_structure(), 1e-4)
    assert found == crystal.space_group
    assert truth.space_group == {"LiBF4": 152}.get(formula, crystal.space_group)
    matcher = ReferenceMatcher(crystal)
    assert matcher.match(crystal).strict
    assert matcher.match(crystal.to_p1()).strict  # the tilts of SrTiO3 are under what pymatgen's reduction heeds
    ((weights, energy),) = truth.system.energies
    assert -10 < energy / crystal.num_atoms < -2
    assert {weights} == {key for system in builtin_systems().values() for key, _ in system.energies}


def cube(element: str, length: float, number: int = 221) -> Crystal:
    """A crystal of one element at the origin of a cubic cell."""
    letters = space_group(number)
    site = Site(element, letters.position_by_letter("a"))
    composition = Composition((element,), (letters.centring_factor,))
    return Crystal(composition, number, (length, length, length, 90.0, 90.0, 90.0), (site,))


End = tuple[Crystal | None, float, TrialStatus]
"""How a relaxation ended: crystal, eV/atom, status."""


def trial(number: int, crystal: Crystal | None, per_atom: float, status: TrialStatus) -> Trial:
    ended = RelaxStatus.FAILED if crystal is None else RelaxStatus.RELAXED
    energy = None if crystal is None else per_atom * crystal.num_atoms
    relaxation = Relaxation(ended, crystal, energy, 1, 1, None, seconds=1.0)
    return Trial(number, Candidate(crystal or OTHER, seconds={"screen": 0.5}), relaxation, status)


def searched(ends: Sequence[End], truth: Truth, energy: float | None = -5.0, waiting: int = 0) -> Searched:
    """A search whose relaxations ended so, in two runs, with some still to come."""
    trials = [trial(number, *end) for number, end in enumerate(ends)]
    half = len(trials) // 2
    records = [RunRecord(Path("run"), {}, tuple(some)) for some in (trials[:half], trials[half:])]
    return Searched(truth, 0, True, energy, len(ends) + waiting, records)


SILICON = FORTY["Si"]
OTHER = cube("Si", 2.6)
SAME = SILICON.crystal.with_parameters([5.44] * 3 + [90.0] * 3, [() for _ in SILICON.crystal.sites])
RELAXED, CLOSE = TrialStatus.RELAXED, TrialStatus.TOO_CLOSE


def test_the_first_visit_is_counted_over_all_runs_and_may_have_another_cell() -> None:
    ends = [(OTHER, -4.0, RELAXED), (None, 0.0, TrialStatus.FAILED), (SAME, -5.0, RELAXED), (SAME, -5.0, RELAXED)]
    row = searched(ends, SILICON).row()
    assert (row["visited"], row["first"], row["lower"], row["relaxations"]) == (True, 3, False, 4)
    assert (row["above_truth"], row["seconds"]) == (0.0, 6.0)
    assert (row["z"], row["atoms"], row["space_group"]) == (2, 2, "Fd-3m (227)")
    assert first_visit(SILICON.crystal, [trial(0, SILICON.crystal.to_p1(), -5.0, RELAXED)]) == 1


def test_what_does_not_count_is_not_something_lower() -> None:
    low = -5.0 - 2 * LOWER
    row = searched([(OTHER, low, CLOSE), (OTHER, -4.9, RELAXED)], SILICON).row()
    assert (row["visited"], row["first"], row["lower"]) == (False, None, False)
    assert row["above_truth"] == pytest.approx(100.0)
    assert searched([(OTHER, low, RELAXED)], SILICON).row()["lower"] is True
    assert searched([(OTHER, -5.0 - LOWER / 2, RELAXED)], SILICON).row()["lower"] is False


def test_what_is_unknown_is_empty() -> None:
    unknown = searched([(OTHER, -4.0, RELAXED)], SILICON, energy=None).row()
    assert (unknown["visited"], unknown["lower"], unknown["above_truth"]) == (False, None, None)
    failed = searched([(None, 0.0, TrialStatus.FAILED)], SILICON).row()
    assert (failed["visited"], failed["above_truth"], failed["relaxations"]) == (False, None, 1)


def test_what_a_search_that_is_not_complete_has_not_found_is_open() -> None:
    begun = searched([(OTHER, -4.0, RELAXED)], SILICON, waiting=1).row()
    assert (begun["visited"], begun["lower"]) == (None, None)
    found = searched([(SAME, -5.0, RELAXED), (OTHER, -5.1, RELAXED)], SILICON, waiting=1).row()
    assert (found["visited"], found["first"], found["lower"]) == (True, 1, True)
    assert searched([], SILICON, waiting=4).row()["visited"] is None


def test_totals_say_of_how_many() -> None:
    hit, miss = (SAME, -5.0, RELAXED), (OTHER, -4.0, RELAXED)
    beyond = Searched(FORTY["ZnSb"], 0, False, -5.0, 1, searched([miss], SILICON).records)
    table = forty_table([searched([hit], SILICON), beyond, searched([], SILICON, waiting=4)], "title", ["cut"])
    text = totals(table.rows)
    assert text == (
        "in all: 3 searches, 2 truths reachable; visited 1 of 2, 1 of 1 that are reachable, "
        "1 of 1 that are reachable and kept; something lower than the truth was found in 0 of 2; "
        "not complete, and without a visit so far: 1"
    )
    assert table.notes[:2] == (text, "cut")
    assert "| Si | 0 | 2 | 2 | Fd-3m (227) | yes | yes | yes | 1 | no | 0.0 | 1 | 2 |" in table.to_markdown()


def test_of_the_truths_only_the_sheets_of_carbon_do_not_hold_together() -> None:
    rows = [Searched(truth, 0, True, None, 1, []) for truth in FORTY.values()]
    faults = [note for note in forty_table(rows, "title", []).notes if "is no answer of a search" in note]
    (carbon,) = faults
    assert carbon.startswith("C: the truth is itself unbound (separate sheets: no atom of another is within 5 Å)")
