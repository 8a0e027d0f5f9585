"""An ASE calculator as a function of a crystal's free parameters: it sees the primitive cell and nothing else.

The energy of the conventional cell is that of the primitive one times the centring's factor f. With the calculator's
forces F on the atoms of the primitive cell, its stress σ and the conventional cell L (rows) of volume V, the gradient
in a logarithmic strain e is V σ : e, and that in a site's free coordinates is -f Σ Mᵀ L F over the site's atoms, M the
map of the free coordinates to an atom's fractional ones. Forces that break the symmetry a little are so averaged.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from crysim.arrays import Floats
from crysim.composition import SYMBOLS
from crysim.crystal import Crystal
from crysim_energies.quotient.geometry.asymmetric import AsymmetricUnit, Bonds, Parameters

NEIGHBOURHOOD = 6.0
"""Å within which neighbours are linked by the springs of the first guess (`stiffness`); no energy depends on it."""

NOISE = 2e-6
"""eV per atom of noise in energies, which no step is refused for: many calculators sum a crystal's in float32."""


class CalculatorPotential:
    """What the relaxation asks of a potential, answered for an ASE calculator.

    Attributes:
        calculator: with energy (eV), forces (eV/Å) and stress (eV/Å³).
        element_types: symbols that it knows; all if it does not say.
    """

    uses_angles = False
    threebody_cutoff = 0.0
    max_l = 1
    cutoff = NEIGHBOURHOOD
    noise = NOISE

    def __init__(self, calculator: Any, elements: frozenset[str] | None = None) -> None:
        self.calculator = calculator
        self.element_types = tuple(SYMBOLS if elements is None else sorted(elements))


def primitive_atoms(unit: AsymmetricUnit, parameters: Parameters) -> Any:
    """``ase.Atoms`` of the primitive cell: one atom of each centring class, in the classes' order."""
    from ase import Atoms

    crystal = unit.crystal
    chosen = crystal.centring_classes[:, 0]
    return Atoms(
        numbers=np.asarray(crystal.numbers)[chosen],
        positions=unit.all_coordinates(parameters)[chosen] @ parameters.lattice,
        cell=crystal.group.primitive_basis @ parameters.lattice,
        pbc=True,
    )


def calculator_energy(calculator: Any, crystal: Crystal) -> float:
    """Energy of a crystal, eV per conventional cell; NaN where the calculator fails, which it may in any way."""
    unit = AsymmetricUnit(crystal, 1)
    atoms = primitive_atoms(unit, unit.start())
    try:
        with np.errstate(all="ignore"):
            energy = float(calculator.get_potential_energy(atoms)) * crystal.centring_factor
    # A NaN, by the interface.
    except Exception:  # noqa: BLE001
        return float("nan")
    return energy if np.isfinite(energy) else float("nan")


def calculator_gradient(
    potential: CalculatorPotential, unit: AsymmetricUnit, bonds: Bonds, parameters: Parameters
) -> tuple[float, Floats, float, str]:
    """Energy (eV per conventional cell), its gradient ``[p]``, the shortest bond (Å), and why there is no energy."""
    shortest = _shortest(unit, bonds, parameters)
    try:
        # What becomes of atoms on top of each other is seen in the energy.
        with np.errstate(all="ignore"):
            atoms = primitive_atoms(unit, parameters)
            atoms.calc = potential.calculator
            energy = float(atoms.get_potential_energy())
            forces = np.asarray(atoms.get_forces(), dtype=np.float64)
            stress = np.asarray(atoms.get_stress(voigt=False), dtype=np.float64)
            factor = unit.crystal.centring_factor
            virial = abs(float(np.linalg.det(parameters.lattice))) * stress
            gradient = unit.gradient(parameters, virial, factor * forces, unit.crystal.centring_classes[:, 0])
        return factor * energy, gradient, shortest, ""
    # A calculator may fail in any way on an odd structure, and one crystal must not stop the others.
    except Exception as error:  # noqa: BLE001
        lines = str(error).strip().splitlines()
        reason = f"{type(error).__name__}: {lines[0] if lines else 'no message'}"
        return float("nan"), np.full(unit.num_parameters, np.nan), shortest, reason


def _shortest(unit: AsymmetricUnit, bonds: Bonds, parameters: Parameters) -> float:
    """The shortest of the bonds listed, Å; the reach of the list if it is empty, since a calculator may see farther."""
    if not len(bonds.center):
        return bonds.radius
    far = (bonds.far_maps @ parameters.points[bonds.far][:, :, None])[:, :, 0] + bonds.constants
    vectors = (far - unit.coordinates(parameters)[bonds.center]) @ parameters.lattice
    return float(np.linalg.norm(vectors, axis=1).min())
