"""Energy, forces and stress of CHGNet on the quotient graph are those of chgnet's own full graph."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("chgnet")

import torch

from crysim.composition import Composition
from crysim.crystal import Crystal
from crysim.symmetry import CRYSTAL_SYSTEMS
from crysim_energies.chgnet import CHGNetModel
from crysim_energies.quotient.geometry.asymmetric import AsymmetricUnit
from crysim_energies.quotient.networks.chgnet import QuotientCHGNet
from crysim_energies.quotient.networks.network import list_bonds
from crysim_energies.quotient.relaxation.batch import Batch, Evaluation
from crysim_energies.quotient.relaxation.saddle_points import without_symmetry
from crysim_energies.torch_calculators import CHGNetCalculator

from .crystals import crystals_of_many_groups, forces_and_stress, on_special_positions


@pytest.fixture(scope="module", params=["0.3.0", "0.2.0"])
def model(request) -> Iterator[Any]:
    """chgnet's own model in float64, and with energies per cell, which it makes without rounding."""
    network = CHGNetModel(weights=request.param).network.double()
    network.is_intensive = network.composition_model.is_intensive = False
    network.composition_model.fc.register_forward_pre_hook(lambda _, given: (given[0].double(),))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("chgnet.graph.converter.TORCH_DTYPE", torch.float64)
        patch.setattr("chgnet.model.model.TORCH_DTYPE", torch.float64)
        yield network


@pytest.fixture(scope="module")
def crystals() -> list[Crystal]:
    """Dense ones, so that many bonds are short enough to make angles."""
    return crystals_of_many_groups(range(1, 231, 2), volume=22.0)


def full_graph(model: Any, crystal: Crystal) -> tuple[float, np.ndarray, np.ndarray]:
    """chgnet's energy (eV), forces (eV/Å) and stress (eV/Å³) of a crystal."""
    calculator = CHGNetCalculator(model)
    graph = calculator.graph(crystal.to_structure())
    energy = calculator.energies([graph])[0]
    by_frac, by_lattice = torch.autograd.grad(energy, [graph.atom_frac_coord, graph.lattice])
    forces = -by_frac.numpy() @ np.linalg.inv(crystal.lattice).T
    return energy.item(), forces, crystal.lattice.T @ by_lattice.numpy() / crystal.volume


def evaluate(network: QuotientCHGNet, crystals: list[Crystal], skin: float = 0.3) -> tuple[Evaluation, Batch]:
    units = [AsymmetricUnit(crystal, network.max_l) for crystal in crystals]
    starts = [unit.start() for unit in units]
    bonds = [list_bonds(network, unit, start, skin) for unit, start in zip(units, starts, strict=True)]
    batch = Batch(network, units, bonds)
    return batch.evaluate(starts), batch


def test_the_crystals_cover_the_groups(crystals):
    assert len({crystal.space_group for crystal in crystals}) >= 60
    assert {crystal.system for crystal in crystals} == set(CRYSTAL_SYSTEMS)
    assert sum(on_special_positions(crystal) for crystal in crystals) >= 40


def test_equals_the_full_graph(model, crystals):
    if model.version == "0.2.0":
        crystals = crystals[::8]
    result, _ = evaluate(QuotientCHGNet(model, torch.float64), crystals)
    for crystal, energy, gradient in zip(crystals, result.energies, result.gradients, strict=True):
        expected, forces, stress = full_graph(model, crystal)
        at_sites, found = forces_and_stress(AsymmetricUnit(crystal, 1), gradient)
        # chgnet has the square root of 2 in single precision
        assert energy == pytest.approx(expected, rel=1e-7, abs=1e-7)
        scale = np.abs(forces).max()
        np.testing.assert_allclose(at_sites, forces[crystal.representatives], atol=1e-6 * scale + 1e-9)
        np.testing.assert_allclose(found, stress, atol=1e-6 * np.abs(stress).max() + 1e-9)


def test_single_precision_is_off_by_its_rounding_only(model, crystals):
    single, _ = evaluate(QuotientCHGNet(model), crystals)
    double, _ = evaluate(QuotientCHGNet(model, torch.float64), crystals)
    np.testing.assert_allclose(single.energies, double.energies, rtol=1e-5, atol=1e-4)
    for a, b in zip(single.gradients, double.gradients, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5 * max(1.0, np.abs(b).max()))


def test_without_symmetry_it_is_the_same(model, crystals):
    network = QuotientCHGNet(model, torch.float64)
    chosen = [crystal for crystal in crystals if crystal.num_atoms <= 9][::6]
    kept, _ = evaluate(network, chosen)
    released, _ = evaluate(network, [without_symmetry(crystal) for crystal in chosen], skin=0.0)
    np.testing.assert_allclose(kept.energies, released.energies, rtol=1e-10)


def test_derivatives_are_those_of_differences(model, crystals):
    """Where a list made elsewhere serves. Straight angles curve sharply, so the steps are small."""
    network = QuotientCHGNet(model, torch.float64)
    rng = np.random.default_rng(3)
    chosen = [crystal for crystal in crystals if 0 < len(crystal.sites) <= 6][::9]
    result, batch = evaluate(network, chosen, skin=0.5)
    units = [AsymmetricUnit(crystal, 1) for crystal in chosen]
    steps = [rng.standard_normal(unit.num_parameters) for unit in units]
    ends = [
        batch.energies([u.moved(u.start(), sign * 1e-6 * s) for u, s in zip(units, steps, strict=True)])
        for sign in (1, -1)
    ]
    slopes = [gradient @ step for gradient, step in zip(result.gradients, steps, strict=True)]
    np.testing.assert_allclose((ends[0] - ends[1]) / 2e-6, slopes, rtol=1e-5, atol=1e-4)


def test_crystals_without_angles_keep_their_bonds(model):
    """0.2.0 adds a bias to bonds, but only where there is an angle: others in the batch must not matter."""
    loose = Crystal.from_p1(
        Composition(("Ca", "S"), (1, 1)), 12.0 * np.eye(3), ["Ca", "S"], [[0, 0, 0], [0.33, 0.05, 0.0]]
    )
    tight = Crystal.from_p1(
        Composition(("Ca", "S"), (1, 2)), 12.0 * np.eye(3), ["Ca", "S", "S"], [[0, 0, 0], [0.2, 0, 0], [0, 0.21, 0]]
    )
    lone = Crystal.from_p1(Composition(("Ca",), (1,)), 12.0 * np.eye(3), ["Ca"], [[0, 0, 0]])
    network = QuotientCHGNet(model, torch.float64)
    together, _ = evaluate(network, [loose, tight, lone])
    for crystal, energy in zip((loose, tight), together.energies, strict=False):
        assert energy == pytest.approx(full_graph(model, crystal)[0], rel=1e-7)
        alone, _ = evaluate(network, [crystal])
        assert alone.energies[0] == pytest.approx(energy, rel=1e-12)
