"""What every energy model must do. To test one, subclass and override one fixture::

    from crysim.testing.energies import EnergyModelSuite

    class TestMine(EnergyModelSuite):
        elements = "Cu", "Au"

        @pytest.fixture(scope="class")
        @classmethod
        def model(cls):
            return MyModel()

Needs pytest.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import pytest

from crysim.composition import Composition
from crysim.crystal import Crystal, Site
from crysim.errors import InputError
from crysim.interfaces import Blend, EnergyModel, RelaxSettings, RelaxStatus
from crysim.symmetry import space_group
from crysim.testing.elsewhere import elsewhere
from crysim.testing.plugins import check_name_and_options
from crysim.testing.surroundings import another_day, global_generators_untouched

STEP = 0.005
"""Of the differences that forces are computed by: Å, and a share of the cell's lengths."""
EV_PER_GPA_A3 = 1.0 / 160.21766208


def rock_salt(elements: tuple[str, str], length: float) -> Crystal:
    """Eight atoms of two elements in Fm-3m."""
    sites = (Site(elements[0], _position(225, "a")), Site(elements[1], _position(225, "b")))
    return Crystal(Composition(elements, (4, 4)), 225, (length, length, length, 90.0, 90.0, 90.0), sites)


def caesium_chloride(elements: tuple[str, str], length: float) -> Crystal:
    """Two atoms of two elements in Pm-3m."""
    sites = (Site(elements[0], _position(221, "a")), Site(elements[1], _position(221, "b")))
    return Crystal(Composition(elements, (1, 1)), 221, (length, length, length, 90.0, 90.0, 90.0), sites)


def monoclinic(elements: tuple[str, str], length: float) -> Crystal:
    """Four atoms of two elements on general positions of P2_1."""
    sites = (Site(elements[0], 0, (0.02, 0.0, 0.07)), Site(elements[1], 0, (0.45, 0.27, 0.3)))
    return Crystal(Composition(elements, (2, 2)), 4, (length, 1.1 * length, length, 90.0, 97.0, 90.0), sites)


def overlapping(elements: tuple[str, str], length: float) -> Crystal:
    """Two atoms in P1, a hundredth of an Å apart."""
    frac_coords = [[0.1, 0.2, 0.3], [0.1 + 0.01 / length, 0.2, 0.3]]
    return Crystal.from_p1(Composition(elements, (1, 1)), length * np.eye(3), elements, frac_coords)


def _position(number: int, letter: str) -> int:
    return next(i for i, p in enumerate(space_group(number).positions) if p.letter == letter)


def numerical_forces(model: EnergyModel, crystal: Crystal) -> Iterator[tuple[float, float]]:
    """Forces (eV/Å) along the cell's size, per atom, and along each free coordinate, per atom of its site.

    With each, what its difference of energies was divided by besides the length of the step: a number of atoms.
    """
    frees = [np.array(site.free) for site in crystal.sites]
    cells = [[*(f * x for x in crystal.cell[:3]), *crystal.cell[3:]] for f in (1 - STEP, 1 + STEP)]
    low, high = model.energies([crystal.with_parameters(cell, frees) for cell in cells])
    yield float(high - low) / (2 * STEP * crystal.num_atoms) / 3**0.5, crystal.num_atoms * 3**0.5
    for index, (position, free) in enumerate(zip(crystal.positions, frees, strict=True)):
        for axis in range(len(free)):
            length = float(np.linalg.norm(position.matrices[0][:, axis] @ crystal.lattice))
            step = np.zeros(len(free))
            step[axis] = STEP / length
            ends = [
                crystal.with_parameters(crystal.cell, [*frees[:index], free + s * step, *frees[index + 1 :]])
                for s in (-1, 1)
            ]
            low, high = model.energies(ends)
            yield float(high - low) / (2 * STEP * position.multiplicity), position.multiplicity


def _work(model: EnergyModel, crystals: list[Crystal]) -> list[tuple[float | None, Crystal | None]]:
    """Where a few steps lead."""
    relaxations = model.relax(crystals, RelaxSettings(max_steps=5, num_frames=4))
    return [(relaxation.energy, relaxation.crystal) for relaxation in relaxations]


def _variants(cls: type[EnergyModel]) -> list[EnergyModel]:
    """Models with another value of one option each that is a number; none if the class needs an argument."""
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    if any(p.default is p.empty for p in parameters):
        return []
    numbers = {p.name: p.default for p in parameters if isinstance(p.default, int | float) and p.default is not True}
    return [cls(**{name: 1.2 * value}) for name, value in numbers.items() if value and isinstance(value, float)]


class EnergyModelSuite:
    """The contract of `crysim.interfaces.EnergyModel`, as tests."""

    elements: ClassVar[tuple[str, str]] = ("Ca", "S")
    """Two elements that the model knows."""
    length: ClassVar[float] = 5.4
    """Å: a cell length at which eight atoms of them are a little out of equilibrium."""
    precision: ClassVar[float] = 1e-5
    """eV per atom: how well the same energy comes out the same."""
    other_process: ClassVar[bool] = True
    """Whether a relaxation in another process is compared: it takes as long as the model takes to load."""

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls) -> EnergyModel:
        """The energy model. Override this."""
        raise NotImplementedError("override the fixture 'model'")

    @pytest.fixture(scope="class")
    @classmethod
    def variants(cls, model: EnergyModel) -> list[EnergyModel]:
        """Models with other options, whose fingerprints are compared; override it where options are no numbers."""
        return _variants(type(model))

    @pytest.fixture(scope="class")
    @classmethod
    def crystals(cls) -> list[Crystal]:
        """Crystals of high and of low symmetry."""
        makers = (rock_salt, 1.0), (caesium_chloride, 0.62), (monoclinic, 0.8)
        return [make(cls.elements, scale * cls.length) for make, scale in makers]

    def test_carries_a_name_and_documented_options(self, model: EnergyModel) -> None:
        check_name_and_options(model)

    def test_fingerprint_is_plain(self, model: EnergyModel) -> None:
        fingerprint = model.fingerprint()
        assert fingerprint == model.fingerprint()
        assert json.loads(json.dumps(fingerprint)) == fingerprint
        assert all(isinstance(value, str) for value in fingerprint.values())

    def test_a_batch_is_its_single_crystals(self, model: EnergyModel, crystals: list[Crystal]) -> None:
        energies = model.energies(crystals)
        assert energies.shape == (len(crystals),)
        assert energies.dtype == np.float64
        assert np.isfinite(energies).all()
        for crystal, energy in zip(crystals, energies, strict=True):
            assert abs(model.energies([crystal])[0] - energy) <= self.precision * crystal.num_atoms
        assert model.energies([]).shape == (0,)

    def test_origin_and_description_do_not_matter(self, model: EnergyModel, crystals: list[Crystal]) -> None:
        for crystal, energy in zip(crystals, model.energies(crystals), strict=True):
            shifted = Crystal.from_p1(
                crystal.composition,
                crystal.lattice,
                crystal.species,
                crystal.frac_coords + np.array([0.21, 0.58, 0.93]),
            )
            assert abs(model.energies([shifted])[0] - energy) <= 10 * self.precision * crystal.num_atoms

    def test_relaxes_downhill_to_the_energy_that_it_says(self, model: EnergyModel, crystals: list[Crystal]) -> None:
        starts = model.energies(crystals)
        relaxations = model.relax(crystals, RelaxSettings(max_steps=25))
        assert len(relaxations) == len(crystals)
        for crystal, start, relaxation in zip(crystals, starts, relaxations, strict=True):
            assert relaxation.status is not RelaxStatus.FAILED, relaxation.reason
            assert relaxation.crystal is not None
            assert relaxation.energy is not None
            assert relaxation.crystal.composition == crystal.composition
            assert relaxation.energy <= start + self.precision * crystal.num_atoms
            again = model.energies([relaxation.crystal])[0]
            assert abs(again - relaxation.energy) <= max(1e-3, 10 * self.precision) * crystal.num_atoms
            assert relaxation.max_force is not None
            assert (relaxation.status is RelaxStatus.RELAXED) == (relaxation.reason == "")
            assert relaxation.evaluations >= 1
            assert 0 <= relaxation.steps <= 25
            assert relaxation.seconds > 0

    def test_relaxes_the_same_again(self, model: EnergyModel, crystals: list[Crystal]) -> None:
        settings = RelaxSettings(max_steps=6, num_frames=4)
        first, second = model.relax(crystals[1:], settings), model.relax(crystals[1:], settings)
        for one, other in zip(first, second, strict=True):
            assert one.energy == other.energy
            assert one.crystal == other.crystal
            assert one.frames == other.frames

    def test_frames_are_of_the_starting_group(self, model: EnergyModel, crystals: list[Crystal]) -> None:
        settings = RelaxSettings(max_steps=9, num_frames=6)
        starts = model.energies(crystals)
        for crystal, start, relaxation in zip(crystals, starts, model.relax(crystals, settings), strict=True):
            assert 1 <= len(relaxation.frames) <= 6
            for frame in relaxation.frames:
                assert frame.crystal.space_group == crystal.space_group
                assert [s.position for s in frame.crystal.sites] == [s.position for s in crystal.sites]
                assert np.isfinite(frame.energy)
            first = relaxation.frames[0]
            assert abs(first.energy - start) <= 10 * self.precision * crystal.num_atoms
            np.testing.assert_allclose(first.crystal.cell, crystal.cell, atol=1e-6)

    def test_frames_have_the_energies_that_they_say(self, model: EnergyModel, crystals: list[Crystal]) -> None:
        settings = RelaxSettings(max_steps=9, num_frames=6, symmetry="keep")
        for relaxation in model.relax(crystals, settings):
            crystals_of = [frame.crystal for frame in relaxation.frames]
            said = np.array([frame.energy for frame in relaxation.frames])
            tolerance = max(1e-3, 10 * self.precision) * crystals_of[0].num_atoms
            np.testing.assert_allclose(model.energies(crystals_of), said, rtol=0, atol=tolerance)

    def test_what_is_relaxed_has_no_forces_left(self, model: EnergyModel, crystals: list[Crystal]) -> None:
        """Forces by differences of energies: of the cell's size, and of every free coordinate."""
        settings = RelaxSettings(fmax=0.02, symmetry="keep")
        for relaxation in model.relax(crystals, settings):
            if relaxation.status is RelaxStatus.RELAXED:
                assert relaxation.crystal is not None
                assert relaxation.max_force is not None
                assert relaxation.max_force <= 1.001 * settings.fmax
                noise = 4 * self.precision * relaxation.crystal.num_atoms / STEP
                for force, moving in numerical_forces(model, relaxation.crystal):
                    assert abs(force) <= 2.0 * settings.fmax + noise / moving

    def test_takes_no_more_steps_than_allowed(self, model: EnergyModel, crystals: list[Crystal]) -> None:
        for relaxation in model.relax(crystals, RelaxSettings(max_steps=3, fmax=1e-6)):
            assert relaxation.steps <= 3
            assert relaxation.status is not RelaxStatus.RELAXED

    def test_relaxations_come_in_the_order_of_the_crystals(self, model: EnergyModel, crystals: list[Crystal]) -> None:
        settings = RelaxSettings(max_steps=4, symmetry="keep")
        stretched = [
            crystal.with_parameters([1.02 * x for x in crystal.cell[:3]] + list(crystal.cell[3:]), frees)
            for crystal, frees in [(c, [s.free for s in c.sites]) for c in crystals]
        ]
        several = [*crystals, *stretched]
        relaxations = model.relax(several, settings)
        assert isinstance(relaxations, list)
        assert len(relaxations) == len(several)
        for crystal, relaxation in zip(several, relaxations, strict=True):
            assert relaxation.crystal is not None, relaxation.reason
            assert relaxation.crystal.composition == crystal.composition
            np.testing.assert_allclose(relaxation.frames[0].crystal.cell, crystal.cell, atol=1e-6)

    def test_options_that_change_energies_change_the_fingerprint(
        self, model: EnergyModel, crystals: list[Crystal], variants: list[EnergyModel]
    ) -> None:
        for variant in variants:
            if not np.allclose(variant.energies(crystals), model.energies(crystals), rtol=0, atol=1e-3):
                assert variant.fingerprint() != model.fingerprint()
        if variants:
            assert variants[0].energies(crystals) is not None

    def test_energies_do_not_remember(self, model: EnergyModel, crystals: list[Crystal]) -> None:
        """What was computed before, and in which order, changes nothing; nor does what surrounds the model."""
        first = model.energies(crystals)
        assert isinstance(first, np.ndarray)
        again = model.energies(crystals[::-1])[::-1]
        with another_day():
            later = model.energies(crystals)
        atoms = np.array([crystal.num_atoms for crystal in crystals])
        assert (np.abs(again - first) <= self.precision * atoms).all()
        assert (np.abs(later - first) <= self.precision * atoms).all()

    def test_leaves_the_global_generators_alone(self, model: EnergyModel, crystals: list[Crystal]) -> None:
        with global_generators_untouched():
            model.energies(crystals)
            model.relax(crystals[1:2], RelaxSettings(max_steps=2))

    def test_same_relaxation_in_another_process(self, model: EnergyModel, crystals: list[Crystal]) -> None:
        """Where Python hashes texts in another way."""
        if not self.other_process:
            pytest.skip("not tried")
        here, there = _work(model, crystals[1:]), elsewhere(model, _work, crystals[1:])
        assert there == here

    def test_keeps_symmetry_if_told_so(self, model: EnergyModel, crystals: list[Crystal]) -> None:
        settings = RelaxSettings(max_steps=8, symmetry="keep")
        for crystal, relaxation in zip(crystals, model.relax(crystals, settings), strict=True):
            assert relaxation.crystal is not None, relaxation.reason
            assert len(relaxation.crystal.group.operations[0]) >= len(crystal.group.operations[0])

    def test_says_when_it_did_not_converge(self, model: EnergyModel, crystals: list[Crystal]) -> None:
        relaxation = model.relax(crystals[:1], RelaxSettings(max_steps=1, fmax=1e-6))[0]
        assert relaxation.status is RelaxStatus.NOT_CONVERGED
        assert relaxation.reason
        assert relaxation.energy is not None

    def test_reports_the_enthalpy_under_pressure(self, model: EnergyModel, crystals: list[Crystal]) -> None:
        pressure = 1.0
        free, pressed = (
            model.relax(crystals[1:2], RelaxSettings(pressure=p, fmax=1e-3, symmetry="keep"))[0]
            for p in (0.0, pressure)
        )
        assert free.crystal is not None, free.reason
        assert pressed.crystal is not None, pressed.reason
        assert free.energy is not None
        assert pressed.energy is not None
        # dH/dp = V, and V falls as p grows.
        work = (pressed.energy - free.energy) / (pressure * EV_PER_GPA_A3)
        assert 0.99 * pressed.crystal.volume <= work <= 1.01 * free.crystal.volume

    def test_one_bad_crystal_stops_no_other(self, model: EnergyModel, crystals: list[Crystal]) -> None:
        bad = overlapping(self.elements, 0.62 * self.length)
        energies = model.energies([bad, crystals[1]])
        assert np.isfinite(energies[1])
        relaxations = model.relax([bad, crystals[1]], RelaxSettings(max_steps=5))
        assert relaxations[1].energy is not None
        if relaxations[0].status is RelaxStatus.FAILED:
            assert relaxations[0].crystal is None
            assert relaxations[0].energy is None
            assert relaxations[0].reason
            assert "\n" not in relaxations[0].reason

    def test_stops_in_time(self, model: EnergyModel, crystals: list[Crystal]) -> None:
        relaxation = model.relax(crystals[2:], RelaxSettings(timeout=1e-6, fmax=1e-9))[0]
        assert relaxation.status is RelaxStatus.FAILED
        assert "time" in relaxation.reason

    def test_inputs_are_left_alone(self, model: EnergyModel, crystals: list[Crystal]) -> None:
        before = [json.dumps(crystal.to_dict()) for crystal in crystals]
        model.relax(crystals, RelaxSettings(max_steps=2))
        assert [json.dumps(crystal.to_dict()) for crystal in crystals] == before

    def test_a_blend_is_the_mean_of_its_elements_and_leaves_the_model_alone(
        self, model: EnergyModel, crystals: list[Crystal]
    ) -> None:
        first, second = self.elements
        before = model.energies(crystals)
        halves = model.blended(Blend(((first, 0.5), (second, 0.5))))
        if halves is None:
            assert not type(model).can_blend({}), "it says that it can"
            return
        atoms = np.array([crystal.num_atoms for crystal in crystals])
        hardly = model.blended(Blend(((first, 1 - 1e-9), (second, 1e-9))))
        assert hardly is not None
        assert np.allclose(hardly.energies(crystals) / atoms, before / atoms, rtol=0, atol=10 * self.precision)
        mixed = halves.energies(crystals)
        assert np.isfinite(mixed).all()
        assert np.abs(mixed - before).max() > 10 * self.precision, "half of another element makes no difference"
        relaxed = halves.relax(crystals[:1], RelaxSettings(max_steps=3, symmetry="keep"))[0]
        assert relaxed.crystal is not None
        assert relaxed.energy is not None
        assert relaxed.energy == pytest.approx(
            halves.energies([relaxed.crystal])[0], abs=10 * self.precision * atoms[0]
        )
        assert np.array_equal(model.energies(crystals), before), "the model itself is another one now"

    def test_refuses_settings_that_make_no_sense(self) -> None:
        for settings in ({"fmax": 0.0}, {"max_steps": -1}, {"symmetry": "kep"}, {"timeout": 0.0}):
            with pytest.raises(InputError):
                RelaxSettings(**settings)
