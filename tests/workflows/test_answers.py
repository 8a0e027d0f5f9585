"""The answers of a search: of several copies of one crystal, the one that shows what it is."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from crysim.crystal import Crystal
from crysim.crystal.structure_types import structure_types
from crysim.harness.budgets import Spent
from crysim.interfaces import Candidate, Relaxation, RelaxStatus, Trial, TrialStatus
from crysim.workflows.answers import TELLS_APART, answer_table, find_answers


def halite(shift: float = 0.0, edge: float = 5.6) -> Crystal:
    """Rock salt, in P1 with a chlorine atom out of its place by some ångström."""
    structure = Structure.from_spacegroup("Fm-3m", Lattice.cubic(edge), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    if not shift:
        return Crystal.from_structure(structure)
    moved = structure.copy()
    moved.translate_sites([4], np.array([1.0, 0.3, 0.1]) * shift, frac_coords=False)
    species = [site.specie.symbol for site in moved]
    composition = Crystal.from_structure(structure).composition
    return Crystal.from_p1(composition, moved.lattice.matrix, species, moved.frac_coords)


def polar(*shift: float) -> Crystal:
    """Rock salt whose chlorine is shifted by so many ångström along each axis."""
    structure = halite().to_structure()
    chlorine = [i for i, site in enumerate(structure) if site.specie.symbol == "Cl"]
    structure.translate_sites(chlorine, np.array(shift) / 5.6)
    return Crystal.from_structure(structure)


def records(*ends: tuple[Crystal, float]) -> Any:
    """One run whose relaxations ended in crystals of these energies, eV per atom."""
    trials = []
    for number, (crystal, per_atom) in enumerate(ends):
        energy = per_atom * crystal.num_atoms
        relaxation = Relaxation(RelaxStatus.RELAXED, crystal, energy, 1, 1, 0.0)
        trials.append(Trial(number, Candidate(crystal), relaxation, TrialStatus.RELAXED, ""))
    return [SimpleNamespace(trials=trials, spent=Spent().plus(trials))]


@pytest.mark.parametrize(("apart", "unbroken"), [(0.5 * TELLS_APART, True), (2 * TELLS_APART, False)])
def test_a_copy_as_low_with_its_symmetry_unbroken_is_shown(apart: float, unbroken: bool) -> None:
    """Farther up, another copy says nothing of the one that is lower."""
    (answer,) = find_answers(records((halite(0.03), -3.0 - apart), (halite(), -3.0)), top=5).best
    assert answer.identity.space_group == 225
    assert (answer.identity.tight_space_group == 225) == unbroken
    assert answer.energy_per_atom == pytest.approx(-3.0 - apart)
    assert (answer.times_found, answer.first_found, answer.trial.number) == (2, 1, 0)


def test_where_no_copy_has_it_the_tight_group_is_told() -> None:
    (answer,) = find_answers(records((halite(0.03), -3.0005), (halite(0.035), -3.0)), top=5).best
    assert answer.identity.space_group == 225
    assert answer.identity.tight_space_group < 225


def test_a_copy_with_its_symmetry_unbroken_is_found_behind_many_that_noise_put_below_it() -> None:
    noisy = [(halite(0.03 + 0.0001 * i), -3.0005 + 0.00001 * i) for i in range(30)]
    (answer,) = find_answers(records(*noisy, (halite(), -3.0), (halite(0.02), -2.9999)), top=5).best
    assert (answer.times_found, answer.identity.space_group, answer.identity.tight_space_group) == (32, 225, 225)


def test_a_distortion_by_which_the_potential_gains_nothing_that_it_can_tell_is_not_shown() -> None:
    """CHGNet's perovskite CaTiO3 came out as Pna2_1, 0.1 meV/atom below the Pnma that it was found as three times."""
    distorted = polar(0.0, 0.0, 0.25)
    (alone,) = find_answers(records((distorted, -3.0002)), top=5).best
    (answer,) = find_answers(records((distorted, -3.0002), (halite(), -3.0)), top=5).best
    assert (distorted.space_group, alone.identity.space_group) == (107, 107)
    assert (answer.identity.space_group, answer.times_found) == (225, 2)
    assert answer.energy_per_atom == pytest.approx(-3.0002)


def test_rows_whose_most_symmetric_copies_are_one_crystal_are_one_row() -> None:
    """La2O3 stood twice in a table as P-3m1 at one energy: its rows began with a distorted copy and a symmetric one."""
    ends = [(halite(), -3.0), (halite(0.05, edge=5.7), -2.9995), (halite(edge=5.684), -2.9990)]
    apart = find_answers(records(*ends[:2]), top=5)
    assert (len(apart.best), apart.num_distinct) == (2, 2), "their volumes differ by over 5 %"
    together = find_answers(records(*ends), top=5)
    assert (len(together.best), together.num_distinct) == (1, 1)
    (answer,) = together.best
    assert (answer.identity.space_group, answer.times_found, answer.first_found) == (225, 3, 1)


@pytest.mark.parametrize("top", [1, 5])
def test_of_rows_that_are_one_the_most_symmetric_copy_is_shown_however_many_are_asked_for(top: int) -> None:
    """Cs2AgBiBr6 stood in a table as I4/mmm, and its elpasolite in a row of its own behind the last that was shown."""
    ends = [(polar(0.0, 0.4, 0.8), -3.0006), (polar(0.0, 0.0, 0.45), -3.0003), (halite(), -3.0)]
    assert len(find_answers(records(ends[0], ends[2]), top=5).best) == 2, "too far from each other"
    (answer,) = find_answers(records(*ends), top=top).best
    assert (answer.identity.space_group, answer.times_found) == (225, 3)
    assert answer.energy_per_atom == pytest.approx(-3.0006)


@pytest.mark.parametrize(
    ("edge", "energies", "said"),
    [
        (3.6, (-3.0, -2.9, -2.5), ""),
        (3.6, (-4.0, -3.9, -2.5), "ranks 1 to 2 lie 1.4 eV/atom below the next, with bonds of 1.80 Å"),
        (3.6, (-4.0, -3.0, -2.0), "rank 1 lies 1.0 eV/atom below the next, with bonds of 1.80 Å"),
        (5.6, (-4.0, -3.0, -2.0), ""),  # as far apart, but with the bonds of rock salt
    ],
)
def test_crystals_far_below_all_others_with_atoms_too_close_are_told_of(
    edge: float, energies: tuple[float, ...], said: str, tmp_path: Path
) -> None:
    pairs = [(halite(edge=edge + 0.5 * place), energy) for place, energy in enumerate(energies)]
    answers = find_answers(records(*pairs), top=5)
    files = [tmp_path / f"{place}.cif" for place in range(len(answers.best))]
    notes = answer_table(answers, files, title="NaCl", matcher=None, pressure=0.0).notes
    assert len(answers.best) == len(energies)
    found = [note for note in notes if "hole" in note]
    assert len(found) == bool(said)
    assert not said or found[0].startswith(said)


def pictured(name: str, *, group: int, apart: float) -> tuple[Crystal, float]:
    """A crystal that stands for others: rock salt of its own size, or one of its distortions."""
    structure = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.6), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    if name == "layered":
        structure = Structure.from_spacegroup("P6_3/mmc", Lattice.hexagonal(4.0, 6.5), ["Na", "Cl"],
                                              [[0, 0, 0], [1 / 3, 2 / 3, 0.25]])  # fmt: skip
    if name == "ordered":
        structure = Structure.from_spacegroup("P4/nmm", Lattice.tetragonal(4.0, 5.5), ["Na", "Cl"],
                                              [[0, 0, 0], [0, 0.5, 0.4]])  # fmt: skip
    crystal = Crystal.from_structure(structure)
    assert crystal.space_group == group
    return crystal, -3.0 + apart


def test_of_crystals_that_the_potential_does_not_tell_apart_the_simplest_is_first(tmp_path: Path) -> None:
    pairs = [
        pictured("ordered", group=129, apart=0.0),
        pictured("layered", group=194, apart=0.4 * TELLS_APART),
        pictured("", group=225, apart=0.8 * TELLS_APART),
    ]
    answers = find_answers(records(*pairs), top=5)
    assert [one.identity.space_group for one in answers.best] == [225, 194, 129]
    table = answer_table(answers, [tmp_path] * 3, title="NaCl", matcher=None, pressure=0.0)
    above = [row["above_best"] for row in table.rows]
    assert above == pytest.approx([0.8 * TELLS_APART, 0.4 * TELLS_APART, 0.0])
    assert any("the smallest asymmetric unit first" in note for note in table.notes)
    farther = [(crystal, energy + 2 * place * TELLS_APART) for place, (crystal, energy) in enumerate(pairs)]
    apart = find_answers(records(*farther), top=5).best
    assert [one.identity.space_group for one in apart] == [129, 194, 225], "else by energy"


def test_of_stackings_that_the_potential_does_not_tell_apart_the_shortest_is_first() -> None:
    """Both of one point group, so that symmetry alone would leave the longer one first."""
    pairs = []
    for place, label in enumerate(("AB_hP8_186_ab_ab", "AB_hP4_186_b_b")):
        structure = next(one for one in structure_types() if one.label == label).structure.copy()
        first, second = (str(element) for element in structure.composition.elements)
        structure.replace_species({first: "Si", second: "C"})
        structure.scale_lattice(10.35 * len(structure))
        pairs.append((Crystal.from_structure(structure, 0.1), -7.0 + 0.4 * place * TELLS_APART))
    assert [one.crystal.num_atoms for one in find_answers(records(*pairs), top=5).best] == [4, 8]
