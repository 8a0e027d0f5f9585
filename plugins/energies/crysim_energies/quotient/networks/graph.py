"""The quotient graph that the network sees: one atom per orbit, one bond per set of equivalent bonds."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from crysim_energies.checkpoints import Convention


@dataclass(frozen=True)
class Angles:
    """The angles of quotient graphs; V undirected bonds, of which the first T are short, and A angles.

    An undirected bond is a bond together with its reverse, which leaves the far atom's representative. The cosine of an
    angle is ``û_left @ rotations[a] @ û_right`` with the directions of two undirected bonds.

    Attributes:
        undirected: the undirected bond of each bond, ``[U]``.
        leading: the bond whose vector an undirected bond has, ``[V]``, ascending.
        num_short: T.
        center: the orbits at whose representatives the angles are, ``[A]``.
        left, right: their short undirected bonds, ``[A]``.
        rotations: ``[A, 3, 3]``.
        count: how often each angle's message enters its left bond's sum, ``[A]``.
    """

    undirected: torch.Tensor
    leading: torch.Tensor
    num_short: int
    center: torch.Tensor
    left: torch.Tensor
    right: torch.Tensor
    rotations: torch.Tensor
    count: torch.Tensor


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
        angles: between the short bonds, if the network asks for them.
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
    angles: Angles | None = None

    def message_weights(self, convention: Convention) -> torch.Tensor:
        """How often a bond's message enters its receiving atom's sum, ``[U]``.

        Into the source: once per equivalent bond. Into the destination: the mult(source) · count bonds of the whole
        crystal end evenly on the mult(destination) atoms of the far orbit.
        """
        if convention == "source":
            return self.count
        return self.count * self.multiplicity[self.center] / self.multiplicity[self.far]
