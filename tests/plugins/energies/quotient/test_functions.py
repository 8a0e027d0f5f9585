"""Harmonics, projectors and radial functions against scipy and the addition theorem."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import eval_legendre, spherical_jn

from crysim_energies.quotient.geometry.asymmetric import site_group, site_projector
from crysim_energies.quotient.geometry.harmonics import degrees, harmonics, num_components
from crysim_energies.quotient.networks.radial import RadialBasis, polynomial_cutoff, spherical_bessel


def directions(n: int, seed: int) -> torch.Tensor:
    vectors = np.random.default_rng(seed).standard_normal((n, 3))
    return torch.from_numpy(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


@pytest.mark.parametrize("max_l", [1, 2, 3, 4])
def test_addition_theorem(max_l):
    u, v = directions(40, 1), directions(40, 2)
    products = (harmonics(u, max_l) * harmonics(v, max_l)).numpy()
    cosines = (u * v).sum(1).numpy()
    degree = np.array(degrees(max_l))
    assert len(degree) == num_components(max_l)
    for order in range(max_l):
        np.testing.assert_allclose(products[:, degree == order].sum(1), eval_legendre(order, cosines), atol=1e-12)


def test_harmonics_beyond_what_is_written_out_are_refused():
    with pytest.raises(ValueError, match="degree 4"):
        harmonics(directions(2, 0), 5)


@pytest.mark.parametrize(
    ("number", "position"), [(2, -1), (15, -2), (62, -1), (123, -1), (166, -1), (194, -2), (225, -1)]
)
def test_projectors_average_over_the_site_group(number, position):
    from crysim.symmetry import space_group

    position %= len(space_group(number).positions)
    matrix = site_projector(number, position, 4)
    np.testing.assert_allclose(matrix @ matrix, matrix, atol=1e-10)
    # the trace counts the invariants: at least the constant, and not all
    assert 1 <= round(float(np.trace(matrix))) < len(matrix)
    assert len(site_group(number, position)) > 1


def test_site_groups_have_the_right_order_in_every_group():
    from crysim.symmetry import space_group

    for number in range(1, 231):
        group = space_group(number)
        for index, position in enumerate(group.positions):
            assert len(site_group(number, index)) * position.multiplicity == len(group.operations[0])


@pytest.mark.parametrize("order", range(4))
def test_spherical_bessel(order):
    x = np.linspace(0.4, 16.0, 200)
    values, slopes = spherical_bessel(order, torch.from_numpy(x))
    np.testing.assert_allclose(values.numpy(), spherical_jn(order, x), atol=1e-11)
    np.testing.assert_allclose(slopes.numpy(), spherical_jn(order, x, derivative=True), atol=1e-11)


def test_the_cutoff_and_its_slope():
    lengths = torch.linspace(0.5, 4.5, 50, dtype=torch.float64, requires_grad=True)
    values, slopes = polynomial_cutoff(lengths, 4.0)
    (expected,) = torch.autograd.grad(values.sum(), lengths)
    np.testing.assert_allclose(slopes.detach().numpy(), expected.numpy(), atol=1e-12)
    assert values[-1] == 0


@pytest.mark.parametrize("smooth", [False, True])
def test_radial_bases_are_matgl_s(smooth):
    basis = pytest.importorskip("matgl.layers._basis")
    module = basis.SphericalBesselFunction(max_l=3, max_n=3, cutoff=5.0, smooth=smooth)
    ours = RadialBasis(module, torch.device("cpu"))
    lengths = torch.linspace(0.8, 4.99, 60, dtype=torch.float64, requires_grad=True)
    values, slopes = ours(lengths.detach())
    expected = module.double()(lengths)
    np.testing.assert_allclose(values.numpy(), expected.detach().numpy(), atol=1e-10)
    weights = torch.randn(expected.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    (pull,) = torch.autograd.grad((weights * expected).sum(), lengths)
    np.testing.assert_allclose((weights * slopes).sum(1).numpy(), pull.numpy(), atol=1e-8)
    assert ours.same_as(ours) != smooth
