"""A potential learned while a search goes on, from where its own relaxations began and ended.

A sum over pairs of atoms, for the one composition that is searched: after some hundred energies it gives those of low
crystals to 20 to 60 meV per atom, at a thousandth of the cost of a network. That is good enough to let crystals settle
in it before the network relaxes them, and to choose among them. Potentials that are made for one search and left with
it are called ephemeral (Pickard, Phys. Rev. B 106, 014102, 2022; those are small networks, made beforehand). This is
one linear in what is learned, so that it is learned anew in a moment.
"""

from crysim_baselines.potential.annealing import annealed
from crysim_baselines.potential.learning import Learning
from crysim_baselines.potential.pair_potential import PairPotential, Settled

__all__ = ["Learning", "PairPotential", "Settled", "annealed"]
