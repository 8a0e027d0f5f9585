"""The six interfaces that plug-ins fill, and the values that they exchange.

One iteration flows one way (see `crysim.harness`):

    Strategy.ask -> candidates -> EnergyModel.relax -> trials, journalled -> Strategy.tell

Everything is batched: a list in, a list of the same length and order out. Randomness comes in as a
`numpy.random.Generator` or a seed, never from a global. A failure is a status, never an energy.

A plug-in class carries its ``name`` (what users type), and takes its options as keyword arguments of
``__init__`` with defaults and annotations: ``crysim plugins`` lists them from the signature. A name that
takes an argument (``ase:lj``, ``dimod:tabu``) sets ``argument`` to the argument's name and receives it as the
keyword argument of that name.
"""

from __future__ import annotations

from crysim.interfaces.blend import Blend
from crysim.interfaces.draft import Draft, Stream
from crysim.interfaces.encoder import Encoder
from crysim.interfaces.energy import SYMMETRY_MODES, EnergyModel, Frame, Relaxation, RelaxSettings, RelaxStatus
from crysim.interfaces.executor import Executor
from crysim.interfaces.plugin import API_VERSION, Plugin, derive_rng
from crysim.interfaces.racing import KnownMinimum, StopRule, known_minimum
from crysim.interfaces.solver import IsingSolver
from crysim.interfaces.strategy import ANY_NUMBER, Candidate, Problem, Strategy, Trial, TrialStatus
from crysim.interfaces.surrogate import FitReport, Surrogate
from crysim.process_state import global_generator_kept
from crysim.quadratic import SampleSet

__all__ = [
    "ANY_NUMBER",
    "API_VERSION",
    "SYMMETRY_MODES",
    "Blend",
    "Candidate",
    "Draft",
    "Encoder",
    "EnergyModel",
    "Executor",
    "FitReport",
    "Frame",
    "IsingSolver",
    "KnownMinimum",
    "Plugin",
    "Problem",
    "RelaxSettings",
    "RelaxStatus",
    "Relaxation",
    "SampleSet",
    "StopRule",
    "Strategy",
    "Stream",
    "Surrogate",
    "Trial",
    "TrialStatus",
    "derive_rng",
    "global_generator_kept",
    "known_minimum",
]
