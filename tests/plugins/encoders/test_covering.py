"""The assignment of marked voxels to sites by what their orbits cover."""

from __future__ import annotations

import numpy as np
import pytest

from crysim.composition import Composition
from crysim.crystal import Crystal, shortest_distances
from crysim.crystal.generation import RandomGenerator
from crysim.symmetry import SpaceGroup, space_group
from crysim_encoders.covering import covering_points
from crysim_encoders.symmetry_encoding import SymmetryEncoder


def cover(field: np.ndarray, points: np.ndarray) -> float:
    """Marks that points cover, one after another, by trilinear weights; they are taken out of the field."""
    g = len(field)
    gain = 0.0
    for point in points:
        low = np.floor(point * g - 0.5 + 1e-9).astype(int)
        part = np.maximum(point * g - 0.5 - low, 0.0)
        for corner in np.ndindex(2, 2, 2):
            weight = np.prod(np.where(corner, part, 1 - part))
            voxel = tuple((low + corner) % g)
            taken = min(weight, field[voxel])
            field[voxel] -= taken
            gain += taken
    return gain


def greedy(marks: np.ndarray, candidates: np.ndarray, indices: list[int], group: SpaceGroup) -> np.ndarray:
    """Every candidate tried for every site, fixed sites first."""
    field = marks.copy()
    left = list(range(len(candidates)))
    points = np.zeros((len(indices), 3))
    for site in sorted(range(len(indices)), key=lambda s: not group.positions[indices[s]].is_fixed):
        position = group.positions[indices[site]]
        axes = list(position.axes)
        if axes:
            gains = [cover(field.copy(), position.coordinates(candidates[n][axes])) for n in left]
            best = next(n for n, gain in zip(left, gains, strict=True) if gain > max(gains) - 1e-9)
            left.remove(best)
            points[site] = candidates[best]
        cover(field, position.coordinates(points[site][axes]))
    return points


@pytest.mark.parametrize("number", [2, 14, 136, 148, 189, 205])
def test_equals_trying_everything(number: int) -> None:
    group = space_group(number)
    rng = np.random.default_rng(number)
    marks = (rng.random((5, 5, 5)) < 0.2).astype(float)
    candidates = (np.argwhere(marks) + 0.5) / 5
    gains = np.full((len(group.positions), len(candidates)), np.inf)
    for _ in range(3):
        indices = sorted([0, 0, *rng.integers(0, len(group.positions), 3).tolist()])
        found = covering_points(marks, candidates, np.array(indices, dtype=np.int64), *group.flat_positions, gains)
        assert np.allclose(found, greedy(marks, candidates, indices, group))


def displacement(crystal: Crystal, other: Crystal) -> float:
    """Mean distance in Å from the atoms of a crystal to the next of their kind in another, in the first one's cell."""
    differences = crystal.frac_coords[:, None] - other.frac_coords[None]
    distances = np.linalg.norm((differences - np.rint(differences)) @ crystal.lattice, axis=-1)
    distances[crystal.numbers[:, None] != crystal.numbers[None]] = np.inf
    return float(distances.min(axis=1).mean())


@pytest.mark.parametrize("formula", ["ScBe5", "Ba3Na3Bi3", "Y6Co51", "Ca24Al16Si24O96"])
def test_reads_marks_as_they_were_made(formula: str) -> None:
    """Where all atoms are marked, the crystal decoded is nearer to the one encoded than with the leftmost marks."""
    crystals = RandomGenerator(Composition.from_formula(formula)).sample(30, np.random.default_rng(0))
    own: dict[str, list[Crystal]] = {}
    for assignment in ("leftmost", "covering"):
        encoder = SymmetryEncoder(assignment=assignment)  # type: ignore[arg-type]
        encoder.fit(crystals)
        decoded = [encoder.decode(vector, np.random.default_rng(0)) for vector in encoder.encode(crystals)]
        own[assignment] = [
            next(d for d in group if d.combination == crystal.combination)
            for crystal, group in zip(crystals, decoded, strict=True)
        ]
    far = {name: [displacement(c, d) for c, d in zip(crystals, found, strict=True)] for name, found in own.items()}
    assert np.mean(far["covering"]) < 0.5 * np.mean(far["leftmost"])
    assert shortest_distances(own["covering"]).mean() > shortest_distances(own["leftmost"]).mean()
