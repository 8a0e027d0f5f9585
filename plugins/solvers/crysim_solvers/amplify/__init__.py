"""Fixstars Amplify: as a solver of ours, and our solvers for programs that are written for its SDK."""
