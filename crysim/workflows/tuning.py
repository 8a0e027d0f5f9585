"""Tuning a surrogate's options on a data set, as in section E.1 of the supplement: Optuna's TPE over a table of values.

Everything lies in one folder and goes on where it was: ``data.npz``, the study ``study.journal`` (Optuna's journal
format), and from `write_results` ``best.toml`` and the plots.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from crysim.errors import CrysimError, InputError, MissingExtraError
from crysim.interfaces import Surrogate, derive_rng
from crysim.plugins import plugin_manager
from crysim.process_state import warnings_ignored
from crysim.regular_files import open_regular
from crysim.workflows.training_data import TrainingData
from crysim.written_files import refuse_link

STUDY = "study.journal"
BEST = "best.toml"

Value = bool | int | float | str


@dataclass(frozen=True)
class Progress:
    """How far a tuning is: trials done, and the best validation correlation so far with its options."""

    done: int
    total: int
    pcc: float
    best: float
    options: Mapping[str, Value]


def space_to_tune(surrogate: str, fixed: Mapping[str, Any]) -> dict[str, Sequence[Any]]:
    """The options that are tuned, with their values: looked at before anything is computed.

    Args:
        surrogate: a plug-in's name.
        fixed: options that stay as they are.

    Raises:
        InputError: no option is left, the name is unknown, an option is wrong, or Optuna is missing.
    """
    if not find_spec("optuna"):
        raise MissingExtraError("crysim tune", "tune")
    cls = plugin_manager().get("surrogate", surrogate)
    assert issubclass(cls, Surrogate)
    space = {key: values for key, values in cls.tuning_space.items() if not _names(key) & set(fixed)}
    if not space:
        raise InputError(f"surrogate '{surrogate}' has no option left to tune")
    plugin_manager().build("surrogate", surrogate, fixed)
    return space


class Tuning:
    """The study of one surrogate on one data set.

    Args:
        folder: where the study is, or will be.
        surrogate: the plug-in's name.
        data: what it is fitted to.
        fixed: options that are not tuned.
        repeats: fits per trial, each with another split and start; a trial counts their mean validation correlation.
        seed: of the sampler, the splits and the starts.

    Raises:
        InputError: the surrogate has nothing to tune, an option is wrong, or the folder's study is another one.
        MissingExtraError: Optuna is not installed.
    """

    def __init__(
        self,
        folder: Path,
        surrogate: str,
        data: TrainingData,
        *,
        fixed: Mapping[str, Any] | None = None,
        repeats: int = 3,
        seed: int = 0,
    ) -> None:
        self._fixed = dict(fixed or {})
        self._space = space_to_tune(surrogate, self._fixed)
        self.folder = folder
        self._surrogate = surrogate
        self._data = data
        self._repeats = repeats
        self._seed = seed
        self.study = self._open()

    def _open(self) -> Any:
        import optuna
        from optuna.storages.journal import JournalFileBackend

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        mend_journal(self.folder / STUDY)
        study = optuna.create_study(
            storage=optuna.storages.JournalStorage(JournalFileBackend(str(self.folder / STUDY))),
            study_name=self._surrogate,
            direction="maximize",
            load_if_exists=True,
        )
        made_for = self._fingerprint()
        known = study.user_attrs.get("made_for")
        if known is None:
            study.set_user_attr("made_for", made_for)
        elif known != made_for:
            changed = ", ".join(key for key in made_for if known.get(key) != made_for[key])
            raise InputError(
                f"the study in '{self.folder}' differs in {changed}: go on with the same, or in a new folder"
            )
        return study

    def _fingerprint(self) -> dict[str, Any]:
        digest = hashlib.sha256(np.packbits(self._data.bits).tobytes() + self._data.energies.tobytes()).hexdigest()
        return {
            "data": digest,
            "fixed options": {key: repr(value) for key, value in sorted(self._fixed.items())},
            "repeats": self._repeats,
            "seed": self._seed,
        }

    @property
    def done(self) -> int:
        """Finished trials."""
        return len(self._finished())

    def _finished(self) -> list[Any]:
        from optuna.trial import TrialState

        return list(self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))

    def run(self, total: int, on_progress: Callable[[Progress], None] | None = None) -> None:
        """Go on until the study has ``total`` finished trials."""
        import optuna

        while (number := self.done) < total:
            # A sampler for every trial, so that a study that was stopped and resumed makes the same choices.
            seed = int(derive_rng(self._seed, "tune", number).integers(2**31))
            self.study.sampler = optuna.samplers.TPESampler(seed=seed)
            self.study.optimize(self._trial, n_trials=1)
            if self.done == number:
                raise CrysimError("a trial of the tuning did not finish: see the messages above")
            if on_progress is not None:
                last = self._finished()[-1]
                on_progress(Progress(self.done, total, last.value, self.study.best_value, self.best_options()))

    def _trial(self, trial: Any) -> float:
        options = self._options(
            {key: trial.suggest_categorical(key, list(map(_label, v))) for key, v in self._space.items()}
        )
        pccs, seconds, epochs = [], 0.0, 0
        for repeat in range(self._repeats):
            surrogate = plugin_manager().build("surrogate", self._surrogate, {**self._fixed, **options})
            report = surrogate.fit(self._data.bits, self._data.energies, derive_rng(self._seed, "tune-fit", repeat))
            # A constant prediction correlates with nothing.
            pccs.append(report.validation_pcc if np.isfinite(report.validation_pcc) else 0.0)
            seconds += report.seconds
            epochs += report.epochs
        trial.set_user_attr("seconds", seconds / self._repeats)
        trial.set_user_attr("epochs", epochs / self._repeats)
        return float(np.mean(pccs))

    def _options(self, labels: Mapping[str, str]) -> dict[str, Value]:
        options: dict[str, Value] = {}
        for key, label in labels.items():
            value = next(v for v in self._space[key] if _label(v) == label)
            names = key.split(",")
            options.update(zip(names, value if len(names) > 1 else (value,), strict=True))
        return options

    def best_options(self) -> dict[str, Value]:
        """The options of the best trial, without the fixed ones."""
        return self._options(self.study.best_params)

    def write_results(self) -> list[Path]:
        """Write ``best.toml`` and Optuna's plots of the history and the importances (PNG, and HTML with plotly)."""
        paths = [self.folder / BEST]
        paths[0].write_text(self._toml(), encoding="utf-8")
        for name in ("optimization_history", "param_importances"):
            # Importances need some trials that differ.
            if name == "optimization_history" or self.done >= _FEWEST_FOR_IMPORTANCES:
                paths += self._plot(name)
        return paths

    def _toml(self) -> str:
        lines = [
            f"# Tuned on {len(self._data.energies)} vectors of {self._data.formula} in {self.done} trials: "
            f"validation correlation {self.study.best_value:.4f}.",
            f"[surrogate.{self._surrogate}]",
        ]
        lines += [f"{key} = {_toml_value(value)}" for key, value in {**self._fixed, **self.best_options()}.items()]
        return "\n".join(lines) + "\n"

    def _plot(self, name: str) -> list[Path]:
        import matplotlib as mpl

        mpl.use("Agg")
        from optuna import visualization
        from optuna.exceptions import ExperimentalWarning
        from optuna.visualization import matplotlib as pictures

        png = self.folder / f"{name}.png"
        with warnings_ignored(ExperimentalWarning):
            axes = getattr(pictures, f"plot_{name}")(self.study)
        axes.figure.savefig(png, dpi=150, bbox_inches="tight")
        paths = [png]
        if visualization.is_available():
            html = self.folder / f"{name}.html"
            getattr(visualization, f"plot_{name}")(self.study).write_html(html)
            paths.append(html)
        return paths


_FEWEST_FOR_IMPORTANCES = 4


def mend_journal(path: Path) -> None:
    """Cut off what a killed process left of a study's last line; the trial that it was of is done again.

    Raises:
        InputError: another line is damaged, or a link or a pipe is in the file's place.
    """
    refuse_link(path)
    if not path.exists():
        return
    with open_regular(path, "the study") as file:
        data = file.read()
    good = 0
    for number, line in enumerate(data.splitlines(keepends=True), start=1):
        try:
            whole = line.endswith(b"\n") and isinstance(json.loads(line), dict)
        except (ValueError, RecursionError):
            whole = False
        if not whole:
            if good + len(line) < len(data):
                raise InputError(
                    f"{path}, line {number}: the line is damaged; restore the file, or delete it to tune anew"
                )
            break
        good += len(line)
    if good < len(data):
        with path.open("r+b") as file:
            file.truncate(good)


def _names(key: str) -> set[str]:
    return set(key.split(","))


def _label(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, Sequence) and not isinstance(value, str) else str(value)


def _toml_value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else repr(value)
