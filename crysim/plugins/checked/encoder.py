"""What an encoder's vectors and crystals must be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from crysim.arrays import Bits
from crysim.composition import Contents
from crysim.errors import InputError
from crysim.interfaces import Encoder
from crysim.plugins.checked.faults import Checked
from crysim.quadratic import BitGroup
from crysim.quadratic.model import check_groups

if TYPE_CHECKING:
    from crysim.crystal import Crystal


class CheckedEncoder(Checked[Encoder], Encoder):
    """An encoder whose layout, vectors and crystals are looked at."""

    kind = "encoder"

    def __init__(self, plugin: Encoder) -> None:
        super().__init__(plugin)
        self._contents: Contents | None = None

    def fit(self, crystals: Sequence[Crystal], contents: Contents | None = None) -> None:
        """Fit it, and look at the layout that it chose.

        An encoder that was written before there were contents is called without those of a conventional cell.
        """
        with self._calling("fit"):
            if contents is None or not contents.primitive:
                self._plugin.fit(crystals)
            else:
                self._plugin.fit(crystals, contents)
            groups, num_bits = self._plugin.groups, self._plugin.num_bits
        self._contents = contents or (Contents.of(crystals[0].composition) if crystals else None)
        if not isinstance(num_bits, int | np.integer) or num_bits < 1:
            self._fault(f"a vector has {num_bits!r} bits")
        if not isinstance(groups, tuple) or not all(isinstance(group, BitGroup) for group in groups):
            self._fault("its groups are no tuple of BitGroup")
        try:
            check_groups(groups, int(num_bits))
        except InputError as error:
            self._fault(str(error))

    @property
    def groups(self) -> tuple[BitGroup, ...]:
        """The encoder's own."""
        return self._plugin.groups

    @property
    def num_bits(self) -> int:
        """The encoder's own."""
        return self._plugin.num_bits

    def encode(self, crystals: Sequence[Crystal]) -> Bits:
        """Its vectors, looked at: type, shape, and no group with more ones than its count."""
        with self._calling("encode"):
            bits = self._plugin.encode(crystals)
        self._array("its vectors", bits, (len(crystals), self._plugin.num_bits), "b")
        for group in self._plugin.groups:
            ones = np.count_nonzero(bits[:, group.slice], axis=1)
            if (ones > group.k).any():
                self._fault(f"a vector has {ones.max()} ones in the group '{group.name}', which takes {group.k}")
        return bits

    def decode(self, bits: Bits, rng: np.random.Generator) -> list[Crystal]:
        """Its crystals, looked at: at least one, all of the composition that it was fitted to."""
        from crysim.crystal import Crystal

        with self._calling("decode"):
            crystals = self._plugin.decode(bits, rng)
        if not isinstance(crystals, list) or not crystals:
            self._fault(f"a vector was decoded to {'no crystal' if crystals == [] else type(crystals).__name__}")
        for crystal in crystals:
            if not isinstance(crystal, Crystal):
                self._fault(f"a vector was decoded to a {type(crystal).__name__}, not to crystals")
            if self._contents is not None and not self._contents.held_by(crystal):
                self._fault(f"a vector of {self._contents} was decoded to a crystal of {crystal.composition}")
        return crystals
