"""Data sets for surrogates: encoded crystals with their energies, as a search collects them, on disk.

The first crystals of a search are random ones with their unrelaxed energies; frames of relaxations join them
(section 2.2 of the paper). Both are drawn here without a search, to tune and to measure surrogates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crysim.arrays import Bits, Floats
from crysim.composition import Composition, Contents
from crysim.crystal.generation import RandomGenerator
from crysim.errors import InputError
from crysim.interfaces import Encoder, EnergyModel, Frame, RelaxSettings
from crysim.quadratic import BitGroup
from crysim.regular_files import read_arrays
from crysim.strategies.training_set import ceiling, trains

CHUNK = 20
_ARRAYS = ("ones", "starts", "num_bits", "energies", "group_names", "group_bounds", "formula", "is_frame")

OnProgress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and of how much."""


@dataclass(frozen=True, eq=False)
class TrainingData:
    """What a surrogate is fitted to.

    Attributes:
        bits: ``[n, M]``.
        energies: ``[n]`` eV per cell.
        groups: of the encoder.
        formula: of the cell, or the name of contents of a primitive cell.
        is_frame: ``[n]`` whether the vector is a frame of a relaxation rather than a random crystal.
    """

    bits: Bits
    energies: Floats
    groups: tuple[BitGroup, ...]
    formula: str
    is_frame: NDArray[np.bool_]

    def save(self, path: Path) -> None:
        """Write a compressed npz file; vectors are stored as the positions of their ones."""
        rows, ones = np.nonzero(self.bits)
        starts = np.searchsorted(rows, np.arange(len(self.bits) + 1))
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(
            path,
            ones=ones.astype(np.int32),
            starts=starts,
            num_bits=np.array(self.bits.shape[1]),
            energies=self.energies,
            group_names=np.array([group.name for group in self.groups]),
            group_bounds=np.array([(group.start, group.size, group.k) for group in self.groups]).reshape(-1, 3),
            formula=np.array(self.formula),
            is_frame=self.is_frame,
        )

    @classmethod
    def load(cls, path: Path) -> TrainingData:
        """Read what `save` wrote.

        Raises:
            InputError: no such file, or not one of these.
        """
        try:
            stored = read_arrays(path, "the data set")
            arrays = {name: stored[name] for name in _ARRAYS}
        except (ValueError, KeyError) as error:
            raise InputError(f"'{path}' is no data set of crysim: {error}") from None
        try:
            return cls(
                _from_ones(arrays["starts"], arrays["ones"], int(arrays["num_bits"])),
                arrays["energies"],
                _groups(arrays),
                str(arrays["formula"]),
                arrays["is_frame"],
            )
        except (ValueError, TypeError, IndexError, MemoryError, OverflowError, InputError) as error:
            raise InputError(f"'{path}' is no data set of crysim: its arrays do not fit together ({error})") from None


def _from_ones(starts: NDArray[Any], ones: NDArray[Any], num_bits: int) -> Bits:
    bits = np.zeros((len(starts) - 1, num_bits), dtype=np.bool_)
    bits[np.repeat(np.arange(len(bits)), np.diff(starts)), ones] = True
    return bits


def _groups(arrays: Mapping[str, NDArray[Any]]) -> tuple[BitGroup, ...]:
    bounds = zip(arrays["group_names"], arrays["group_bounds"], strict=True)
    return tuple(BitGroup(str(name), int(start), int(size), int(k)) for name, (start, size, k) in bounds)


def generate_training_data(
    contents: Composition | Contents,
    encoder: Encoder,
    model: EnergyModel,
    rng: np.random.Generator,
    *,
    num_random: int = 1000,
    num_relaxed: int = 0,
    relax: RelaxSettings | None = None,
    space_groups: tuple[int, ...] | None = None,
    on_progress: OnProgress | None = None,
) -> TrainingData:
    """Random crystals with their energies, and frames of the relaxations of more of them.

    Random crystals that strategy ``crysim`` would not train on (`trains`) are left out, and energies above |the lowest|
    count as it, as there.

    Args:
        contents: atoms per conventional cell, or contents of either cell; energies are per cell of these.
        encoder: is fitted to the random crystals.
        model: gives energies and relaxations.
        rng: draws the crystals.
        num_random: crystals whose unrelaxed energies are taken.
        num_relaxed: further random crystals, whose relaxations' frames are taken.
        relax: how; None: the defaults.
        space_groups: numbers to draw from, or None for all.
        on_progress: told of the progress.

    Raises:
        InputError: the composition cannot be generated, or no energy is finite.
    """
    contents = Contents.of(contents)
    generator = RandomGenerator(contents, space_groups)
    crystals = generator.sample(num_random, rng)
    if contents.primitive:
        encoder.fit(crystals, contents)
    else:
        encoder.fit(crystals)
    frames: list[Frame] = []
    for first in range(0, num_random, CHUNK):
        chunk = crystals[first : first + CHUNK]
        frames += [Frame(c, float(e)) for c, e in zip(chunk, model.energies(chunk), strict=True) if np.isfinite(e)]
        if on_progress is not None:
            on_progress("energies", first + len(chunk), num_random)
    if not frames:
        raise InputError(f"the energy model gave no energy for any of {num_random} random crystals of {contents}")
    drawn = len(frames)
    for done in range(num_relaxed):
        for relaxation in model.relax(generator.sample(1, rng), relax or RelaxSettings()):
            frames += relaxation.frames
        if on_progress is not None:
            on_progress("relaxations", done + 1, num_relaxed)
    energies = np.array([contents.per_cell(frame.energy, frame.crystal) for frame in frames])
    is_frame = np.arange(len(frames)) >= drawn
    kept = np.flatnonzero(np.concatenate([trains(energies[:drawn]), is_frame[drawn:]]))
    bits = encoder.encode([frames[i].crystal for i in kept])
    targets = np.minimum(energies[kept], ceiling(float(energies[:drawn].min())))
    return TrainingData(bits, targets, encoder.groups, contents.name, is_frame[kept])
