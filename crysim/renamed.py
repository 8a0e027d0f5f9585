"""Names that have changed: the old ones are accepted for one release, each with a line that says so.

The line goes to the log ``crysim.renamed`` as a warning, once for each name and process; where nobody has set logging
up, that is one line on stderr.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cache
from inspect import isfunction
from typing import TypeVar

from crysim.errors import InputError

Value = TypeVar("Value")
logger = logging.getLogger(__name__)


@cache
def note(what: str, old: str, new: str) -> None:
    """Say once that a name is old: ``note("option", "explore", "exploration_weight")``."""
    logger.warning("note: %s '%s' is now called '%s'; the old name will be refused by the next release", what, old, new)


def with_current_names(
    values: Mapping[str, Value], renamed: Mapping[str, str], what: str, *, quietly: bool = False
) -> dict[str, Value]:
    """Values by the current names of their keys, in their order.

    Args:
        values: by name, old or new.
        renamed: new names by old ones.
        what: the keys are, for the note: ``option of strategy 'crysim'``.
        quietly: without a note: what is read was written before the names changed.

    Raises:
        InputError: a value is given under both names.
    """
    found: dict[str, Value] = {}
    for key, value in values.items():
        name = renamed.get(key, key)
        if name != key and not quietly:
            note(what, key, name)
        if name in found:
            raise InputError(f"{what}: '{name}' is given twice, once by an old name: leave one of them out")
        found[name] = value
    return found


def alias_methods(cls: type, renamed: Mapping[str, str], what: str) -> None:
    """Let a class that defines a method by its old name be called by the new one, and the other way round.

    Called for every subclass as it is made, so that ``super()`` finds the method of the next class by either name.
    """
    for old, new in renamed.items():
        own = vars(cls)
        if new in own:
            if old not in own:
                setattr(cls, old, own[new])
        elif isfunction(own.get(old)):
            note(f"method of {what}", old, new)
            setattr(cls, new, own[old])
