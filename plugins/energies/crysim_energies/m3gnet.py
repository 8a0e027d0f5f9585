"""Energy model ``m3gnet``: the paper's potential, M3GNet-MP-2021.2.8-PES, on matgl."""

from __future__ import annotations

from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from crysim import hookimpl
from crysim.interfaces import EnergyModel
from crysim_energies.checkpoints import DEFAULT_NAME, Unverified, resolve
from crysim_energies.network_model import NetworkModel, Relaxer

if TYPE_CHECKING:
    from crysim_energies.m3gnet_parts import M3GNetParts
    from crysim_energies.matgl_loading import M3GNetPotential
    from crysim_energies.quotient.networks.network import QuotientNetwork


class M3GNetModel(NetworkModel):
    """Energies of an M3GNet checkpoint, found and verified as `crysim_energies.checkpoints` says."""

    name = "m3gnet"
    extra = "m3gnet"
    module = "matgl"
    usual_reach = (5.0, 4.0, False, 3)
    local_options = ("path", "download", "url")

    def __init__(
        self,
        *,
        model: str = DEFAULT_NAME,
        path: str | None = None,
        download: bool = True,
        url: str | None = None,
        unverified: Unverified = "refuse",
        relaxer: Relaxer = "auto",
        device: str = "cpu",
    ) -> None:
        """Find and verify the checkpoint; it is loaded at the first use.

        Args:
            model: name of the checkpoint's folder on the search path ``CRYSIM_MODELS`` or in matgl's cache.
            path: the checkpoint's folder itself, looked at first.
            download: whether the checkpoint may be downloaded if it is found nowhere.
            url: folder to download from instead of the published one; the bytes must be the same.
            unverified: what to do with a checkpoint whose bytes crysim does not know: refuse it, or load it (tensors
                only) with messages summed into the bonds' source (made by matgl 3 or later) or destination (earlier).
            relaxer: ``quotient`` evaluates and relaxes batches of crystals on their quotient graphs; ``ase`` relaxes
                one after the other with ASE's FIRE on matgl's own model; ``auto`` is the first where the checkpoint's
                network admits it.
            device: of the quotient relaxer, as torch names it: ``cpu``, ``cuda``.

        Raises:
            InputError: the checkpoint is not to be had, corrupt, or refused.
        """
        self.relaxer = relaxer
        self.device = device
        self.checkpoint = resolve(model, path=path, download=download, url=url, unverified=unverified)

    def fingerprint(self) -> dict[str, str]:
        """The checkpoint's name, the sha256 of its weights and arguments, the convention and matgl's version."""
        return {
            "model": self.name,
            "checkpoint": self.checkpoint.name,
            "convention": self.checkpoint.convention,
            "package": f"matgl {version('matgl')}",
            "weights_sha256": self.checkpoint.sha256["state.pt"],
            "arguments_sha256": self.checkpoint.sha256["model.pt"],
        }

    @cached_property
    def potential(self) -> M3GNetPotential:
        """The loaded potential, in evaluation mode."""
        from crysim_energies.matgl_loading import load_m3gnet

        return load_m3gnet(self.checkpoint)

    @cached_property
    def network_parts(self) -> M3GNetParts:
        """What quotient graphs need of the potential."""
        from crysim_energies.matgl_loading import load_parts

        return load_parts(self.checkpoint)

    @property
    def cutoff(self) -> float:
        """The radius of the graph, Å."""
        return self.network_parts.cutoff

    @property
    def elements(self) -> frozenset[str]:
        """The elements that the checkpoint was trained for."""
        return frozenset(self.network_parts.element_types)

    def make_quotient(self) -> QuotientNetwork:
        """The network on quotient graphs."""
        from crysim_energies.quotient.networks.m3gnet import QuotientM3GNet

        return QuotientM3GNet(self.network_parts, device=self.device)

    @cached_property
    def calculator(self) -> Any:
        """An ASE calculator of the potential."""
        from crysim_energies.torch_calculators import M3GNetCalculator

        return M3GNetCalculator(self.potential)


@hookimpl
def crysim_energies() -> list[type[EnergyModel]]:
    """Register the model."""
    return [M3GNetModel]
