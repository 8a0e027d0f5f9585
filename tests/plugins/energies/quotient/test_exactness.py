"""Energy, forces and stress of the quotient graph are those of matgl's full graph."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("matgl")

import torch
from matgl.ext.pymatgen import Structure2Graph

from crysim.crystal import Crystal
from crysim.symmetry import CRYSTAL_SYSTEMS
from crysim_energies.matgl_loading import M3GNetPotential, load_m3gnet
from crysim_energies.quotient.geometry.asymmetric import AsymmetricUnit
from crysim_energies.quotient.networks.m3gnet import QuotientM3GNet
from crysim_energies.quotient.relaxation.batch import Batch
from crysim_energies.quotient.relaxation.saddle_points import without_symmetry

from .crystals import crystals_of_many_groups, forces_and_stress, on_special_positions


@pytest.fixture(scope="module", params=["destination", "source"])
def potential(request, checkpoint) -> M3GNetPotential:
    """The checkpoint with either convention, in float64: what matters is that both sides follow the same."""
    loaded = load_m3gnet(replace(checkpoint, convention=request.param))
    loaded.potential.double()
    return loaded


@pytest.fixture(scope="module")
def crystals() -> list[Crystal]:
    return crystals_of_many_groups(range(1, 231, 2))


def full_graph(potential: M3GNetPotential, crystal: Crystal) -> tuple[float, np.ndarray, np.ndarray]:
    """matgl's energy (eV), forces (eV/Å) and stress (eV/Å³) of a crystal, in float64."""
    graph, _, _ = Structure2Graph(potential.element_types, potential.cutoff).get_graph(crystal.to_structure())
    graph.frac_coords = torch.tensor(crystal.frac_coords)
    energy, forces, stress, _ = potential.potential(graph, torch.tensor(crystal.lattice)[None])
    return float(energy.detach()), forces.detach().numpy(), stress.detach().numpy() / 160.21766208


def test_the_crystals_cover_the_groups(crystals):
    groups = {crystal.space_group for crystal in crystals}
    assert len(groups) >= 60
    assert {crystal.system for crystal in crystals} == set(CRYSTAL_SYSTEMS)
    assert sum(on_special_positions(crystal) for crystal in crystals) >= 40


def test_equals_the_full_graph(potential, crystals):
    network = QuotientM3GNet(potential, torch.float64)
    units = [AsymmetricUnit(crystal, network.max_l) for crystal in crystals]
    starts = [unit.start() for unit in units]
    bonds = [unit.bonds(start, network.cutoff + 0.3) for unit, start in zip(units, starts, strict=True)]
    result = Batch(network, units, bonds).evaluate(starts)
    for unit, energy, gradient in zip(units, result.energies, result.gradients, strict=True):
        expected, forces, stress = full_graph(potential, unit.crystal)
        at_sites, found = forces_and_stress(unit, gradient)
        assert energy == pytest.approx(expected, rel=1e-9, abs=1e-8)
        # matgl cuts cosines off at 1 - 1e-7, which shows in angles of 180 degrees
        scale = np.abs(forces).max()
        np.testing.assert_allclose(at_sites, forces[unit.crystal.representatives], atol=1e-6 * scale + 1e-9)
        np.testing.assert_allclose(found, stress, atol=1e-6 * np.abs(stress).max() + 1e-9)
        largest = max(np.linalg.norm(forces, axis=1).max(), _cell_force(unit.crystal, stress))
        assert unit.max_force(unit.start(), gradient) == pytest.approx(largest, rel=1e-5, abs=1e-8)


def _cell_force(crystal: Crystal, stress: np.ndarray) -> float:
    return float(np.linalg.norm(stress, axis=1).max() * crystal.volume / crystal.num_atoms)


def test_single_precision_is_off_by_its_rounding_only(potential, crystals):
    results = []
    for dtype in (torch.float32, torch.float64):
        network = QuotientM3GNet(potential, dtype)
        units = [AsymmetricUnit(crystal, network.max_l) for crystal in crystals]
        starts = [unit.start() for unit in units]
        bonds = [unit.bonds(start, network.cutoff) for unit, start in zip(units, starts, strict=True)]
        results.append(Batch(network, units, bonds).evaluate(starts))
    single, double = results
    np.testing.assert_allclose(single.energies, double.energies, rtol=1e-5, atol=1e-4)
    for a, b in zip(single.gradients, double.gradients, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5 * max(1.0, np.abs(b).max()))


def test_without_symmetry_it_is_the_same(potential, crystals):
    network = QuotientM3GNet(potential, torch.float64)
    chosen = [crystal for crystal in crystals if crystal.num_atoms <= 9][::6]
    energies = []
    for group in (chosen, [without_symmetry(crystal) for crystal in chosen]):
        units = [AsymmetricUnit(crystal, network.max_l) for crystal in group]
        starts = [unit.start() for unit in units]
        batch = Batch(network, units, [u.bonds(s, network.cutoff) for u, s in zip(units, starts, strict=True)])
        energies.append(batch.energies(starts))
    np.testing.assert_allclose(energies[0], energies[1], rtol=1e-10)
