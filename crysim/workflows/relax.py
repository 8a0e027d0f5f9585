"""Relaxation of any structures, in batches on the symmetry quotient: pymatgen or ASE in, the same kind out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, overload

from crysim.analysis.report.notebook import notebook_page
from crysim.analysis.tables import Column, Table, Value
from crysim.crystal import Crystal
from crysim.crystal.own_cell import OwnCell
from crysim.declared import declared
from crysim.errors import InputError, UnknownNameError
from crysim.harness.loop import limit_threads
from crysim.harness.spec import PartSpec
from crysim.interfaces import EnergyModel, Relaxation, RelaxSettings, RelaxStatus
from crysim.plugins import plugin_manager
from crysim.workflows.relax_apart import Compute, Plain, apart, here
from crysim.workflows.running import progress_console

if TYPE_CHECKING:
    from ase import Atoms
    from pandas import DataFrame
    from pymatgen.core import Structure
    from rich.console import Console

Given: TypeAlias = Any
"""A pymatgen Structure, ASE Atoms or a `Crystal`; a type checker knows neither of the first two."""
Each: TypeAlias = Callable[[int, Relaxation], None]
"""Hears a structure's place among those given, and what became of it."""
BATCH = 32
"""Crystals given to the energy model at a time: many models are faster on several, and the display lives on them."""


@dataclass(frozen=True)
class RelaxResult(Sequence[Any]):
    """Relaxed structures, in the order and of the kind in which they were given.

    A structure whose relaxation failed is None. A structure whose space group the relaxation left comes back in the
    conventional cell of its new one, any other in the cell, orientation and order of atoms in which it came.

    Attributes:
        structures: the relaxed ones; energies are in pymatgen's ``properties`` and in ASE's calculator.
        relaxations: of their conventional cells: energies, steps, forces, how each ended.
        energies: eV, of the cell that was given (enthalpies under pressure); None where it failed.
        interrupted: the user stopped it; those that are left are missing from all lists.
        pressure: GPa; under it, energies are enthalpies.
    """

    structures: tuple[Any, ...]
    relaxations: tuple[Relaxation, ...]
    energies: tuple[float | None, ...]
    interrupted: bool = False
    pressure: float = 0.0

    def __len__(self) -> int:
        return len(self.structures)

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        return self.structures[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.structures)

    @property
    def table(self) -> Table:
        """One row for each structure."""
        columns = (
            Column("formula", "formula", formula=True),
            Column("status", "status"),
            Column("energy", "enthalpy (eV/cell)" if self.pressure else "eV/cell", ".4f"),
            Column("energy_per_atom", "enthalpy (eV/atom)" if self.pressure else "eV/atom", ".4f"),
            Column("space_group", "space group"),
            Column("steps", "steps"),
            Column("evaluations", "evaluations"),
            Column("max_force", "eV/Å", ".3f"),
            Column("seconds", "s", ".3f"),
            Column("reason", "reason"),
        )
        rows: list[dict[str, Value]] = []
        for one, energy in zip(self.relaxations, self.energies, strict=True):
            crystal = one.crystal
            per_atom = None if one.energy is None or crystal is None else one.energy / crystal.num_atoms
            rows.append(
                {
                    "formula": None if crystal is None else crystal.composition.reduced_formula,
                    "status": str(one.status),
                    "energy": energy,
                    "energy_per_atom": per_atom,
                    "space_group": None if crystal is None else crystal.space_group,
                    "steps": one.steps,
                    "evaluations": one.evaluations,
                    "max_force": one.max_force,
                    "seconds": one.seconds,
                    "reason": one.reason,
                }
            )
        return Table("Relaxed", columns, tuple(rows))

    def dataframe(self) -> DataFrame:
        """The table as a pandas DataFrame, unrounded."""
        return self.table.to_dataframe()

    def __repr__(self) -> str:
        failed = sum(one is None for one in self.structures)
        return f"<RelaxResult: {len(self)} structures, {failed} of them failed>"

    def _repr_html_(self) -> str:
        """The table, for a notebook."""
        return notebook_page([self.table.to_html()])


def relax(
    structures: Iterable[Given],
    energy: str | EnergyModel = "chgnet",
    *,
    energy_options: Mapping[str, Any] | None = None,
    threads: int = 1,
    progress: bool | Console = False,
    batch: int = BATCH,
    each: Each | None = None,
    own_process: bool = False,
    **settings: Any,
) -> RelaxResult:
    """Relax atoms and cells, many at a time, with symmetry: pymatgen structures or ASE atoms in, the same kind out.

    An interrupt (Ctrl-C) returns what there is.

    Args:
        structures: any number, or one; ordered and periodic; ASE's constraints and calculators are not heeded.
        energy: energy model: m3gnet, chgnet, sevennet, ``ase:NAME``, or any that is installed; or one that was built.
        energy_options: of the energy model.
        threads: of torch and of linear algebra.
        progress: show it (on standard error, or in the notebook), or a rich console to show it on.
        batch: structures given to the energy model at a time; an interrupt loses one batch at the most.
        each: called as relaxations end, with the structure's place and what became of it.
        own_process: whether the model, which is then given by its name, computes in a process of its own: a structure
            that kills it three times, or hangs in it, has failed and costs the others nothing. ``crysim relax`` does.
        settings: ``fmax`` (eV/Å), ``max_steps``, ``pressure`` (GPa), ``symmetry`` (keep, release or polish),
            ``timeout`` (s): see `crysim.interfaces.RelaxSettings`.

    Raises:
        InputError: an unknown setting or model, or something that is no ordered, periodic structure.

    Example:
        >>> from ase.build import bulk
        >>> import crysim
        >>> (relaxed,) = crysim.relax([bulk("NaCl", "rocksalt", a=5.9)])  # doctest: +SKIP
        >>> relaxed.get_potential_energy()  # doctest: +SKIP
    """
    known = {one.name for one in declared(RelaxSettings)}
    for name in settings:
        if name not in known:
            raise UnknownNameError("setting", name, known)
    chosen = RelaxSettings(**{"num_frames": 0, **{k: v for k, v in settings.items() if v is not None}})
    if threads < 1:
        raise InputError(f"threads is {threads}: it must be at least 1")
    if batch < 1:
        raise InputError(f"batch is {batch}: it must be at least 1")
    structures = _listed(structures)
    cells = [_own_cell(one, place) for place, one in enumerate(structures)]
    model = energy if isinstance(energy, EnergyModel) else plugin_manager().build("energy", energy, energy_options)
    model.check()
    if own_process and not isinstance(energy, str):
        raise InputError("own_process needs the energy model's name: another process builds the model anew")
    limit_threads(threads)
    crystals = [cell.crystal if isinstance(cell, OwnCell) else cell for cell in cells]
    done: list[Relaxation] = []
    interrupted = False
    spec = PartSpec(energy, energy_options or {}) if own_process and isinstance(energy, str) else None
    try:
        with here(model) if spec is None else apart(spec, threads, chosen) as compute:
            for relaxation in _relaxed(compute, crystals, chosen, batch, progress_console(progress)):
                done.append(relaxation)
                if each is not None:
                    each(len(done) - 1, relaxation)
    except KeyboardInterrupt:
        interrupted = True
    found = [_like(given, cell, one) for given, cell, one in zip(structures, cells, done, strict=False)]
    relaxed, energies = tuple(s for s, _ in found), tuple(e for _, e in found)
    return RelaxResult(relaxed, tuple(done), energies, interrupted, chosen.pressure)


def _relaxed(
    compute: Compute, crystals: Sequence[Crystal], settings: RelaxSettings, batch: int, console: Console | None
) -> Iterator[Relaxation]:
    """What becomes of crystals, in batches and in their order, while a bar on the console shows how many are done."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("relaxing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console or Console(quiet=True), transient=True, disable=console is None) as bar:
        task = bar.add_task("", total=len(crystals))
        for first in range(0, len(crystals), batch):
            relaxations = compute(Plain(tuple(crystals[first : first + batch]), settings))
            yield from relaxations
            bar.advance(task, len(relaxations))


def _listed(given: Given | Iterable[Given]) -> list[Given]:
    """Structures as a list, whatever holds them; a single one, which holds its atoms or sites, alone."""
    from ase import Atoms
    from pymatgen.core import Structure

    return [given] if isinstance(given, Crystal | Atoms | Structure) else list(given)


def _own_cell(given: Given, place: int) -> OwnCell | Crystal:
    """What is relaxed of a structure; a crystal is its own."""
    if isinstance(given, Crystal):
        return given
    try:
        return OwnCell.of(_structure(given))
    except InputError as error:
        raise InputError(f"structure {place} of those given: {error}") from error


def _structure(given: Structure | Atoms) -> Structure:
    from ase import Atoms
    from pymatgen.core import Structure
    from pymatgen.io.ase import AseAtomsAdaptor

    if isinstance(given, Atoms):
        if not given.pbc.all():
            raise InputError("it is not periodic in three directions: crysim relaxes crystals")
        bare = Atoms(given.numbers, scaled_positions=given.get_scaled_positions(), cell=given.cell, pbc=True)
        structure: Structure = AseAtomsAdaptor.get_structure(bare)
        return structure
    if not isinstance(given, Structure):
        raise InputError(f"a {type(given).__name__} is no structure: give pymatgen Structures or ASE Atoms")
    copy = given.copy()
    copy.remove_oxidation_states()
    return copy


def _like(given: Given, cell: OwnCell | Crystal, relaxation: Relaxation) -> tuple[Any, float | None]:
    """The relaxed structure of the kind that was given, with the energy of its cell, eV; None, None if it failed."""
    crystal = relaxation.crystal
    if relaxation.status is RelaxStatus.FAILED or crystal is None or relaxation.energy is None:
        return None, None
    if isinstance(cell, Crystal):
        return crystal, relaxation.energy
    structure = cell.back(crystal) or crystal.to_structure()
    energy = relaxation.energy * len(structure) / crystal.num_atoms
    facts = {
        "energy": energy,
        "space_group": crystal.space_group,
        "status": str(relaxation.status),
        "max_force": relaxation.max_force,
        "steps": relaxation.steps,
    }
    from pymatgen.core import Structure

    if isinstance(given, Structure):
        structure.properties |= facts
        return structure, energy
    from ase import Atoms
    from ase.calculators.singlepoint import SinglePointCalculator

    numbers = [site.specie.Z for site in structure]
    atoms = Atoms(numbers, scaled_positions=structure.frac_coords, cell=structure.lattice.matrix, pbc=True)
    atoms.info.update({**given.info, **facts})
    atoms.calc = SinglePointCalculator(atoms, energy=energy)
    return atoms, energy
