"""`crysim.relax`: pymatgen or ASE in, the same kind out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from pymatgen.core import Lattice, Structure

import crysim
from crysim.crystal import Crystal
from crysim.errors import InputError, UnknownNameError
from crysim.harness.spec import PartSpec, build_energy
from crysim.interfaces import Relaxation, RelaxSettings


def relax(structures: Any, **settings: Any) -> Any:
    return crysim.relax(structures, energy="ase:emt", fmax=0.01, symmetry="keep", **settings)


def test_atoms_come_back_as_atoms_in_their_own_cell(capsys: pytest.CaptureFixture[str]) -> None:
    copper = bulk("Cu", "fcc", a=3.8)
    copper.info["name"] = "mine"
    (relaxed,) = relax([copper])
    assert isinstance(relaxed, Atoms)
    assert relaxed.cell.cellpar()[:3] == pytest.approx([3.59 / np.sqrt(2)] * 3, rel=0.01)
    assert relaxed.cell.cellpar()[3:] == pytest.approx([60, 60, 60])
    assert relaxed.info["name"] == "mine"
    assert relaxed.info["space_group"] == 225
    assert relaxed.get_potential_energy() == pytest.approx(relaxed.info["energy"])
    out = capsys.readouterr()
    assert (out.out, out.err) == ("", "")


def test_structures_come_back_as_structures_with_energies_of_their_own_cell() -> None:
    primitive = Structure(Lattice([[0, 1.9, 1.9], [1.9, 0, 1.9], [1.9, 1.9, 0]]), ["Cu"], [[0, 0, 0]])
    conventional = Structure.from_spacegroup("Fm-3m", Lattice.cubic(3.8), ["Cu"], [[0, 0, 0]])
    result = relax([primitive, conventional])
    assert [len(one) for one in result] == [1, 4]
    assert result.energies[1] == pytest.approx(4 * result.energies[0], abs=1e-6)
    assert result[0].properties["energy"] == result.energies[0]
    assert list(result.dataframe()["status"]) == ["relaxed", "relaxed"]
    assert "<table>" in result._repr_html_()


def test_under_pressure_the_table_speaks_of_enthalpies() -> None:
    free, pressed = relax([bulk("Cu", a=3.6)]), relax([bulk("Cu", a=3.6)], pressure=20.0)
    assert "enthalpy" not in free.table.to_markdown()
    assert "enthalpy (eV/atom)" in pressed.table.to_markdown()
    assert pressed.energies[0] > free.energies[0] + 1


def test_what_fails_is_none_and_stops_nothing() -> None:
    result = relax([bulk("Cu", "fcc", a=3.7), bulk("Fe", "bcc", a=2.9)])
    assert result[0] is not None
    assert result[1] is None
    assert result.energies[1] is None
    assert result.relaxations[1].reason


@pytest.mark.parametrize(
    ("given", "settings", "message"),
    [
        ([Atoms("Cu", positions=[[0, 0, 0]])], {}, "structure 0 of those given: it is not periodic"),
        (["Cu.cif"], {}, "a str is no structure"),
        ([bulk("Cu")], {"fmx": 1}, "did you mean 'fmax'"),
        ([bulk("Cu")], {"threads": 0}, "threads is 0"),
        ([bulk("Cu")], {"batch": 0}, "batch is 0"),
        ([bulk("Cu")], {"max_steps": -1}, "max_steps is -1"),
    ],
)
def test_bad_input_is_named(given: Any, settings: dict[str, Any], message: str) -> None:
    with pytest.raises((InputError, UnknownNameError), match=message):
        relax(given, **settings)


def test_a_crystal_is_relaxed_as_it_is_and_comes_back_as_a_crystal() -> None:
    crystal = Crystal.from_structure(Structure.from_spacegroup("Fm-3m", Lattice.cubic(3.8), ["Cu"], [[0, 0, 0]]))
    result = relax([crystal])
    (alone,) = build_energy(PartSpec("ase:emt")).relax(
        [crystal], RelaxSettings(fmax=0.01, symmetry="keep", num_frames=0)
    )
    assert result[0].to_dict() == alone.crystal.to_dict()
    assert result.energies == (alone.energy,)


def test_each_relaxation_is_heard_of_as_its_batch_ends_and_an_interrupt_returns_what_there_is() -> None:
    """The model is one that was built; the third structure is never begun."""
    heard: list[tuple[int, str]] = []

    def each(place: int, relaxation: Relaxation) -> None:
        heard.append((place, str(relaxation.status)))
        if place == 1:
            raise KeyboardInterrupt

    result = crysim.relax(
        [bulk("Cu", "fcc", a=3.7), bulk("Fe", "bcc", a=2.9), bulk("Ag", "fcc", a=4.1)],
        energy=build_energy(PartSpec("ase:emt")),
        batch=1,
        each=each,
    )
    assert heard == [(0, "relaxed"), (1, "failed")]
    assert result.interrupted
    assert [one is None for one in result] == [False, True]
