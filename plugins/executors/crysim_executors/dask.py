"""Executor ``dask``: a cluster of dask.distributed, an existing one or one on this machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor as FuturesExecutor
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, ClassVar

from crysim import hookimpl
from crysim.errors import InputError
from crysim.interfaces import Executor

if TYPE_CHECKING:
    from distributed import Client, LocalCluster


class Dask(Executor):
    """Tasks on the workers of a scheduler, which does again what a lost worker had.

    How often is the scheduler's own ``distributed.scheduler.allowed-failures``. Every worker, or every thread of one,
    takes a task at a time.
    """

    name: ClassVar[str] = "dask"
    argument: ClassVar[str | None] = "address"
    argument_optional: ClassVar[bool] = True
    extra: ClassVar[str | None] = "dask"
    module: ClassVar[str | None] = "distributed"

    def __init__(self, *, address: str | None = None, connect_timeout: float = 30.0) -> None:
        """Remember where the scheduler is.

        Args:
            address: of the scheduler, as in ``tcp://host:8786``; None: workers are begun on this machine.
            connect_timeout: seconds in which the scheduler must answer.
        """
        if not connect_timeout > 0:
            raise InputError(f"option 'connect_timeout' of executor 'dask' is {connect_timeout} s: it must be positive")
        self._address = address
        self._connect_timeout = connect_timeout
        self._pool: _Pool | None = None

    @classmethod
    def check_from_file(cls, argument: str | None, options: Mapping[str, Any], *, named_there: bool) -> None:
        """Raise InputError if a file says whose scheduler is to be trusted: it can run code here."""
        address = options.get("address", argument if named_there else None)
        if address is not None:
            raise InputError(
                f"executor 'dask:{address}' stands in a file, which runs no foreign code: give the scheduler by "
                f"--executor dask:{address}"
            )

    def start(self, workers: int) -> FuturesExecutor:
        """Connect to the scheduler, or begin one with so many workers.

        Raises:
            InputError: no scheduler answers at the address.
        """
        from distributed import Client, LocalCluster

        cluster = None
        if self._address is None:
            cluster = LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=":0")
        try:
            client = Client(cluster or self._address, timeout=self._connect_timeout, set_as_default=False)
        except (OSError, ValueError) as error:
            raise InputError(f"no dask scheduler answers at {self._address}: {error}") from error
        self._pool = _Pool(client, cluster)
        return self._pool

    @property
    def tasks(self) -> int:
        """As many as the workers have threads, at least one."""
        if self._pool is None:
            return 1
        threads: dict[str, int] = self._pool.client.nthreads()
        return max(1, sum(threads.values()))


class _Pool(FuturesExecutor):
    """The client's futures as Python's."""

    def __init__(self, client: Client, cluster: LocalCluster | None) -> None:
        self.client = client
        self._cluster = cluster
        # Not pure: a task that is submitted once more is to be done once more.
        self._pool = client.get_executor(pure=False)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have a function called."""
        future: Future[Any] = self._pool.submit(fn, *args, **kwargs)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for what is under way, or cancel it; a cluster that we began ends."""
        self._pool.shutdown(wait=wait and not cancel_futures)
        self.client.close()
        if self._cluster is not None:
            self._cluster.close()


@hookimpl
def crysim_executors() -> list[type[Executor]]:
    """The executor of this module."""
    return [Dask]
