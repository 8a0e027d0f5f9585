"""The networks written out for a CPU give what the same networks give in torch, in float64."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from crysim.composition import Composition
from crysim.crystal import Crystal, Site
from crysim.interfaces import Blend, RelaxSettings
from crysim.symmetry import space_group
from crysim_energies.quotient.cpu.twin import on_cpu
from crysim_energies.quotient.geometry.asymmetric import AsymmetricUnit
from crysim_energies.quotient.networks.network import QuotientNetwork, list_bonds
from crysim_energies.quotient.relaxation.cpu_batch import CpuBatch
from crysim_energies.quotient.relaxation.evaluation import Evaluation
from crysim_energies.quotient.relaxation.potential import network_batch

from .crystals import crystals_of_many_groups

torch = pytest.importorskip("torch")

Make = Callable[[Any], QuotientNetwork]


def of_m3gnet(convention: str, request: pytest.FixtureRequest) -> Make:
    pytest.importorskip("matgl")
    from crysim_energies.matgl_loading import load_m3gnet
    from crysim_energies.quotient.networks.m3gnet import QuotientM3GNet

    potential = load_m3gnet(replace(request.getfixturevalue("checkpoint"), convention=convention))
    return lambda dtype: QuotientM3GNet(potential, dtype)


def of_chgnet(weights: str) -> Make:
    pytest.importorskip("chgnet")
    from crysim_energies.chgnet import CHGNetModel
    from crysim_energies.quotient.networks.chgnet import QuotientCHGNet

    network = CHGNetModel(weights=weights).network
    return lambda dtype: QuotientCHGNet(network, dtype)


@pytest.fixture(scope="module", params=["m3gnet-source", "m3gnet-destination", "chgnet-0.3.0", "chgnet-0.2.0"])
def make(request: pytest.FixtureRequest) -> Make:
    name, _, kind = request.param.partition("-")
    return of_chgnet(kind) if name == "chgnet" else of_m3gnet(kind, request)


@pytest.fixture(scope="module")
def crystals() -> list[Crystal]:
    return crystals_of_many_groups(range(1, 231, 3), volume=22.0)


def evaluated(network: QuotientNetwork, crystals: Sequence[Crystal], skin: float = 0.4) -> Evaluation:
    units = [AsymmetricUnit(crystal, network.max_l) for crystal in crystals]
    starts = [unit.start() for unit in units]
    bonds = [list_bonds(network, unit, start, skin) for unit, start in zip(units, starts, strict=True)]
    batch = network_batch(network, units, bonds)
    assert isinstance(batch, CpuBatch) == (on_cpu(network) is not None)
    return batch.evaluate(starts)


def cubic(formula: str, group: int, length: float) -> Crystal:
    """The elements on the last positions, at the origin and at the cell's centre."""
    composition = Composition.from_formula(formula)
    last = len(space_group(group).positions) - 1
    sites = tuple(Site(element, last - i, ()) for i, element in enumerate(composition.elements))
    return Crystal(composition, group, (length,) * 3 + (90.0,) * 3, sites)


def assert_alike(found: Evaluation, expected: Evaluation) -> None:
    np.testing.assert_allclose(found.energies, expected.energies, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(found.shortest, expected.shortest, rtol=1e-12)
    for a, b in zip(found.gradients, expected.gradients, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5 * max(1.0, np.abs(b).max()))


def test_equals_torch_in_many_groups(make, crystals):
    single, double = make(torch.float32), make(torch.float64)
    assert on_cpu(double) is None
    assert_alike(evaluated(single, crystals), evaluated(double, crystals))


def test_what_is_beside_a_crystal_does_not_matter(make, crystals):
    network = make(torch.float32)
    together = evaluated(network, crystals[:12])
    for i in (0, 5, 11):
        alone = evaluated(network, [crystals[i]])
        assert alone.energies[0] == pytest.approx(together.energies[i], rel=1e-5, abs=1e-5)
        largest = np.abs(together.gradients[i]).max()
        np.testing.assert_allclose(alone.gradients[0], together.gradients[i], atol=1e-5 * max(1.0, largest))


def test_energies_alone_are_the_same(make, crystals):
    network = make(torch.float32)
    units = [AsymmetricUnit(crystal, network.max_l) for crystal in crystals[:8]]
    starts = [unit.start() for unit in units]
    bonds = [list_bonds(network, unit, start, 0.0) for unit, start in zip(units, starts, strict=True)]
    batch = network_batch(network, units, bonds)
    np.testing.assert_array_equal(batch.energies(starts), batch.evaluate(starts).energies)


@pytest.mark.parametrize("length", [4.6, 30.0], ids=["no angles", "no bonds"])
def test_atoms_far_apart(make, length):
    """Bonds beyond the three-body cut-off, or none at all, alone and beside a crystal that has them."""
    far, near = cubic("Na1", 221, length), cubic("Na1", 221, 3.0)
    single, double = make(torch.float32), make(torch.float64)
    for chosen in ([far, near], [far]):
        found, expected = evaluated(single, chosen), evaluated(double, chosen)
        assert np.isinf(found.shortest[0]) == (length > single.cutoff)
        assert_alike(found, expected)


def test_atoms_at_one_place_have_no_energy(make):
    place = (0.2, 0.3, 0.4)
    sites = Site("Na", 0, place), Site("Cl", 0, place)
    crystal = Crystal(Composition.from_formula("Na1Cl1"), 1, (4.0,) * 3 + (90.0,) * 3, sites)
    result = evaluated(make(torch.float32), [crystal])
    assert not (np.isfinite(result.energies[0]) and np.isfinite(result.gradients[0]).all())


def test_blends(make, crystals):
    chosen = [crystal for crystal in crystals if "Ca" in crystal.composition.elements][:4]
    blend = Blend((("Ca", 0.7), ("Sr", 0.3)))
    single, double = make(torch.float32), make(torch.float64)
    found = evaluated(single.blended(blend), chosen)
    assert_alike(found, evaluated(double.blended(blend), chosen))
    pure = evaluated(single, chosen)
    assert not np.allclose(found.energies, pure.energies, atol=1e-3)


def test_a_relaxation_ends_where_torchs_does(make):
    from crysim_energies.quotient.model import quotient_relax

    start = cubic("Na4Cl4", 225, 5.2)
    settings = RelaxSettings(fmax=0.001, max_steps=100, symmetry="keep")
    ends = [quotient_relax(make(dtype), [start], settings)[0] for dtype in (torch.float32, torch.float64)]
    assert ends[0].energy == pytest.approx(ends[1].energy, abs=2e-4)
    assert ends[0].crystal.cell[0] == pytest.approx(ends[1].crystal.cell[0], abs=2e-3)
