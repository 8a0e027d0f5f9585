"""How a user changes the paper's protocols, and what of that is kept beside the tables, so that they can be checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crysim.errors import InputError
from crysim.harness.lines import write_atomically
from crysim.regular_files import read_json

KEPT = "cuts.json"
"""The file in the folder of the tables: the cuts of each target that was made there."""
RACED = (
    "raced: relaxations that cannot win, or that fall into a known minimum, are stopped, which the paper does not do; "
    "they count as relaxations, and not in N_E and N_M"
)
_SETTINGS = ("energy", "solver")


@dataclass(frozen=True)
class Cuts:
    """How a user changes the paper's protocol.

    Attributes:
        budget, seeds, systems, methods: what is run of it; None or empty: all.
        references: structure files by system.
        settings: of `crysim.harness.config_file.read_settings`: ``energy``, ``solver``, ``workers``, ...
        symmetry: of the relaxation.
        prototypes: known structure types take part in the searches of formulas.
        race: every method may stop a relaxation that cannot win (`crysim.interfaces.StopRule`).
        ours: the project's own searches take part beside the paper's.
    """

    budget: int | None = None
    seeds: str | None = None
    systems: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    references: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    symmetry: str | None = None
    prototypes: bool = False
    race: bool = False
    ours: bool = False

    @property
    def given(self) -> dict[str, Any]:
        """For `crysim.harness.config_file.read_settings`."""
        race = {"options": {"race": True}} if self.race else {}
        return {**self.settings, **race, "symmetry": self.symmetry, "budget": self.budget, "seeds": self.seeds}

    @property
    def kept(self) -> dict[str, Any]:
        """What the runs' folders and the tables' rows depend on, for JSON; nothing of a machine."""
        settings = {key: self.settings[key] for key in _SETTINGS if self.settings.get(key) is not None}
        chosen = {
            "budget": self.budget,
            "seeds": self.seeds,
            "systems": list(self.systems),
            "methods": list(self.methods),
            "symmetry": self.symmetry,
            "prototypes": self.prototypes,
            "race": self.race,
            "ours": self.ours,
            "settings": settings,
        }
        return {key: value for key, value in chosen.items() if value}


@dataclass(frozen=True)
class KeptCuts:
    """The cuts with which a target was made.

    Attributes:
        cuts: without references.
        energies: of the references that a user gave, eV per cell, by system; None where one could not be relaxed.
    """

    cuts: Cuts
    energies: Mapping[str, float | None]


def keep_cuts(folder: Path, target: str, cuts: Cuts, energies: Mapping[str, float | None]) -> Path:
    """Write to the folder with which cuts a target was made there, and the energies of the references given."""
    path = folder / KEPT
    entries = {**_entries(path), target: {**cuts.kept, **({"references": dict(energies)} if energies else {})}}
    write_atomically(path, (json.dumps(dict(sorted(entries.items())), indent=2) + "\n").encode())
    return path


def kept_cuts(folder: Path) -> dict[str, KeptCuts]:
    """With which cuts each target was made in a folder; empty for one that does not say.

    Raises:
        InputError: the file is damaged.
    """
    path = folder / KEPT
    found = {}
    for target, entry in _entries(path).items():
        try:
            energies = entry.pop("references", {})
            systems, methods = (tuple(entry.pop(key, ())) for key in ("systems", "methods"))
            found[target] = KeptCuts(Cuts(systems=systems, methods=methods, **entry), energies)
        except (AttributeError, TypeError) as error:
            raise _damaged(path) from error
    return found


def _entries(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        entries = read_json(path, "the cuts")
    except InputError as error:
        raise _damaged(path) from error
    if not isinstance(entries, dict):
        raise _damaged(path)
    return entries


def _damaged(path: Path) -> InputError:
    return InputError(f"{path} is damaged: delete it, and run crysim reproduce again with the options of its tables")
