"""Energy model ``chgnet``: needs no download, because its weights come with the package."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cached_property
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from crysim import hookimpl
from crysim.arrays import Floats
from crysim.composition import SYMBOLS
from crysim.crystal import Crystal
from crysim.errors import InputError, MissingExtraError
from crysim.interfaces import EnergyModel
from crysim.process_state import output_discarded
from crysim_energies.deferred import defer_package
from crysim_energies.network_model import NetworkModel, Relaxer

if TYPE_CHECKING:
    from crysim_energies.quotient.networks.network import QuotientNetwork

BATCH = 16
"""Crystals evaluated together on chgnet's own model; more are no faster on a CPU."""

UNTRAINED = frozenset({"Po", "At", "Rn", "Fr", "Ra"})
"""Of hydrogen to plutonium, in no crystal of the training data, which have 89 elements (Deng et al., Nat. Mach. Intell.
5, 1031 (2023)): their embeddings are as random as they began."""


class CHGNetModel(NetworkModel):
    """Energies of CHGNet. Their reference is not M3GNet's: never compare the two."""

    name = "chgnet"
    extra = "chgnet"
    module = "chgnet"
    usual_reach = (6.0, 3.0, True, 1)

    def __init__(
        self,
        *,
        weights: Literal["0.3.0", "0.2.0", "r2scan"] = "0.3.0",
        relaxer: Relaxer = "auto",
        device: str = "cpu",
    ) -> None:
        """Find the weights; they are loaded at the first use.

        Args:
            weights: which of the package's: trained on PBE energies (0.3.0, or the older 0.2.0) or r2SCAN ones.
            relaxer: ``quotient`` evaluates and relaxes batches of crystals on their quotient graphs; ``ase`` relaxes
                one after the other with ASE's FIRE on chgnet's own model; ``auto`` is the first where the network
                admits it.
            device: of the quotient relaxer, as torch names it: ``cpu``, ``cuda``.

        Raises:
            InputError: the package does not hold these weights.
        """
        self.weights = weights
        self.relaxer = relaxer
        self.device = device
        spec = find_spec("chgnet")
        if spec is None or spec.origin is None:
            raise MissingExtraError("energy 'chgnet'", "chgnet")
        folder = Path(spec.origin).parent / "pretrained" / weights
        files = sorted(folder.glob("*.pth.tar"))
        if not files:
            raise InputError(
                f"the installed chgnet {version('chgnet')} holds no weights '{weights}' (looked in {folder})"
            )
        self._bytes = files[0].read_bytes()

    def fingerprint(self) -> dict[str, str]:
        """The name and sha256 of the weights, and the package's version."""
        return {
            "model": self.name,
            "weights": self.weights,
            "package": f"chgnet {version('chgnet')}",
            "weights_sha256": sha256(self._bytes).hexdigest(),
        }

    def energies(self, crystals: Sequence[Crystal]) -> Floats:
        """Energies ``[n]``, eV per cell, in batches; NaN where the model fails on a crystal."""
        from crysim_energies.torch_calculators import chgnet_energies

        if self.quotient is None:
            return chgnet_energies(self.calculator, crystals, BATCH)
        return super().energies(crystals)

    @property
    def cutoff(self) -> float:
        """The radius of the graph of atoms, Å."""
        return float(self.network.graph_converter.atom_graph_cutoff)

    @property
    def elements(self) -> frozenset[str]:
        """The elements that the weights were trained on, of those that they have an embedding of."""
        return frozenset(SYMBOLS[: self.network.atom_embedding.embedding.num_embeddings]) - UNTRAINED

    def make_quotient(self) -> QuotientNetwork:
        """The network on quotient graphs."""
        from crysim_energies.quotient.networks.chgnet import QuotientCHGNet

        return QuotientCHGNet(self.network, device=self.device)

    @cached_property
    def calculator(self) -> Any:
        """An ASE calculator of the network."""
        from crysim_energies.torch_calculators import CHGNetCalculator

        return CHGNetCalculator(self.network)

    @classmethod
    def import_ahead(cls) -> None:
        """Import chgnet's class, torch, and what relaxes."""
        _import_class()
        super().import_ahead()

    @cached_property
    def network(self) -> Any:
        """chgnet's own model with the weights, in evaluation mode and frozen."""
        import torch

        # The package's own loader unpickles whatever the file says; the file needs no more than tensors.
        saved = torch.load(io.BytesIO(self._bytes), map_location="cpu", weights_only=True)
        with output_discarded():
            # Only 0.2.0 was trained with a bias in the last layer, as chgnet's own loader has it.
            model = _import_class().from_dict(
                saved["model"], mlp_out_bias=self.weights == "0.2.0", version=self.weights
            )
        model.eval().requires_grad_(False)
        # Random crystals are often loose: an atom on its own is nothing to stop or to warn of.
        model.graph_converter.set_isolated_atom_response("ignore")
        return model


def _import_class() -> Any:
    # What the packages import beside the network, molecular dynamics and VASP's files, takes longer than torch.
    defer_package("chgnet.model")
    defer_package("chgnet.utils", parts=["common_utils"])
    from chgnet.model.model import CHGNet

    return CHGNet


@hookimpl
def crysim_energies() -> list[type[EnergyModel]]:
    """Register the model."""
    return [CHGNetModel]
