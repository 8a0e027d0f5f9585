"""What an energy model's energies and relaxations must be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from crysim.arrays import Floats
from crysim.composition import SYMBOLS
from crysim.interfaces import Blend, EnergyModel, Frame, Relaxation, RelaxSettings, RelaxStatus, StopRule
from crysim.plugins.checked.faults import Checked, is_number, is_seconds

if TYPE_CHECKING:
    from crysim.crystal import Crystal

GIVEN_UP = (RelaxStatus.STOPPED, RelaxStatus.KNOWN)
OVER_FMAX = 1.001
"""Times fmax: the largest force that may be left where a relaxation is said to have converged."""


class CheckedEnergyModel(Checked[EnergyModel], EnergyModel):
    """An energy model whose energies and relaxations are looked at.

    An error of another kind that `relax` raises is let through: whoever relaxes a batch tries its crystals one by one
    then, and a crystal that fails so is a trial that failed.
    """

    kind = "energy"

    @property
    def cutoff(self) -> float | None:
        """The model's, looked at: a length above 0, or None."""
        with self._calling("cutoff"):
            cutoff = self._plugin.cutoff
        if cutoff is not None and not (is_number(cutoff) and cutoff > 0):
            self._fault(f"its cutoff is {cutoff!r}, not a length in Å")
        return cutoff

    @property
    def elements(self) -> frozenset[str] | None:
        """The model's, looked at: symbols, or None."""
        with self._calling("elements"):
            elements = self._plugin.elements
        if elements is not None and not (isinstance(elements, frozenset) and elements <= set(SYMBOLS)):
            self._fault("its elements are no frozenset of chemical symbols")
        return elements

    def warm_up(self) -> None:
        """The model's."""
        self._plugin.warm_up()

    def fingerprint(self) -> dict[str, str]:
        """The model's, looked at: text by text."""
        with self._calling("fingerprint"):
            found = self._plugin.fingerprint()
        if not isinstance(found, dict) or not all(isinstance(text, str) for pair in found.items() for text in pair):
            self._fault("its fingerprint is no dictionary of texts")
        return found

    def blended(self, blend: Blend) -> EnergyModel | None:
        """The model's, looked at as itself is."""
        with self._calling("blended"):
            found = self._plugin.blended(blend)
        if found is not None and not isinstance(found, EnergyModel):
            self._fault(f"blended returned a {type(found).__name__}, not an EnergyModel")
        return None if found is None else CheckedEnergyModel(found)

    def energies(self, crystals: Sequence[Crystal]) -> Floats:
        """The model's, looked at: a number or NaN for each crystal."""
        with self._calling("energies"):
            energies = self._plugin.energies(crystals)
        self._array("its energies", energies, (len(crystals),), "f")
        return energies

    def relax(self, crystals: Sequence[Crystal], settings: RelaxSettings) -> list[Relaxation]:
        """The model's, looked at: one relaxation for each crystal, of its composition, frames of its group."""
        return self._looked_at(crystals, settings, self._plugin.relax(crystals, settings))

    def race(
        self, crystals: Sequence[Crystal], settings: RelaxSettings, stops: Sequence[StopRule | None]
    ) -> list[Relaxation]:
        """The model's, looked at like those of `relax`; only a relaxation with leave to stop may have been stopped."""
        relaxations = self._looked_at(crystals, settings, self._plugin.race(crystals, settings, stops))
        for relaxation, stop in zip(relaxations, stops, strict=True):
            if stop is None and relaxation.status in GIVEN_UP:
                self._fault(f"a relaxation without leave to stop came back {relaxation.status}")
        return relaxations

    def _looked_at(
        self, crystals: Sequence[Crystal], settings: RelaxSettings, relaxations: list[Relaxation]
    ) -> list[Relaxation]:
        if not isinstance(relaxations, list):
            self._fault(f"relax returned a {type(relaxations).__name__}, not a list")
        if len(relaxations) != len(crystals):
            self._fault(f"relax returned {len(relaxations)} relaxations of {len(crystals)} crystals")
        for crystal, relaxation in zip(crystals, relaxations, strict=True):
            self._check(crystal, relaxation, settings)
        return relaxations

    def _check(self, start: Crystal, relaxation: Relaxation, settings: RelaxSettings) -> None:
        from crysim.crystal import Crystal

        if not isinstance(relaxation, Relaxation) or not isinstance(relaxation.status, RelaxStatus):
            self._fault(f"a {type(relaxation).__name__} came back, not a Relaxation with its status")
        if relaxation.status is not RelaxStatus.FAILED:
            end, energy, force = relaxation.crystal, relaxation.energy, relaxation.max_force
            if end is not None and not isinstance(end, Crystal):
                self._fault(f"a relaxed crystal is a {type(end).__name__}")
            if end is not None and end.composition != start.composition:
                self._fault(f"a crystal of {start.composition} was relaxed to one of {end.composition}")
            if energy is not None and not is_number(energy):
                self._fault(f"a relaxed energy is {energy!r}, not a number")
            if force is not None and not is_number(force):
                self._fault(f"a largest force is {force!r}, not a number")
            if relaxation.status is RelaxStatus.RELAXED and force is not None and force > OVER_FMAX * settings.fmax:
                self._fault(f"a crystal is called relaxed with a force of {force:.3g} eV/Å, over {settings.fmax:g}")
        if not isinstance(relaxation.reason, str) or not is_seconds(relaxation.seconds):
            self._fault("a relaxation's reason is no text, or its seconds are no number")
        for count in (relaxation.steps, relaxation.evaluations):
            if not is_seconds(count) or count != int(count):
                self._fault(f"a relaxation counts {count!r} steps or evaluations")
        self._check_frames(start, relaxation.frames)

    def _check_frames(self, start: Crystal, frames: Sequence[Frame]) -> None:
        if not isinstance(frames, tuple | list):
            self._fault(f"a relaxation's frames are a {type(frames).__name__}, not a tuple")
        for frame in frames:
            if not isinstance(frame, Frame) or not is_number(frame.energy):
                self._fault("a frame is no Frame with an energy")
            there = frame.crystal
            if there.space_group != start.space_group or there.occupied != start.occupied:
                self._fault("a frame is not of the space group and sites that the relaxation started from")
