"""CHGNet with its package's weights."""

import numpy as np
import pytest

from crysim.composition import Composition
from crysim.crystal import Crystal
from crysim.errors import InputError
from crysim.interfaces import RelaxSettings, RelaxStatus
from crysim.testing.energies import monoclinic, rock_salt
from crysim_energies.ase_relaxation import atoms_of
from crysim_energies.chgnet import CHGNetModel

chgnet = pytest.importorskip("chgnet")
ELEMENTS = "Ca", "S"


@pytest.fixture(scope="module", params=["quotient", "ase"])
def model(request) -> CHGNetModel:
    return CHGNetModel(relaxer=request.param)


def test_is_the_package_s_own_model(model, capsys):
    from chgnet.model.model import CHGNet

    crystal = monoclinic(ELEMENTS, 4.4)
    stock = CHGNet.load(verbose=False, use_device="cpu").predict_structure(crystal.to_structure(), task="efs")
    capsys.readouterr()
    atoms = atoms_of(crystal)
    atoms.calc = model.calculator
    assert atoms.get_potential_energy() / 4 == pytest.approx(float(stock["e"]), abs=1e-5)
    np.testing.assert_allclose(atoms.get_forces(), stock["f"], atol=1e-4)
    np.testing.assert_allclose(atoms.get_stress(voigt=False) * 160.21766, stock["s"], atol=1e-2)
    assert capsys.readouterr().out == ""


def test_loads_nothing_but_tensors(model, monkeypatch):
    import torch

    seen = []
    load = torch.load
    monkeypatch.setattr(torch, "load", lambda *a, **k: seen.append(k.get("weights_only")) or load(*a, **k))
    assert np.isfinite(CHGNetModel(weights="r2scan").energies([rock_salt(ELEMENTS, 5.6)])).all()
    assert seen == [True]


def test_weights_differ_and_say_so(model):
    other = CHGNetModel(weights="r2scan")
    assert other.fingerprint()["weights_sha256"] != model.fingerprint()["weights_sha256"]
    with pytest.raises(InputError, match=r"no weights '9\.9'"):
        CHGNetModel(weights="9.9")


def test_batches_hold_any_number_of_crystals_bad_ones_included(model):
    lone = Crystal.from_p1(Composition(("Ca",), (1,)), 30.0 * np.eye(3), ["Ca"], [[0, 0, 0]])
    good = rock_salt(ELEMENTS, 5.6)
    energies = model.energies([good, lone, *[monoclinic(ELEMENTS, 4.4)] * 16, good])
    assert np.isnan(energies[1])
    assert np.isfinite(np.delete(energies, 1)).all()
    assert energies[0] == pytest.approx(energies[-1], abs=1e-4)
    assert np.isnan(model.energies([lone])[0])


def test_a_graph_without_edges_fails_in_one_line(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lone = Crystal.from_p1(Composition(("Ca",), (1,)), 30.0 * np.eye(3), ["Ca"], [[0, 0, 0]])
    relaxation = model.relax([lone], RelaxSettings())[0]
    assert relaxation.status is RelaxStatus.FAILED
    assert relaxation.reason == "no two atoms are within 6 Å: the graph has no edge"
    assert list(tmp_path.iterdir()) == []


def test_an_atom_on_its_own_is_nothing_to_stop_for(model):
    loose = Crystal.from_p1(
        Composition(("Ca", "S"), (1, 2)), 16.0 * np.eye(3), ["Ca", "S", "S"], [[0, 0, 0], [0.15, 0, 0], [0.5, 0.5, 0.5]]
    )
    assert np.isfinite(model.energies([loose])[0])
    assert model.relax([loose], RelaxSettings(max_steps=2))[0].energy is not None


def test_both_relaxers_find_the_same_minimum():
    start = rock_salt(ELEMENTS, 5.6)
    settings = RelaxSettings(symmetry="keep", fmax=0.01)
    ends = [CHGNetModel(relaxer=relaxer).relax([start], settings)[0] for relaxer in ("quotient", "ase")]
    assert [end.status for end in ends] == [RelaxStatus.RELAXED] * 2
    assert ends[0].energy == pytest.approx(ends[1].energy, abs=1e-3)
    assert ends[0].crystal.space_group == 225
    assert ends[0].steps < ends[1].steps


def test_an_unknown_kind_of_network_is_left_to_ase(capsys):
    from chgnet.model.model import CHGNet

    model = CHGNetModel()
    model.network = CHGNet(mlp_first=False).eval().requires_grad_(False)
    assert model.quotient is None
    model = CHGNetModel(relaxer="quotient")
    model.network = CHGNet(gMLP_norm="batch")
    with pytest.raises(InputError, match=r"norms of batches.*relaxer='ase'"):
        model.energies([rock_salt(ELEMENTS, 5.6)])


def test_elements_that_no_training_crystal_holds_are_not_known(model):
    assert len(model.elements) == 89
    assert not model.elements & {"Po", "At", "Rn", "Fr", "Ra", "Am"}


@pytest.mark.parametrize("relaxer", ["auto", "quotient"])
def test_a_device_that_is_not_there_is_an_error_and_no_reason_for_ase(relaxer):
    model = CHGNetModel(relaxer=relaxer, device="cuda:63")
    with pytest.raises(InputError, match=r"option 'device': 'cuda:63' is not to be had here \(.+\); 'cpu' always is"):
        model.relax([rock_salt(ELEMENTS, 5.6)], RelaxSettings(max_steps=1))
    with pytest.raises(InputError, match="option 'device': 'gpu'"):
        CHGNetModel(relaxer=relaxer, device="gpu").energies([rock_salt(ELEMENTS, 5.6)])
