"""Volumes by expected bond lengths: pymatgen's, and quicker."""

from __future__ import annotations

import warnings

import pytest
from pymatgen.analysis.structure_prediction.volume_predictor import DLSVolumePredictor
from pymatgen.core import Lattice, Structure

from crysim.composition import Composition
from crysim.crystal.bond_volumes import FILLING, predicted_volume
from crysim.crystal.radii import spheres_volume
from crysim.crystal.structure_types import structure_types


def composition_of(structure: Structure) -> Composition:
    species = [site.specie.symbol for site in structure]
    elements = tuple(dict.fromkeys(species))
    return Composition(elements, tuple(species.count(element) for element in elements))


def of_pymatgen(structure: Structure) -> float:
    scaled = structure.copy()
    scaled.scale_lattice(spheres_volume(composition_of(structure)) / FILLING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(2):
            scaled.scale_lattice(DLSVolumePredictor(cutoff=6.0).predict(scaled))
    return float(scaled.volume)


@pytest.mark.parametrize(
    "one", [one for one in structure_types()[::25] if one.num_atoms <= 30], ids=lambda one: one.name
)
def test_it_is_pymatgens(one) -> None:  # type: ignore[no-untyped-def]
    structure = one.structure
    assert predicted_volume(structure, composition_of(structure)) == pytest.approx(of_pymatgen(structure), rel=1e-9)


def test_elements_without_parameters_have_atomic_radii_and_those_without_any_are_left_out() -> None:
    salt = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.6), ["Am", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    assert predicted_volume(salt, composition_of(salt)) == pytest.approx(of_pymatgen(salt), rel=1e-9)
    noble = Structure(Lattice.cubic(5.0), ["Ne"], [[0, 0, 0]])
    assert predicted_volume(noble, composition_of(noble)) == spheres_volume(composition_of(noble)) / FILLING
