"""What the energy models that stand on a graph network share: quotient graphs where they can, ASE where not."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from copy import copy
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from crysim.arrays import Floats
from crysim.crystal import Crystal
from crysim.crystal.crystal import one_atom
from crysim.errors import InputError
from crysim.interfaces import Blend, Relaxation, RelaxSettings, StopRule
from crysim_energies.calculator_model import CalculatorModel

if TYPE_CHECKING:
    from crysim_energies.quotient.networks.network import QuotientNetwork

Relaxer = Literal["auto", "quotient", "ase"]
"""Who evaluates and relaxes: crysim on the quotient graph by the symmetry, or ASE's FIRE with the package's own model;
auto: the first where the network admits it."""


class NetworkModel(CalculatorModel):
    """Energies and relaxations by a graph network.

    Attributes:
        relaxer: see `Relaxer`.
        device: of the quotient relaxer, as torch names it.
    """

    usual_reach: ClassVar[tuple[float, float, bool, int]]
    """Of the published networks: the fields of `Reach`."""
    relaxer: Relaxer
    device: str

    @abstractmethod
    def make_quotient(self) -> QuotientNetwork:
        """The network on quotient graphs.

        Raises:
            InputError: it has parts that are not known there.
        """

    @cached_property
    def quotient(self) -> QuotientNetwork | None:
        """The network on quotient graphs; None if ASE is to relax.

        Raises:
            InputError: the device is not to be had.
        """
        if self.relaxer == "ase":
            return None
        _check_device(self.device)
        try:
            return self.make_quotient()
        except InputError:
            if self.relaxer == "quotient":
                raise
            return None

    @classmethod
    def can_blend(cls, options: Mapping[str, Any]) -> bool:
        """Yes, on quotient graphs."""
        return bool(options.get("relaxer", "auto") != "ase")

    def blended(self, blend: Blend) -> NetworkModel | None:
        """The model with the blend's mean features in place of its first element's; None if ASE is to relax."""
        if self.quotient is None:
            return None
        if blend not in self._blended:
            one = copy(self)
            one.__dict__["quotient"] = self.quotient.blended(blend)
            self._blended[blend] = one
        return self._blended[blend]

    @cached_property
    def _blended(self) -> dict[Blend, NetworkModel]:
        """Those that were asked for: a few kB each, the weights are shared."""
        return {}

    @classmethod
    def import_ahead(cls) -> None:
        """Import torch, and what relaxes."""
        import_module("crysim_energies.quotient.ahead")
        import_module(f"crysim_energies.quotient.networks.{cls.name}")

    @classmethod
    def compile_ahead(cls, options: Mapping[str, Any]) -> None:
        """Compile what builds graphs and relaxes, from the end of what `warm_up` compiles."""
        from crysim_energies.quotient.ahead import compile_ahead
        from crysim_energies.quotient.networks.network import Reach

        if options.get("relaxer") != "ase":
            on_cpu = str(options.get("device", "cpu")) == "cpu"
            compile_ahead(Reach(*cls.usual_reach), on_cpu=on_cpu, backwards=True)

    def warm_up(self) -> None:
        """Load the network, and compile what builds its graphs and relaxes; try it on one atom in a small cell."""
        from crysim_energies.quotient.ahead import compile_ahead
        from crysim_energies.quotient.cpu.twin import on_cpu

        if self.quotient is not None:
            compile_ahead(self.quotient, on_cpu=on_cpu(self.quotient) is not None)
            self.relax([one_atom()], RelaxSettings(max_steps=1, symmetry="keep"))

    def energies(self, crystals: Sequence[Crystal]) -> Floats:
        """Energies ``[n]``, eV per cell; NaN where the model fails on a crystal."""
        from crysim_energies.quotient.model import quotient_energies

        if self.quotient is None:
            return super().energies(crystals)
        return quotient_energies(self.quotient, crystals)

    def relax(self, crystals: Sequence[Crystal], settings: RelaxSettings) -> list[Relaxation]:
        """Relax atoms and cell of each crystal: `crysim_energies.quotient`, or `crysim_energies.ase_relaxation`."""
        from crysim_energies.quotient.model import quotient_relax

        if self.quotient is None:
            return super().relax(crystals, settings)
        return quotient_relax(self.quotient, crystals, settings)

    def race(
        self, crystals: Sequence[Crystal], settings: RelaxSettings, stops: Sequence[StopRule | None]
    ) -> list[Relaxation]:
        """Relax with leave to stop, by whoever relaxes."""
        from crysim_energies.quotient.model import quotient_relax

        if self.quotient is None:
            return super().race(crystals, settings, stops)
        return quotient_relax(self.quotient, crystals, settings, stops=stops)


def _check_device(device: str) -> None:
    import torch

    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"option 'device': {device!r} is not to be had here ({reason}); 'cpu' always is") from error
