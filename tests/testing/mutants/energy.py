"""A good plug-in of the kind energy, and mutants of it, each with one fault that its conformance suite must catch."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from crysim.composition import Composition
from crysim.crystal import Crystal
from crysim.crystal.generation import RandomGenerator
from crysim.interfaces import Frame, RelaxStatus

crysim_lennard_jones = pytest.importorskip(
    "crysim_lennard_jones", reason="examples/third-party-energy is not installed"
)


class Good(crysim_lennard_jones.LennardJones):
    def __init__(self, *, epsilon: float = 0.4, sigma: float = 2.4, cutoff: float = 3.0) -> None:
        super().__init__(epsilon=epsilon, sigma=sigma, cutoff=cutoff)


class Altered(Good):
    """Alters what is relaxed."""

    def relax(self, crystals, settings):
        done = super().relax(crystals, settings)
        return [
            one if one.status is RelaxStatus.FAILED else self.alter(one, crystal, settings)
            for one, crystal in zip(done, crystals, strict=True)
        ]


class TenTimesFmax(Good):
    def relax(self, crystals, settings):
        done = super().relax(crystals, replace(settings, fmax=10 * settings.fmax))
        return [
            replace(one, max_force=min(one.max_force, settings.fmax)) if one.status is RelaxStatus.RELAXED else one
            for one in done
        ]


class AlwaysConverged(Altered):
    def alter(self, one, crystal, settings):
        return replace(one, status=RelaxStatus.RELAXED, reason="")


class FalseFrames(Altered):
    def alter(self, one, crystal, settings):
        frames = [Frame(frame.crystal, frame.energy + 0.5 * bool(i)) for i, frame in enumerate(one.frames)]
        return replace(one, frames=tuple(frames))


class FramesOfAnotherGroup(Altered):
    def alter(self, one, crystal, settings):
        c = one.crystal
        loose = Crystal.from_p1(c.composition, c.lattice, c.species, c.frac_coords)
        return replace(one, frames=(*one.frames[:-1], Frame(loose, one.energy)))


class TooLow(Altered):
    def alter(self, one, crystal, settings):
        return replace(one, energy=one.energy - 1e6)


class OtherComposition(Altered):
    def alter(self, one, crystal, settings):
        other = RandomGenerator(Composition(("Ar", "Kr"), (1, 3)), [1]).sample(1, np.random.default_rng(0))[0]
        return replace(one, crystal=other)


class IgnoresSymmetry(Altered):
    def alter(self, one, crystal, settings):
        c = one.crystal
        return replace(one, crystal=Crystal.from_p1(c.composition, c.lattice, c.species, c.frac_coords))


class IgnoresPressure(Good):
    def relax(self, crystals, settings):
        return super().relax(crystals, replace(settings, pressure=0.0))


class IgnoresTimeout(Good):
    def relax(self, crystals, settings):
        return super().relax(crystals, replace(settings, timeout=None))


class IgnoresMaxSteps(Good):
    def relax(self, crystals, settings):
        return super().relax(crystals, replace(settings, max_steps=settings.max_steps + 2))


class ShufflesTheOrder(Good):
    def relax(self, crystals, settings):
        # Only crystals of one composition change places, which their compositions do not tell.
        done = super().relax(crystals, settings)
        order = sorted(range(len(done)), key=lambda i: (crystals[i].num_atoms, -i))
        places = sorted(range(len(done)), key=lambda i: crystals[i].num_atoms)
        result = list(done)
        for place, i in zip(places, order, strict=True):
            result[place] = done[i]
        return result


class TooFew(Good):
    def relax(self, crystals, settings):
        return super().relax(crystals, settings)[:-1] if len(crystals) > 1 else super().relax(crystals, settings)


class Texts(Good):
    def energies(self, crystals):
        return np.array([f"{energy:.6f}" for energy in super().energies(crystals)])


class Lists(Good):
    def energies(self, crystals):
        return super().energies(crystals).tolist()


class PerAtom(Good):
    """Its relaxations are in eV per cell."""

    def energies(self, crystals):
        return super().energies(crystals) / np.array([crystal.num_atoms for crystal in crystals])


class Remembers(Good):
    calls = 0

    def energies(self, crystals):
        Remembers.calls += 1
        return super().energies(crystals) + 1e-3 * Remembers.calls


class OneFingerprint(Good):
    def fingerprint(self):
        return {"model": "lennard-jones", "version": "1"}


class ShiftsWithTheOrigin(Good):
    def energies(self, crystals):
        return super().energies(crystals) + np.array([float(c.frac_coords[0].sum()) for c in crystals])


class DrawsFromTheGlobalGenerator(Good):
    def relax(self, crystals, settings):
        np.random.random()  # noqa: NPY002
        return super().relax(crystals, settings)


class DependsOnHashes(Altered):
    def alter(self, one, crystal, settings):
        return replace(one, energy=one.energy + 1e-9 * (hash("energy") & 0xFFFF))


class DependsOnTheDay(Good):
    def energies(self, crystals):
        return super().energies(crystals) + 1e-3 * (int(time.time()) // 3600 % 1000)


class SaysThatItBlends(Good):
    @classmethod
    def can_blend(cls, options):
        return True


class ChangesInBlending(SaysThatItBlends):
    def blended(self, blend):
        self._share = dict(blend.shares)[blend.elements[0]]
        return self

    def energies(self, crystals):
        return super().energies(crystals) * getattr(self, "_share", 1.0)


class TakesOneElementForAll(SaysThatItBlends):
    def blended(self, blend):
        return self


MUTANTS = [
    TenTimesFmax, AlwaysConverged, FalseFrames, FramesOfAnotherGroup, TooLow, OtherComposition, IgnoresSymmetry,
    IgnoresPressure, IgnoresTimeout, IgnoresMaxSteps, ShufflesTheOrder, TooFew, Texts, Lists, PerAtom, Remembers,
    OneFingerprint, ShiftsWithTheOrigin, DrawsFromTheGlobalGenerator, DependsOnHashes, DependsOnTheDay,
    SaysThatItBlends, ChangesInBlending, TakesOneElementForAll,
]  # fmt: skip
