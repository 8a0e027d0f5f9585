"""Energy model ``sevennet``: SevenNet's equivariant networks, whose weights come with the package `sevenn`."""

from __future__ import annotations

from functools import cached_property
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from crysim import hookimpl
from crysim.composition import SYMBOLS
from crysim.errors import InputError, MissingExtraError
from crysim.interfaces import EnergyModel
from crysim.process_state import output_discarded, warnings_ignored
from crysim_energies.calculator_model import CalculatorModel, Optimizer

_FILES = {
    "0": "SevenNet_0__11Jul2024/checkpoint_sevennet_0.pth",
    "l3i5": "SevenNet_l3i5/checkpoint_l3i5.pth",
}
_UNKNOWN = {"Po", "At", "Rn", "Fr", "Ra"}
"""Up to plutonium, the elements that the Materials Project's trajectories, on which both were trained, do not hold."""


class SevenNetModel(CalculatorModel):
    """Energies of SevenNet, in float32. Their reference is no other potential's: never compare the two."""

    name = "sevennet"
    extra = "sevennet"
    module = "sevenn"

    def __init__(
        self, *, weights: Literal["0", "l3i5"] = "0", optimizer: Optimizer = "bfgs", device: str = "cpu"
    ) -> None:
        """Find the weights; they are loaded at the first use.

        Args:
            weights: which of the package's: SevenNet-0 of 11 July 2024, or l3i5, more exact and half as fast.
            optimizer: ``bfgs`` in the free parameters of the primitive cell, or ASE's ``fire``.
            device: as torch names it: ``cpu``, ``cuda``.

        Raises:
            InputError: the package does not hold these weights.
        """
        self.weights = weights
        self.optimizer = optimizer
        self.device = device
        spec = find_spec("sevenn")
        if spec is None or spec.origin is None:
            raise MissingExtraError("energy 'sevennet'", "sevennet")
        self._path = Path(spec.origin).parent / "pretrained_potentials" / _FILES[weights]
        if not self._path.is_file():
            raise InputError(
                f"the installed sevenn {version('sevenn')} holds no weights '{weights}' (looked for {self._path})"
            )

    def fingerprint(self) -> dict[str, str]:
        """The name and sha256 of the weights, and the package's version."""
        return {
            "model": self.name,
            "weights": self.weights,
            "package": f"sevenn {version('sevenn')}",
            "weights_sha256": sha256(self._path.read_bytes()).hexdigest(),
        }

    @property
    def cutoff(self) -> float:
        """The radius of the graph, Å."""
        return 5.0

    @property
    def elements(self) -> frozenset[str]:
        """The 89 elements that both weights were trained on."""
        return frozenset(SYMBOLS[:94]) - _UNKNOWN

    @cached_property
    def calculator(self) -> Any:
        """sevenn's own ASE calculator."""
        with warnings_ignored(), output_discarded():  # of accelerators that are not there
            from sevenn.calculator import SevenNetCalculator

            # The file is the package's own, as trusted as its code: it holds more than tensors.
            return SevenNetCalculator(str(self._path), device=self.device)


@hookimpl
def crysim_energies() -> list[type[EnergyModel]]:
    """Register the model."""
    return [SevenNetModel]
