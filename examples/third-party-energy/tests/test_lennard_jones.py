import pytest
from crysim_lennard_jones import LennardJones

from crysim.testing.energies import EnergyModelSuite


class TestLennardJones(EnergyModelSuite):
    elements = "Ar", "Kr"

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls):
        return LennardJones(epsilon=0.4, sigmas={"Ar": 2.3, "Kr": 2.5})
