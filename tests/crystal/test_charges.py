"""Likely charges, and the electrostatic energy of charges on given places."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from crysim.composition import Composition
from crysim.crystal.charges import coulomb_matrix, likely_charges

COULOMB = 14.399645
"""eV Å: e² / 4πε0 (CODATA)."""


@pytest.mark.parametrize(
    ("formula", "charges"),
    [
        ("Li4Ti5O12", {"Li": 1, "Ti": 4, "O": -2}),
        ("NaCl", {"Na": 1, "Cl": -1}),
        ("CuFeS2", {"Cu": 1, "Fe": 3, "S": -2}),
        ("Fe3O4", {"Fe": 8 / 3, "O": -2}),
    ],
)
def test_charges_are_the_usual_ones(formula: str, charges: dict[str, float]) -> None:
    assert likely_charges(Composition.from_formula(formula)) == pytest.approx(charges)


@pytest.mark.parametrize("formula", ["AlTi3", "Y6Co51", "Cr23C6", "ArKr", "Fe31O2"])
def test_metals_and_units_of_very_many_atoms_have_none(formula: str) -> None:
    assert likely_charges(Composition.from_formula(formula)) is None


@pytest.mark.parametrize(
    ("group", "sites", "nearest", "madelung"),
    [  # Madelung constants per ion pair, of the nearest distance: Born and Huang
        ("Fm-3m", [[0, 0, 0], [0.5, 0.5, 0.5]], 1 / 2, 1.74756),
        ("Pm-3m", [[0, 0, 0], [0.5, 0.5, 0.5]], np.sqrt(3) / 2, 1.76267),
        ("F-43m", [[0, 0, 0], [0.25, 0.25, 0.25]], np.sqrt(3) / 4, 1.63806),
    ],
)
def test_energies_are_madelungs(group: str, sites: list[list[float]], nearest: float, madelung: float) -> None:
    a = 5.6
    cell = Structure.from_spacegroup(group, Lattice.cubic(a), ["Na", "Cl"], sites).get_primitive_structure()
    species = [site.specie.symbol for site in cell]
    charges = np.array([1.0 if one == "Na" else -1.0 for one in species])
    energy = charges @ coulomb_matrix(cell.lattice.matrix, cell.frac_coords, species) @ charges
    assert energy == pytest.approx(-madelung * COULOMB / (nearest * a), rel=1e-4)
