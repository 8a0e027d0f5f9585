"""The `crysim` command, also as `python -m crysim`: interrupts are heeded from here on, before any slow import."""

from __future__ import annotations

from typing import NoReturn

from crysim.interrupts import end_at_interrupts, run_to_exit

end_at_interrupts()


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
