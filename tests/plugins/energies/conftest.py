"""The M3GNet checkpoint, for the tests that need it."""

import pytest

from crysim_energies.checkpoints import DEFAULT_NAME, Checkpoint, find_folder, resolve


@pytest.fixture(scope="session")
def checkpoint() -> Checkpoint:
    if find_folder(DEFAULT_NAME) is None:
        pytest.skip(f"the checkpoint {DEFAULT_NAME} is not on CRYSIM_MODELS nor in matgl's cache")
    return resolve(download=False)
