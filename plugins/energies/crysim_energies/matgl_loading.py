"""Loads an M3GNet potential from a verified checkpoint, without running what the checkpoint says.

matgl's own loader imports the module that ``model.json`` names; here the names are looked up in an allow-list, and
tensors are unpickled with ``weights_only=True``. matgl 3 and later sum the messages of the node update into the
*source* of a bond where earlier versions summed into its *destination*; a checkpoint needs the convention that it was
trained with, and gives nonsense with the other. The model's version number is the same, so the hash of the checkpoint
decides (`crysim_energies.checkpoints`), and `restore_destination_convention` swaps the layers of an instance.
"""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from crysim.errors import CrysimError, InputError
from crysim_energies.checkpoints import Checkpoint
from crysim_energies.m3gnet_parts import M3GNetParts, published_parts

_POTENTIAL = ("Potential", ("matgl.apps.pes", "matgl.apps._pes", "matgl.apps._pes_pyg", "matgl.apps._pes_dgl"))
_MODEL = ("M3GNet", ("matgl.models._m3gnet", "matgl.models._m3gnet_pyg", "matgl.models._m3gnet_dgl", "matgl.models"))
_DERIVED_BUFFERS = (".onehot",)
"""Entries of older state files that current code derives instead of storing."""


@dataclass(frozen=True, kw_only=True)
class M3GNetPotential(M3GNetParts):
    """A loaded M3GNet potential in evaluation mode, with frozen parameters.

    Attributes:
        model: ``matgl.models.M3GNet``, which follows the convention.
        potential: ``matgl.apps.pes.Potential`` around it, gives energy (eV), forces (eV/Å) and stress (GPa).
        checkpoint: where it came from.
    """

    potential: Any = field(repr=False)
    checkpoint: Checkpoint = field(repr=False)


def load_m3gnet(checkpoint: Checkpoint) -> M3GNetPotential:
    """Build the potential of a checkpoint, on the CPU in float32.

    Raises:
        InputError: the checkpoint is no M3GNet potential, cannot be unpickled safely, or does not fit matgl's class.
        CrysimError: matgl cannot be imported.
    """
    import torch

    try:
        from matgl.apps.pes import Potential
        from matgl.models import M3GNet
    # On import matgl makes its cache in the home folder, which may be read-only.
    except (ImportError, OSError) as error:
        raise CrysimError(f"matgl cannot be imported: {str(error).splitlines()[0]}") from error

    where = checkpoint.folder
    arguments, state = _contents(checkpoint)
    inner = arguments["model"]
    try:
        model = M3GNet(**inner["init_args"])
        others = {k: v for k, v in arguments.items() if k != "model" and not k.startswith("@")}
        potential = Potential(model=model, **others)
        missing, unexpected = potential.load_state_dict(state, strict=False)
    except (TypeError, ValueError, KeyError, RuntimeError) as error:
        raise InputError(f"'{where}' does not fit matgl's M3GNet: {str(error).splitlines()[0]}") from error
    parameters = {name for name, _ in potential.named_parameters()}
    strays = [k for k in missing if k in parameters] + [k for k in unexpected if not k.endswith(_DERIVED_BUFFERS)]
    if strays:
        raise InputError(f"'{where / 'state.pt'}' does not fit matgl's M3GNet: '{strays[0]}' is missing or unknown")
    if checkpoint.convention == "destination":
        restore_destination_convention(model)
    # In training mode matgl builds the graph of second derivatives at every call.
    potential.eval().requires_grad_(False)
    refs = potential.element_refs
    elements = tuple(model.element_types)
    return M3GNetPotential(
        potential=potential,
        model=model,
        element_types=elements,
        data_mean=float(potential.data_mean),
        data_std=float(potential.data_std),
        element_refs=refs.property_offset if refs is not None else torch.zeros(len(elements)),
        cutoff=float(model.cutoff),
        threebody_cutoff=float(model.threebody_cutoff),
        convention=checkpoint.convention,
        checkpoint=checkpoint,
    )


def load_parts(checkpoint: Checkpoint) -> M3GNetParts:
    """What quotient graphs need of a checkpoint's potential: without matgl where it is of the published kind.

    Raises:
        InputError, CrysimError: as of `load_m3gnet`.
    """
    arguments, state = _contents(checkpoint)
    return published_parts(arguments, state, checkpoint.convention) or load_m3gnet(checkpoint)


def restore_destination_convention(model: Any) -> None:
    """Make the node updates of an M3GNet instance sum into the destinations of bonds; matgl itself stays as it is."""
    import torch
    from matgl.layers._graph_convolution import M3GNetGraphConv

    class DestinationGraphConv(M3GNetGraphConv):  # type: ignore[misc]
        """Equation 5 of M3GNet with the sum over the bonds that end at an atom."""

        def node_update_(
            self,
            edge_index: torch.Tensor,
            edge_feat: torch.Tensor,
            node_feat: torch.Tensor,
            rbf: torch.Tensor,
            u_per_edge: torch.Tensor | None,
            num_nodes: int,
        ) -> torch.Tensor:
            source, destination = edge_index
            parts = [node_feat[source], node_feat[destination], edge_feat]
            if self.include_state and u_per_edge is not None:
                parts.append(u_per_edge)
            messages: torch.Tensor = self.node_update_func(torch.cat(parts, dim=1)) * self.node_weight_func(rbf)
            return messages.new_zeros(num_nodes, messages.shape[1]).index_add(0, destination, messages)

    for block in model.graph_layers:
        layer = block.conv
        block.conv = DestinationGraphConv(
            layer.include_state,
            layer.edge_update_func,
            layer.edge_weight_func,
            layer.node_update_func,
            layer.node_weight_func,
            layer.state_update_func,
        )


def _contents(checkpoint: Checkpoint) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arguments of a checkpoint's potential and its tensors by name.

    Raises:
        InputError: it is no M3GNet potential, or cannot be unpickled safely.
    """
    where = checkpoint.folder
    try:
        described = json.loads(checkpoint.files["model.json"])
    except ValueError:
        raise InputError(f"'{where / 'model.json'}' is no JSON") from None
    arguments = _unpickle(checkpoint, "model.pt")
    state = _unpickle(checkpoint, "state.pt")
    _check_class(where, described, _POTENTIAL)
    inner = arguments.get("model")
    _check_class(where, inner, _MODEL)
    if not isinstance(inner, Mapping) or not isinstance(inner.get("init_args"), Mapping):
        raise InputError(f"'{where / 'model.pt'}' holds no arguments of an M3GNet")
    return arguments, state


def _unpickle(checkpoint: Checkpoint, file: str) -> dict[str, Any]:
    import torch

    try:
        content = torch.load(io.BytesIO(checkpoint.files[file]), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(f"'{checkpoint.folder / file}' cannot be loaded as plain tensors: {reason}") from error
    if not isinstance(content, dict):
        raise InputError(f"'{checkpoint.folder / file}' holds no dictionary")
    return content


def _check_class(where: object, described: object, allowed: tuple[str, tuple[str, ...]]) -> None:
    name, modules = allowed
    found = (described.get("@class"), described.get("@module")) if isinstance(described, Mapping) else (None, None)
    if found[0] != name or found[1] not in modules:
        raise InputError(f"'{where}' holds a {found[1]}.{found[0]}, not matgl's {name}: only that is loaded")
