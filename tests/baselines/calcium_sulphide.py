"""Crystals of calcium sulphide that portfolios and their minima are tried on."""

from __future__ import annotations

from crysim.composition import Contents
from crysim.crystal import Crystal, Site
from crysim.crystal.packing import scaled
from crysim.symmetry import space_group

CAS = Contents.together([Contents.from_formula("CaS", z, "primitive") for z in (1, 2, 4)])


def rock_salt(volume: float = 40.0) -> Crystal:
    a = (4 * volume) ** (1 / 3)
    contents = Contents.from_formula("CaS", cell="primitive").composition_in(225)
    last = len(space_group(225).positions) - 1
    return Crystal(contents, 225, (a, a, a, 90.0, 90.0, 90.0), (Site("Ca", last), Site("S", last - 1)))


def wurtzite() -> Crystal:
    contents = Contents.from_formula("CaS", 2, "primitive").composition_in(186)
    place = space_group(186).position_by_letter("b")
    sites = (Site("Ca", place, (0.0,)), Site("S", place, (0.375,)))
    return Crystal(contents, 186, (4.3, 4.3, 7.0, 90.0, 90.0, 120.0), sites)


def of_volume(crystal: Crystal, per_atom: float) -> Crystal:
    return scaled(crystal, (per_atom * crystal.num_atoms / crystal.volume) ** (1 / 3))
