"""Which networks are written out for a CPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from crysim_energies.quotient.cpu.chgnet import CpuCHGNet
from crysim_energies.quotient.cpu.graph import CpuNetwork
from crysim_energies.quotient.cpu.m3gnet import CpuM3GNet
from crysim_energies.quotient.networks.chgnet import QuotientCHGNet
from crysim_energies.quotient.networks.m3gnet import QuotientM3GNet
from crysim_energies.quotient.networks.network import QuotientNetwork

_WRITTEN_OUT: dict[type, Callable[[Any], Any]] = {QuotientM3GNet: CpuM3GNet, QuotientCHGNet: CpuCHGNet}


def on_cpu(network: QuotientNetwork) -> CpuNetwork | None:
    """The network on one core of a CPU, if that is where it runs, in float32; None: torch evaluates it."""
    if network.device.type != "cpu" or network.dtype != torch.float32:
        return None
    make = _WRITTEN_OUT.get(type(network))
    if make is None or (isinstance(network, QuotientM3GNet) and not CpuM3GNet.suits(network)):
        return None
    if "cpu" not in network.made:
        network.made["cpu"] = make(network)
    twin: CpuNetwork = network.made["cpu"].with_elements(network)
    return twin
