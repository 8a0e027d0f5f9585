"""Executor ``parsl:FILE``: what a person's Parsl configuration reaches: Slurm, PBS, LSF, Kubernetes, many nodes."""

from __future__ import annotations

import os
import sysconfig
from collections.abc import Callable, Mapping
from concurrent.futures import Executor as FuturesExecutor
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from crysim import hookimpl
from crysim.errors import InputError
from crysim.interfaces import Executor
from crysim.plugins.installed import import_named
from crysim.regular_files import read_text

if TYPE_CHECKING:
    from parsl import Config, DataFlowKernel

CONFIG = "config"
"""What a configuration's file defines."""


class Parsl(Executor):
    """Tasks on the blocks that Parsl asks of a queue, which it scales, watches and asks for again.

    A configuration is Python: a file that defines ``config``, or the dotted path of a `parsl.Config` or of a function
    that makes one (``parsl.configs.htex_local.fresh_config``).
    """

    name: ClassVar[str] = "parsl"
    argument: ClassVar[str | None] = "configuration"
    extra: ClassVar[str | None] = "parsl"
    module: ClassVar[str | None] = "parsl"

    def __init__(self, *, configuration: str) -> None:
        """Remember what the configuration is; nothing of it is run yet.

        Args:
            configuration: a file, or a dotted path.
        """
        self._configuration = configuration
        self._pool: _Pool | None = None

    @classmethod
    def check_from_file(cls, argument: str | None, options: Mapping[str, Any], *, named_there: bool) -> None:
        """Raise InputError if a file says which code is to be run."""
        named = options.get("configuration", argument if named_there else None)
        if named is not None:
            raise InputError(
                f"executor 'parsl:{named}' stands in a file, which runs no foreign code: give it by --executor "
                f"parsl:{named}"
            )

    def check(self) -> None:
        """Raise InputError if the configuration is none."""
        _configuration(self._configuration)

    def start(self, workers: int) -> FuturesExecutor:
        """Start what is configured; how many workers there are is the configuration's, and not ``workers``.

        Raises:
            InputError: the configuration is none, or Parsl refuses it.
        """
        import parsl

        _put_scripts_on_path()
        config = _configuration(self._configuration)
        try:
            kernel = parsl.DataFlowKernel(config)
        except Exception as error:
            raise InputError(f"Parsl does not start with {self._configuration}: {_line(error)}") from error
        self._pool = _Pool(kernel)
        return self._pool

    @property
    def tasks(self) -> int:
        """As many as the configuration's blocks have workers when all of them are there, at least one."""
        return 1 if self._pool is None else max(1, sum(map(_most_tasks, self._pool.executors)))


def _put_scripts_on_path() -> None:
    """Parsl begins programs of its own by their names, then and whenever it scales; also without an active venv."""
    scripts = sysconfig.get_path("scripts")
    path = os.environ.get("PATH", "").split(os.pathsep)
    if scripts not in path:
        os.environ["PATH"] = os.pathsep.join([scripts, *path])


def _configuration(named: str) -> Config:
    """The `parsl.Config` of a file or a dotted path."""
    from parsl import Config

    what = f"executor 'parsl:{named}'"
    if named.endswith(".py"):
        names: dict[str, Any] = {"__name__": "parsl_configuration", "__file__": named}
        try:
            # The person named this file on the command line: it is theirs to run.
            exec(compile(read_text(Path(named), "the configuration"), named, "exec"), names)  # noqa: S102
        except InputError:
            raise
        except Exception as error:
            raise InputError(f"{what}: the file fails: {_line(error)}") from error
        found = names.get(CONFIG)
    elif os.sep in named or "." not in named:
        raise InputError(f"{what}: '{named}' is neither a file NAME.py nor a dotted path, as in package.module.NAME")
    else:
        found = import_named(what, named)
    found = found() if callable(found) and not isinstance(found, Config) else found
    if not isinstance(found, Config):
        raise InputError(f"{what} has no parsl.Config: a file defines it as '{CONFIG} = Config(...)'")
    return found


def _most_tasks(executor: Any) -> int:
    """Tasks that an executor of Parsl takes at a time with all its blocks."""
    workers = getattr(executor, "max_workers_per_node", None) or getattr(executor, "max_workers", None) or 1
    if workers == float("inf"):
        workers = getattr(executor, "workers_per_node", 1)
    provider = getattr(executor, "provider", None)
    blocks, nodes = getattr(provider, "max_blocks", 1), getattr(provider, "nodes_per_block", 1)
    return max(1, int(workers) * int(blocks or 1) * int(nodes or 1))


class _Pool(FuturesExecutor):
    """Parsl's futures, which cannot be cancelled."""

    def __init__(self, kernel: DataFlowKernel) -> None:
        from parsl.concurrent import ParslPoolExecutor

        self._kernel: DataFlowKernel | None = kernel
        self._pool = ParslPoolExecutor(dfk=kernel)

    @property
    def executors(self) -> list[Any]:
        """Those of the configuration."""
        found = self._kernel.executors if self._kernel is not None else {}
        return [executor for label, executor in found.items() if label != "_parsl_internal"]

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have a function called."""
        future: Future[Any] = self._pool.submit(fn, *args, **kwargs)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Give the blocks back; what is under way is waited for, or if it is to be cancelled, ends with them."""
        if self._kernel is None:
            return
        kernel, self._kernel = self._kernel, None
        if wait and not cancel_futures:
            kernel.wait_for_current_tasks()
        kernel.cleanup()


def _line(error: BaseException) -> str:
    return (f"{type(error).__name__}: {error}".splitlines() or [""])[0]


@hookimpl
def crysim_executors() -> list[type[Executor]]:
    """The executor of this module."""
    return [Parsl]
