"""The chemical element that a name in a structure file stands for."""

from __future__ import annotations

import re
from collections.abc import Collection

from crysim.composition import ATOMIC_NUMBERS
from crysim.crystal.files.text import UnreadableError, shortened

_HYDROGEN = {"D": "H", "T": "H"}
_LAST = 103
"""Lawrencium. No crystal of the elements beyond is known, and 'Nh4' or 'Cn' in a file mean a group of atoms."""

_POTENTIAL = re.compile(r"[_/].*$")
_CHARGE = re.compile(r"([A-Za-z]+)\d*[+-]?\d*(\.\d+)?[+-]?")


def is_element(symbol: str) -> bool:
    """Whether it is the symbol of an element as crystals hold it, or D or T, spelt as it should be."""
    return symbol in _HYDROGEN or 0 < ATOMIC_NUMBERS.get(symbol, 0) <= _LAST


def element_of(name: str) -> str:
    """The element of a name in a POSCAR or an XYZ file: ``Na``, ``Na_pv``, ``Na/1a2b``, ``Na1``, ``Cl1-``, ``D``.

    Raises:
        UnreadableError: it names none; the message suggests the spelling that would.
    """
    match = _CHARGE.fullmatch(_POTENTIAL.sub("", name))
    symbol = match.group(1) if match else ""
    if is_element(symbol):
        return _HYDROGEN.get(symbol, symbol)
    if is_element(symbol.capitalize()):
        raise UnreadableError(f"holds '{shortened(name)}', which is no element: write '{symbol.capitalize()}'")
    raise no_element(name)


def no_element(name: str) -> UnreadableError:
    """The error of a name that is none of an element's."""
    return UnreadableError(f"holds '{shortened(name)}', which is no element: give the element that stands there")


def element_of_site(kind: str | None, label: str, stated: Collection[str] = ()) -> str:
    """The element of a site of a CIF.

    The type symbol decides where there is one: ``Na``, ``Na1+``, ``NA``, ``Na+,spin=5``. Else the label does:
    ``Ca1``, ``CA2``, ``OW``. Letters that can be read as a symbol of one letter or of two are the one that the file's
    own formula holds.

    Args:
        kind: the type symbol, or None.
        label: the site's label.
        stated: the elements of the file's formula, if it states one.

    Raises:
        UnreadableError: neither names an element, or not for certain.
    """
    name = label if kind is None else kind
    match = re.match(r"[A-Za-z]+", name)
    letters = match.group() if match else ""
    if kind is not None and not re.fullmatch(r"[A-Za-z]+[\d.+-]*(,.*)?", name):
        raise no_element(name)
    two, one = letters[:2].capitalize(), letters[:1].upper()
    fitting = [s for s in dict.fromkeys((two, one)) if is_element(s) and (s in stated or _HYDROGEN.get(s) in stated)]
    if kind is not None:
        # 'CO' is cobalt, not carbon beside oxygen: a type symbol is one symbol.
        symbol = two if len(letters) <= 2 else ""
    elif fitting:
        symbol = fitting[0]
    elif len(letters) <= 2:
        symbol = two if is_element(two) else one
    else:
        symbol = two if is_element(two) and not is_element(one) else ""
    if not is_element(symbol):
        raise no_element(name)
    return _HYDROGEN.get(symbol, symbol)
