"""Runs whose contents fill the primitive cell, from folder to folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pymatgen.core import Lattice

from crysim.composition import Composition, Contents
from crysim.crystal import Crystal, Site
from crysim.harness.journal import read_run
from crysim.harness.loop import execute
from crysim.harness.spec import RunSettings, RunSpec
from crysim.harness.trials import relax_candidates
from crysim.interfaces import Candidate, EnergyModel, Relaxation, RelaxSettings, RelaxStatus, TrialStatus

ALCU = Contents.from_formula("AlCu", cell="primitive")


def test_the_manifest_says_primitive_only_where_it_is(make_spec: Callable[..., RunSpec]) -> None:
    assert "cell" not in make_spec().config()
    config = make_spec(system=ALCU).config()
    assert (config["system"], config["cell"]) == ("AlCu", "primitive")
    assert make_spec(system=ALCU).system.name == "AlCu-primitive"
    assert make_spec(system=Composition.from_formula("AlCu")).system == Contents.from_formula("AlCu")


@pytest.mark.parametrize("method", ["random", "crysim"])
def test_a_run_fills_the_primitive_cell_and_goes_on(
    tmp_path: Path,
    make_spec: Callable[..., RunSpec],
    emt: EnergyModel,
    method: str,
    trials_of: Callable[[Path], list[object]],
) -> None:
    spec = make_spec(method, system=ALCU)
    done = execute(spec, tmp_path / "whole", emt)
    record = read_run(tmp_path / "whole")
    assert (record.contents, record.system) == (ALCU, "AlCu-primitive")
    starts = [trial.candidate.crystal for trial in record.trials]
    assert all(map(ALCU.held_by, starts))
    assert len({crystal.num_atoms for crystal in starts}) > 1
    energies = [ALCU.per_cell(t.energy, t.crystal) for t in record.trials if t.counted and t.crystal]
    assert done.lowest == min(energies)
    part = tmp_path / "part"
    execute(spec, part, emt)
    journal = part / "journal.jsonl"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:4]))
    execute(spec, part, emt)
    assert trials_of(part) == trials_of(tmp_path / "whole")


class Breaks(EnergyModel):
    """Describes rock salt, whatever it was, in P1 of the start's cell, as a model may that keeps the atoms' number."""

    name = "breaks"

    def fingerprint(self) -> dict[str, str]:
        return {"model": self.name}

    def energies(self, crystals: list[Crystal]) -> np.ndarray:
        return np.zeros(len(crystals))

    def relax(self, crystals: list[Crystal], settings: RelaxSettings) -> list[Relaxation]:
        bare = [c.to_structure() for c in crystals]
        found = [
            Crystal.from_p1(c.composition, s.lattice.matrix, c.species, s.frac_coords)
            for c, s in zip(crystals, bare, strict=True)
        ]
        return [Relaxation(RelaxStatus.RELAXED, one, -1.0 * one.num_atoms, 1, 1, 0.0) for one in found]


def tetragonal_rock_salt() -> Crystal:
    a = 4.0 / np.sqrt(2)
    return Crystal(
        Composition.from_formula("Al2Cu2"),
        139,
        (a, a, 4.0, 90, 90, 90),
        (Site("Al", _at(139, "a")), Site("Cu", _at(139, "b"))),
    )


def test_a_crystal_that_left_its_group_is_described_in_the_cell_of_the_one_it_has() -> None:
    start = tetragonal_rock_salt()
    (kept,) = relax_candidates([Candidate(start)], Breaks(), RunSettings(min_relaxed_distance=0.5), 0)
    (anew,) = relax_candidates([Candidate(start)], Breaks(), RunSettings(min_relaxed_distance=0.5), 0, ALCU)
    assert kept.crystal is not None
    assert anew.crystal is not None
    assert (kept.crystal.space_group, kept.energy) == (1, -4.0)
    assert (anew.crystal.space_group, anew.crystal.composition.formula, anew.energy) == (225, "Al4Cu4", -8.0)


class LosesAll(Breaks):
    """Leaves a crystal with no symmetry but the translations of its centring, where it has more."""

    def __init__(self, noise: float) -> None:
        self.noise = noise

    def relax(self, crystals: list[Crystal], settings: RelaxSettings) -> list[Relaxation]:
        ends = [self._end(crystal) for crystal in crystals]
        return [Relaxation(RelaxStatus.RELAXED, end, -1.0 * end.num_atoms, 1, 1, 0.001) for end in ends]

    def _end(self, crystal: Crystal) -> Crystal:
        if crystal.num_atoms == 2:
            return crystal
        classes = tetragonal_rock_salt().centring_classes
        coords = tetragonal_rock_salt().frac_coords.copy()
        coords[classes] += np.random.default_rng(0).uniform(0, 0.05, (len(classes), 1, 3))
        if crystal.space_group > 1:  # where it comes to rest after that it has its translations
            coords += np.random.default_rng(1).normal(0, self.noise, coords.shape)
        oblique = Lattice.from_parameters(2.8, 2.9, 4.0, 88, 91, 93).matrix
        return Crystal.from_p1(crystal.composition, oblique, crystal.species, coords)


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_a_crystal_that_lost_all_but_its_centring_is_described_in_its_primitive_cell(noise: float) -> None:
    (anew,) = relax_candidates([Candidate(tetragonal_rock_salt())], LosesAll(noise), RunSettings(), 0, ALCU)
    assert anew.crystal is not None
    assert (anew.crystal.space_group, anew.crystal.composition.formula) == (1, "AlCu")
    assert (anew.energy, anew.crystal.volume) == (pytest.approx(-2.0), pytest.approx(16.2, abs=0.3))
    assert ALCU.held_by(anew.crystal)


class Settles(Breaks):
    """Leaves atoms a little beside their places in a lower group; in cubic ones they come to rest, or fail."""

    def __init__(self, settled: RelaxStatus) -> None:
        self.settled = settled

    def relax(self, crystals: list[Crystal], settings: RelaxSettings) -> list[Relaxation]:
        return [self._one(crystal, settings) for crystal in crystals]

    def _one(self, crystal: Crystal, settings: RelaxSettings) -> Relaxation:
        if crystal.space_group != 225:
            (first,) = super().relax([crystal], settings)
            assert first.crystal is not None
            moved = first.crystal.frac_coords + np.random.default_rng(0).normal(
                0, 5e-4, first.crystal.frac_coords.shape
            )
            beside = Crystal.from_p1(crystal.composition, first.crystal.lattice, first.crystal.species, moved)
            return replace(first, crystal=beside, max_force=0.004)
        assert settings.symmetry == "keep"
        return Relaxation(self.settled, crystal, -1.01 * crystal.num_atoms, 2, 3, 0.001)


@pytest.mark.parametrize(
    ("settled", "energy", "force"), [(RelaxStatus.RELAXED, -8.08, 0.001), (RelaxStatus.NOT_CONVERGED, -8.0, 0.004)]
)
def test_what_came_to_rest_in_another_group_is_relaxed_on_in_that_one(
    settled: RelaxStatus, energy: float, force: float
) -> None:
    """Its description has moved the atoms: the energy and the forces stored are those of the crystal stored."""
    settings = RunSettings(min_relaxed_distance=0.5)
    (anew,) = relax_candidates([Candidate(tetragonal_rock_salt())], Settles(settled), settings, 0, ALCU)
    assert anew.crystal is not None
    assert (anew.status, anew.crystal.space_group) == (TrialStatus.RELAXED, 225)
    assert (anew.energy, anew.relaxation.max_force) == (pytest.approx(energy), force)
    assert (anew.relaxation.steps, anew.evaluations) == (3, 4)


def _at(number: int, letter: str) -> int:
    from crysim.symmetry import space_group

    return space_group(number).position_by_letter(letter)
