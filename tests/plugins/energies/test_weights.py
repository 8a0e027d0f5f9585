"""The hash of what a calculator learnt."""

from __future__ import annotations

import torch

from crysim_energies.ase import ASEModel
from crysim_energies.weights import weights_hash


class Learnt:
    def __init__(self, bias: float = 0.0) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.models = [torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3)]
        with torch.no_grad():
            self.models[0].bias[1] = bias


def test_one_weight_more_or_less_is_another_hash():
    assert weights_hash(Learnt(), {}) == weights_hash(Learnt(), {})
    assert weights_hash(Learnt(), {}) != weights_hash(Learnt(1e-6), {})


def test_a_file_that_an_option_names_counts_by_its_bytes(tmp_path):
    file = tmp_path / "Al.alloy"
    file.write_text("one")
    first = weights_hash(object(), {"potential": str(file)})
    file.write_text("two")
    assert first != weights_hash(object(), {"potential": str(file)})
    assert weights_hash(object(), {"potential": "x" * 5000}) is None


def test_a_calculator_without_weights_has_no_hash_and_the_fingerprint_that_it_had():
    assert list(ASEModel(calculator_name="emt").fingerprint()) == ["model", "class", "options", "package"]
