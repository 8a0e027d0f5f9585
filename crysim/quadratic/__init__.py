"""Quadratic models of bits under 'exactly k' groups: what a surrogate hands to an Ising solver, and what comes back.

Here are the values; in the modules: `io` (files; one format each in `npz`, `bqm` and `coo`, and what they accept in
`limits`), `convert` (other libraries' models), `penalties` (groups as part of the energy), `partition` (groups in the
flat form that compiled code works on), `convex_relaxation` and `bounds` (lower bounds), `fixing` (bits that a bound
decides). Nothing here knows a crystal.
"""

from crysim.arrays import Bits, Floats
from crysim.quadratic.model import BitGroup, QuadraticModel
from crysim.quadratic.samples import SampleSet

__all__ = ["BitGroup", "Bits", "Floats", "QuadraticModel", "SampleSet"]
