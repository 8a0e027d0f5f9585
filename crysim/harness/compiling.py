"""What a fresh installation compiles before its first energy: a process for it, beside those that load and begin."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from crysim.compiled import is_fresh
from crysim.harness.processes import Channel, Process
from crysim.harness.runner import compile_comparisons
from crysim.harness.spec import PartSpec, energy_class
from crysim.interfaces import EnergyModel
from crysim.process_state import garbage_kept


@contextmanager
def compiling(energy: PartSpec, *, wanted: bool) -> Iterator[bool]:
    """Have what relaxations need compiled, and what looks at their crystals then, if nothing is yet; whether so.

    A second worker would load the model first, which takes as long as half of the compiling. The process ends with the
    block, or by itself once all is compiled: what it has to say, the workers find on the disk.

    Args:
        energy: the model.
        wanted: whether anybody on this machine would find it there.
    """
    if not (wanted and any(map(is_fresh, _packages(energy_class(energy.name))))):
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
    with suppress(Exception), garbage_kept():
        energy_class(energy.name).compile_ahead(energy.options)
        compile_comparisons()
    raise EOFError  # as if nobody asked for more, which ends the process


def _packages(model: type[EnergyModel]) -> list[Path]:
    """The folders of what is compiled: crysim's own, and the model's if it has something to compile."""
    names = ["crysim"]
    if model.compile_ahead.__func__ is not EnergyModel.compile_ahead.__func__:  # type: ignore[attr-defined]
        names.append(model.__module__.partition(".")[0])
    files = [sys.modules[name].__file__ for name in names]
    return [Path(file).parent for file in files if file is not None]
