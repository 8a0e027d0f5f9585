"""Relaxations on the quotient graph against matgl's Relaxer, as shipped and as tuned, and torch-sim: same crystals.

    python benchmarks/relaxation.py [--quick] [--crystals N] [--systems NAME ...] [--torch-sim [N]] [--no-matgl]
                                    [--json FILE]

References start from a cell with all lengths 2 % too long; random crystals come from crysim's generator. ``shipped`` is
matgl's Relaxer (FIRE, Frechet cell filter) on the potential as matgl loads it, in training mode, with only the node
update's convention restored that the checkpoint needs; ``tuned`` is the same in evaluation mode with frozen weights. It
takes the same steps, so for random crystals only the cost of its step is measured. Both sides converge to the same
fmax within the same number of steps. Seconds are CPU seconds of one thread, so that other work on the machine does not
count.

``torch-sim``, where it is installed (``pip install torch-sim-atomistic==0.3.0``), relaxes the random crystals in one
batch, as our side does: FIRE with the Frechet cell filter on the tuned potential's full graphs (torch_sim_peer.py). The
seconds of a batch are shared equally among its crystals.

With --json a run goes on where the file ends: the full run takes hours, nearly all of them matgl's.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from matgl.ext.ase import Relaxer

from crysim.composition import Composition
from crysim.crystal import Crystal
from crysim.crystal.generation import RandomGenerator
from crysim.errors import CrysimError
from crysim.harness.systems import find_system
from crysim.interfaces import Relaxation, RelaxSettings
from crysim_energies.checkpoints import DEFAULT_NAME, resolve
from crysim_energies.matgl_loading import M3GNetPotential, load_m3gnet
from crysim_energies.quotient.model import quotient_relax
from crysim_energies.quotient.networks.m3gnet import QuotientM3GNet

if TYPE_CHECKING:
    from torch_sim_peer import BatchedM3GNet

SYSTEMS = ("Ca4S4", "Ba3Na3Bi3", "Y6Co51", "Ca24Al16Si24O96", "Si96O192")
SETTINGS = RelaxSettings(fmax=0.005, max_steps=500, num_frames=30)
STRAIN = 1.02
SEED = 20
HIGHER = 0.005
"""eV per atom by which an end counts as worse."""
SAME = {"energy": 1e-4, "forces": 1e-3, "stress": 1e-5}
"""eV per atom, eV/Å and eV/Å³ within which torch-sim's model has to be matgl's: the noise of float32."""


def main() -> None:
    """Run what the options ask for, and print the tables."""
    options = _options()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    potential = load_m3gnet(resolve(DEFAULT_NAME))
    network = QuotientM3GNet(potential, device=options.device)
    _warm_up(network)
    peer = _torch_sim(potential) if options.torch_sim else None
    results: dict[str, Any] = {}
    if options.json and options.json.exists():
        results = json.loads(options.json.read_text())

    def keep() -> None:
        if options.json:
            options.json.write_text(json.dumps(results, indent=1) + "\n")

    if options.matgl:
        for name in options.systems:
            _reference(name, network, potential, results.setdefault("references", {}), keep)
    if results.get("references"):
        _print_references(results["references"])
    for name in options.random:
        crystals = RandomGenerator(Composition.from_formula(name)).sample(options.crystals, np.random.default_rng(SEED))
        kept = results.setdefault("random", {}).setdefault(name, {})
        _random_ours(crystals, network, kept, keep)
        if peer is not None:
            _random_torch_sim(crystals[: options.torch_sim], peer, potential, kept, keep)
        if options.matgl:
            _random_matgl(crystals, potential, kept, keep)
    _print_random(results.get("random", {}))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--quick", action="store_true", help="the reference of Y6Co51 and three random crystals: under a minute"
    )
    parser.add_argument("--crystals", type=int, default=30, help="random crystals per system")
    parser.add_argument("--systems", nargs="+", default=list(SYSTEMS), choices=SYSTEMS)
    parser.add_argument("--device", default="cpu", help="of our side; the peers' stays the CPU")
    parser.add_argument(
        "--torch-sim",
        nargs="?",
        type=int,
        const=sys.maxsize,
        default=0,
        metavar="N",
        help="relax the random crystals, or the first N of a system, with torch-sim too",
    )
    parser.add_argument("--no-matgl", dest="matgl", action="store_false", help="leave matgl's Relaxer out")
    parser.add_argument("--json", type=Path, help="where results are kept, and taken up again")
    options = parser.parse_args()
    options.random = options.systems
    if options.quick:
        options.systems, options.random, options.crystals = ["Y6Co51"], ["Ca4S4"], 3
    return options


def _warm_up(network: QuotientM3GNet) -> None:
    """Compile the kernels and let torch start, on a crystal that is not in the benchmark."""
    crystals = RandomGenerator(Composition.from_formula("Na2Cl2")).sample(4, np.random.default_rng(SEED))
    quotient_relax(network, crystals, RelaxSettings(max_steps=20, symmetry="keep"))


# ------------------------------------------------------------------------------------------- matgl's side


def _matgl(
    crystal: Crystal, potential: M3GNetPotential, *, tuned: bool, steps: int = SETTINGS.max_steps
) -> dict[str, Any]:
    """Relax a crystal with matgl's Relaxer."""
    potential.potential.train(not tuned).requires_grad_(not tuned)
    structure = crystal.to_structure()
    began = time.process_time()
    try:
        found = Relaxer(potential.potential).relax(structure, fmax=SETTINGS.fmax, steps=steps)
    except Exception as error:  # noqa: BLE001 - whatever matgl raises on an odd crystal is a result
        return {"seconds": time.process_time() - began, "error": f"{type(error).__name__}: {error}"[:200]}
    finally:
        potential.potential.eval().requires_grad_(False)
    seconds = time.process_time() - began
    path = found["trajectory"]
    try:
        end = Crystal.from_p1(crystal.composition, path.cells[-1], crystal.species, _fractional(path))
    except CrysimError as error:
        return {"seconds": seconds, "error": str(error)}
    return {
        "seconds": seconds,
        # the observer sees the end twice
        "steps": len(path) - 2,
        "energy": path.energies[-1],
        "converged": len(path) - 2 < steps,
        "shortest": end.min_distance(),
    }


def _fractional(path: Any) -> Any:
    return path.atom_positions[-1] @ np.linalg.inv(np.asarray(path.cells[-1]))


# --------------------------------------------------------------------------------------------- our side


def _ours(crystals: Sequence[Crystal], network: QuotientM3GNet) -> tuple[float, list[Relaxation]]:
    began = time.process_time()
    results = quotient_relax(network, crystals, replace(SETTINGS, symmetry="keep"))
    return time.process_time() - began, results


def _row(result: Relaxation, seconds: float) -> dict[str, Any]:
    if result.crystal is None:
        return {"seconds": seconds, "error": result.reason}
    return {
        "seconds": seconds,
        "steps": result.steps,
        "energy": result.energy,
        "converged": result.status == "relaxed",
        "shortest": result.crystal.min_distance(),
        "reason": result.reason,
    }


# --------------------------------------------------------------------------------------- torch-sim's side


def _torch_sim(potential: M3GNetPotential) -> BatchedM3GNet:
    """The peer's model.

    Raises:
        CrysimError: torch-sim cannot be imported.
    """
    try:
        from torch_sim_peer import BatchedM3GNet
    # Its search of neighbours is a library built for some versions of torch.
    except (ImportError, OSError) as error:
        raise CrysimError(f"torch-sim cannot be imported ({error}): pip install torch-sim-atomistic==0.3.0") from None
    return BatchedM3GNet(potential)


# ------------------------------------------------------------------------------------------- the two parts


def _reference(
    name: str, network: QuotientM3GNet, potential: M3GNetPotential, results: dict[str, Any], keep: Callable[[], None]
) -> None:
    reference = find_system(name).reference
    if reference is None or name in results:
        return
    a, b, c, *angles = reference.cell
    start = reference.with_parameters([a * STRAIN, b * STRAIN, c * STRAIN, *angles], [s.free for s in reference.sites])
    repeats = [_ours([start], network) for _ in range(5)]
    seconds = min(seconds for seconds, _ in repeats)
    results[name] = {
        "atoms": start.num_atoms,
        "space_group": start.space_group,
        "ours": _row(repeats[0][1][0], seconds),
        "shipped": _matgl(start, potential, tuned=False),
        "tuned": _matgl(start, potential, tuned=True),
    }
    keep()


def _random_ours(
    crystals: Sequence[Crystal], network: QuotientM3GNet, results: dict[str, Any], keep: Callable[[], None]
) -> None:
    if len(results.get("ours", [])) == len(crystals):
        return
    seconds, relaxed = _ours(crystals, network)
    results["ours"] = [_row(r, seconds / len(crystals)) for r in relaxed]
    results["atoms"] = crystals[0].num_atoms
    results["space_groups"] = [c.space_group for c in crystals]
    results["sites"] = [len(c.sites) for c in crystals]
    keep()


def _random_matgl(
    crystals: Sequence[Crystal], potential: M3GNetPotential, results: dict[str, Any], keep: Callable[[], None]
) -> None:
    shipped = results.setdefault("shipped", [])
    for crystal in crystals[len(shipped) :]:
        row = _matgl(crystal, potential, tuned=False)
        few = [_matgl(crystal, potential, tuned=tuned, steps=2) for tuned in (False, True)]
        row["tuned_over_shipped"] = few[1]["seconds"] / few[0]["seconds"] if "error" not in row else None
        shipped.append(row)
        keep()


def _random_torch_sim(
    crystals: Sequence[Crystal],
    peer: BatchedM3GNet,
    potential: M3GNetPotential,
    results: dict[str, Any],
    keep: Callable[[], None],
) -> None:
    from torch_sim_peer import differences, relax

    if len(results.get("torch_sim", {}).get("crystals", [])) == len(crystals):
        return
    apart = differences(peer, potential, crystals[:1])
    if any(apart[quantity] > limit for quantity, limit in SAME.items()):
        raise CrysimError(f"torch-sim's model is not matgl's: the first crystal differs by {apart}")
    relaxed = relax(peer, crystals, fmax=SETTINGS.fmax, steps=SETTINGS.max_steps)
    results["torch_sim"] = {"differences": apart, **relaxed}
    keep()


# ------------------------------------------------------------------------------------------------ tables


def _print_references(rows: dict[str, Any]) -> None:
    print(f"\nReferences from {STRAIN - 1:.0%} too long cells, fmax {SETTINGS.fmax} eV/Å")
    print(f"{'system':18}{'atoms':>6}{'':2}{'steps':>6}{'CPU s':>9}   {'shipped':>7}{'CPU s':>9}{'tuned':>9}", end="")
    print(f"{'faster':>10}{'tuned':>8}{'meV/atom':>10}")
    for name, row in rows.items():
        ours, shipped, tuned = row["ours"], row["shipped"], row["tuned"]
        difference = 1000 * (ours["energy"] - shipped["energy"]) / row["atoms"]
        print(f"{name:18}{row['atoms']:6d}  {_steps(ours)}{ours['seconds']:9.3f}   {_steps(shipped):>7}", end="")
        print(f"{shipped['seconds']:9.2f}{tuned['seconds']:9.2f}{shipped['seconds'] / ours['seconds']:9.0f}×", end="")
        print(f"{tuned['seconds'] / ours['seconds']:7.0f}×{difference:10.3f}")
    print("steps marked * ended without converging")


def _steps(row: dict[str, Any]) -> str:
    return f"{row['steps']}{'' if row['converged'] else '*'}".rjust(6)


def _print_random(systems_: dict[str, Any]) -> None:
    print(f"\nRandom crystals, our side in one batch, fmax {SETTINGS.fmax} eV/Å, at most {SETTINGS.max_steps} steps")
    for name, row in systems_.items():
        print(f"{name}: {len(row['ours'])} crystals of {row['atoms']} atoms")
        if row.get("shipped"):
            _print_against("shipped", row["ours"], row["shipped"], row["atoms"])
            ratios = [b["tuned_over_shipped"] for b in row["shipped"] if b.get("tuned_over_shipped")]
            if ratios:
                print(f"    a tuned step costs {_geometric(ratios):.2f} of a shipped one")
        if "torch_sim" in row:
            peer = row["torch_sim"]
            _print_against("torch-sim", row["ours"], peer["crystals"], row["atoms"])
            count = len(peer["crystals"])
            ours = sum(r["seconds"] for r in row["ours"][:count])
            print(
                f"    batch of {count}: {peer['seconds']:.1f} CPU s against {ours:.2f}, {peer['seconds'] / ours:.0f}×; "
                f"{peer['network_seconds']:.1f} of them in the network and its graphs"
            )


def _print_against(peer: str, ours: Sequence[dict[str, Any]], theirs: Sequence[dict[str, Any]], atoms: int) -> None:
    pairs = list(zip(ours, theirs, strict=False))
    both = [(a, b) for a, b in pairs if "error" not in a and "error" not in b]
    print(f"  {peer}: {len(pairs)} crystals, {len(both)} with an end on both sides")
    if not both:
        return
    _print_times(peer, "all", both)
    # A batch's seconds are shared equally, so this would say nothing new.
    if peer == "shipped":
        _print_times(peer, "both converged", [(a, b) for a, b in both if a["converged"] and b["converged"]])
    apart = np.array([(a["energy"] - b["energy"]) / atoms for a, b in both])
    sound = np.array([min(a["shortest"], b["shortest"]) >= 1.0 for a, b in both])
    for label, chosen in (("all ends", apart), ("no pair under 1 Å on either side", apart[sound])):
        if len(chosen):
            print(
                f"    energy over {peer}, {label} ({len(chosen)}): median {1000 * np.median(chosen):+.2f}, mean "
                f"{1000 * chosen.mean():+.1f} meV/atom; {np.mean(chosen > HIGHER):.0%} end over 5 meV/atom higher, "
                f"{np.mean(chosen < -HIGHER):.0%} lower"
            )


def _print_times(peer: str, label: str, pairs: Sequence[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    if not pairs:
        return
    faster = _geometric([b["seconds"] / a["seconds"] for a, b in pairs])
    print(f"    {label} ({len(pairs)}): {faster:.0f}× faster (geometric mean)")
    for side, rows in (("ours", [a for a, _ in pairs]), (peer, [b for _, b in pairs])):
        print(
            f"      {side:9} {np.median([r['steps'] for r in rows]):4.0f} steps (median), "
            f"{np.mean([r['seconds'] for r in rows]):8.3f} CPU s (mean), {sum(r['converged'] for r in rows)} converged"
        )


def _geometric(values: Sequence[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))


if __name__ == "__main__":
    try:
        main()
    except CrysimError as error:
        raise SystemExit(f"error: {error}") from None
