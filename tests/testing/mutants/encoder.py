"""A good plug-in of the kind encoder, and mutants of it, each with one fault that its conformance suite must catch."""

from __future__ import annotations

import time

import numpy as np

from crysim.composition import Composition
from crysim.crystal.generation import RandomGenerator
from crysim_encoders.symmetry_encoding import SymmetryEncoder


class Good(SymmetryEncoder):
    def __init__(self, g: int = 5) -> None:
        super().__init__(g, placement="uniform")


class DecoderScalesCells(Good):
    def decode(self, bits, rng):
        return [
            one.with_parameters([*(1.3 * x for x in one.cell[:3]), *one.cell[3:]], [site.free for site in one.sites])
            for one in super().decode(bits, rng)
        ]


class DropsLengths(Good):
    def encode(self, crystals):
        cell = 8.0
        same = [
            one.with_parameters([cell, cell, cell, *one.cell[3:]], [site.free for site in one.sites])
            for one in crystals
        ]
        return super().encode(same)


class DropsAngles(Good):
    def encode(self, crystals):
        free = ("triclinic", "monoclinic")
        same = [
            one.with_parameters([*one.cell[:3], 90.0, 90.0, 90.0], [site.free for site in one.sites])
            if one.system in free
            else one
            for one in crystals
        ]
        return super().encode(same)


class DropsPositions(Good):
    def encode(self, crystals):
        same = [one.with_parameters(one.cell, [[0.13] * len(site.free) for site in one.sites]) for one in crystals]
        return super().encode(same)


class DecoderDropsPositions(Good):
    def decode(self, bits, rng):
        return [
            one.with_parameters(one.cell, [rng.random(len(site.free)) for site in one.sites])
            for one in super().decode(bits, rng)
        ]


class Numbers(Good):
    def encode(self, crystals):
        return super().encode(crystals).astype(np.int8)


class Lists(Good):
    def encode(self, crystals):
        return super().encode(crystals).tolist()


class OneBitTooMany(Good):
    def encode(self, crystals):
        bits = super().encode(crystals)
        return np.hstack([bits, np.zeros((len(bits), 1), dtype=np.bool_)])


class GroupsOutOfOrder(Good):
    @property
    def groups(self):
        return super().groups[::-1]


class TooManyOnes(Good):
    def encode(self, crystals):
        bits = super().encode(crystals)
        bits[:, self.groups[0].slice] = True
        return bits


class OtherComposition(Good):
    def decode(self, bits, rng):
        other = RandomGenerator(Composition.from_formula("Ca2S4"), [1, 2]).sample(1, rng)
        return super().decode(bits, rng) + other


class DecodesToNothing(Good):
    def decode(self, bits, rng):
        return []


class ChangesTheVector(Good):
    def decode(self, bits, rng):
        crystals = super().decode(bits, rng)
        bits[0] = ~bits[0]
        return crystals


class IgnoresTheGenerator(Good):
    def decode(self, bits, rng):
        return super().decode(bits, np.random.default_rng())


class DrawsFromTheGlobalGenerator(Good):
    def decode(self, bits, rng):
        np.random.seed(0)  # noqa: NPY002
        return super().decode(bits, rng)


class DependsOnHashes(Good):
    def decode(self, bits, rng):
        return super().decode(bits, np.random.default_rng(hash("encoder") & 0xFFFF))


class DependsOnTheDay(Good):
    def decode(self, bits, rng):
        return super().decode(bits, np.random.default_rng(int(time.time()) // 60))


class DependsOnCompany(Good):
    def encode(self, crystals):
        bits = super().encode(crystals)
        if len(bits):
            bits[0] = bits[-1]
        return bits


MUTANTS = [
    DecoderScalesCells, DropsLengths, DropsAngles, DropsPositions, DecoderDropsPositions, Numbers, Lists,
    OneBitTooMany, GroupsOutOfOrder, TooManyOnes, OtherComposition, DecodesToNothing, ChangesTheVector,
    IgnoresTheGenerator, DrawsFromTheGlobalGenerator, DependsOnHashes, DependsOnTheDay, DependsOnCompany,
]  # fmt: skip
