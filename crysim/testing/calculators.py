"""Calculators to measure and to test with, named as ``ase:crysim.testing.calculators.SlowEMT``."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from ase.calculators.emt import EMT

ENERGIES = "energies"
"""The file in which `SlowEMT` says what it has begun."""


class SlowEMT(EMT):  # type: ignore[misc]  # ase has no types
    """EMT that sleeps before every energy: a calculation of any length that leaves the cores to others."""

    def __init__(self, *, seconds: float, folder: str | None = None, **more: Any) -> None:
        """Sleep so long, in seconds; the other options are EMT's.

        Args:
            seconds: before each energy.
            folder: in which `ENERGIES` gets a line for each energy that is begun: when (Unix time), the process, its
                parent, and the job of Slurm that it is in, or ``-``.
            more: of EMT.
        """
        super().__init__(**more)
        self.seconds = seconds
        self.folder = folder

    def calculate(self, *args: Any, **more: Any) -> None:
        """Sleep, and calculate."""
        if self.folder is not None:
            job = os.environ.get("SLURM_JOB_ID", "-")
            # In one write: several processes append to it.
            with Path(self.folder, ENERGIES).open("a", encoding="ascii") as file:
                file.write(f"{time.time():.3f} {os.getpid()} {os.getppid()} {job}\n")
        time.sleep(self.seconds)
        super().calculate(*args, **more)
