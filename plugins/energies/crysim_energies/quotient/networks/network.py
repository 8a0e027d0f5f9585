"""What the batches, the relaxation and the search for soft modes ask of a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from crysim_energies.quotient.geometry.asymmetric import AsymmetricUnit, Bonds, Parameters

if TYPE_CHECKING:
    import torch

    from crysim.interfaces import Blend
    from crysim_energies.quotient.networks.graph import QuotientGraph


class Neighbourhood(Protocol):
    """What a potential looks at around an atom."""

    @property
    def cutoff(self) -> float:
        """Å, of bonds."""

    @property
    def threebody_cutoff(self) -> float:
        """Å, of the short bonds, which come first in a graph."""

    @property
    def uses_angles(self) -> bool:
        """Whether graphs must have `QuotientGraph.angles`."""

    @property
    def max_l(self) -> int:
        """Harmonics of degrees below this are projected on the sites' symmetry."""


@dataclass(frozen=True)
class Reach:
    """A `Neighbourhood` alone, without the weights."""

    cutoff: float
    threebody_cutoff: float
    uses_angles: bool
    max_l: int


class QuotientNetwork(Neighbourhood, Protocol):
    """A graph network whose features are invariant scalars, to be evaluated on quotient graphs."""

    @property
    def element_types(self) -> tuple[str, ...]:
        """The elements that it knows; a graph's ``species`` are indices into them."""

    @property
    def dtype(self) -> torch.dtype:
        """Of its features."""

    @property
    def device(self) -> torch.device:
        """Where it runs."""

    def energies(self, graph: QuotientGraph) -> torch.Tensor:
        """Energies of the crystals, eV per cell, ``[C]`` float64, differentiable in the graph's vectors."""

    @property
    def made(self) -> dict[str, Any]:
        """What others have made of the weights, by what it is for; a network's blends share it."""

    def blended(self, blend: Blend) -> QuotientNetwork:
        """The network in which the blend's first element has the mean features and reference energy of all."""


def list_bonds(network: Neighbourhood, unit: AsymmetricUnit, parameters: Parameters, skin: float) -> Bonds:
    """The bonds, and angles, that a potential needs at some parameters and until atoms have moved beyond a skin (Å)."""
    angle_radius = network.threebody_cutoff + skin if network.uses_angles else None
    return unit.bonds(parameters, network.cutoff + skin, angle_radius)


def still_holds(network: Neighbourhood, unit: AsymmetricUnit, bonds: Bonds, parameters: Parameters) -> bool:
    """Whether a list is sure to hold all that a potential needs at other parameters."""
    angle_cutoff = network.threebody_cutoff if network.uses_angles else None
    return unit.still_holds(bonds, parameters, network.cutoff, angle_cutoff)
