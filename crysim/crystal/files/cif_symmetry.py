"""The symmetry that a CIF states: every way in which its operations, its Hall symbol, its name and its number read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from crysim.arrays import Floats
from crysim.crystal.files.cif_block import CifBlock
from crysim.crystal.files.cif_names import Setting, settings_of_name, settings_of_number
from crysim.crystal.files.text import UnreadableError, shortened

if TYPE_CHECKING:
    import gemmi

MAX_OPERATIONS = 192
NOTHING = "no space group"

_OPERATIONS = (
    "_space_group_symop_operation_xyz",
    "_symmetry_equiv_pos_as_xyz",
    "_space_group_symop_magn_operation_xyz",
)
_CENTRINGS = "_space_group_symop_magn_centering_xyz"
_NAMES = (
    "_space_group_name_h-m_alt",
    "_symmetry_space_group_name_h-m",
    "_space_group_name_h-m_full",
    "_space_group_name_h-m",
    "_space_group_name_h-m_ref",
)
_HALL = ("_space_group_name_hall", "_symmetry_space_group_name_hall")
_NUMBERS = ("_space_group_it_number", "_symmetry_int_tables_number")


@dataclass(frozen=True)
class Reading:
    """One way to read the symmetry.

    Attributes:
        source: what it was read from, as messages name it.
        rotations, translations: the operations ``[m, 3, 3]``, ``[m, 3]`` on fractional coordinates.
        number: the space group's number.
        code: the choice of the origin or of the axes, as in `Setting`; empty where it is stated.
    """

    source: str
    rotations: Floats
    translations: Floats
    number: int
    code: str = ""


@dataclass(frozen=True)
class Stated:
    """Everything that a block says of its symmetry.

    Attributes:
        name: the Hermann-Mauguin symbol, or empty.
        number: the space-group number, or None.
        fixed: readings from the operations, then from the Hall symbol: each alone says all.
        named: readings of the name, or of a bare number; several where it leaves the setting open.
        bare: whether ``named`` come from a number alone.
        unknown: a name that no spelling of a space group's symbol fits; or empty.
        notes: what is to be said of it.
    """

    name: str
    number: int | None
    fixed: tuple[Reading, ...]
    named: tuple[Reading, ...]
    bare: bool
    unknown: str
    notes: tuple[str, ...] = ()


def stated_symmetry(block: CifBlock) -> Stated:
    """What a block says of its symmetry.

    Raises:
        UnreadableError: operations that cannot be read, a name and a number that contradict each other, or an unknown
            name and nothing beside it.
    """
    if block.value("_cell_modulation_dimension") not in ("", "0") or block.value("_space_group_ssg_name"):
        raise UnreadableError("is of a modulated structure: give a three-dimensional approximant")
    name, number = block.value(*_NAMES), _number(block)
    if name.isdigit() and number is None:
        name, number = "", _in_range(int(name[:6]))
    listed, notes = _listed(block)
    hall = _of_hall(block.value(*_HALL))
    fixed = tuple(r for r in (listed, hall) if r is not None)
    code = block.value("_space_group_it_coordinate_system_code").lower()
    settings = _coded(settings_of_name(name), code) if name else ()
    unknown = name if name and not settings else ""
    if settings and number is not None and all(s.number != number for s in settings):
        if listed is None:
            raise UnreadableError(
                f"names the space group '{shortened(name)}' ({settings[0].number}) and the number {number}: "
                "correct one, or list the operations"
            )
        settings, number = tuple(s for s in settings if s.number == listed.number), listed.number
    bare = not settings and number is not None
    if bare and number is not None:
        settings = _coded(settings_of_number(number), code)
    if not settings and not fixed and (unknown or block.value(*_HALL)):
        text = shortened(unknown or block.value(*_HALL))
        raise UnreadableError(
            f"names the space group '{text}', which is unknown, and lists no operations: write its Hermann-Mauguin "
            "symbol ('P 1 21/c 1'), or the operations"
        )
    named = tuple(_reading(s, name, bare=bare) for s in settings)
    if len({r.code for r in named}) == 1:
        named = tuple(replace(r, code="") for r in named)
    return Stated(name, number, fixed, named, bare, unknown, notes)


def nothing_stated() -> Reading:
    """P 1, of a file that states no symmetry."""
    return Reading(NOTHING, np.eye(3)[None], np.zeros((1, 3)), 1)


def keeps_cell(reading: Reading, lattice: Floats) -> bool:
    """Whether the operations map a cell ``[3, 3]`` onto itself, within about 1 % and 1°."""
    metric = lattice @ lattice.T
    lengths = np.sqrt(np.diag(metric))
    moved = np.einsum("mji,jk,mkl->mil", reading.rotations, metric, reading.rotations)
    return bool((np.abs(moved - metric) <= 0.02 * np.outer(lengths, lengths)).all())


def _number(block: CifBlock) -> int | None:
    text = block.value(*_NUMBERS)
    if not text:
        return None
    return _in_range(int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0, text)


def _in_range(number: int, text: str = "") -> int:
    if not 1 <= number <= 230:
        raise UnreadableError(f"gives the space-group number '{shortened(text or str(number))}': it is from 1 to 230")
    return number


def _coded(settings: Sequence[Setting], code: str) -> tuple[Setting, ...]:
    """The settings that the coordinate system code ('1', '2', 'h', 'r') leaves."""
    kept = tuple(s for s in settings if s.code.lower() == code)
    return kept if code and kept else tuple(settings)


def _reading(setting: Setting, name: str, *, bare: bool) -> Reading:
    source = f"space group {setting.number}, '{setting.symbol}'" if bare else f"'{shortened(name)}'"
    if not bare and setting.code and "".join(name.split()) != "".join(setting.symbol.split()):
        source += f" as '{setting.symbol}'"
    return _of_operations(source, _hall_operations(setting.hall), number=setting.number, code=setting.code)


def _of_hall(symbol: str) -> Reading | None:
    if not symbol:
        return None
    try:
        operations = _hall_operations(symbol)
    except Exception:  # noqa: BLE001  (an unknown symbol: what else is stated counts)
        return None
    return _of_operations(f"the Hall symbol '{shortened(symbol)}'", operations)


def _hall_operations(symbol: str) -> list[gemmi.Op]:
    import gemmi

    return list(gemmi.symops_from_hall(symbol))


def _listed(block: CifBlock) -> tuple[Reading | None, tuple[str, ...]]:
    """The operations that a block lists, made a group where some are left out."""
    texts = [t for t in block.column(*_OPERATIONS) if t]
    if not texts:
        return None, ()
    if len(texts) > MAX_OPERATIONS:
        raise UnreadableError(
            f"lists {len(texts):,} symmetry operations: no space group has more than {MAX_OPERATIONS}"
        )
    operations = [_operation(t) for t in texts]
    centrings = [_operation(t) for t in block.columns.get(_CENTRINGS, ()) if t]
    if centrings:
        operations = [c * op for c in centrings for op in operations]
    operations = _distinct(operations)
    whole = _completed(operations)
    notes: tuple[str, ...] = ()
    if len(whole) != len(operations):
        notes = (f"lists {len(operations)} symmetry operations that make no group: completed to {len(whole)}",)
    plural = "operations" if len(operations) > 1 else "operation"
    return _of_operations(f"the {len(operations)} {plural} that it lists", whole), notes


def _operation(text: str) -> gemmi.Op:
    import gemmi

    triplet = ",".join(text.replace(";", ",").split(",")[:3])  # a fourth part is the reversal of time
    try:
        operation = gemmi.Op(triplet)
    except Exception as error:
        raise UnreadableError(
            f"lists the symmetry operation '{shortened(text)}', which cannot be read: correct it"
        ) from error
    if abs(operation.det_rot()) != gemmi.Op.DEN**3:
        raise UnreadableError(f"lists the symmetry operation '{shortened(text)}', which keeps no volume: correct it")
    return operation.wrap()


def _distinct(operations: Iterable[gemmi.Op]) -> list[gemmi.Op]:
    return list({op.wrap().triplet(): op for op in operations}.values())


def _completed(operations: list[gemmi.Op]) -> list[gemmi.Op]:
    """The operations in their order, then those that they make together."""
    import gemmi

    identity = gemmi.Op("x,y,z")
    found = {op.triplet(): op for op in (*operations, identity)}
    queue = list(found.values())
    while queue:
        one = queue.pop()
        for other in operations:
            product = (one * other).wrap()
            if product.triplet() not in found:
                if len(found) >= MAX_OPERATIONS:
                    raise UnreadableError("lists symmetry operations that make no space group: correct them")
                found[product.triplet()] = product
                queue.append(product)
    return list(found.values())


def _of_operations(source: str, operations: Sequence[gemmi.Op], number: int | None = None, code: str = "") -> Reading:
    denominator = operations[0].DEN
    rotations = np.array([op.rot for op in operations], dtype=np.float64) / denominator
    translations = np.array([op.tran for op in operations], dtype=np.float64) / denominator
    if number is None:
        number = _group_number(rotations, translations)
    return Reading(source, rotations, translations, number, code)


def _group_number(rotations: Floats, translations: Floats) -> int:
    import spglib

    try:
        kind = spglib.get_spacegroup_type_from_symmetry(np.rint(rotations).astype(np.intc), translations)
    except spglib.SpglibError:
        kind = None
    return 1 if kind is None else int(kind.number)
