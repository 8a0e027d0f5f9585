"""The values that the paper prints, from data files transcribed from its tables.

Methods have the names of the strategies that stand for them here: ``random`` is the paper's RG, ``pyxtal-random``
CRYSPY RG, ``bayesian`` "Crystal param. + Hyperopt BO", ``swarm`` CALYPSO, ``crysim`` CRYSIM + Amplify.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class SeedResult:
    """One column of Tables S1 to S6 and S8 to S10 for one seed. Iterations that the paper gives as "/" are None."""

    table: str
    system: str
    seed: int
    method: str
    first_match: int | None
    first_displacement: float | None
    closest_match: int | None
    closest_displacement: float | None
    lowest: float
    num_lowest: int
    num_matched: int


@dataclass(frozen=True)
class GridResult:
    """A cell of Table 1 with that of Table S13: mean and standard deviation over three seeds."""

    system: str
    g: int
    mid: bool
    mean: float
    std: float
    filtered_mean: float
    filtered_std: float


@dataclass(frozen=True)
class BitCount:
    """A column of Table S12."""

    system: str
    g: int
    lattice_length: int
    lattice_angle: int
    crystal_system: int
    space_group: int
    combination: int
    positions: int
    total: int


@cache
def seed_results() -> Sequence[SeedResult]:
    """Tables S1 to S6 and S8 to S10; with the latter, Table S7."""

    def number(text: str) -> float | None:
        return float(text) if text else None

    return [
        SeedResult(
            table=row["table"],
            system=row["system"],
            seed=int(row["seed"]),
            method=row["method"],
            first_match=int(row["first_match"]) if row["first_match"] else None,
            first_displacement=number(row["first_displacement"]),
            closest_match=int(row["closest_match"]) if row["closest_match"] else None,
            closest_displacement=number(row["closest_displacement"]),
            lowest=float(row["lowest"]),
            num_lowest=int(row["num_lowest"]),
            num_matched=int(row["num_matched"]),
        )
        for row in _rows("seeds.csv")
    ]


@cache
def filtered_numbers() -> dict[tuple[str, str], tuple[int, int]]:
    """Table S11: mean and standard deviation by system and method."""
    return {(row["system"], row["method"]): (int(row["mean"]), int(row["std"])) for row in _rows("filtered.csv")}


@cache
def grid_results() -> dict[tuple[str, int, bool], GridResult]:
    """Tables 1 and S13 by system, g and MID."""
    results = [
        GridResult(
            row["system"],
            int(row["g"]),
            row["mid"] == "true",
            float(row["mean"]),
            float(row["std"]),
            float(row["filtered_mean"]),
            float(row["filtered_std"]),
        )
        for row in _rows("grid.csv")
    ]
    return {(result.system, result.g, result.mid): result for result in results}


@cache
def bit_counts() -> Sequence[BitCount]:
    """Table S12; ``positions`` are the bits of one element's grid."""
    return [BitCount(row.pop("system"), **{key: int(value) for key, value in row.items()}) for row in _rows("bits.csv")]


def _rows(name: str) -> list[dict[str, str]]:
    text = files("crysim").joinpath("data", "paper", name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
