"""A second opinion: the best crystals of a search relaxed again with another potential, and where the two disagree.

Energies of two potentials have no common zero: each ranks by itself, and what is compared are ranks and the energies
above each one's best.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from crysim import __version__
from crysim.analysis.tables import Column, Table, Value
from crysim.composition import Contents
from crysim.crystal import Crystal
from crysim.errors import InputError
from crysim.harness.executors import run_tasks
from crysim.harness.lines import write_atomically
from crysim.harness.placement import Placement
from crysim.harness.run_folder import make_folder
from crysim.harness.spec import PartSpec, build_energy, check_elements
from crysim.interfaces import EnergyModel, RelaxSettings, RelaxStatus
from crysim.regular_files import read_json
from crysim.written_files import refuse_link

FOLDER = "rerank"
"""In the folder of the results: what the second potential gave, one file a crystal and potential."""
DISAGREEMENT = 0.025
"""eV/atom, about kT: the potentials disagree on a crystal whose energies above their best are farther apart."""
_NOTE = "again, above 2, rank 2: by the second potential, eV/atom (enthalpies under pressure)"
COLUMNS = (
    Column(
        "rerank_energy_per_atom",
        "again",
        ".4f",
        note=_NOTE,
    ),
    Column("rerank_above_best", "above 2", ".4f"),
    Column("rerank_rank", "rank 2"),
    Column("rerank_disagrees", "disagree"),
)
KEYS = tuple(column.key for column in COLUMNS)


@dataclass(frozen=True)
class Reranker:
    """A second potential, checked before the search begins.

    Attributes:
        energy: the potential.
        fingerprint: what makes its energies comparable.
        relax: how crystals are relaxed: as in the search.
        folder: of the results.
        threads: of the worker processes.
        placement: where they are.
    """

    energy: PartSpec
    fingerprint: Mapping[str, str]
    relax: RelaxSettings
    folder: Path
    threads: int
    placement: Placement

    def relax_again(self, crystals: Sequence[Crystal]) -> list[Reranked | None]:
        """Relax crystals, or read what an earlier call gave; None for those that are left after an interrupt."""
        found = [self._read(crystal) for crystal in crystals]
        missing = [place for place, one in enumerate(found) if one is None]

        def ended(index: int, result: object, error: str) -> None:
            place = missing[index]
            if isinstance(result, Reranked):
                found[place] = result
                self._write(crystals[place], result)
            else:
                found[place] = Reranked(None, str(RelaxStatus.FAILED), error)

        tasks = [partial(_relax, crystals[place], self.relax) for place in missing]
        if tasks:
            make_folder(self.folder)
            run_tasks(self.energy, tasks, self.placement, threads=self.threads, ended=ended)
        return found

    def _key(self, crystal: Crystal) -> dict[str, Any]:
        key = {
            "crysim": __version__,
            "energy": {"name": self.energy.name, "options": dict(self.energy.options)},
            "fingerprint": dict(self.fingerprint),
            "relax": asdict(self.relax),
            "crystal": crystal.to_dict(),
        }
        plain: dict[str, Any] = json.loads(json.dumps(key, default=str))
        return plain

    def _path(self, key: Mapping[str, Any]) -> Path:
        return self.folder / f"{sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:24]}.json"

    def _read(self, crystal: Crystal) -> Reranked | None:
        key = self._key(crystal)
        try:
            stored = read_json(self._path(key), "the result")
            if stored["key"] != key:
                return None
            return Reranked(**stored["result"])
        except (InputError, KeyError, TypeError):  # not there, or damaged: it is done again
            return None

    def _write(self, crystal: Crystal, result: Reranked) -> None:
        key = self._key(crystal)
        text = json.dumps({"key": key, "result": asdict(result)}, indent=1)
        write_atomically(self._path(key), text.encode())


@dataclass(frozen=True)
class Reranked:
    """What the second potential gave for a crystal.

    Attributes:
        energy_per_atom: eV (enthalpy under pressure); None if the relaxation failed.
        status: of the relaxation.
        reason: why it failed or did not converge.
        space_group: where it ended.
    """

    energy_per_atom: float | None
    status: str
    reason: str = ""
    space_group: int | None = None


def make_reranker(
    energy: PartSpec, contents: Contents, relax: RelaxSettings, out: Path, *, threads: int, placement: Placement
) -> Reranker:
    """A second potential for the crystals of a search, refused before any long work if it cannot be used.

    Raises:
        InputError: an unknown name or option, a missing extra, an element that it does not know.
    """
    model = build_energy(energy)
    model.check()
    check_elements(f"the second potential {energy.name}", model.elements, contents)
    folder = out / FOLDER
    refuse_link(folder)
    return Reranker(energy, model.fingerprint(), replace(relax, num_frames=0), folder, threads, placement)


Opinions = Mapping[str, Mapping[str, Reranked]]
"""What second potentials gave: by a crystal's values as JSON, and by the potential's name."""


def stored_opinions(out: Path) -> Opinions:
    """What second potentials gave for the crystals of a search, of the newest call of each potential.

    Args:
        out: folder of the results; without a rerank there, nothing is found.
    """
    found: dict[str, dict[str, Reranked]] = {}
    files = sorted((out / FOLDER).glob("*.json"), key=lambda path: (path.stat().st_mtime_ns, path.name))
    for path in files:
        try:
            stored = read_json(path, "the result")
            key, result = stored["key"], Reranked(**stored["result"])
            found.setdefault(_plain(key["crystal"]), {})[str(key["energy"]["name"])] = result
        except (InputError, KeyError, TypeError):  # damaged, or a person's own file
            continue
    return found


def opinions_on(crystal: Crystal, opinions: Opinions) -> Mapping[str, Reranked]:
    """What second potentials gave for one crystal, by their names."""
    return opinions.get(_plain(json.loads(json.dumps(crystal.to_dict()))), {})


def _plain(values: Any) -> str:
    return json.dumps(values, sort_keys=True)


def check_distinct(energy: PartSpec, second: PartSpec) -> None:
    """Raise InputError if a second potential is the first."""
    if energy.name == second.name and dict(energy.options) == dict(second.options):
        raise InputError(f"--rerank {second.name} is the potential of the search itself: name another one")


def reranked_table(table: Table, again: Sequence[Reranked | None], name: str) -> Table:
    """A table of answers with the second potential's energies, ranks and disagreements.

    Args:
        table: rows in the order of the first potential, with ``above_best``.
        again: one for each row; None where there is nothing yet.
        name: of the second potential.
    """
    given = {place: one.energy_per_atom for place, one in enumerate(again) if one is not None}
    energies = {place: energy for place, energy in given.items() if energy is not None}
    order = sorted(energies, key=lambda place: energies[place])
    lowest = energies[order[0]] if order else 0.0
    above_first = [row["above_best"] for row in table.rows]
    first_best = min((float(above_first[place] or 0.0) for place in energies), default=0.0)
    rows: list[dict[str, Value]] = []
    disagreeing = 0
    for place, (row, one) in enumerate(zip(table.rows, again, strict=True)):
        new: dict[str, Value] = {"rerank_energy": name, **dict.fromkeys(column.key for column in COLUMNS)}
        if place in energies:
            above = energies[place] - lowest
            # both counted from the best of those that both potentials relaxed
            apart = abs(above - (float(above_first[place] or 0.0) - first_best)) > DISAGREEMENT
            moved = order.index(place) != sorted(energies).index(place)
            new |= {"rerank_energy_per_atom": energies[place], "rerank_above_best": above}
            new |= {"rerank_rank": order.index(place) + 1, "rerank_disagrees": apart or moved}
            disagreeing += apart or moved
        if one is not None:
            new |= {"rerank_status": one.status, "rerank_space_group": one.space_group, "rerank_reason": one.reason}
        rows.append({**row, **new})
    text = f"relaxed again with {name}: {disagreeing} of {len(energies)} disagree (another rank, or more than "
    text += f"{1000 * DISAGREEMENT:g} meV/atom apart above the best); the two potentials' energies have no common zero"
    failed = sum(one is not None and one.energy_per_atom is None for one in again)
    if failed:
        text += f"; {failed} failed"
    return replace(table, columns=_placed(table.columns), rows=tuple(rows), notes=(*table.notes, text))


def _placed(columns: Sequence[Column]) -> tuple[Column, ...]:
    """The second potential's columns after the first one's energies."""
    place = next(i for i, column in enumerate(columns) if column.key == "above_best") + 1
    return (*columns[:place], *COLUMNS, *columns[place:])


def _relax(crystal: Crystal, settings: RelaxSettings, model: EnergyModel) -> Reranked:
    """In a worker: one crystal relaxed with the second potential."""
    relaxation = model.relax([crystal], settings)[0]
    if relaxation.energy is None or relaxation.crystal is None:
        return Reranked(None, str(relaxation.status), relaxation.reason)
    end = relaxation.crystal
    per_atom = relaxation.energy / end.num_atoms
    return Reranked(per_atom, str(relaxation.status), relaxation.reason, end.space_group)
