"""Ctrl-C: wherever an interrupt falls, the process ends in order and with exit code 130.

A `KeyboardInterrupt` that somebody catches is not enough for that:

- CPython swallows what is raised in a finaliser or in the callback of a weak reference (importlib has one for every
  module), says 'Exception ignored' and goes on. Such an interrupt is sent once more.
- Libraries turn it into another error: click into an abort, a compiled module that is being imported into an
  ImportError. So it is noted when it arrives.
- Where it passes through code that exec or eval run from a string (dataclasses, named tuples, numba), CPython marks it
  as unhandled and ends itself by SIGINT, although it was caught later. Running another string takes the mark away.
- The next interrupt may arrive while the process ends.
- A stream whose settings are being changed is left without its encoder, and can say nothing any more. Interrupts wait
  for that.
"""

from __future__ import annotations

import _thread
import atexit
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn

from crysim.errors import EXIT_ALL_FAILED, EXIT_INTERRUPTED
from crysim.streams import flush_at_the_end, write_what_they_can

_watches: list[_Watch] = []
_AGAIN = 0.01
"""Seconds after which a swallowed interrupt is sent again: outside of what swallowed it."""


def end_at_interrupts() -> None:
    """Let an interrupt end the process at once, with exit code 130, until `run_to_exit` begins a command.

    For what only the command imports: between that and the command lie moments too. What multiprocessing begins reads
    its parent's main module under another name, and keeps its own ways.
    """
    own_main = sys.modules.get("__mp_main__", sys.modules["__main__"]) is sys.modules["__main__"]
    if own_main and _interrupts_go_to(signal.default_int_handler):
        signal.signal(signal.SIGINT, _end_before_a_command)


def run_to_exit(command: Callable[[], object]) -> NoReturn:
    """Run a command and end the process: with the command's exit code, or with 130 if an interrupt ended it.

    Where interrupts are ignored (in the background, under nohup) they stay so.
    """
    watch = _Watch()
    code: Any = 0
    try:
        with watch:
            with watch.held():
                write_what_they_can()
            command()
    except SystemExit as exit_:
        code = EXIT_INTERRUPTED if watch.seen and exit_.code else exit_.code
    except BaseException as error:
        if watch.seen or isinstance(error, KeyboardInterrupt):
            _say_interrupted()
            code = EXIT_INTERRUPTED
        elif isinstance(error, OSError):  # the help, which is printed before a command begins, met a full disk
            print(f"error: {error.strerror or error}", file=sys.stderr)  # noqa: T201
            code = EXIT_ALL_FAILED
        else:
            raise
    if (failed := flush_at_the_end()) and not code:
        print(f"error: cannot write to the standard output: {failed}", file=sys.stderr)  # noqa: T201
        code = EXIT_ALL_FAILED
    exec("")  # noqa: S102 - takes CPython's mark of an unhandled interrupt away
    sys.exit(code)


def _interrupts_go_to(*handlers: Callable[..., object]) -> bool:
    """Whether this is the main thread, which alone can change that, and one of these has the interrupts."""
    return threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) in handlers


def is_interrupted() -> bool | None:
    """Whether the user has interrupted the command that runs; None where no command runs that would know."""
    return _watches[-1].seen if _watches else None


class _Watch:
    """Notes interrupts while a command runs; afterwards one ends the process at once."""

    def __init__(self) -> None:
        self.seen = False
        self._active = False

    def __enter__(self) -> None:
        _watches.append(self)
        self._active = _interrupts_go_to(signal.default_int_handler, _end_before_a_command)
        if self._active:
            # Registered first, called last: after it Python takes itself apart, and could not call a handler any more.
            atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)
            self._hook = sys.unraisablehook
            sys.unraisablehook = self._unraisable
            signal.signal(signal.SIGINT, self._interrupt)

    def __exit__(self, *_: object) -> None:
        _watches.remove(self)
        if self._active:
            signal.signal(signal.SIGINT, _end_at_once)
            sys.unraisablehook = self._hook

    @contextmanager
    def held(self) -> Iterator[None]:
        """Within, an interrupt waits until the end."""
        if not self._active:
            yield
            return
        came: list[int] = []
        before = signal.signal(signal.SIGINT, lambda number, _frame: came.append(number))
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)
            if came:
                signal.raise_signal(signal.SIGINT)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self.seen = True
        signal.default_int_handler(number, frame)

    def _unraisable(self, what: Any) -> None:
        if what.exc_type is KeyboardInterrupt:
            timer = threading.Timer(_AGAIN, _send_again)
            timer.daemon = True
            timer.start()
        else:
            self._hook(what)


def _send_again() -> None:
    if os.name == "posix":  # also wakes a main thread that waits
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:  # pragma: no cover
        _thread.interrupt_main()


def _say_interrupted() -> None:
    print("interrupted", file=sys.stderr)  # noqa: T201


def _end_before_a_command(*_: object) -> None:
    with suppress(OSError, ValueError, RuntimeError):  # as below
        _say_interrupted()
    _end_at_once()


def _end_at_once(*_: object) -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, RuntimeError):  # a closed pipe; a flush that this interrupted
            continue
    os._exit(EXIT_INTERRUPTED)
