"""M3GNet's parts from its checkpoint, without matgl: the same as matgl's to the last bit."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from crysim.composition import Composition
from crysim.crystal import Crystal
from crysim.interfaces import RelaxSettings

torch = pytest.importorskip("torch")
pytest.importorskip("matgl")

from crysim_energies.checkpoints import Checkpoint, read  # noqa: E402
from crysim_energies.m3gnet import M3GNetModel  # noqa: E402
from crysim_energies.m3gnet_parts import published_parts, spherical_bessel_roots  # noqa: E402
from crysim_energies.matgl_loading import load_m3gnet, load_parts  # noqa: E402
from crysim_energies.quotient.cpu.twin import on_cpu  # noqa: E402
from crysim_energies.quotient.networks.m3gnet import QuotientM3GNet  # noqa: E402

CRYSTAL = Crystal.from_p1(
    Composition(("Ca", "S"), (1, 1)), 4.1 * np.eye(3), ["Ca", "S"], np.array([[0.0, 0.0, 0.0], [0.52, 0.47, 0.5]])
)
ARGUMENTS: dict[str, Any] = {
    "element_types": ("Ca", "S"),
    "is_intensive": False,
    "units": 8,
    "dim_node_embedding": 6,
    "dim_edge_embedding": 4,
    "max_n": 2,
    "max_l": 3,
    "nblocks": 2,
}


def saved(folder, **changes):
    """A checkpoint of a small potential with random weights, as matgl saves it."""
    from matgl.apps.pes import Potential
    from matgl.models import M3GNet

    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = M3GNet(**{**ARGUMENTS, **changes})
    Potential(network, data_std=2.0, data_mean=0.5, element_refs=torch.tensor([-1.0, -3.0])).save(folder)
    return read(folder, unverified="source")


def assert_same(ours: Any, theirs: Any, name: str = "network") -> None:
    """All tensors and numbers below are equal."""
    if isinstance(ours, torch.Tensor):
        assert torch.equal(ours, theirs), name
    elif isinstance(ours, list | tuple):
        assert len(ours) == len(theirs), name
        for i, pair in enumerate(zip(ours, theirs, strict=True)):
            assert_same(*pair, f"{name}[{i}]")
    elif hasattr(ours, "__dict__"):
        assert vars(ours).keys() == vars(theirs).keys(), name
        for key, value in vars(ours).items():
            assert_same(value, vars(theirs)[key], f"{name}.{key}")
    else:
        assert ours == theirs, name


@pytest.mark.parametrize("changes", [{}, {"max_l": 1}, {"max_l": 2, "max_n": 4, "cutoff": 6.0}, {"nblocks": 1}])
def test_the_network_is_the_one_of_matgl_s_modules(tmp_path, changes) -> None:
    checkpoint = saved(tmp_path, **changes)
    parts = load_parts(checkpoint)
    loaded = load_m3gnet(checkpoint)
    assert type(parts) is not type(loaded)
    assert_same(QuotientM3GNet(parts), QuotientM3GNet(loaded))


def test_the_published_potential_is_too(checkpoint: Checkpoint) -> None:
    assert_same(QuotientM3GNet(load_parts(checkpoint)), QuotientM3GNet(load_m3gnet(checkpoint)))


@pytest.mark.parametrize(
    "changes", [{"use_phi": True}, {"use_smooth": True}, {"activation_type": "tanh"}, {"max_l": 4}, {"ntargets": 2}]
)
def test_what_the_published_ones_have_not_is_left_to_matgl(tmp_path, changes) -> None:
    checkpoint = saved(tmp_path, **changes)
    assert type(load_parts(checkpoint)) is type(load_m3gnet(checkpoint))


def test_so_is_a_state_that_lacks_something_or_has_more(tmp_path) -> None:
    saved(tmp_path)
    arguments = torch.load(tmp_path / "model.pt", weights_only=True)
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert published_parts(arguments, state, "source") is not None
    assert published_parts(arguments, {**state, "model.more": torch.zeros(1)}, "source") is None
    for name in state:
        less = {key: value for key, value in state.items() if key != name}
        derived = name.endswith(("onehot", "rbf.cutoff", "sbf.cutoff"))
        assert (published_parts(arguments, less, "source") is None) is not derived, name
    wrong = {**state, "model.graph_layers.1.conv.edge_update_func.gates.2.weight": torch.zeros(8, 7)}
    assert published_parts(arguments, wrong, "source") is None


def test_an_evaluation_imports_no_matgl(tmp_path) -> None:
    saved(tmp_path / "model")
    program = f"""
import sys
from crysim.crystal.crystal import one_atom
from crysim_energies.m3gnet import M3GNetModel
model = M3GNetModel(path={str(tmp_path / "model")!r}, unverified="source")
M3GNetModel.import_ahead()
assert sorted(model.elements) == ["Ca", "S"] and model.cutoff == 5.0
model.warm_up()
print([name for name in ("matgl", "torch_geometric", "lightning") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("bonds", [4, 6])
def test_networks_of_any_widths_give_matgl_s_energies(tmp_path, bonds: int) -> None:
    """Atoms and bonds with as many features, and with other numbers, which only torch evaluates."""
    saved(tmp_path, dim_edge_embedding=bonds)
    ours = M3GNetModel(path=str(tmp_path), unverified="source")
    theirs = M3GNetModel(path=str(tmp_path), unverified="source", relaxer="ase")
    assert ours.quotient is not None
    assert (on_cpu(ours.quotient) is None) == (bonds != 6)
    assert ours.energies([CRYSTAL]) == pytest.approx(theirs.energies([CRYSTAL]), abs=1e-5)
    assert ours.relax([CRYSTAL], RelaxSettings(max_steps=3))[0].evaluations > 1


def test_roots_of_spherical_bessel_functions() -> None:
    """Abramowitz and Stegun, table 10.6: zeros of j_1 and j_2."""
    assert spherical_bessel_roots(0, 2) == pytest.approx([3.14159265, 6.28318531])
    assert spherical_bessel_roots(1, 3) == pytest.approx([4.493409, 7.725252, 10.904122], abs=1e-6)
    assert spherical_bessel_roots(2, 3) == pytest.approx([5.763459, 9.095011, 12.322941], abs=1e-6)
