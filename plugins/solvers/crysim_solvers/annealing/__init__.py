"""Simulated annealing on groups: vectors that keep every 'exactly k' by construction."""
