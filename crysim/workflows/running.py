"""What every workflow with runs shares: checks before the work, the work, and how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from crysim.crystal.generation import RandomGenerator
from crysim.errors import EXIT_ALL_FAILED, EXIT_BAD_INPUT, EXIT_PARTLY_FAILED, InputError
from crysim.harness import forks
from crysim.harness.executors import Job, ModelTask, Outcome, run_jobs
from crysim.harness.loop import Progress
from crysim.harness.placement import Placement
from crysim.harness.plan import write_plan
from crysim.harness.settings import BenchSettings
from crysim.harness.sittings import software_warning
from crysim.harness.spec import RunSpec

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class Ended:
    """How runs ended.

    Attributes:
        outcomes: one for each, in their order.
        interrupted: by the user; the runs go on when they are asked for again.
        warnings: one line each.
    """

    outcomes: tuple[Outcome, ...]
    interrupted: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def failures(self) -> tuple[str, ...]:
        """One line for every run that failed; none for those that an interrupt cut short."""
        return tuple(
            f"{outcome.job.spec.label}: {outcome.failure}"
            for outcome in self.outcomes
            if not outcome.good and not outcome.interrupted
        )

    @property
    def exit_code(self) -> int:
        """0 if every run is good, 3 if some are, 2 if none is and the input is at fault, 1 if none is."""
        good = sum(outcome.good for outcome in self.outcomes)
        if good == len(self.outcomes):
            return 0
        if good:
            return EXIT_PARTLY_FAILED
        return EXIT_BAD_INPUT if all(outcome.bad_input for outcome in self.outcomes) else EXIT_ALL_FAILED

    def raise_bad_input(self) -> None:
        """Raise what is wrong with the input, if that is why nothing came of any run.

        Raises:
            InputError: the first of the failures.
        """
        if self.outcomes and all(outcome.bad_input for outcome in self.outcomes):
            raise InputError(self.outcomes[0].failure)


def joined(every: Sequence[Ended]) -> Ended:
    """How several groups of runs ended, as one."""
    return Ended(
        tuple(outcome for one in every for outcome in one.outcomes),
        any(one.interrupted for one in every),
        tuple(warning for one in every for warning in one.warnings),
    )


def check_runs(runs: Sequence[RunSpec]) -> None:
    """Refuse, before any long work, what cannot run.

    Raises:
        InputError: a name or an option is wrong, an extra is missing, a composition fits into no allowed group, or no
            cell could keep the minimum distances.
    """
    checked: set[str] = set()
    for spec in runs:
        if spec.method not in checked:
            spec.check()
        if spec.system.name not in checked:
            RandomGenerator(spec.system, spec.space_groups, spec.min_distance, spec.pair_distances)
        checked |= {spec.method, spec.system.name}


def begin_workers(settings: BenchSettings) -> None:
    """Have begin what workers are forked of, as soon as is known what it imports; of no effect where it runs."""
    forks.begin_server(settings.energy)


def run_all(
    jobs: Sequence[Job],
    placement: Placement,
    *,
    shared: Path | None = None,
    beside: ModelTask | None = None,
    console: Console | None = None,
    headline: str = "",
    out: Path | None = None,
) -> Ended:
    """Run jobs in worker processes; an interrupt ends them, and what they found so far is theirs.

    Args:
        jobs: all with the same energy model and number of threads.
        placement: where they are computed.
        shared, beside: see `crysim.harness.executors.run_jobs`.
        console: where the progress is shown; None: nowhere.
        headline: shown before it, once the jobs were found to be in order.
        out: folder of the results, into which the plan is then written; None: nowhere.
    """
    from crysim.harness.display import display

    placement.check()
    other = software_warning((job.spec, job.folder) for job in jobs)
    warnings = [] if other is None else [other]
    outcomes: dict[Path, Outcome] = {}
    last: dict[Path, Progress] = {}
    with display(jobs, console, placement.workers) as shown:

        def on_progress(job: Job, progress: Progress) -> None:
            if not last:
                if console is not None and headline:
                    console.print(headline, highlight=False, soft_wrap=True)
                if out is not None:
                    write_plan(out, jobs, placement.workers)
            last[job.folder] = progress
            shown.show(job, progress)

        def ended(outcome: Outcome) -> None:
            outcomes[outcome.job.folder] = outcome
            shown.ended(outcome)

        try:
            run_jobs(
                jobs,
                placement,
                shared=shared,
                beside=beside,
                beside_failed=lambda reason: warnings.append(f"the references have no energy: {reason}"),
                on_progress=on_progress,
                ended=ended,
            )
            interrupted = False
        except KeyboardInterrupt:
            interrupted = True
    cut = [outcomes.get(j.folder) or Outcome(j, last.get(j.folder), "interrupted", interrupted=True) for j in jobs]
    return Ended(tuple(cut), interrupted, tuple(warnings))


def progress_console(progress: bool | Console) -> Console | None:
    """Where progress is shown: on standard error, or in the notebook's cell; None if it is not wanted."""
    if progress is False:
        return None
    if progress is not True:
        return progress
    from rich.console import Console

    console = Console(stderr=True)
    return Console() if console.is_jupyter else console
