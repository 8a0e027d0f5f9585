"""M3GNet checkpoints load safely, and with the node update that they were trained with."""

import io
import json
import pickle
from dataclasses import replace

import numpy as np
import pytest

from crysim.composition import Composition
from crysim.crystal import Crystal, Site
from crysim.errors import InputError
from crysim.interfaces import RelaxSettings, RelaxStatus
from crysim_energies.checkpoints import read
from crysim_energies.m3gnet import M3GNetModel

torch = pytest.importorskip("torch")
pytest.importorskip("matgl")

CELL = (5.13, 5.5, 6.1, 90.0, 100.0, 90.0)
CRYSTAL = Crystal(
    Composition(("Ca", "S"), (2, 2)),
    4,
    CELL,
    (Site("Ca", 0, (0.02, 0.0, 0.07)), Site("S", 0, (0.45, 0.27, 0.3))),
)


@pytest.fixture(scope="module")
def untrained(tmp_path_factory):
    """A folder with a small, untrained potential, saved by matgl itself."""
    from matgl.apps.pes import Potential
    from matgl.models import M3GNet

    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(3)
        model = M3GNet(
            element_types=("Ca", "S"), units=8, dim_node_embedding=8, dim_edge_embedding=8, is_intensive=False
        )
    with torch.no_grad():
        for weights in model.parameters():
            # As large as those of a trained network: else the energies hardly depend on the structure.
            weights.mul_(3.0)
    folder = tmp_path_factory.mktemp("models") / "Untrained"
    Potential(model, data_std=2.0, element_refs=torch.tensor([-1.0, -3.0])).save(folder)
    return folder


def test_the_conventions_differ_and_source_is_matgl_s(untrained):
    import matgl
    from matgl.ext.pymatgen import Structure2Graph

    stock = matgl.load_model(untrained).eval()
    graph, lattice, state = Structure2Graph(("Ca", "S"), 5.0).get_graph(CRYSTAL.to_structure())
    expected = stock(graph, lattice, state)[0].item()
    source, destination = (
        M3GNetModel(path=str(untrained), unverified=convention, relaxer="ase")
        for convention in ("source", "destination")
    )
    assert source.energies([CRYSTAL])[0] == pytest.approx(expected, abs=1e-5)
    assert abs(destination.energies([CRYSTAL])[0] - expected) > 1e-3
    assert stock(graph, lattice, state)[0].item() == expected, "matgl's own classes were changed"


@pytest.mark.parametrize("convention", ["source", "destination"])
def test_forces_and_stress_are_the_energy_s_derivatives(untrained, convention):
    model = M3GNetModel(path=str(untrained), unverified=convention)
    model.potential.potential.double()
    from crysim_energies.ase_relaxation import atoms_of

    def energy(strain, moved=0.0):
        atoms = atoms_of(CRYSTAL)
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
        atoms.positions[1, 2] += moved
        return float(model.calculator.get_potential_energy(atoms))

    atoms = atoms_of(CRYSTAL)
    atoms.calc = model.calculator
    forces, stress = atoms.get_forces(), atoms.get_stress()
    step = 1e-3
    none = np.zeros((3, 3))
    assert forces[1, 2] == pytest.approx(-(energy(none, step) - energy(none, -step)) / (2 * step), rel=1e-3, abs=1e-4)
    strain = np.zeros((3, 3))
    strain[0, 0] = step
    slope = (energy(strain) - energy(-strain)) / (2 * step) / atoms.cell.volume
    assert stress[0] == pytest.approx(slope, rel=1e-3, abs=1e-5)


def test_the_loaded_model_is_frozen(untrained):
    loaded = M3GNetModel(path=str(untrained), unverified="source").potential
    assert not loaded.potential.training
    assert not any(p.requires_grad for p in loaded.potential.parameters())
    assert loaded.element_types == ("Ca", "S")
    assert loaded.data_std == 2.0
    assert loaded.element_refs.tolist() == [-1.0, -3.0]
    assert (loaded.cutoff, loaded.threebody_cutoff) == (5.0, 4.0)


def changed(folder, **files):
    checkpoint = read(folder, unverified="source")
    return replace(checkpoint, files={**checkpoint.files, **{k.replace("_", "."): v for k, v in files.items()}})


def pickled(content) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


class _Payload:
    def __reduce__(self):
        return (open, ("/nonexistent/payload", "w"))


def test_code_in_a_checkpoint_is_not_run(untrained):
    from crysim_energies.matgl_loading import load_m3gnet

    for file in ("model_pt", "state_pt"):
        with pytest.raises(InputError, match="plain tensors") as caught:
            load_m3gnet(changed(untrained, **{file: pickled({"model": _Payload()})}))
        assert isinstance(caught.value.__cause__, pickle.UnpicklingError)
    described = json.loads((untrained / "model.json").read_text())
    described["@module"] = "antigravity"
    with pytest.raises(InputError, match="only that is loaded"):
        load_m3gnet(changed(untrained, model_json=json.dumps(described).encode()))
    arguments = torch.load(untrained / "model.pt", weights_only=True)
    arguments["model"]["@module"] = "antigravity"
    with pytest.raises(InputError, match="only that is loaded"):
        load_m3gnet(changed(untrained, model_pt=pickled(arguments)))


def test_what_is_no_checkpoint_is_one_line(untrained):
    from crysim_energies.matgl_loading import load_m3gnet

    state = torch.load(untrained / "state.pt", weights_only=True)
    short = {k: v for k, v in state.items() if "graph_layers.0" not in k}
    arguments = torch.load(untrained / "model.pt", weights_only=True)
    for files, words in (
        ({"model_json": b"no json"}, "no JSON"),
        ({"model_json": b"[]"}, "only that is loaded"),
        ({"model_pt": b"no pickle"}, "plain tensors"),
        ({"model_pt": pickled([1, 2])}, "no dictionary"),
        ({"state_pt": pickled(short)}, "does not fit"),
        ({"state_pt": pickled({**state, "surprise": torch.zeros(1)})}, "'surprise'"),
        ({"model_pt": pickled({**arguments, "surprise": 1})}, "does not fit"),
    ):
        with pytest.raises(InputError, match=words) as caught:
            load_m3gnet(changed(untrained, **files))
        assert "\n" not in str(caught.value)


def test_an_element_that_the_model_does_not_know_fails_that_crystal_only(untrained):
    model = M3GNetModel(path=str(untrained), unverified="source")
    other = Crystal.from_p1(Composition(("Po",), (1,)), 3.0 * np.eye(3), ["Po"], [[0, 0, 0]])
    energies = model.energies([other, CRYSTAL])
    assert np.isnan(energies[0])
    assert np.isfinite(energies[1])
    relaxation = model.relax([other], RelaxSettings())[0]
    assert relaxation.status is RelaxStatus.FAILED
    assert "Po" in relaxation.reason


@pytest.mark.parametrize("relaxer", ["ase", "quotient"])
def test_a_graph_without_edges_fails_that_crystal_only(untrained, relaxer):
    model = M3GNetModel(path=str(untrained), unverified="source", relaxer=relaxer)
    lone = Crystal.from_p1(Composition(("Ca",), (1,)), 30.0 * np.eye(3), ["Ca"], [[0, 0, 0]])
    # Bonds, but none that is short enough for a three-body term.
    thin = Crystal.from_p1(Composition(("Ca",), (1,)), 4.6 * np.eye(3), ["Ca"], [[0, 0, 0]])
    for order in ([lone, CRYSTAL, thin], [CRYSTAL, lone], [thin], [lone]):
        energies = model.energies(order)
        relaxations = model.relax(order, RelaxSettings(max_steps=3))
        for crystal, energy, relaxation in zip(order, energies, relaxations, strict=True):
            assert np.isnan(energy) == (crystal is lone)
            assert (relaxation.status is RelaxStatus.FAILED) == (crystal is lone)
            assert ("5 Å" in relaxation.reason) == (crystal is lone)


@pytest.mark.parametrize("convention", ["source", "destination"])
def test_both_relaxers_have_the_same_energies(untrained, convention):
    by_ase, by_quotient = (
        M3GNetModel(path=str(untrained), unverified=convention, relaxer=relaxer) for relaxer in ("ase", "quotient")
    )
    assert by_ase.quotient is None
    assert by_quotient.energies([CRYSTAL])[0] == pytest.approx(by_ase.energies([CRYSTAL])[0], rel=1e-5)


@pytest.mark.parametrize(("formula", "energy"), [("Ca4S4", -41.5917), ("ScBe5", -26.2391), ("Li4Zr4O8", -123.1650)])
def test_energies_are_the_paper_s(checkpoint, formula, energy):
    from crysim.harness.systems import builtin_systems

    model = M3GNetModel(path=str(checkpoint.folder))
    reference = builtin_systems()[formula].reference
    assert model.energies([reference])[0] == pytest.approx(energy, abs=1e-3)


def test_relaxes_to_the_paper_s_energy(checkpoint):
    model = M3GNetModel(path=str(checkpoint.folder))
    from crysim.testing.energies import rock_salt

    relaxation = model.relax([rock_salt(("Ca", "S"), 5.5)], RelaxSettings())[0]
    assert relaxation.status is RelaxStatus.RELAXED, relaxation.reason
    assert relaxation.energy == pytest.approx(-41.5917, abs=2e-3)
    assert relaxation.crystal.space_group == 225
