"""What crysim finds on this machine: software, plug-ins, weights, device and threads, and how quick each energy is."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib import resources
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from crysim import __version__
from crysim.crystal import Crystal
from crysim.errors import CrysimError
from crysim.harness.loop import limit_threads
from crysim.harness.spec import PartSpec, build_energy
from crysim.harness.systems import find_system
from crysim.plugins import plugin_manager

PACKAGES = ("numpy", "scipy", "numba", "torch", "pymatgen", "ase", "spglib", "matgl", "chgnet", "sevenn")
SLOW = 3.0
"""Times the shipped figure from which an energy is called slow here."""
REPEATS = 10
"""Of a measurement, of which the quickest counts."""
SPEEDS = "speeds.json"


@dataclass(frozen=True)
class EnergyReport:
    """An energy model on this machine.

    Attributes:
        name: of the plug-in.
        state: ``ok``, ``not installed``, or ``fails``.
        detail: why it is not ok, or a hint.
        fingerprint: name, version and weights' hash.
        milliseconds: of one evaluation of the energies of a batch, per crystal; None if not measured.
        shipped: the figure that this release was measured with, of the same batch; None if there is none.
    """

    name: str
    state: str
    detail: str = ""
    fingerprint: dict[str, str] = field(default_factory=dict)
    milliseconds: float | None = None
    shipped: float | None = None

    def __str__(self) -> str:
        if self.state != "ok":
            return f"{self.name}: {self.state}: {self.detail}"
        weights = next((v for k, v in self.fingerprint.items() if "sha256" in k or k == "weights"), "")
        text = f"{self.name}: ok" + (f", weights {weights[:12]}" if weights else "")
        if self.milliseconds is not None:
            text += f", {self.milliseconds:.2f} ms a crystal"
            if self.shipped is not None:
                ratio = self.milliseconds / self.shipped
                verdict = (
                    "as quick as" if 1 / SLOW < ratio < SLOW else "slower than" if ratio >= SLOW else "quicker than"
                )
                text += f" ({verdict} the {self.shipped:.2f} ms that this release was measured with)"
        return text


@dataclass(frozen=True)
class Diagnosis:
    """What was found.

    Attributes:
        versions: of crysim, Python and packages; ``missing`` where one is not installed.
        machine: processor, cores that may be used, threads, device.
        broken: plug-ins that are broken, one line each.
        energies: each energy model.
        remarks: what a person should mend, one line each.
    """

    versions: dict[str, str]
    machine: dict[str, str]
    broken: tuple[str, ...]
    energies: tuple[EnergyReport, ...]
    remarks: tuple[str, ...]

    @property
    def good(self) -> bool:
        """Whether there is an energy model that works, and nothing is broken."""
        return not self.broken and any(one.state == "ok" for one in self.energies)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "good": self.good}

    def __str__(self) -> str:
        lines = [f"{name:<12} {value}" for name, value in {**self.versions, **self.machine}.items()]
        lines += ["", *map(str, self.energies)]
        lines += [f"broken: {line}" for line in self.broken]
        return "\n".join([*lines, *(f"remark: {line}" for line in self.remarks)])


def doctor(*, speed: bool = True, threads: int = 1, energies: Sequence[str] | None = None) -> Diagnosis:
    """Look at this machine.

    Args:
        speed: measure each energy model (seconds each: weights are loaded, kernels compiled).
        threads: of torch while measuring.
        energies: the energy models to look at; None: all that are installed.
    """
    limit_threads(threads)
    infos = plugin_manager().infos()
    broken = [f"{i.kind or 'plug-in'} {i.name} of {i.distribution}: {i.reason}" for i in infos if i.state == "broken"]
    names = [i.name for i in infos if i.kind == "energy"] if energies is None else list(energies)
    states = {i.name: i for i in infos if i.kind == "energy"}
    reports = []
    for name in names:
        info = states.get(name)
        if info is not None and info.state == "unavailable":
            reports.append(EnergyReport(name, "not installed", info.reason))
        elif info is None or info.state == "ok":
            reports.append(_energy("ase:emt" if name.partition(":")[2].isupper() else name, speed))
    return Diagnosis(_versions(), _machine(threads), tuple(broken), tuple(reports), tuple(_remarks(reports)))


def _versions() -> dict[str, str]:
    found = {"crysim": __version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    return found


def _machine(threads: int) -> dict[str, str]:
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    found = {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": f"{cores} of {os.cpu_count()}",
        "threads": f"{threads} of each process (torch says {torch.get_num_threads()})",
        "device": torch.cuda.get_device_name(0) if torch.cuda.is_available() else "cpu, no CUDA device",
    }
    if hasattr(os, "getloadavg"):
        found["load"] = f"{os.getloadavg()[0]:.1f} processes on average over the last minute"
    return found


def _remarks(energies: Sequence[EnergyReport]) -> list[str]:
    remarks = []
    if hasattr(os, "getloadavg") and os.getloadavg()[0] > (os.cpu_count() or 1):
        remarks.append("more processes run than there are cores: times here are longer than they could be")
    if not any(one.state == "ok" and not one.name.startswith("ase") for one in energies):
        remarks.append("no network potential works here: install one, as in pip install 'crysim[chgnet]'")
    return remarks


def _energy(name: str, speed: bool) -> EnergyReport:
    try:
        model = build_energy(PartSpec(name))
        model.check()
        fingerprint = {key: str(value) for key, value in model.fingerprint().items()}
        if not speed:
            return EnergyReport(name, "ok", fingerprint=fingerprint)
        model.warm_up()
        crystals = _crystals("Al2Cu2" if name == "ase:emt" else "Ca4S4")
        model.energies(crystals)
        times = []
        for _ in range(REPEATS):
            start = time.perf_counter()
            energies = model.energies(crystals)
            times.append(time.perf_counter() - start)
    except (CrysimError, ImportError, OSError, RuntimeError) as error:
        return EnergyReport(name, "fails", str(error).partition("\n")[0])
    if not np.isfinite(energies).all():
        return EnergyReport(name, "fails", "it gives no finite energy of a plain crystal", fingerprint)
    return EnergyReport(name, "ok", "", fingerprint, 1000 * min(times) / len(crystals), shipped_speeds().get(name))


def _crystals(formula: str) -> list[Crystal]:
    """A batch of one crystal with cells of slightly different sizes."""
    reference = find_system(formula).reference if formula == "Ca4S4" else None
    if reference is None:
        from crysim.composition import Composition
        from crysim.crystal.generation import RandomGenerator

        reference = RandomGenerator(Composition.from_formula(formula)).sample(1, np.random.default_rng(0))[0]
    frees = [site.free for site in reference.sites]
    return [
        reference.with_parameters([*(np.array(reference.cell[:3]) * (1 + 0.002 * i)), *reference.cell[3:]], frees)
        for i in range(16)
    ]


def shipped_speeds() -> dict[str, float]:
    """Milliseconds a crystal of each energy model, as this release was measured: see the file for where."""
    text = resources.files("crysim").joinpath("data", SPEEDS).read_text(encoding="utf-8")
    found: dict[str, float] = json.loads(text)["milliseconds"]
    return found
