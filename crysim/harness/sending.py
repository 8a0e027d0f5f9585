"""Sends tasks to an executor, and to it again what it lost; everything happens in the thread that asks for events."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures import Executor as FuturesExecutor
from multiprocessing.connection import Connection
from queue import Empty, SimpleQueue
from typing import Any

from crysim.errors import all_lines
from crysim.harness.care import ATTEMPTS, TIMES, Care, Failure, carefully
from crysim.harness.tasks import Task

Done = Callable[[Any], None]
"""Called with what came of a task, or a `crysim.harness.care.Failure`."""


class Sender:
    """An executor's client.

    An engine does what it can when a worker is lost. Where it gives a task up, as its exception says, the task is
    submitted again, `ATTEMPTS` times in all; then its crystals are tried one by one, and what is given up as often has
    failed.
    """

    def __init__(self, name: str, executor: FuturesExecutor) -> None:
        self._name = name
        self._executor = executor
        self._events: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._wake, self._bell = multiprocessing.Pipe(duplex=False)
        self._ringing = threading.Lock()
        self._rung = self._closed = False
        self._held: list[Callable[[], None]] | None = None

    @property
    def wake(self) -> Connection:
        """Readable when there are events."""
        wake: Connection = self._wake
        return wake

    def events(self) -> None:
        """Handle what came back: calls what `submit` was given."""
        with self._ringing:
            self._rung = False
            while self._wake.poll():
                self._wake.recv_bytes()
        while True:
            try:
                event = self._events.get_nowait()
            except Empty:
                return
            event()

    def wait(self, timeout: float | None = None) -> None:
        """Wait for events, and handle them."""
        if self._wake.poll(timeout):
            self.events()

    def close(self) -> None:
        """Nothing is submitted any more, and nothing heard of."""
        with self._ringing:
            self._closed = True
            self._wake.close()
            self._bell.close()

    def submit_first(self, task: Task, care: Care) -> None:
        """Have a task done whose result nobody wants, and hold back all others until it is: they are quicker then."""

        def release(_: object) -> None:
            held, self._held = self._held or [], None
            for submit in held:
                submit()

        self.submit_task(task, care, release)
        self._held = []

    def submit_task(self, task: Task, care: Care, done: Done) -> None:
        """Have a task done `carefully`."""

        def given_up(reason: str) -> None:
            if task.size == 1:
                done(task.failed(reason))
            else:
                self._one_by_one(task, care, done)

        self.submit(carefully, (task, care), done, given_up)

    def submit(
        self, call: Callable[..., Any], args: Sequence[Any], done: Done, given_up: Callable[[str], None]
    ) -> None:
        """Have a function called that never raises; ``given_up`` is called with the reason if the engine fails."""
        if self._held is None:
            self._attempt(call, args, done, given_up, 1)
        else:
            self._held.append(lambda: self._attempt(call, args, done, given_up, 1))

    def _attempt(
        self, call: Callable[..., Any], args: Sequence[Any], done: Done, given_up: Callable[[str], None], attempt: int
    ) -> None:
        def back(future: Future[Any]) -> None:
            if future.cancelled():
                return
            error = future.exception()
            if error is None:
                done(future.result())
            elif attempt < ATTEMPTS and not self._closed:
                self._attempt(call, args, done, given_up, attempt + 1)
            else:
                given_up(f"executor '{self._name}' gave it up {TIMES} ({_line(error)})")

        try:
            future = self._executor.submit(call, *args)
        except Exception as error:  # noqa: BLE001 - an engine that takes nothing any more may say so in any way
            line = _line(error)
            self._put(lambda: given_up(f"executor '{self._name}' takes no task: {line}"))
            return
        future.add_done_callback(lambda future: self._put(lambda: back(future)))

    def _one_by_one(self, task: Task, care: Care, done: Done) -> None:
        single = task.one_by_one()
        results: list[Any] = [None] * len(single)
        left = [len(single)]

        def part_done(place: int, result: Any) -> None:
            results[place] = result
            left[0] -= 1
            if not left[0]:
                failure = next((one for one in results if isinstance(one, Failure)), None)
                done(failure or task.join(results))

        for place, part in enumerate(single):
            self.submit_task(part, care, lambda result, place=place: part_done(place, result))  # type: ignore[misc]

    def _put(self, event: Callable[[], None]) -> None:
        self._events.put(event)
        with self._ringing:
            if not self._closed and not self._rung:
                self._rung = True
                self._bell.send_bytes(b".")


def _line(error: BaseException) -> str:
    if isinstance(error, CancelledError):
        return "cancelled"
    return all_lines(error)  # an engine's reason is seldom in the first one
