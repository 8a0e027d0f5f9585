"""Chemical symbols and atomic numbers, without importing a chemistry package for them."""

from __future__ import annotations

from functools import cache
from math import isfinite

from crysim.process_state import warnings_ignored

SYMBOLS: tuple[str, ...] = tuple(
    """
    H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr
    Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm
    Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No
    Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og
    """.split()
)
"""Symbols by atomic number: ``SYMBOLS[z - 1]``."""

ATOMIC_NUMBERS: dict[str, int] = {symbol: z for z, symbol in enumerate(SYMBOLS, start=1)}


@cache
def electronegativity(symbol: str) -> float | None:
    """Pauling's electronegativity; None where there is none, as of noble gases."""
    from pymatgen.core import Element

    with warnings_ignored():
        value = float(Element(symbol).X)
    return value if isfinite(value) else None
