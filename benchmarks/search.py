"""Searches to the strict match, each until it is there or its CPU seconds are spent: systems × methods × seeds.

    python benchmarks/search.py [--systems NAME ...] [--methods METHOD ...] [--seeds 0-4] [--seconds 120]
    python benchmarks/search.py --types "SZn 216" ...           # structure types of pymatgen's AFLOW library
    python benchmarks/search.py --forty [--prototypes] ...      # by formula alone, through the plan of crysim search
    python benchmarks/search.py --table                         # only tables and pictures of what there is

A method is a strategy with options of its own: ``prior``, ``prior:race=false``, ``crysim:protocol="paper"``, and of its
parts: ``crysim:solver=convex,solver.temperature=0.1``; with
--forty ``search`` is what ``crysim search`` runs where nothing is named. Each search is one line of a JSON file
(results/search/paper.jsonl, types.jsonl, forty.jsonl), and is not run again; a damaged last line is. Searches run in
this process, one after the other, with one thread. Counted are relaxations begun, evaluations of the energy model and
CPU seconds, of strategy, initial crystals and relaxations, up to and with the trial that matches (a batch's seconds are
shared evenly); what compiles and loads is warmed up before. A hit is a trial that matches the reference by pymatgen's
default tolerances and has its space group, within the seconds granted.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from search_runs import ENDLESS, Row, Task, search, warm_up
from search_tables import write_tables

from crysim.analysis.forty import forty_crystals
from crysim.crystal import Crystal
from crysim.crystal.structure_types import structure_types
from crysim.declared import assignments, numbers
from crysim.harness.config_file import read_settings
from crysim.harness.contents import MAX_SEARCHED
from crysim.harness.loop import limit_threads
from crysim.harness.settings import PARTS, BenchSettings
from crysim.harness.spec import PartSpec, RunSpec, build_energy
from crysim.harness.systems import builtin_systems, find_system
from crysim.interfaces import EnergyModel, RelaxSettings
from crysim.workflows.search import FRAMES
from crysim.workflows.search_plan import DEFAULT, plan_search, searched_contents

METHODS = ("prior", "enumerate", "random", "pyxtal-random", "evolution", "swarm", "bayesian", "crysim")
SEARCH = "search"
FORTY_RELAXATIONS = 100_000
"""Of a formula's search; its seconds end it."""
FRAMES_OF = {"crysim": RelaxSettings().num_frames, DEFAULT: FRAMES, SEARCH: FRAMES}
"""Of a trajectory, of a strategy that learns from them; of the others the end is kept."""

T = TypeVar("T")


def main() -> None:
    """Run what the options ask for, and write tables and pictures."""
    options = search_options()
    warnings.filterwarnings("ignore")
    limit_threads(1)
    mode = "forty" if options.forty else "types" if options.types else "paper"
    file = options.out / f"{mode}.jsonl"
    options.out.mkdir(parents=True, exist_ok=True)
    done = read_rows(file)
    if not options.table:
        model = build_energy(PartSpec(options.energy))
        tasks = {"forty": forty_tasks, "types": type_tasks, "paper": paper_tasks}[mode](options, model)
        run_tasks(tasks, file, done, model)
    if done:
        write_tables(done, options.out / mode)


def search_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options of a call; of this program's own by default."""
    return _parser().parse_args(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--forty", action="store_true", help="the forty crystals, by formula alone")
    parser.add_argument("--prototypes", action="store_true", help="with --forty: known structure types take part")
    parser.add_argument("--systems", nargs="+", help="of the paper, or formulas of the forty; default: all")
    parser.add_argument("--types", nargs="+", help="AFLOW structure types, by their primitive contents")
    parser.add_argument("--methods", nargs="+", help="default: search with --forty, else all strategies")
    parser.add_argument("--seeds", type=numbers, default=(0,), help="as in 0-4 or 0,3")
    parser.add_argument("--seconds", type=float, default=120.0, help="CPU seconds of a search")
    parser.add_argument("--evaluations", type=int, help="of a search, at most; default: any number")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--energy", default="m3gnet")
    parser.add_argument("--symmetry", default="keep", help="of the relaxations")
    parser.add_argument("--cell", default="conventional", help="that is filled, of the paper's systems")
    parser.add_argument("--reference", nargs="+", default=[], metavar="FORMULA=FILE", help="for systems without one")
    parser.add_argument("--out", type=Path, default=Path("results/search"))
    parser.add_argument("--table", action="store_true", help="run nothing")
    return parser


# --------------------------------------------------------------------------------------------- which searches


def paper_tasks(options: argparse.Namespace, model: EnergyModel) -> Iterator[Task]:
    """The paper's systems that have a reference, seeds outermost, so that every system is seen early."""
    files = dict(one.split("=", 1) for one in options.reference)
    for seed in options.seeds:
        for name in options.systems or builtin_systems():
            reference = find_system(name, reference=files.get(name)).reference
            if reference is None:
                print(f"{name} is left out: no reference crystal is shipped, give --reference {name}=FILE", flush=True)
                continue
            if name in files:
                reference = _relaxed(reference, model)
            for method in options.methods or METHODS:
                spec = method_spec(options, method, name, options.cell, seed)
                yield Task(_key(options, name, method, seed, cell=options.cell), reference, (spec,))


def type_tasks(options: argparse.Namespace, model: EnergyModel) -> Iterator[Task]:
    """Structure types by their primitive contents at the true number of formula units."""
    types = {f"{one.formula} {one.space_group}": one for one in reversed(structure_types())}
    for label in options.types:
        one = chosen(label, types, "of the structure types (formula as the library has it, and space group)")
        reference = _relaxed(Crystal.from_structure(one.structure, 0.01), model)
        unit = reference.primitive_contents.composition
        contents = "".join(f"{e}{n}" for e, n in zip(unit.elements, unit.counts, strict=True))
        for seed in options.seeds:
            for method in options.methods or METHODS:
                spec = method_spec(options, method, contents, "primitive", seed)
                yield Task(_key(options, label, method, seed, cell="primitive"), reference, (spec,))


def forty_tasks(options: argparse.Namespace, model: EnergyModel) -> Iterator[Task]:
    """The forty by formula alone, smallest cells first: the runs of the plan of ``crysim search``."""
    del model
    truths = forty_crystals()
    for seed in options.seeds:
        for formula in options.systems or truths:
            truth = chosen(formula, truths, "of the forty")
            contents = searched_contents(formula, None, "primitive", None)
            names = tuple(one.formula for one in contents)
            for method in options.methods or (SEARCH,):
                settings = replace(
                    _settings(options, method, names, "primitive", (seed,), FORTY_RELAXATIONS), require_bound=True
                )
                plan = plan_search(
                    settings,
                    options.out,
                    method=DEFAULT if method == SEARCH else settings.method[0],
                    prototypes=options.prototypes,
                )
                key = _key(options, formula, method, seed, prototypes=options.prototypes)
                units = [one.composition.num_formula_units for one in contents]
                key["reachable"] = truth.reachable(units, MAX_SEARCHED)
                key["kept"] = truth.kept
                yield Task(key, truth.crystal, tuple(job.spec for job in plan.jobs))


def chosen(name: str, known: Mapping[str, T], what: str) -> T:
    """What a name stands for."""
    if name not in known:
        raise SystemExit(f"{name} is none {what}: {', '.join(known)}")
    return known[name]


def _key(options: argparse.Namespace, system: str, method: str, seed: int, **more: Any) -> Row:
    common = {name: getattr(options, name) for name in ("seconds", "batch", "energy", "symmetry")}
    # By another name than what is counted, which a search's row holds besides.
    common["most_evaluations"] = options.evaluations
    return {"system": system, "method": method, "seed": seed, **common, **more}


def method_spec(options: argparse.Namespace, method: str, formula: str, cell: str, seed: int) -> RunSpec:
    """The run of a method on one system."""
    return _settings(options, method, (formula,), cell, (seed,), ENDLESS).runs()[0]


def _settings(
    options: argparse.Namespace, method: str, formulas: Sequence[str], cell: str, seeds: Sequence[int], budget: int
) -> BenchSettings:
    """The settings of a method with the options behind its colon."""
    strategy, _, texts = method.partition(":")
    own = assignments(texts.split(",")) if texts else {}
    parts = {part: own.pop(part) for part in PARTS if part in own}
    for part in PARTS:
        names = [name for name in own if name.startswith(f"{part}.")]
        parts |= {f"{part}_options": {name.removeprefix(f"{part}."): own.pop(name) for name in names}} if names else {}
    given = {
        "system": tuple(formulas),
        "cell": cell,
        "seeds": tuple(seeds),
        "budget": budget,
        "budget_seconds": options.seconds,
        "budget_evaluations": options.evaluations,
        "batch": options.batch,
        "energy": options.energy,
        "symmetry": options.symmetry,
        "num_frames": FRAMES_OF.get(strategy, 1),
        "options": own,
        **parts,
    }
    return read_settings(None, given | ({} if strategy == SEARCH else {"method": (strategy,)}))


def _relaxed(crystal: Crystal, model: EnergyModel) -> Crystal:
    settings = read_settings(None, {"symmetry": "keep"}).relax
    relaxed = model.relax([crystal], settings)[0].crystal
    assert relaxed is not None
    return relaxed


def run_tasks(tasks: Iterator[Task], file: Path, done: list[Row], model: EnergyModel) -> None:
    """Search what is not done yet, and write each search down as it ends."""
    warm: set[str] = set()
    for task in tasks:
        if any(all(row.get(key) == value for key, value in task.key.items()) for row in done):
            continue
        for spec in task.specs:
            if spec.strategy.name not in warm:
                warm.add(spec.strategy.name)
                warm_up(spec, model)
        row = {**task.key, **search(task, model)}
        done.append(row)
        with file.open("a", encoding="utf-8") as out:
            out.write(json.dumps(row) + "\n")
        end = f"found after {row['relaxations']}" if row["found"] else f"not found in {row['relaxations']}"
        print(
            f"{row['system']} {row['method']} seed {row['seed']}: {end} relaxations, {row['evaluations']} evaluations, "
            f"{row['cpu_seconds']:.1f} CPU s",
            flush=True,
        )


def read_rows(file: Path) -> list[Row]:
    """The searches that a file holds; a torn last line is cut off."""
    if not file.exists():
        return []
    text = file.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        file.write_text(whole, encoding="utf-8")
    return [json.loads(line) for line in whole.splitlines()]


if __name__ == "__main__":
    main()
