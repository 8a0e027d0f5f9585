"""What is said of a task that an engine gives up."""

from __future__ import annotations

from concurrent.futures import Executor, Future
from typing import Any

from crysim.harness.care import ATTEMPTS
from crysim.harness.sending import Sender

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
