"""What is said of a task that an engine gives up, and in which order tasks are handed over."""

from __future__ import annotations

from concurrent.futures import Executor, Future
from typing import Any

import pytest

from crysim.harness.care import ATTEMPTS, Care, Once
from crysim.harness.sending import Sender
from crysim.harness.spec import PartSpec

REASON = "Error 1:\n\tEXIT CODE: 127\n\tSTDERR: no such partition at https://me:secret@queue.example\n"


class Failing(Executor):
    """Takes every task, and gives it up."""

    def __init__(self) -> None:
        self.submitted = 0

    def submit(self, *_: Any, **__: Any) -> Future[Any]:
        self.submitted += 1
        future: Future[Any] = Future()
        future.set_exception(RuntimeError(REASON))
        return future


def test_the_engines_whole_reason_is_said_in_one_line_without_a_password() -> None:
    engine, reasons = Failing(), list[str]()
    sender = Sender("slow-queue", engine)
    sender.submit(abs, (1,), lambda _: None, reasons.append)
    while not reasons:
        sender.wait(10)
    sender.close()
    (reason,) = reasons
    assert engine.submitted == ATTEMPTS
    assert reason.startswith(
        "executor 'slow-queue' gave it up three times (RuntimeError: Error 1: EXIT CODE: 127 STDERR: no"
    )
    assert "secret" not in reason
    assert "\n" not in reason


class OnRequest(Executor):
    """Does nothing until it is told what came of a task."""

    def __init__(self) -> None:
        self.futures: list[Future[Any]] = []

    def submit(self, *_: Any, **__: Any) -> Future[Any]:
        self.futures.append(Future())
        return self.futures[-1]


@pytest.mark.parametrize("fails", [False, True], ids=["done", "given up"])
def test_what_is_submitted_first_is_over_before_anything_else_is_handed_over(fails: bool) -> None:
    engine, results = OnRequest(), list[int]()
    sender = Sender("on-request", engine)
    sender.submit_first(Once(id), Care(PartSpec("ase:emt"), 1, 60.0))
    for number in range(3):
        sender.submit(abs, (number,), results.append, lambda _: None)
    for attempt in range(ATTEMPTS if fails else 1):
        assert len(engine.futures) == attempt + 1
        if fails:
            engine.futures[-1].set_exception(RuntimeError("lost"))
        else:
            engine.futures[-1].set_result(None)
        sender.wait(10)
    first = len(engine.futures) - 3
    sender.submit(abs, (3,), results.append, lambda _: None)
    for number, future in enumerate(engine.futures[first:]):
        future.set_result(number)
        sender.wait(10)
    sender.close()
    assert results == [0, 1, 2, 3]
