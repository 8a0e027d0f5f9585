"""`crysim.relax`: what may be given to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ase.build import bulk
from pymatgen.io.ase import AseAtomsAdaptor

import crysim

SALT = bulk("NaCl", "rocksalt", a=5.7)


@pytest.mark.parametrize(
    "give",
    [
        lambda: [SALT],
        lambda: {"salt": SALT}.values(),
        lambda: (one for one in [SALT]),
        lambda: SALT,
        lambda: AseAtomsAdaptor.get_structure(SALT),
    ],
    ids=["list", "values", "generator", "single atoms", "single structure"],
)
def test_any_number_of_structures_may_be_given(give: Callable[[], Any]) -> None:
    relaxed = crysim.relax(give(), max_steps=0, symmetry="keep")
    assert [len(one) for one in relaxed] == [2]
    assert repr(relaxed) == "<RelaxResult: 1 structures, 0 of them failed>"
