"""Known structure types that hold certain contents, one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

from crysim.composition import Contents
from crysim.crystal import Crystal
from crysim.crystal.prototypes import iterate_prototypes
from crysim.crystal.structure_types import structure_types
from crysim.crystal.templates import read_templates


class FittingTypes:
    """The formula in the structure types that hold its contents, likeliest first; each is made when it is asked for."""

    def __init__(
        self, contents: Contents, allows: Callable[[Crystal], bool], *, folder: str | None, library: bool = True
    ) -> None:
        """Nothing is read yet.

        Args:
            contents: that a type must hold, any of them where there are several.
            allows: which crystals are taken.
            folder: structure files to take as types too, before those of the library.
            library: whether the known structure types are used.
        """
        self._contents = contents
        self._allows = allows
        self._folder = folder
        self._library = library
        self._found: list[tuple[str, Crystal]] = []

    def check(self) -> None:
        """Raise InputError if the folder is none, or a file in it cannot be read."""
        if self._folder is not None:
            read_templates(self._folder)
        if self._library:
            structure_types()

    @cached_property
    def _coming(self) -> Iterator[tuple[str, Crystal]]:
        contents = self._contents
        for one in iterate_prototypes(
            contents.composition, folder=self._folder, library=self._library, contents=contents
        ):
            fitting = (crystal for each in self._contents.each if (crystal := one.with_contents(each)) is not None)
            crystal = next(fitting, None)
            if crystal is not None and self._allows(crystal):
                yield one.name, crystal

    def __len__(self) -> int:
        """How many were made so far."""
        return len(self._found)

    def get(self, number: int) -> tuple[str, Crystal] | None:
        """Name and crystal of one, by its place; None if there are not so many."""
        while len(self._found) <= number and (one := next(self._coming, None)) is not None:
            self._found.append(one)
        return self._found[number] if number < len(self._found) else None
