"""What a fresh installation compiles before its first energy: a process for it, beside those that load and begin."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import cast

from crysim.compiled import is_fresh
from crysim.harness.processes import Channel, Process
from crysim.harness.runner import compile_comparisons
from crysim.harness.spec import PartSpec
from crysim.interfaces import EnergyModel
from crysim.plugins import plugin_manager


@contextmanager
def compiling(energy: PartSpec, *, wanted: bool) -> Iterator[bool]:
    """Have what relaxations need compiled, and what looks at their crystals then, if nothing is yet; whether so.

    A second worker would load the model first, which takes as long as half of the compiling. The process ends with the
    block, or by itself once all is compiled: what it has to say, the workers find on the disk.

    Args:
        energy: the model.
        wanted: whether anybody on this machine would find it there.
    """
    if not (wanted and is_fresh()):
        yield False
        return
    process = Process(compile_kernels, 1)
    process.send(energy)
    try:
        yield True
    finally:
        process.stop(idle=False)


def compile_kernels(energy: PartSpec, _: Channel) -> None:
    """In the process: compile. That a model cannot is no failure: its workers compile, too."""
    with suppress(Exception):
        cast("type[EnergyModel]", plugin_manager().get("energy", energy.name)).compile_ahead(energy.options)
        compile_comparisons()
    raise EOFError  # as if nobody asked for more, which ends the process
