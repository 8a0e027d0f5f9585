"""Every energy model of ours keeps the contract."""

import pytest

from crysim.interfaces import EnergyModel
from crysim.testing.energies import EnergyModelSuite
from crysim_energies.ase import ASEModel
from crysim_energies.chgnet import CHGNetModel
from crysim_energies.sevennet import SevenNetModel


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
    other_process = False  # ASE's EMT cannot be pickled
    elements = "Cu", "Au"
    length = 4.9

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls) -> EnergyModel:
        return ASEModel(calculator_name="emt")


class TestSevenNet(EnergyModelSuite):
    @pytest.fixture(scope="class")
    @classmethod
    def model(cls) -> EnergyModel:
        pytest.importorskip("sevenn", reason="the extra sevennet is not installed")
        return SevenNetModel()

    def test_says_the_elements_and_the_cutoff_of_its_weights(self, model):
        from crysim.composition import SYMBOLS

        assert {SYMBOLS[number - 1] for number in model.calculator.type_map} == model.elements
        assert model.calculator.cutoff == model.cutoff
