"""Any ASE calculator as an energy model; relaxations that fail say why."""

import numpy as np
import pytest

from crysim.composition import Composition
from crysim.crystal import Crystal, Site
from crysim.errors import InputError
from crysim.interfaces import RelaxSettings, RelaxStatus
from crysim.plugins import plugin_manager
from crysim.testing.energies import overlapping
from crysim_energies.ase import ASEModel, known_names

LJ = {"sigma": 2.3, "epsilon": 0.3, "rc": 6.9, "smooth": True}


def copper(length: float = 3.7) -> Crystal:
    return Crystal(Composition(("Cu",), (4,)), 225, (length, length, length, 90.0, 90.0, 90.0), (Site("Cu", a225()),))


def a225() -> int:
    from crysim.symmetry import space_group

    return next(i for i, p in enumerate(space_group(225).positions) if p.letter == "a")


def test_is_asked_for_by_name():
    model = plugin_manager().build("energy", "ase:emt")
    assert model.energies([copper()]).shape == (1,)
    model = plugin_manager().build("energy", "ase:lj", {"options": LJ})
    assert model.fingerprint()["options"] != plugin_manager().build("energy", "ase:lj").fingerprint()["options"]


def test_takes_classes_of_any_package():
    by_path = ASEModel(calculator_name="ase.calculators.emt.EMT")
    np.testing.assert_array_equal(by_path.energies([copper()]), ASEModel(calculator_name="emt").energies([copper()]))


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("emtt", {}, "did you mean 'emt'"),
        ("nothing.at.All", {}, "cannot import 'nothing.at'"),
        ("ase.calculators.emt.EMPTY", {}, "has no 'EMPTY'"),
        ("ase.calculators.emt.parameters", {}, "cannot be made"),
        ("tip3p", {}, "no stress"),
        ("mattersim", {}, "cannot be imported"),
        ("eam", {"potential": "/nowhere.alloy"}, "cannot be made"),
    ],
)
def test_what_is_no_calculator_is_one_line(name, options, words):
    with pytest.raises(InputError) as caught:
        ASEModel(calculator_name=name, options=options)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_known_names_are_ase_s():
    assert {"lj", "emt", "morse"} <= set(known_names())


def test_relaxes_copper_to_emt_s_lattice():
    relaxation = ASEModel(calculator_name="emt").relax([copper()], RelaxSettings(fmax=1e-4))[0]
    assert relaxation.status is RelaxStatus.RELAXED
    # ASE's documentation: EMT copper has a lattice constant of 3.59 Å (within its cutoff's wiggle).
    assert relaxation.crystal.cell[0] == pytest.approx(3.59, abs=0.01)
    assert relaxation.crystal.space_group == 225


def test_releasing_finds_more_symmetry_and_polishing_leaves_a_saddle():
    model = ASEModel(calculator_name="lj", options=LJ)
    # A simple cubic cell is a saddle point of a Lennard-Jones crystal.
    start = Crystal(Composition(("Ar",), (1,)), 221, (2.4, 2.4, 2.4, 90.0, 90.0, 90.0), (Site("Ar", a221()),))
    start = Crystal.from_p1(
        Composition(("Ar",), (8,)),
        2 * start.lattice,
        ["Ar"] * 8,
        [[x, y, z] for x in (0, 0.5) for y in (0, 0.5) for z in (0, 0.5)],
    )
    kept, polished = (model.relax([start], RelaxSettings(symmetry=mode))[0] for mode in ("keep", "polish"))
    assert kept.energy is not None, kept.reason
    assert polished.energy is not None, polished.reason
    assert polished.energy < kept.energy - 0.1
    assert polished.steps > kept.steps


def a221() -> int:
    from crysim.symmetry import space_group

    return next(i for i, p in enumerate(space_group(221).positions) if p.letter == "a")


def failed(relaxation) -> str:
    assert relaxation.status is RelaxStatus.FAILED
    assert relaxation.crystal is None
    assert relaxation.energy is None
    assert relaxation.max_force is None
    assert relaxation.frames == ()
    assert "\n" not in relaxation.reason
    return relaxation.reason


def test_failures_say_why():
    emt = ASEModel(calculator_name="emt")
    lj = ASEModel(calculator_name="lj", options=LJ)
    foreign = Crystal.from_p1(Composition(("Ca",), (1,)), 4 * np.eye(3), ["Ca"], [[0, 0, 0]])
    assert "Ca" in failed(emt.relax([foreign], RelaxSettings())[0])
    twins = Crystal.from_p1(Composition(("Cu",), (2,)), 4 * np.eye(3), ["Cu", "Cu"], [[0, 0, 0], [0, 0, 0]])
    assert "no numbers" in failed(lj.relax([twins], RelaxSettings())[0])
    assert "exploded" in failed(lj.relax([copper(5.0)], RelaxSettings(pressure=-50.0))[0])
    soft = ASEModel(calculator_name="lj", options={**LJ, "epsilon": 1e-9})
    assert "collapsed" in failed(soft.relax([copper(5.0)], RelaxSettings(pressure=100.0))[0])
    assert "time-out" in failed(lj.relax([copper()], RelaxSettings(timeout=1e-6))[0])


def test_overlapping_atoms_do_not_raise():
    relaxation = ASEModel(calculator_name="lj", options=LJ).relax([overlapping(("Ar", "Kr"), 4.0)], RelaxSettings())[0]
    assert relaxation.reason or relaxation.status is RelaxStatus.RELAXED


def test_no_steps_is_a_single_point():
    relaxation = ASEModel(calculator_name="emt").relax([copper(3.9)], RelaxSettings(max_steps=0))[0]
    assert relaxation.status is RelaxStatus.NOT_CONVERGED
    assert (relaxation.steps, relaxation.evaluations, len(relaxation.frames)) == (0, 1, 1)
    assert relaxation.energy == pytest.approx(ASEModel(calculator_name="emt").energies([copper(3.9)])[0])


def test_a_manifest_says_the_optimizer_only_where_it_is_not_that_of_the_first_runs():
    from crysim.composition import Contents
    from crysim.harness.manifest import ABSENT, unsaid
    from crysim.harness.spec import PartSpec, RunSpec

    def config(**options):
        system = Contents.of(Composition.from_formula("Al2Cu2"))
        energy = PartSpec("ase:emt", options)
        return RunSpec(system=system, method="random", strategy=PartSpec("random"), energy=energy).config()

    assert config(optimizer="fire")["energy"]["options"] == {"calculator_name": "emt", "options": None}
    assert config()["energy"]["options"]["optimizer"] == "bfgs"
    assert unsaid(config(), "config.energy.options.optimizer") == "fire"
    assert unsaid(config(), "config.energy.options.other") == ABSENT
    assert unsaid(config(), "config.relax.fmax") == ABSENT
