"""The energy suite on the plug-in that is given."""

import pytest

from crysim.testing.energies import EnergyModelSuite


class TestGiven(EnergyModelSuite):
    elements = "Ar", "Kr"

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls, make_plugin):
        return make_plugin()
