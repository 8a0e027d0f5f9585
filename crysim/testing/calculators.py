"""Calculators to measure and to test with, named as ``ase:crysim.testing.calculators.SlowEMT``."""

from __future__ import annotations

import time
from typing import Any

from ase.calculators.emt import EMT


class SlowEMT(EMT):  # type: ignore[misc]  # ase has no types
    """EMT that sleeps before every energy: a calculation of any length that leaves the cores to others."""

    def __init__(self, *, seconds: float, **more: Any) -> None:
        """Sleep so long, in seconds; the other options are EMT's."""
        super().__init__(**more)
        self.seconds = seconds

    def calculate(self, *args: Any, **more: Any) -> None:
        """Sleep, and calculate."""
        time.sleep(self.seconds)
        super().calculate(*args, **more)
