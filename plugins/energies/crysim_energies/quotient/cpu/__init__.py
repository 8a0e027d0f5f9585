"""The networks on one core of a CPU: NumPy and compiled loops, with the gradients written out.

A crystal by its symmetry is a small graph, and a framework's fixed cost per operation was most of an evaluation's time.
"""
