"""The data blocks of a CIF: their items by name, whatever dictionary the names are spelt after."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from crysim.crystal.files.text import UnreadableError, WrongFormatError, number, shortened

_MISSING = ("", "?", ".")
_UNCERTAINTY = re.compile(r"\(\d*\.?\d*\)$")


@dataclass(frozen=True)
class CifBlock:
    """One data block.

    Attributes:
        name: as in ``data_NAME``.
        columns: the values of every item, one where it stands in no loop; names in lower case with '_' for '.'. Values
            are without quotes, those unknown or inapplicable empty.
    """

    name: str
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def column(self, *names: str) -> Sequence[str]:
        """The values of the first of these items that has any; none if no item has."""
        for name in names:
            values = self.columns.get(name, ())
            if any(values):
                return values
        return ()

    def value(self, *names: str) -> str:
        """The first known value of the first of these items that has one; else empty."""
        return next((v for v in self.column(*names) if v), "")

    @property
    def is_structure(self) -> bool:
        """Whether the block describes a crystal: it lists sites. A cell alone is one of reflections or of a powder."""
        return any(name.startswith(("_atom_site_fract_", "_atom_site_cartn_")) for name in self.columns)


def structure_block(text: str) -> CifBlock:
    """The one block of a CIF that describes a crystal.

    Raises:
        UnreadableError: no CIF, or one of no or several crystals.
    """
    blocks = _blocks(text)
    structures = [block for block in blocks if block.is_structure]
    if not structures:
        raise UnreadableError("holds no structure: none of its blocks lists sites (_atom_site_fract_x, _y, _z)")
    if len(structures) > 1:
        names = ", ".join(f"data_{shortened(block.name)}" for block in structures[:3])
        more = ", ..." if len(structures) > 3 else ""
        raise UnreadableError(f"holds {len(structures)} structures ({names}{more}): give files of one each")
    return structures[0]


def measured(text: str) -> float:
    """A number with or without a standard uncertainty, ``0.3333(4)``, or a fraction, ``1/3``; NaN for anything else."""
    over = re.fullmatch(r"([+-]?\d+)/(\d+)", text)
    if over and int(over.group(2)):
        return int(over.group(1)) / int(over.group(2))
    return number(_UNCERTAINTY.sub("", text))


def _blocks(text: str) -> list[CifBlock]:
    from gemmi import cif

    try:
        # What several blocks have in common is looked at here: duplicate names of blocks must not hide that there are
        # several.
        document = cif.read_string(text, check_level=0)
    except Exception as error:
        raise WrongFormatError(_reason(str(error), text)) from error
    return [CifBlock(block.name.strip(), dict(_columns(block))) for block in document]


def _reason(message: str, text: str) -> str:
    """The parser's message, which begins with 'string:LINE:COLUMN(BYTE):', with the line that it is about."""
    match = re.match(r"string:(\d+)[:(\d)]*(?: in data_\S*)?:?\s*(.*)", message.splitlines()[0] if message else "")
    if match is None:
        return shortened(message)
    lines = text.splitlines()
    number = int(match[1])
    line = shortened(lines[number - 1]) if number <= len(lines) else ""
    return f"{match[2]} in line {number}, '{line}' (values with blanks stand in quotes)"


def _columns(block: object) -> list[tuple[str, list[str]]]:
    found: list[tuple[str, list[str]]] = []
    seen: set[str] = set()

    def add(tag: str, values: list[str]) -> None:
        name = tag.lower().replace(".", "_")
        if name in seen and name.startswith(("_atom_site_fract", "_cell_", "_space_group", "_symmetry")):
            raise UnreadableError(f"gives {tag} twice in one block: keep one")
        seen.add(name)
        found.append((name, [_plain(v) for v in values]))

    for item in block:  # type: ignore[attr-defined]
        if item.pair is not None:
            add(item.pair[0], [item.pair[1]])
        elif item.loop is not None:
            loop = item.loop
            width, values = loop.width(), loop.values
            for i, tag in enumerate(loop.tags):
                add(tag, values[i::width])
    return found


def _plain(raw: str) -> str:
    from gemmi import cif

    value = " ".join(cif.as_string(raw).split())
    return "" if raw in _MISSING else value
