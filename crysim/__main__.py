"""The `crysim` command, also as `python -m crysim`: an interrupt is heeded before the first slow import."""

from __future__ import annotations

from typing import NoReturn

from crysim.interrupts import run_to_exit


def main() -> NoReturn:
    """Entry point of the `crysim` command."""
    run_to_exit(_command)


def _command() -> None:
    from crysim.cli import app
    from crysim.errors import hush_warnings

    hush_warnings()
    app()


if __name__ == "__main__":
    main()
