"""`crysim solve`: a quadratic model from a file, through any solver."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crysim.commands import options as o

if TYPE_CHECKING:
    from crysim.interfaces import SampleSet
    from crysim.quadratic import QuadraticModel
    from crysim.quadratic.io import ModelFile

SHOWN = 10
"""Solutions listed on the terminal."""

RANDOM_BITS = 20_000_000
"""Bits of the random vectors whose mean energy is the scale of a gap: 1,000 vectors, fewer above 20,000 bits."""

Groups = Annotated[
    Path | None, typer.Option(help="JSON list of name, start, size and k of 'exactly k' groups of bits.")
]


def solve(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="npz, dimod's BQM file, or COO text.")],
    solver: Annotated[str, typer.Option(help="Ising solver.")] = "annealer",
    solver_option: o.SolverOption = None,
    groups: Groups = None,
    num_samples: Annotated[int, typer.Option(min=1, help="Distinct solutions wanted.")] = 1,
    time_limit: Annotated[float | None, typer.Option(help="Seconds. Default: the solver's.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same answer, on a CPU.")] = 0,
    bound: Annotated[
        bool, typer.Option("--bound/--no-bound", help="Bound the energy from below: closely if the model is low-rank.")
    ] = True,
    out: Annotated[Path | None, typer.Option(help="File for the solutions: .npz or .json.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads of torch and of matrix products.")] = 1,
    as_json: o.Json = False,
) -> None:
    """Minimise a quadratic model from a file with an Ising solver.

    Prints the energies, the lower bound with the gap to it, and where the time went.
    """
    import os

    os.environ["OMP_NUM_THREADS"] = str(threads)  # before numpy and torch are imported

    from crysim.commands.output import print_json
    from crysim.confidential import hidden
    from crysim.declared import assignments
    from crysim.errors import CrysimError, InputError, check_seconds
    from crysim.interfaces import IsingSolver
    from crysim.plugins import plugin_manager
    from crysim.quadratic.io import read_model

    check_seconds("the time limit", time_limit)
    if out is not None and (out.suffix not in (".npz", ".json") or not out.parent.is_dir()):
        raise InputError(f"cannot write the solutions to {out}: a .npz or .json file in an existing folder is wanted")
    given = assignments(solver_option or ())
    built: IsingSolver = plugin_manager().build("solver", solver, given)
    built.check()
    file = read_model(model, groups)
    problem = file.model
    reason = built.refuses(problem)
    if reason:
        raise InputError(reason)
    samples = built.solve(problem, num_samples=num_samples, time_limit=time_limit, seed=seed)
    if not len(samples.energies):
        raise CrysimError(f"solver '{solver}' found no feasible vector of {model}")
    document = describe(problem, samples, bound=bound)
    vartype = "SPIN" if file.spins else "BINARY"
    document = {
        "model": str(model),
        "vartype": vartype,
        "solver": solver,
        "options": hidden(given),
        "seed": seed,
        **document,
    }
    if out is not None:
        write_solutions(samples, document, out, file)
    print_json(document) if as_json else typer.echo(_text(document, out))


def describe(problem: QuadraticModel, samples: SampleSet, *, bound: bool) -> dict[str, Any]:
    """What `crysim solve --json` prints of an answer.

    ``gap_fraction`` is the gap over the distance of the best energy from the mean of random feasible vectors.
    """
    import numpy as np

    from crysim.quadratic.bounds import with_lower_bound

    if bound:
        samples = with_lower_bound(problem, samples)
    vectors = int(min(1000, max(10, RANDOM_BITS // problem.num_bits)))
    mean = float(problem.energies(problem.random_bits(vectors, np.random.default_rng(0))).mean())
    best, gap = float(samples.energies[0]), samples.gap
    return {
        "num_bits": problem.num_bits,
        "num_groups": len(problem.groups),
        "rank": None if problem.factors is None else problem.factors.shape[1],
        "energies": samples.energies.tolist(),
        "lower_bound": None if samples.lower_bound is None else float(samples.lower_bound),
        "gap": gap,
        "gap_fraction": None if gap is None or mean <= best else gap / (mean - best),
        "optimal": bool(samples.optimal),
        "random_mean": mean,
        "timing_ns": dict(samples.timing),
        "info": dict(samples.info),
    }


def write_solutions(samples: SampleSet, document: dict[str, Any], path: Path, file: ModelFile | None = None) -> None:
    """Write the vectors, with the labels and the kind of the variables that the model's file gives.

    As npz: ``bits`` ``[n, M]``, ``energies`` ``[n]``, ``labels`` ``[M]`` if the file has labels, and ``spins``
    ``[n, M]`` of -1 and 1 if its variables are spins. As JSON: the document, ``ones`` (the indices of the bits that
    are 1 for each vector), ``labels``, and ``bit_1_means``; the vectors' ones by label are ``ones_by_label``.

    Raises:
        InputError: the file cannot be written.
    """
    import numpy as np

    from crysim.commands.output import json_text
    from crysim.errors import InputError

    labels = None if file is None else file.labels
    spins = file is not None and file.spins
    try:
        if path.suffix == ".npz":
            arrays: dict[str, Any] = {"bits": samples.bits.astype(np.uint8), "energies": samples.energies}
            if labels is not None:
                arrays["labels"] = np.array([str(label) for label in labels], dtype=np.str_)
            if spins:
                arrays["spins"] = 2 * samples.bits.astype(np.int8) - 1
            with path.open("wb") as opened:
                np.savez_compressed(opened, **arrays)
        else:
            ones = [np.flatnonzero(x).tolist() for x in samples.bits]
            found = {**document, "bit_1_means": "spin +1 (bit 0: spin -1)" if spins else "1", "ones": ones}
            if labels is not None:
                found["labels"] = list(labels)
                found["ones_by_label"] = [[labels[i] for i in one] for one in ones]
            path.write_text(json_text(found, indent=None) + "\n", "utf-8")
    except OSError as error:
        raise InputError(f"cannot write the solutions to {path}: {error.strerror or error}") from error


def _text(document: dict[str, Any], out: Path | None) -> str:
    rank = "couplings" if document["rank"] is None else f"rank {document['rank']}"
    lines = [
        f"model        {document['model']}: {document['num_bits']:,} bits, {document['num_groups']} groups, {rank}"
        + (", bit 1 is spin +1" if document["vartype"] == "SPIN" else ""),
        f"solver       {document['solver']}",
        f"best energy  {document['energies'][0]:.6f}" + ("  (proven optimal)" if document["optimal"] else ""),
    ]
    if document["lower_bound"] is not None:
        lines.append(f"lower bound  {document['lower_bound']:.6f}")
        share = document["gap_fraction"]
        of = "" if share is None else f"  ({share:.3%} of the way from random vectors)"
        lines.append(f"gap          {document['gap']:.6f}{of}")
    phases = [f"{name} {ns / 1e9:.3f} s" for name, ns in document["timing_ns"].items() if name != "total"]
    total = f"{document['timing_ns']['total'] / 1e9:.3f} s"
    lines.append(f"time         {total}" + (f"  ({', '.join(phases)})" if phases else ""))
    counts = {key: document["info"][key] for key in ("reads", "feasible", "repaired") if key in document["info"]}
    if counts:
        lines.append("answers      " + ", ".join(f"{value} {key}" for key, value in counts.items()))
    energies = document["energies"]
    if len(energies) > 1:
        lines += ["", "   #  energy", *(f"{n:4d}  {energy:.6f}" for n, energy in enumerate(energies[:SHOWN], 1))]
        if len(energies) > SHOWN:
            lines.append(f"      and {len(energies) - SHOWN} more")
    if out is not None:
        lines += ["", f"solutions: {out}"]
    return "\n".join(lines)
