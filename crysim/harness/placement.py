"""Where the runs of a comparison are computed; nothing here changes a trial."""

from __future__ import annotations

from dataclasses import dataclass, field

from crysim.harness.spec import PartSpec
from crysim.interfaces import Executor
from crysim.plugins import plugin_manager

TASK_TIMEOUT = 3600.0
"""Seconds that one relaxation may take, or a strategy's proposal, unless more is said."""


@dataclass(frozen=True)
class Placement:
    """Where, and how long at most.

    Attributes:
        workers: processes at most, where it is the executor that begins them.
        executor: the plug-in.
        task_timeout: seconds that one crystal's relaxation may take, or a strategy's proposal; whatever hangs longer
            is killed.
    """

    workers: int = 1
    executor: PartSpec = field(default_factory=lambda: PartSpec("processes"))
    task_timeout: float = TASK_TIMEOUT

    def build(self) -> Executor:
        """The executor.

        Raises:
            InputError: there is none of this name, an option is wrong, an extra is missing.
        """
        made: Executor = plugin_manager().build("executor", self.executor.name, self.executor.options)
        return made

    def check(self) -> None:
        """Raise InputError if the executor cannot start as it is set up."""
        self.build().check()
