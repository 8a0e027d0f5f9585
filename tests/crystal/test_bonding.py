"""What holds together in three directions, and what does not."""

from __future__ import annotations

import numpy as np
import pytest

from crysim.composition import Composition
from crysim.crystal import Crystal
from crysim.crystal.bonding import dimensions, is_bound, why_unbound
from crysim.crystal.validity import closeness, find_fault, too_close
from crysim.harness.spec import RunSettings
from crysim.harness.trials import classify
from crysim.interfaces import Candidate, Frame, Relaxation, RelaxStatus, TrialStatus

GRAPHITE = [("C", 0, 0, 0.25), ("C", 0, 0, 0.75), ("C", 1 / 3, 2 / 3, 0.25), ("C", 2 / 3, 1 / 3, 0.75)]


def crystal(cell: tuple[float, ...], sites: list[tuple[str, float, float, float]]) -> Crystal:
    """A crystal in P1."""
    from crysim.symmetry.cells import lattice_from_cell

    species = [site[0] for site in sites]
    elements = tuple(dict.fromkeys(species))
    composition = Composition(elements, tuple(species.count(e) for e in elements))
    return Crystal.from_p1(composition, lattice_from_cell(cell), species, [site[1:] for site in sites])


def cube(a: float, sites: list[tuple[str, float, float, float]]) -> Crystal:
    return crystal((a, a, a, 90.0, 90.0, 90.0), sites)


def test_rock_salt_is_bound_also_in_its_primitive_cell() -> None:
    primitive = crystal((3.99, 3.99, 3.99, 60.0, 60.0, 60.0), [("Na", 0, 0, 0), ("Cl", 0.5, 0.5, 0.5)])
    assert dimensions(primitive) == (3,)
    assert why_unbound(primitive) is None


@pytest.mark.parametrize(("cell", "expected"), [((9.0, 9.0, 9.0), 0), ((3.0, 9.0, 9.0), 1), ((3.0, 3.0, 9.0), 2)])
def test_an_atom_a_chain_and_a_sheet_in_vacuum_have_dimension_0_1_and_2(
    cell: tuple[float, float, float], expected: int
) -> None:
    assert dimensions(crystal((*cell, 90.0, 90.0, 90.0), [("Cu", 0.1, 0.2, 0.3)])) == (expected,)


def test_a_molecule_that_crosses_the_cell_s_face_is_still_a_molecule() -> None:
    assert dimensions(cube(10.0, [("O", 0.95, 0, 0), ("O", 0.07, 0, 0)])) == (0,)


def test_a_chain_whose_vectors_are_multiples_of_one_another_stays_a_chain() -> None:
    # neighbours 1, 2, 3 and 4 cells away are linked, all along one line
    assert dimensions(crystal((1.2, 9.0, 9.0, 90.0, 90.0, 90.0), [("H", 0, 0, 0)])) == (1,)


def test_a_helix_through_a_diagonal_of_the_cell_is_one_chain() -> None:
    # cells as flat as this have their near images many cells away
    lattice = np.array([[9.0, 0.0, 0.0], [0.0, 9.0, 0.0], [9.0, 9.0, 3.0]])
    chain = Crystal.from_p1(Composition.from_formula("Cu"), lattice, ["Cu"], [[0.0, 0.0, 0.0]])
    assert dimensions(chain) == (1,)
    assert dimensions(Crystal.from_p1(chain.composition, lattice * [1, 1, 0.5], ["Cu"], [[0, 0, 0]]), 8.9) == (1,)


def test_graphite_at_its_spacing_is_bound_and_sheets_beyond_the_cut_off_are_not() -> None:
    at = crystal((2.46, 2.46, 6.70, 90.0, 90.0, 120.0), GRAPHITE)
    apart = crystal((2.46, 2.46, 11.2, 90.0, 90.0, 120.0), GRAPHITE)
    assert is_bound(at)
    assert dimensions(apart) == (2, 2)
    assert why_unbound(apart) == "separate sheets: no atom of another is within 5 Å"
    assert is_bound(apart, 6.0)


def test_two_nets_through_each_other_are_bound_though_no_link_joins_them() -> None:
    nets = cube(2.5, [("Cu", 0, 0, 0), ("Ag", 0.5, 0.5, 0.5)])  # 2.17 Å from one to the other, 2.5 Å within each
    assert dimensions(nets, 2.6) == (3,)
    apart = cube(6.0, [("Cu", x, y, z) for x, y, z in _net(0.0)] + [("Ag", x, y, z) for x, y, z in _net(0.5)])
    assert dimensions(apart, 2.1) == (3, 3)
    assert is_bound(apart, 2.1)


def test_a_molecule_alone_in_a_cage_of_a_net_is_unbound() -> None:
    caged = cube(9.0, [("Cu", k / 4, 0, 0) for k in range(4)] + [("Cu", 0, k / 4, 0) for k in range(1, 4)]
                 + [("Cu", 0, 0, k / 4) for k in range(1, 4)] + [("Ar", 0.5, 0.5, 0.5)])  # fmt: skip
    assert dimensions(caged, 2.5) == (0, 3)
    assert not is_bound(caged, 2.5)


def test_dimensions_do_not_depend_on_the_cell() -> None:
    pytest.importorskip("pymatgen")
    rng = np.random.default_rng(4)
    for _ in range(20):
        sites = [("Cu", *rng.random(3)) for _ in range(4)]
        lengths = rng.uniform(3.0, 9.0, 3)
        first = crystal((*lengths, *rng.uniform(70.0, 110.0, 3)), sites)
        other = first.to_structure()
        other.make_supercell([[1, 1, 0], [0, 1, 0], [0, -3, 1]])  # another cell of one lattice
        other = Crystal.from_p1(first.composition, other.lattice.matrix, ["Cu"] * 4, other.frac_coords)
        for cutoff in (2.5, 4.0, 6.0):
            assert dimensions(first, cutoff) == dimensions(other, cutoff)


def test_faults_are_named() -> None:
    rock_salt = [("Na", 0, 0, 0), ("Cl", 0.5, 0.5, 0.5)]
    lattice = (60.0, 60.0, 60.0)
    assert find_fault(crystal((3.99, 3.99, 3.99, *lattice), rock_salt), 5.0) is None
    assert find_fault(crystal((12.0, 12.0, 12.0, *lattice), rock_salt), 5.0)[0] == "exploded"  # type: ignore[index]
    assert find_fault(crystal((1.6, 1.6, 1.6, *lattice), rock_salt), 5.0)[0] == "collapsed"  # type: ignore[index]
    found = find_fault(crystal((2.46, 2.46, 11.2, 90.0, 90.0, 120.0), GRAPHITE), 5.0)
    assert found == ("unbound", "separate sheets: no atom of another is within 5 Å")


def _net(shift: float) -> list[tuple[float, float, float]]:
    """A primitive cubic net of period 1 with two more atoms on every edge."""
    points = [(0.0, 0.0, 0.0)]
    for axis in range(3):
        for k in (1, 2):
            point = [0.0, 0.0, 0.0]
            point[axis] = k / 3
            points.append((point[0], point[1], point[2]))
    return [(x + shift, y + shift, z + shift) for x, y, z in points]


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (crystal((2.46, 2.46, 6.71, 90.0, 90.0, 120.0), GRAPHITE), 1.42 / 1.52),
        (cube(10.0, [("N", 0, 0, 0), ("N", 0.11, 0, 0)]), 1.10 / 1.42),
        (cube(10.0, [("Cu", 0, 0, 0)]), 1.0),  # nothing is near
    ],
)
def test_closeness_is_the_shortest_distance_by_the_atoms_size(known: Crystal, expected: float) -> None:
    assert closeness(known) == pytest.approx(expected, abs=0.005)


def brucite(bond: float, element: str = "H") -> Crystal:
    """Mg(OH)2 with that distance (Å) between oxygen and hydrogen, or another element."""
    c = 4.77
    oxygen, other = 0.22, 0.22 + bond / c
    sites = [("Mg", 0, 0, 0), ("O", 1 / 3, 2 / 3, oxygen), ("O", 2 / 3, 1 / 3, -oxygen)]
    sites += [(element, 1 / 3, 2 / 3, other), (element, 2 / 3, 1 / 3, -other)]
    return crystal((3.14, 3.14, c, 90.0, 90.0, 120.0), sites)


@pytest.mark.parametrize(
    ("bond", "element", "expected"),
    [(0.96, "H", None), (0.71, "H", None), (0.65, "H", (0.65, 0.7)), (0.96, "F", (0.96, 1.0)), (1.01, "F", None)],
)
def test_a_bond_of_hydrogen_is_not_too_close(bond: float, element: str, expected: tuple[float, float] | None) -> None:
    found = too_close(brucite(bond, element), 1.0)
    assert found == (None if expected is None else pytest.approx(expected, abs=1e-6))


@pytest.mark.parametrize(("bond", "status"), [(0.96, TrialStatus.RELAXED), (0.6, TrialStatus.TOO_CLOSE)])
def test_a_hydroxide_counts(bond: float, status: TrialStatus) -> None:
    end = brucite(bond)
    relaxation = Relaxation(RelaxStatus.RELAXED, end, -1.0, 1, 1, 0.0, (Frame(end, -1.0),))
    trial = classify(0, Candidate(end), relaxation, RunSettings().min_relaxed_distance, 5.0)
    assert trial.status is status
    assert trial.reason == ("" if trial.counted else "a pair of atoms at 0.60 Å, under 0.7 Å")
