"""Every energy model of ours keeps the contract."""

import pytest

from crysim.interfaces import EnergyModel
from crysim.testing.energies import EnergyModelSuite
from crysim_energies.ase import ASEModel
from crysim_energies.chgnet import CHGNetModel


class TestCHGNet(EnergyModelSuite):
    other_process = False  # it would load the network once more

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls) -> EnergyModel:
        pytest.importorskip("chgnet")
        return CHGNetModel()


class TestM3GNet(EnergyModelSuite):
    other_process = False  # it would load the network once more

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls, checkpoint) -> EnergyModel:
        pytest.importorskip("matgl")
        from crysim_energies.m3gnet import M3GNetModel

        return M3GNetModel(path=str(checkpoint.folder))


class TestLennardJones(EnergyModelSuite):
    elements = "Ar", "Kr"

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls) -> EnergyModel:
        return ASEModel(calculator_name="lj", options={"sigma": 2.4, "epsilon": 0.4, "rc": 7.0, "smooth": True})


class TestEMT(EnergyModelSuite):
    elements = "Cu", "Au"
    length = 4.9

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls) -> EnergyModel:
        return ASEModel(calculator_name="emt")
