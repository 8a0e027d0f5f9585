"""The answers of a search: each distinct crystal once, named by what it is, lowest energy per atom first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from crysim.analysis.tables import Column, Table, Value
from crysim.crystal import Crystal
from crysim.crystal.distinct import DistinctCrystals, group_distinct
from crysim.crystal.files import cif_text
from crysim.crystal.files.poscar import structure_poscar
from crysim.crystal.identify import find_space_group
from crysim.crystal.identity import TIGHT, TOLERANCE, Identity, identify
from crysim.crystal.matching import ReferenceMatcher
from crysim.crystal.validity import closeness
from crysim.harness.budgets import Spent
from crysim.harness.journal import RunRecord
from crysim.interfaces import Trial, TrialStatus
from crysim.strategies.afresh import AFRESH, missed
from crysim.symmetry.groups import space_group
from crysim.written_files import WrittenFiles

COLUMNS = (
    Column("rank", "rank"),
    Column("formula", "formula", formula=True),
    Column("z", "Z"),
    Column("atoms", "atoms"),
    Column("group", "space group"),
    Column("tight_group", f"at {TIGHT:g} Å"),
    Column("pearson", "Pearson"),
    Column("prototype", "prototype"),
    Column("energy_per_atom", "eV/atom", ".4f"),
    Column("above_best", "above", ".4f"),
    Column("volume_per_atom", "Å³/atom", ".2f"),
    Column("min_distance", "bond (Å)", ".3f"),
    Column("times_found", "found"),
    Column("first_found", "first"),
    Column("status", "status"),
    Column("template", "template"),
    Column("reference", "reference"),
    Column("file", "file"),
)
TERMINAL = tuple(column.key for column in COLUMNS if column.key not in ("formula", "file"))
"""The columns that a terminal shows; the formula is in the title, the files have the rank in their names."""
TELLS_APART = 0.001
"""eV/atom; nearer energies are no order: fits of potentials err by more, and CHGNet puts lonsdaleite 0.5 meV/atom below
diamond in silicon."""
HOLE = 0.5
"""eV/atom between neighbours of the table: what a potential makes of atoms that it has never seen so close may lie so
far below all else (M3GNet's Nb3Sn 1.3 eV/atom below its A15 crystal),"""
SHORT = 0.75
"""of the sum of two covalent radii: but not what has bonds as they are. Nitrogen's triple bond is the shortest for its
atoms' size, 0.77; diamond and graphite lie 4 eV/atom below a carbon of close packed atoms, and are none."""
UNDER_PRESSURE = {"energy_per_atom": "enthalpy (eV/atom)"}
COPIES = 8
"""Relaxations that ended in one crystal and are looked at, for the most symmetric to be shown: noise breaks symmetry,
and a distortion that lowers the energy by less than the potential can tell is none that it predicts."""

_Ended = tuple[int, RunRecord, Trial, Crystal, float]
"""A relaxation's number in the search, its run, itself, its crystal and energy."""


@dataclass(frozen=True)
class Answer:
    """A distinct crystal that a search found.

    Attributes:
        identity: what it is: true space group, standard cells, structure type; of the copies that the potential does
            not tell apart, the most symmetric.
        record: the run of ``trial``.
        trial: the relaxation of lowest energy that ended there.
        energy_per_atom: eV (enthalpy under pressure).
        times_found: relaxations that ended there.
        first_found: number of the first of them, counted from 1 over the whole search in the order of its runs.
        template: the structure type that the first of them started from, or None.
    """

    identity: Identity
    record: RunRecord
    trial: Trial
    energy_per_atom: float
    times_found: int
    first_found: int
    template: str | None

    @property
    def crystal(self) -> Crystal:
        """The crystal in the conventional cell of its true group."""
        return self.identity.crystal


@dataclass(frozen=True)
class Answers:
    """What a search found, and what it left out.

    Attributes:
        best: lowest energy per atom first; of those within `TELLS_APART` of the lowest that of the smallest asymmetric
            unit, which need not be the lowest.
        num_distinct: distinct crystals in all.
        left_out: relaxations that are no answer, by status.
        independent: starts, drawn afresh, that ended in the best.
        spent: by all runs.
    """

    best: tuple[Answer, ...]
    num_distinct: int
    left_out: Counter[str]
    independent: int = 0
    spent: Spent = field(default_factory=Spent)

    @property
    def notes(self) -> tuple[str, str]:
        """How many there are and what was left out, and what it took: lines under a table."""
        text = f"{self.num_distinct} distinct crystals"
        if self.left_out:
            text += "; left out: " + ", ".join(f"{count} {status}" for status, count in self.left_out.most_common())
        if self.independent:
            starts = "start" if self.independent == 1 else "starts"
            text += f"; {self.independent} independent {starts} ended in the lowest: {missed(self.independent)}"
        relaxations, evaluations = self.spent.relaxations, self.spent.evaluations
        seconds = f"{self.spent.cpu_seconds:.3g} CPU s"
        return text, f"spent: {relaxations} relaxations, {evaluations} evaluations of the energy model, {seconds}"


def find_answers(records: Sequence[RunRecord], top: int) -> Answers:
    """The best distinct crystals of some runs of one formula and energy model.

    Args:
        records: in the order in which their relaxations are counted.
        top: how many, at most.
    """
    trials: list[_Ended] = []
    left_out: Counter[str] = Counter()
    number, spent = 0, Spent()
    for record in records:
        spent += record.spent
        for trial in record.trials:
            number += 1
            if trial.counted and trial.crystal is not None and trial.energy is not None:
                trials.append((number, record, trial, trial.crystal, trial.energy))
            else:
                left_out[str(trial.status)] += 1
    rows = group_distinct([crystal for *_, crystal, _ in trials], [energy for *_, energy in trials])
    shown, merged = _shown(rows, trials, top)
    best = []
    for identity, row in shown:
        _, record, trial, *_ = trials[row[0]]
        first = min((trials[index] for index in row), key=lambda one: one[0])
        template = first[2].candidate.info.get("prototype")
        found = None if template is None else str(template)
        best.append(Answer(identity, record, trial, _per_atom(trials[row[0]]), len(row), first[0], found))
    afresh = sum(trials[index][2].candidate.info.get("origin") in AFRESH for index in (shown[0][1] if shown else ()))
    return Answers(_likeliest_first(best), len(rows) - merged, left_out, afresh, spent)


def _shown(
    rows: Sequence[Sequence[int]], trials: Sequence[_Ended], top: int
) -> tuple[list[tuple[Identity, list[int]]], int]:
    """What the first crystals are, and the trials of each; and how many rows were found to be one of them after all.

    The lowest of a crystal's copies may be distorted by noise past what another row holds, whose most symmetric copy is
    the same: rows that show one crystal are one.
    """
    found: list[tuple[Identity, list[int]]] = []
    seen = DistinctCrystals()
    merged = beyond = 0
    for row in rows:
        per_atom = _per_atom(trials[row[0]])
        full = len(found) == top
        if full and (beyond == top or per_atom - _per_atom(trials[found[-1][1][0]]) >= TELLS_APART):
            break
        beyond += full  # may be one of those before, and more symmetric
        identity = _identity_of(row, trials)
        place = seen.add(identity.crystal, per_atom * identity.crystal.num_atoms)
        if place is not None and place < len(found):
            shown, both = found[place][0], [*found[place][1], *row]
            found[place] = (_identity_of(both, trials) if _rank(identity) > _rank(shown) else shown), both
            merged += 1
        elif place is not None and not full:
            found.append((identity, list(row)))
    return found, merged


def _identity_of(row: Sequence[int], trials: Sequence[_Ended]) -> Identity:
    """What the most symmetric is of copies of one crystal, lowest first, that the potential does not tell apart."""
    lowest = _per_atom(trials[row[0]])
    return _most_symmetric([trials[one][3] for one in row if _per_atom(trials[one]) - lowest < TELLS_APART])


def _per_atom(trial: _Ended) -> float:
    *_, crystal, energy = trial
    return energy / crystal.num_atoms


def _likeliest_first(best: Sequence[Answer]) -> tuple[Answer, ...]:
    """By energy; those that the potential does not tell from the lowest by their asymmetric units, smallest first: of a
    crystal and its distortions that gain nothing the crystal, of stackings of one layer the simplest.
    """
    close = [one for one in best if one.energy_per_atom - best[0].energy_per_atom < TELLS_APART]
    close.sort(key=lambda one: one.crystal.num_primitive_atoms / one.crystal.group.point_group_order)
    return (*close, *best[len(close) :])


def _most_symmetric(copies: Sequence[Crystal]) -> Identity:
    """What the most symmetric of some copies of one crystal is; of those that share its group, one that has it within
    the tight tolerance too; of these, the first. Copies that were relaxed in large groups are looked at before others.
    """
    shown = identify(copies[0])
    for copy in sorted(copies[1:], key=lambda copy: -copy.group.point_group_order)[: COPIES - 1]:
        structure = copy.to_structure()
        group, tight = find_space_group(structure, TOLERANCE), find_space_group(structure, TIGHT)
        if _symmetry(group, tight) > _rank(shown):
            shown = max(shown, identify(copy), key=_rank)
    return shown


def _rank(identity: Identity) -> tuple[int, bool]:
    return _symmetry(identity.space_group, identity.tight_space_group)


def _symmetry(group: int, tight: int) -> tuple[int, bool]:
    return space_group(group).point_group_order, tight == group


def write_answers(answers: Sequence[Answer], folder: Path) -> list[Path]:
    """Write each answer's conventional cell as CIF and its primitive cell as POSCAR, in place of an earlier call's.

    Files that a person put there, or changed, stay as they are (`crysim.written_files`).

    Returns:
        The CIF files, in the order of the answers.
    """
    files = WrittenFiles(folder)
    files.clear()
    paths = []
    for rank, answer in enumerate(answers, start=1):
        stem = f"{rank:03d}-{answer.crystal.composition.reduced_formula}-{answer.identity.space_group}"
        paths.append(files.write(stem, ".cif", cif_text(answer.crystal)))
        files.write(f"{stem}-primitive", ".vasp", structure_poscar(answer.identity.primitive))
    return paths


def answer_table(
    answers: Answers, files: Sequence[Path], *, title: str, matcher: ReferenceMatcher | None, pressure: float
) -> Table:
    """The answers as a table; its rows are what ``--json`` prints.

    Args:
        answers: of `find_answers`.
        files: one for each.
        title: of the table.
        matcher: of the known ground truth, or None.
        pressure: GPa; energies are enthalpies under it.
    """
    rows: list[dict[str, Value]] = []
    lowest = min((one.energy_per_atom for one in answers.best), default=0.0)
    for rank, (answer, file) in enumerate(zip(answers.best, files, strict=True), start=1):
        rows.append(_row(rank, answer, lowest, file, matcher, pressure))
    columns = tuple(
        Column(c.key, UNDER_PRESSURE[c.key], c.form) if pressure and c.key in UNDER_PRESSURE else c for c in COLUMNS
    )
    notes: tuple[str, ...] = (
        "above: eV/atom above the best; bond: the shortest; found: relaxations that ended there, and the first of them",
        "template: the known structure type that it started from",
        *answers.notes,
        *_hole(answers.best),
    )
    close = sum(one.energy_per_atom - lowest < TELLS_APART for one in answers.best)
    if close > 1:
        notes += (
            f"ranks 1 to {close} lie within {1000 * TELLS_APART:g} meV/atom, which the potential does not tell apart: "
            "the smallest asymmetric unit first",
        )
    return Table(title, columns, tuple(rows), notes)


def _hole(best: Sequence[Answer]) -> Iterator[str]:
    """What is to be said of crystals far below all others whose atoms are too close: potentials have holes there."""
    for rank, (low, high) in enumerate(pairwise(best), start=1):
        apart = high.energy_per_atom - low.energy_per_atom
        if apart > HOLE and any(closeness(one.identity.crystal) < SHORT for one in best[:rank]):
            ranks = "rank 1 lies" if rank == 1 else f"ranks 1 to {rank} lie"
            shortest = min(one.identity.min_distance for one in best[:rank])
            yield (
                f"{ranks} {apart:.1f} eV/atom below the next, with bonds of {shortest:.2f} Å: "
                "the potential may have a hole there (--rerank MODEL asks another)"
            )
            return


def _row(
    rank: int, answer: Answer, lowest: float, file: Path, matcher: ReferenceMatcher | None, pressure: float
) -> dict[str, Value]:
    identity = answer.identity
    row: dict[str, Any] = {
        "rank": rank,
        "formula": identity.crystal.composition.reduced_formula,
        "z": identity.z,
        "atoms": identity.num_atoms,
        "space_group": identity.space_group,
        "symbol": identity.symbol,
        "group": f"{identity.symbol} ({identity.space_group})",
        "tight_group": None if identity.tight_space_group == identity.space_group else identity.tight_symbol,
        "tight_space_group": identity.tight_space_group,
        "pearson": identity.pearson,
        "prototype": identity.prototype_name,
        "energy_per_atom": answer.energy_per_atom,
        "above_best": answer.energy_per_atom - lowest,
        "volume_per_atom": identity.volume_per_atom,
        "min_distance": identity.min_distance,
        "times_found": answer.times_found,
        "first_found": answer.first_found,
        "status": "converged" if answer.trial.status is TrialStatus.RELAXED else str(answer.trial.status),
        "template": answer.template,
        "file": str(file),
    }
    if pressure:
        row["pressure"] = pressure
    if matcher is not None:
        match = matcher.match(answer.crystal)
        row["reference"] = "matches strictly" if match.strict else "matches" if match.found else "no match"
    return row
