"""Draws docs/images/result.png from the folder of `make demo`: the search's curves, and the crystal that it found.

python docs/images/result.py demo
"""

from __future__ import annotations

import sys
from itertools import product
from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from crysim.crystal import Crystal
from crysim.harness.journal import RunRecord, read_bench
from crysim.symmetry import space_group

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Circle

Floats = NDArray[np.float64]

STYLES = {"crysim": "#3f51b5", "random": "#9e9e9e"}
ELEMENTS = ("#5c6bc0", "#8bc34a", "#ff7043", "#ffca28")
"""Colours of a crystal's elements in their order."""
RADIUS = 0.42
"""Of an atom, as a share of its covalent radius."""
BOND = 1.1
"""Longest bond over the sum of the covalent radii."""
TILT = np.radians([-72.0, 24.0])
"""Of the view: about x, then about the cell's vertical axis."""


def best_so_far(run: RunRecord) -> Floats:
    """The lowest energy per atom after each relaxation, eV; NaN until one counts."""
    energies = [t.energy if t.counted and t.energy is not None else np.nan for t in run.trials]
    return np.asarray(np.fmin.accumulate(np.array(energies, dtype=np.float64)) / run.num_atoms)


def lowest(runs: list[RunRecord]) -> Crystal:
    """The crystal of the lowest energy."""
    found = [(t.energy, t.number, t.crystal) for run in runs for t in run.trials if t.counted and t.energy is not None]
    crystal = min(found, key=lambda one: one[:2])[2]
    assert crystal is not None
    return crystal


def draw_curves(axes: Axes, runs: list[RunRecord]) -> None:
    """One line for each run."""
    for run in runs:
        curve = best_so_far(run)
        axes.step(
            np.arange(1, len(curve) + 1),
            curve,
            linestyle="-" if run.seed == 0 else (0, (4, 2)),
            where="post",
            color=STYLES.get(run.method, "#000"),
            label=f"{run.method}, seed {run.seed}",
            linewidth=2.2,
            zorder=2 if run.method == "random" else 3,
        )
    axes.set_xlabel("relaxations")
    axes.set_ylabel("lowest energy so far (eV per atom)")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)


def draw_crystal(axes: Axes, crystal: Crystal) -> None:
    """The cell with the atoms on its boundary repeated, from far away, those behind first."""
    from ase.data import atomic_numbers, covalent_radii

    about_x, about_z = TILT
    turn_x = np.array(
        [[1, 0, 0], [0, np.cos(about_x), -np.sin(about_x)], [0, np.sin(about_x), np.cos(about_x)]], dtype=np.float64
    )
    turn_z = np.array(
        [[np.cos(about_z), -np.sin(about_z), 0], [np.sin(about_z), np.cos(about_z), 0], [0, 0, 1]], dtype=np.float64
    )
    view = (turn_x @ turn_z).T
    corners = np.array(list(product((0, 1), repeat=3)), dtype=np.float64)
    places, species = [], []
    for symbol, coordinates in zip(crystal.species, crystal.frac_coords % 1.0, strict=True):
        for shift in corners:
            image = np.where(coordinates > 1 - 1e-6, 0.0, coordinates) + shift
            if (image <= 1 + 1e-6).all():
                places.append(image)
                species.append(symbol)
    points = np.array(places) @ crystal.lattice @ view
    radii = np.array([covalent_radii[atomic_numbers[symbol]] for symbol in species])
    edges = corners @ crystal.lattice @ view
    for i, j in product(range(8), repeat=2):
        if i < j and np.abs(corners[i] - corners[j]).sum() == 1:
            axes.plot(*edges[[i, j], :2].T, color="#777", linewidth=1, zorder=1)
    nearest, farthest = points[:, 2].max() + 1, points[:, 2].min() - 1

    def order(depth: float) -> float:
        return float(2 + (depth - farthest) / (nearest - farthest))

    for i, j in product(range(len(points)), repeat=2):
        if i < j and np.linalg.norm(points[i] - points[j]) < BOND * (radii[i] + radii[j]):
            behind = order(min(points[i, 2], points[j, 2])) + 1e-3
            axes.plot(*points[[i, j], :2].T, color="#bdbdbd", linewidth=2.5, solid_capstyle="round", zorder=behind)
    elements = list(crystal.composition.elements)
    for (x, y, depth), radius, symbol in zip(points, RADIUS * radii, species, strict=True):
        colour = np.array(to_rgb(ELEMENTS[elements.index(symbol) % len(ELEMENTS)]))
        for share in np.linspace(0, 1, 16):
            shade = colour * (0.72 + 0.28 * share) + (1 - colour) * 0.55 * share**2
            place = (x - 0.3 * radius * share, y + 0.3 * radius * share)
            axes.add_patch(Circle(place, radius * (1 - 0.85 * share), color=tuple(shade), zorder=order(depth), lw=0))
    for symbol, colour in zip(elements, ELEMENTS, strict=False):
        axes.plot([], [], "o", color=colour, label=symbol, markersize=9)
    axes.legend(frameon=False, loc="lower right", handletextpad=0.1)
    axes.set_aspect("equal")
    axes.autoscale_view()
    axes.margins(0.08)
    axes.set_axis_off()
    group = space_group(crystal.space_group)
    axes.set_title(f"{crystal.composition}, {group.symbol} ({group.number})", fontsize=11)


def draw(folder: Path, target: Path) -> None:
    """The picture of a bench of one system."""
    runs = read_bench(folder)
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.5), width_ratios=[1.5, 1], dpi=120)
    draw_curves(left, runs)
    draw_crystal(right, lowest(runs))
    figure.tight_layout()
    figure.savefig(target)


if __name__ == "__main__":
    draw(Path(sys.argv[1] if len(sys.argv) > 1 else "demo"), Path(__file__).with_name("result.png"))
