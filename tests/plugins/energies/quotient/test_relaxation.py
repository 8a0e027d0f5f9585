"""Batched relaxation on the quotient graph: the right minima, the criterion of ASE, and no crystal harms another."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("matgl")

import itertools

import torch

from crysim.composition import Composition
from crysim.crystal import Crystal, Site
from crysim.crystal.generation import RandomGenerator
from crysim.interfaces import RelaxSettings, RelaxStatus
from crysim_energies.matgl_loading import M3GNetPotential, load_m3gnet
from crysim_energies.quotient.model import quotient_energies, quotient_relax
from crysim_energies.quotient.networks.m3gnet import QuotientM3GNet
from crysim_energies.quotient.relaxation.relax import Relaxer
from crysim_energies.quotient.relaxation.saddle_points import without_symmetry

CAS = Composition.from_formula("Ca4S4")
GARNET = Composition.from_formula("Ca24Al16Si24O96")


@pytest.fixture(scope="module")
def potential(checkpoint) -> M3GNetPotential:
    return load_m3gnet(checkpoint)


@pytest.fixture(scope="module")
def network(potential) -> QuotientM3GNet:
    return QuotientM3GNet(potential)


@pytest.fixture(scope="module")
def random_crystals() -> list[Crystal]:
    return RandomGenerator(CAS).sample(12, np.random.default_rng(3))


def rock_salt(length: float) -> Crystal:
    last = 11  # 4a; 4b stands before it
    return Crystal(CAS, 225, (length, length, length, 90, 90, 90), (Site("Ca", last), Site("S", last - 1)))


def garnet(length: float) -> Crystal:
    """Grossular near its place: Ca 24c, Al 16a, Si 24d, O 96h (Novak & Gibbs, Am. Mineral. 56, 791 (1971))."""
    letters = {"Ca": "c", "Al": "a", "Si": "d", "O": "h"}
    from crysim.symmetry import space_group

    group = space_group(230)
    sites = []
    for element, letter in letters.items():
        position = group.position_by_letter(letter)
        free = (0.0382, 0.0457, 0.6512) if element == "O" else ()
        sites.append(Site(element, position, free))
    return Crystal(GARNET, 230, (length, length, length, 90, 90, 90), tuple(sites))


def test_known_minima(network):
    results = quotient_relax(network, [rock_salt(6.0), garnet(12.1)], RelaxSettings(symmetry="keep"))
    assert [r.status for r in results] == [RelaxStatus.RELAXED] * 2
    assert [r.crystal.space_group for r in results] == [225, 230]
    # the paper's estimated stable energies, tables S1 and S7
    assert results[0].energy == pytest.approx(-41.59, abs=0.01)
    assert results[1].energy == pytest.approx(-1197.59, abs=0.02)
    assert all(r.steps <= 30 for r in results)


def test_the_criterion_is_ase_s(network, potential, random_crystals):
    """A crystal converged here is converged for ASE's Frechet filter on matgl's own model, and has the same energy."""
    from ase.filters import FrechetCellFilter

    from crysim_energies.ase_relaxation import atoms_of
    from crysim_energies.torch_calculators import M3GNetCalculator

    settings = RelaxSettings(fmax=0.02)
    compared = 0
    for track in Relaxer(network, settings, 6000).within_groups(random_crystals[:6]):
        if not track.converged:
            continue
        atoms = atoms_of(track.unit.to_crystal(track.path[-1][0]))
        atoms.calc = M3GNetCalculator(potential)
        largest = np.linalg.norm(FrechetCellFilter(atoms).get_forces(), axis=1).max()
        assert largest == pytest.approx(track.max_force, rel=0.02, abs=2e-4)
        assert atoms.get_potential_energy() == pytest.approx(track.path[-1][1], abs=2e-4)
        compared += 1
    assert compared >= 3


def test_the_path_descends_within_the_group(network, random_crystals):
    results = quotient_relax(network, random_crystals, RelaxSettings(num_frames=5, symmetry="keep"))
    assert sum(r.status is RelaxStatus.RELAXED for r in results) >= 8
    for crystal, result in zip(random_crystals, results, strict=True):
        if result.status is RelaxStatus.FAILED:
            assert result.reason
            continue
        assert 1 <= len(result.frames) <= 5
        energies = [frame.energy for frame in result.frames]
        assert all(b <= a + 1e-6 for a, b in itertools.pairwise(energies))
        assert energies[-1] == result.energy
        assert {frame.crystal.space_group for frame in result.frames} == {crystal.space_group}
        np.testing.assert_allclose(
            quotient_energies(network, [frame.crystal for frame in result.frames]), energies, atol=1e-4
        )


def test_a_batch_does_to_each_what_it_would_do_alone(network, random_crystals):
    """Bit for bit it cannot, as sums are taken in another order; the ways differ by rounding only at first."""
    settings = RelaxSettings(max_steps=4)
    together = Relaxer(network, settings, 6000).within_groups(random_crystals)
    alone = [Relaxer(network, settings, 6000).within_groups([crystal])[0] for crystal in random_crystals]
    split = Relaxer(network, settings, 1).within_groups(random_crystals)
    for track, other, third in zip(together, alone, split, strict=True):
        assert track.failed == other.failed == third.failed
        for (_, energy), (_, same), (_, again) in zip(track.path, other.path, third.path, strict=True):
            assert same == pytest.approx(energy, abs=1e-4)
            assert again == pytest.approx(energy, abs=1e-4)


def test_one_bad_crystal_does_not_stop_the_others(network):
    noble = Composition.from_formula("At4S4")
    unknown = Crystal(noble, 225, (6, 6, 6, 90, 90, 90), (Site("At", 11), Site("S", 10)))
    coincident = without_symmetry(rock_salt(5.8))
    sites = (*coincident.sites[:-1], Site("S", 0, coincident.sites[-2].free))
    coincident = Crystal(CAS, 1, coincident.cell, sites)
    crystals = [unknown, rock_salt(30.0), coincident, rock_salt(0.5), rock_salt(5.8)]
    results = quotient_relax(network, crystals, RelaxSettings(symmetry="keep"))
    assert [r.status for r in results] == [RelaxStatus.FAILED] * 4 + [RelaxStatus.RELAXED]
    assert "At" in results[0].reason
    assert "no two atoms are within 5 Å" in results[1].reason
    assert all(r.reason and r.crystal is None and r.energy is None for r in results[:4])
    energies = quotient_energies(network, crystals)
    assert np.isnan(energies[[0, 2]]).all()
    assert np.isfinite(energies[4])


def test_pressure(network):
    free, pressed = (
        quotient_relax(network, [rock_salt(5.8)], RelaxSettings(pressure=p, symmetry="keep"))[0] for p in (0.0, 10.0)
    )
    assert pressed.crystal.volume < free.crystal.volume
    (internal,) = quotient_energies(network, [pressed.crystal])
    assert pressed.energy == pytest.approx(internal + 10.0 / 160.21766208 * pressed.crystal.volume, abs=1e-4)


def test_limits(network, random_crystals):
    crystal = random_crystals[2]
    stopped = quotient_relax(network, [crystal], RelaxSettings(max_steps=1, fmax=1e-6, symmetry="keep"))[0]
    assert stopped.status is RelaxStatus.NOT_CONVERGED
    assert stopped.steps == 1
    assert "is left after 1 steps" in stopped.reason
    late = quotient_relax(network, [crystal], RelaxSettings(timeout=1e-9, symmetry="keep"))[0]
    assert late.status is RelaxStatus.FAILED
    assert "time-out" in late.reason


def test_release_and_polish_go_down_from_a_saddle_point(network):
    """Caesium-chloride CaS at its own minimum is no minimum once every atom is free."""
    composition = Composition.from_formula("Ca2S2")
    from crysim.symmetry import space_group

    group = space_group(221)
    # a doubled cell, so that more than the primitive cell's atoms are free: two positions per element in Pm-3m
    a, b = group.position_by_letter("a"), group.position_by_letter("b")
    single = Crystal(Composition.from_formula("CaS"), 221, (3.5, 3.5, 3.5, 90, 90, 90), (Site("Ca", a), Site("S", b)))
    doubled = Crystal.from_p1(
        composition,
        single.lattice * np.array([[1], [1], [2]]),
        ("Ca", "Ca", "S", "S"),
        [[0, 0, 0], [0, 0, 0.5], [0.5, 0.5, 0.25], [0.5, 0.5, 0.75]],
    )
    kept = quotient_relax(network, [single], RelaxSettings(symmetry="keep"))[0]
    released = quotient_relax(network, [doubled], RelaxSettings(symmetry="release"))[0]
    polished = quotient_relax(network, [single], RelaxSettings(symmetry="polish"))[0]
    assert released.energy <= 2 * kept.energy + 1e-3
    assert polished.energy <= kept.energy + 1e-6


def test_devices_and_precisions(potential, random_crystals):
    double = QuotientM3GNet(potential, torch.float64)
    single = QuotientM3GNet(potential)
    np.testing.assert_allclose(
        quotient_energies(single, random_crystals), quotient_energies(double, random_crystals), atol=1e-4
    )
