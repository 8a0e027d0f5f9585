"""`crysim tune`: a surrogate's hyperparameters on a generated data set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crysim.commands import options as o
from crysim.harness.settings import BenchSettings

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars

    from crysim.composition import Contents
    from crysim.workflows.training_data import TrainingData
    from crysim.workflows.tuning import Progress

DATA = "data.npz"
RECIPE = "data.json"


@o.with_settings(
    BenchSettings,
    only=("surrogate", "energy", "encoder"),
    parts=("surrogate_option", "energy_option", "encoder_option"),
)
def tune(
    given: dict[str, Any],
    formula: Annotated[str, typer.Argument(help="Formula per cell, or per unit with --z, as in Ca4S4.")],
    trials: Annotated[int, typer.Option(min=1, help="Trials of the study, those of earlier calls included.")] = 100,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the study; an existing one goes on. Default: crysim-tune-FORMULA.")
    ] = None,
    random: Annotated[int, typer.Option(min=20, help="Random crystals whose unrelaxed energies are the data.")] = 1000,
    relaxed: Annotated[int, typer.Option(min=0, help="More random crystals, relaxed: their frames join.")] = 0,
    dataset: Annotated[
        Path | None, typer.Option(help="A data set (npz) made before, instead of a generated one.")
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Fits per trial, each with another split and start.")] = 3,
    z: Annotated[int, typer.Option(min=1, help="Formula units per cell. Default: 1.")] = 1,
    cell: Annotated[
        str, typer.Option(help="Cell that they fill: conventional or primitive. Default: conventional.")
    ] = "conventional",
    seed: Annotated[int, typer.Option(min=0, help="Of the crystals, the sampler and the fits.")] = 0,
    as_json: o.Json = False,
) -> None:
    """Tune a surrogate's hyperparameters with Optuna's TPE; writes best.toml for --surrogate-config.

    Stopped at any moment, the same command goes on where it was.
    """
    from rich.console import Console

    from crysim.commands.output import print_json
    from crysim.composition import Contents, cell_kind
    from crysim.harness.config_file import command_line
    from crysim.harness.run_folder import LOCK, locked, make_folder
    from crysim.plugins import plugin_manager
    from crysim.workflows.training_data import TrainingData
    from crysim.workflows.tuning import Tuning, space_to_tune

    parts = command_line(given)
    fixed = parts.get("surrogate_options", {})
    contents = Contents.from_formula(formula, z, cell_kind(cell))
    folder = out or Path(f"crysim-tune-{contents.name}")
    console = Console(stderr=True)
    space_to_tune(parts.get("surrogate", "fm"), fixed)
    given_data = None if dataset is None else _checked(TrainingData.load(dataset), contents, f"'{dataset}'")
    recipe: dict[str, Any] = {
        "formula": contents.name,
        "random": random,
        "relaxed": relaxed,
        "seed": seed,
        "energy": [parts.get("energy", "chgnet"), parts.get("energy_options", {})],
        "encoder": [parts.get("encoder", "crysim"), parts.get("encoder_options", {})],
    }
    if dataset is None and not (folder / DATA).exists():
        plugin_manager().build("encoder", *recipe["encoder"])
        plugin_manager().build("energy", *recipe["energy"]).check()
    make_folder(folder)
    with locked(folder / LOCK, wait=1.0):
        with _bar(console) as bar:
            data = given_data or _checked(_generated(folder, recipe, contents, bar), contents, f"in '{folder}'")
        tuning = Tuning(folder, parts.get("surrogate", "fm"), data, fixed=fixed, repeats=repeats, seed=seed)
        with _bar(console) as bar:
            task = bar.add_task("tuning", total=trials, completed=tuning.done)

            def on_progress(progress: Progress) -> None:
                bar.update(task, completed=progress.done, description=f"best correlation {progress.best:.4f}")
                if not console.is_terminal:
                    console.print(f"trial {progress.done}/{trials}: {progress.pcc:.4f}, best {progress.best:.4f}")

            tuning.run(trials, on_progress)
        paths = tuning.write_results()
        result = {
            "formula": contents.name,
            "vectors": len(data.energies),
            "trials": tuning.done,
            "validation_pcc": tuning.study.best_value,
            "options": dict(tuning.best_options()),
            "files": [str(path) for path in paths],
        }
    print_json(result) if as_json else typer.echo(_text(result))


def _checked(data: TrainingData, contents: Contents, place: str) -> TrainingData:
    """The data set, if it is of these contents."""
    from crysim.errors import InputError

    if data.formula != contents.name:
        raise InputError(f"the data set {place} is of {data.formula}, not of {contents.name}")
    return data


def _generated(folder: Path, recipe: dict[str, Any], contents: Contents, bar: Bars) -> TrainingData:
    """The data set of a recipe, made once and kept in the folder."""
    import json

    from crysim.errors import InputError
    from crysim.interfaces import derive_rng
    from crysim.plugins import plugin_manager
    from crysim.regular_files import read_json
    from crysim.workflows.training_data import TrainingData, generate_training_data

    path, about = folder / DATA, folder / RECIPE
    if path.exists() and about.exists():
        known = read_json(about, "the recipe of the data set")
        if not isinstance(known, dict):
            raise InputError(f"{about} is damaged: delete it and {path}, they are made anew")
        changed = [key for key, value in recipe.items() if known.get(key) != value]
        if changed:
            raise InputError(f"the data set in '{folder}' has another {changed[0]}: use the same, or a new --out")
        return TrainingData.load(path)
    manager = plugin_manager()
    encoder, model = manager.build("encoder", *recipe["encoder"]), manager.build("energy", *recipe["energy"])
    task = bar.add_task("data")
    data = generate_training_data(
        contents,
        encoder,
        model,
        derive_rng(recipe["seed"], "tune-data"),
        num_random=recipe["random"],
        num_relaxed=recipe["relaxed"],
        on_progress=lambda what, done, total: bar.update(task, description=what, completed=done, total=total),
    )
    data.save(path)
    about.write_text(json.dumps(recipe), encoding="utf-8")
    return data


def _bar(console: Console) -> Bars:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    return Progress(*columns, console=console, disable=not console.is_terminal)


def _text(result: dict[str, Any]) -> str:
    lines = [
        f"{result['formula']}: best validation correlation {result['validation_pcc']:.4f} "
        f"of {result['trials']} trials on {result['vectors']} vectors"
    ]
    lines += [f"  {key} = {value}" for key, value in result["options"].items()]
    return "\n".join([*lines, *(f"wrote {path}" for path in result["files"])])
