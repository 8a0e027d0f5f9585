"""The quotient graph that the network sees: one atom per orbit, one bond per set of equivalent bonds."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from crysim_energies.checkpoints import Convention


@dataclass(frozen=True)
class QuotientGraph:
    """The quotient graphs of several crystals as one disconnected graph; R orbits, U bonds, C crystals.

    Attributes:
        num_crystals: C.
        crystal: the crystal of each orbit, ``[R]``.
        species: index of each orbit's element in the network's table, ``[R]``.
        multiplicity: atoms of each orbit, ``[R]``.
        projectors: mean representation of each representative's site group on harmonics, ``[R, l², l²]``
            (`harmonics.projector`).
        center: the orbit whose representative the bond leaves, ``[U]``.
        far: the orbit of the atom at its far end, ``[U]``.
        count: how many bonds of the representative the site's group maps it to, itself included, ``[U]``.
        vectors: from the representative to the far end, Å, ``[U, 3]``; the energy is differentiable in them.
        num_short: the first so many bonds are those shorter than the three-body cut-off.
    """

    num_crystals: int
    crystal: torch.Tensor
    species: torch.Tensor
    multiplicity: torch.Tensor
    projectors: torch.Tensor
    center: torch.Tensor
    far: torch.Tensor
    count: torch.Tensor
    vectors: torch.Tensor
    num_short: int

    def message_weights(self, convention: Convention) -> torch.Tensor:
        """How often a bond's message enters its receiving atom's sum, ``[U]``.

        Into the source: once per equivalent bond. Into the destination: the mult(source) · count bonds of the whole
        crystal end evenly on the mult(destination) atoms of the far orbit.
        """
        if convention == "source":
            return self.count
        return self.count * self.multiplicity[self.center] / self.multiplicity[self.far]
