"""Quadratic models on disk and as other libraries hold them: every energy is recomputed."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from crysim.errors import InputError
from crysim.quadratic import BitGroup, QuadraticModel
from crysim.quadratic.convert import from_bqm, to_amplify, to_bqm
from crysim.quadratic.io import load_groups, load_model, save_groups, save_model
from crysim.quadratic.penalties import descend, group_penalties, tight_penalties


def random_model(seed: int, kind: str = "low-rank", scale: float = 1.0) -> QuadraticModel:
    """A model of at most 12 bits with groups of any k, and free bits."""
    rng = np.random.default_rng(seed)
    groups, start = [], int(rng.integers(0, 2))
    for number in range(int(rng.integers(1, 4))):
        size = int(rng.integers(1, 5))
        groups.append(BitGroup(f"group {number}", start, size, int(rng.integers(0, size + 1))))
        start += size + int(rng.integers(0, 2))
    size = start + 1
    linear = scale * rng.normal(size=size)
    offset = float(rng.normal())
    if kind == "low-rank":
        return QuadraticModel(linear, factors=rng.normal(size=(size, 3)), groups=tuple(groups), offset=offset)
    couplings = np.triu(rng.normal(size=(size, size)), 1)
    if kind == "sparse":
        couplings[rng.random((size, size)) < 0.85] = 0.0
        return QuadraticModel(linear, couplings=sparse.csr_array(couplings), groups=tuple(groups), offset=offset)
    return QuadraticModel(linear, couplings=couplings, groups=tuple(groups), offset=offset)


def all_vectors(size: int) -> np.ndarray:
    """Every bit vector, ``[2^size, size]``."""
    return np.array(list(itertools.product([False, True], repeat=size)))


KINDS = ("low-rank", "dense", "sparse")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suffix", [".npz", ".bqm", ".coo"])
def test_a_model_survives_the_disk(tmp_path: Path, kind: str, suffix: str) -> None:
    model = random_model(3, kind)
    save_model(model, tmp_path / f"model{suffix}")
    save_groups(model.groups, tmp_path / "groups.json")
    groups = None if suffix == ".npz" else tmp_path / "groups.json"
    loaded = load_model(tmp_path / f"model{suffix}", groups)
    assert loaded.groups == model.groups
    x = all_vectors(model.num_bits)
    np.testing.assert_allclose(loaded.energies(x), model.energies(x), rtol=0, atol=1e-10)
    if suffix == ".npz":
        assert loaded.is_low_rank == model.is_low_rank
        assert sparse.issparse(loaded.couplings) == (kind == "sparse")


@given(seed=st.integers(0, 10**6), kind=st.sampled_from(KINDS), scale=st.sampled_from([0.0, 0.1, 1.0, 30.0]))
@settings(max_examples=60, deadline=None)
def test_the_penalised_minimum_is_the_feasible_minimum(seed: int, kind: str, scale: float) -> None:
    model = random_model(seed, kind, scale)
    x = all_vectors(model.num_bits)
    bare, feasible = model.energies(x), model.is_feasible(x)
    bqm = to_bqm(model, group_penalties(model))
    linear, (rows, columns, values), offset = bqm.to_numpy_vectors()
    penalised = offset + x @ linear + (x[:, rows] & x[:, columns]) @ values
    assert feasible[np.argmin(penalised)]
    assert penalised.min() == pytest.approx(bare[feasible].min(), abs=1e-8)
    np.testing.assert_allclose(penalised[feasible], bare[feasible], rtol=0, atol=1e-8)


@given(seed=st.integers(0, 10**6), kind=st.sampled_from(KINDS), scale=st.sampled_from([0.0, 1.0, 30.0]))
@settings(max_examples=30, deadline=None)
def test_good_vectors_are_local_minima_under_tight_penalties(seed: int, kind: str, scale: float) -> None:
    model = random_model(seed, kind, scale)
    weights = tight_penalties(model, num_vectors=4, seed=seed)
    assert (weights > 0).all()
    bqm = to_bqm(model, weights)
    for start in model.random_bits(4, np.random.default_rng(seed)):
        x = descend(model, start)
        assert model.is_feasible(x)
        assert model.energies(x) <= model.energies(start) + 1e-9
        penalised = from_bqm(bqm)
        for group in model.groups:
            flips = np.array([np.where(np.arange(len(x)) == bit, ~x, x) for bit in range(group.start, group.stop)])
            assert (penalised.energies(flips) >= penalised.energies(x) - 1e-9).all()
            for one in np.flatnonzero(x[group.slice]):
                for zero in np.flatnonzero(~x[group.slice]):
                    swapped = x.copy()
                    swapped[group.start + np.array([one, zero])] = False, True
                    assert model.energies(swapped) >= model.energies(x) - 1e-9


def test_spins_of_a_bqm_and_of_coo_text_become_bits(tmp_path: Path) -> None:
    import dimod

    bqm = dimod.BinaryQuadraticModel({"b": 1.0, "a": -2.0, "c": 0.5}, {("a", "b"): 1.5, ("c", "a"): -1.0}, 3.0, "SPIN")
    model = from_bqm(bqm)
    assert list(bqm.variables) == ["a", "b", "c"]
    (tmp_path / "spins.coo").write_text(
        "# vartype=SPIN\n# offset=3.0\n# a remark\n\n1 1 1.0\n0 0 -2\n2 2 .5\n0 1 1.5\n2 0 -1\n"
    )
    text = load_model(tmp_path / "spins.coo")
    for x in all_vectors(3):
        wanted = bqm.energy({name: 2 * int(bit) - 1 for name, bit in zip("abc", x, strict=True)})
        assert float(model.energies(x)) == pytest.approx(wanted)
        assert float(text.energies(x)) == pytest.approx(wanted)


def test_amplify_sees_the_same_energies_and_constraints() -> None:
    model = random_model(5)
    weights = np.arange(1.0, 1.0 + len(model.groups))
    amplified, variables = to_amplify(model, weights)
    terms = amplified.objective.as_dict()
    rng = np.random.default_rng(0)
    for x in model.random_bits(4, rng):
        energy = sum(value * np.prod(x[list(indices)]) for indices, value in terms.items())
        assert energy == pytest.approx(float(model.energies(x)))
    assert [c.weight for c in amplified.constraints] == list(weights)
    assert [c.label for c in amplified.constraints] == [g.name for g in model.groups]
    assert len(variables) == model.num_bits


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"0 1\n", "line 1 of .* is no 'i j value'"),
        (b"0 x 1.0\n", "line 1"),
        (b"0.5 1 1.0\n", "no whole number"),
        (b"-1 1 1.0\n", "no whole number"),
        (b"# num_variables=1\n0 1 1.0\n", "has the index 1, but 1 variables"),
        (b"# vartype=TERNARY\n0 1 1.0\n", "makes no sense"),
        (b"", "holds no term"),
        (b"0 1 nan\n", "must be finite"),
        (b"\xff\xfe\x00\x01\x02", "neither npz, nor a BQM file, nor COO text"),
        (b"PK\x03\x04 no zip at all", "no readable npz"),
        (b"DIMODBQM\x01\x00 cut", "no readable BQM"),
    ],
)
def test_what_is_no_model_is_refused_in_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "model.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        load_model(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".npz", ".bqm"])
def test_a_cut_file_is_refused(tmp_path: Path, suffix: str) -> None:
    save_model(random_model(1, "dense"), tmp_path / f"whole{suffix}")
    data = (tmp_path / f"whole{suffix}").read_bytes()
    for length in range(9, len(data), 37):
        (tmp_path / "cut").write_bytes(data[:length])
        with pytest.raises(InputError) as caught:
            load_model(tmp_path / "cut")
        assert "\n" not in str(caught.value)


def test_a_foreign_npz_and_one_with_pickles_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "foreign.npz", x=np.zeros(3))
    with pytest.raises(InputError, match="holds no quadratic model"):
        load_model(tmp_path / "foreign.npz")
    np.savez(tmp_path / "pickled.npz", format=np.array(["x", {}], dtype=object))
    with pytest.raises(InputError, match="no readable npz"):
        load_model(tmp_path / "pickled.npz")
    with pytest.raises(InputError, match="cannot read the model"):
        load_model(tmp_path / "missing.npz")
    with pytest.raises(InputError, match="must end in"):
        save_model(random_model(0), tmp_path / "model.txt")
    with pytest.raises(InputError, match="cannot write the model"):
        save_model(random_model(0), tmp_path / "missing" / "model.npz")


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"name": "a"}, "must be a list"),
        ([1], "group 0 in .* must be an object"),
        ([{"start": 0, "size": 2, "K": 1}], "unknown key 'K'"),
        ([{"start": -1, "size": 2}], "0 or more"),
        ([{"start": 0, "size": 2, "k": 3}], "3 of them cannot be 1"),
    ],
)
def test_groups_that_make_no_sense_are_refused(tmp_path: Path, entries: object, message: str) -> None:
    (tmp_path / "groups.json").write_text(json.dumps(entries))
    with pytest.raises(InputError, match=message):
        load_groups(tmp_path / "groups.json")
    (tmp_path / "groups.json").write_text("{")
    with pytest.raises(InputError, match="no JSON"):
        load_groups(tmp_path / "groups.json")
