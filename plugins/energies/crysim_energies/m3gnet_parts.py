"""The parts of an M3GNet as its checkpoint holds them, for networks of the published kind: without matgl.

matgl's own classes take longer to import than a small search takes, torch_geometric for the most, and quotient graphs
need nothing of them but the weights. They are handed out by matgl's names; whatever is not as in the published
potentials (Chen & Ong, Nat. Comput. Sci. 2, 718 (2022)) is left to matgl (`crysim_energies.matgl_loading`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crysim_energies.checkpoints import Convention

_PUBLISHED = {
    "rbf_type": "SphericalBessel",
    "is_intensive": False,
    "readout_type": "weighted_atom",
    "task_type": "regression",
    "ntargets": 1,
    "use_smooth": False,
    "use_phi": False,
    "field": "node_feat",
    "include_state": False,
    "activation_type": "swish",
}
"""Arguments that decide which parts there are."""
_SIZES = frozenset(
    "element_types dim_node_embedding dim_edge_embedding max_n max_l nblocks units cutoff threebody_cutoff".split()
)
_UNUSED = frozenset("dim_state_embedding ntypes_state dim_state_feats niters_set2set nlayers_set2set dropout".split())
"""Arguments that change nothing in a network that is evaluated and has no state."""
MOST_ORDERS = 3
"""Orders of spherical Bessel functions, from 0, whose norms are written out below."""
_DERIVED = frozenset(("element_refs.onehot", "model.bond_expansion.rbf.cutoff", "model.basis_expansion.sbf.cutoff"))
"""Entries of a state file that follow from the others."""


@dataclass(frozen=True)
class M3GNetParts:
    """What an M3GNet on quotient graphs is made of.

    The energy of a graph is ``data_std * model(graph) + data_mean + sum of element_refs over atoms``, eV per cell.

    Attributes:
        model: its parts, by the names that they have in ``matgl.models.M3GNet``.
        element_types: symbols; an atom's ``node_type`` is its element's index here.
        data_mean, data_std: eV per cell, eV.
        element_refs: torch tensor ``[len(element_types)]``, eV per atom; zeros if the checkpoint has none.
        cutoff, threebody_cutoff: Å.
        convention: end of a bond into which the node update sums.
    """

    model: Any = field(repr=False)
    element_types: tuple[str, ...] = field(repr=False)
    data_mean: float
    data_std: float
    element_refs: Any = field(repr=False)
    cutoff: float
    threebody_cutoff: float
    convention: Convention


def published_parts(
    arguments: Mapping[str, Any], state: Mapping[str, Any], convention: Convention
) -> M3GNetParts | None:
    """The parts of a potential; None if it has any that the published ones have not.

    Args:
        arguments: of matgl's ``Potential``: that of its model, and scales.
        state: tensors by name.
        convention: end of a bond into which the node update sums.
    """
    import torch

    given = arguments.get("model", {}).get("init_args", {})
    if not given.keys() >= _SIZES or set(given) - _SIZES - _UNUSED - _PUBLISHED.keys():
        return None
    if any(given.get(name) != value for name, value in _PUBLISHED.items()) or given["max_l"] > MOST_ORDERS:
        return None
    if arguments.get("calc_repuls") or arguments.get("calc_charge"):
        return None
    learnt = {name: tensor for name, tensor in state.items() if name not in _DERIVED}
    if {name: tuple(tensor.shape) for name, tensor in learnt.items()} != _shapes(given):
        return None
    elements = tuple(given["element_types"])
    cutoff, orders, roots = float(given["cutoff"]), int(given["max_l"]), int(given["max_n"])
    tree = _tree(learnt)
    basis = SimpleNamespace(max_l=orders, cutoff=cutoff, **_bessel(orders, roots, cutoff))
    model = SimpleNamespace(
        **vars(tree.model),
        max_l=orders,
        max_n=roots,
        include_state=False,
        is_intensive=False,
        bond_expansion=SimpleNamespace(rbf=basis),
        basis_expansion=SimpleNamespace(sbf=basis, use_phi=False),
    )
    model.embedding.layer_edge_embedding.layers.append(torch.nn.SiLU())
    return M3GNetParts(
        model=model,
        element_types=elements,
        data_mean=float(state["data_mean"]),
        data_std=float(state["data_std"]),
        element_refs=state["element_refs.property_offset"],
        cutoff=cutoff,
        threebody_cutoff=float(given["threebody_cutoff"]),
        convention=convention,
    )


# ----------------------------------------------------------------------------------------------- the state's tensors


def _shapes(given: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """What the state of a published network holds: names and shapes."""
    atoms, bonds, units = (int(given[name]) for name in ("dim_node_embedding", "dim_edge_embedding", "units"))
    radials, elements = int(given["max_n"]) * int(given["max_l"]), len(given["element_types"])
    shapes: dict[str, tuple[int, ...]] = {"data_mean": (), "data_std": (), "element_refs.property_offset": (elements,)}

    def add(name: str, width: int, inputs: int, *, bias: bool = True) -> None:
        shapes[f"model.{name}.weight"] = (width, inputs)
        if bias:
            shapes[f"model.{name}.bias"] = (width,)

    def add_gated(name: str, sizes: list[int], *, bias: bool = True) -> None:
        for tower in ("layers", "gates"):
            for i, (inputs, width) in enumerate(pairwise(sizes)):
                add(f"{name}.{tower}.{2 * i}", width, inputs, bias=bias)

    add("embedding.layer_node_embedding", elements, atoms, bias=False)
    add("embedding.layer_edge_embedding.layers.0", bonds, radials)
    for block in range(int(given["nblocks"])):
        three_body, conv = f"three_body_interactions.{block}", f"graph_layers.{block}.conv"
        add(f"{three_body}.update_network_atom.layers.0", radials, atoms)
        add_gated(f"{three_body}.update_network_bond", [radials, bonds], bias=False)
        for kind, width in (("edge", bonds), ("node", atoms)):
            add_gated(f"{conv}.{kind}_update_func", [2 * atoms + bonds, units, units, width])
            add(f"{conv}.{kind}_weight_func", width, radials, bias=False)
    add_gated("final_layer.gated", [atoms, atoms, units, units, 1])
    return shapes


def _tree(state: Mapping[str, Any]) -> SimpleNamespace:
    """Tensors by dotted names as attributes of attributes; numbers among the names make lists."""
    nested: dict[str, Any] = {}
    for name, tensor in state.items():
        *path, last = name.split(".")
        place = nested
        for part in path:
            place = place.setdefault(part, {})
        place[last] = tensor
    found = _branch(nested)
    assert isinstance(found, SimpleNamespace)
    found.model.final_layer.gated.activate_last = False  # it is atoms' energies
    return found


def _branch(nested: Any) -> Any:
    import torch

    if not isinstance(nested, dict):
        return nested
    if "weight" in nested:
        width, inputs = nested["weight"].shape
        layer = torch.nn.Linear(inputs, width, bias="bias" in nested, device="meta")
        layer.load_state_dict(nested, assign=True)
        return layer.requires_grad_(False)
    if all(name.isdigit() for name in nested):
        return [_branch(nested[name]) for name in sorted(nested, key=int)]
    branch = SimpleNamespace(**{name: _branch(part) for name, part in nested.items()})
    if "gates" in nested:
        branch.activate_last = True
    return branch


# ------------------------------------------------------------------------------------------------ radial functions


def _bessel(orders: int, roots: int, cutoff: float) -> dict[str, Any]:
    """Roots of the spherical Bessel functions and norms over the sphere of the cut-off ``[orders, roots]``, float32.

    The norms are as matgl rounds them: √(2 / r_c³) / |j_{l+1}(root)|, in float32 and in this order.
    """
    import torch

    x = torch.tensor([spherical_bessel_roots(order, roots) for order in range(orders)], dtype=torch.float32)
    factor = math.sqrt(2.0 / cutoff**3)
    sin, cos = torch.sin(x), torch.cos(x)
    next_order = [
        -cos / x + sin / x**2,
        (-1 / x + 3 / x**3) * sin - 3 * cos / x**2,
        (-6 / x**2 + 15 / x**4) * sin + (x**-1 - 15 / x**3) * cos,
    ]
    norms = torch.stack([factor / torch.abs(next_order[order][order]) for order in range(orders)])
    return {"roots_slice": x, "inv_norm": norms}


def spherical_bessel_roots(order: int, number: int) -> list[float]:
    """The first roots of j_l above 0: one lies between each two of the order below; those of j_0 are multiples of π.

    Args:
        order: l.
        number: how many.
    """
    from scipy.special import spherical_jn

    roots = [math.pi * n for n in range(1, number + order + 1)]
    for degree in range(1, order + 1):
        roots = [_bisected(partial(spherical_jn, degree), low, high) for low, high in pairwise(roots)]
    return roots


def _bisected(function: Callable[[float], Any], low: float, high: float) -> float:
    sign = function(low) > 0
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if (function(middle) > 0) == sign else (low, middle)
    return middle
