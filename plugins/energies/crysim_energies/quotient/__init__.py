"""Relaxation on the symmetry quotient: one atom of each orbit, and the free parameters of a crystal's group."""
