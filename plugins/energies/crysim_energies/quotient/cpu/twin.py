"""Which networks are written out for a CPU."""

from __future__ import annotations

import torch

from crysim_energies.quotient.cpu.chgnet import CpuCHGNet
from crysim_energies.quotient.cpu.graph import CpuNetwork
from crysim_energies.quotient.cpu.m3gnet import CpuM3GNet
from crysim_energies.quotient.networks.chgnet import QuotientCHGNet
from crysim_energies.quotient.networks.m3gnet import QuotientM3GNet
from crysim_energies.quotient.networks.network import QuotientNetwork


def on_cpu(network: QuotientNetwork) -> CpuNetwork | None:
    """The network on one core of a CPU, if that is where it runs, in float32; None: torch evaluates it."""
    if network.device.type != "cpu" or network.dtype != torch.float32:
        return None
    weights = network.made.get("cpu")
    if isinstance(network, QuotientM3GNet):
        m3gnet: CpuM3GNet = weights or network.made.setdefault("cpu", CpuM3GNet(network))
        return m3gnet.with_elements(network)
    if isinstance(network, QuotientCHGNet):
        chgnet: CpuCHGNet = weights or network.made.setdefault("cpu", CpuCHGNet(network))
        return chgnet.with_elements(network)
    return None
