"""Files of models that are empty, vast, broken or made to break: refused in a line, before memory is taken."""

from __future__ import annotations

import json
import os
import resource
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from crysim.cli import app
from crysim.errors import InputError
from crysim.quadratic import BitGroup, QuadraticModel
from crysim.quadratic.io import load_model, read_model, save_model
from crysim.regular_files import read_json, read_toml

CASES = Path(__file__).parents[3] / "shared" / "cases" / "models"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # the command sets it: put it back after the test


def solve(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["solve", *map(str, arguments)])


def refused(path: Path) -> str:
    """The line with which `crysim solve` refuses a file, within 2 GB of memory more than now and 60 s of work."""
    code = (
        "import resource, sys; from crysim.cli import main; "
        "used = int(open('/proc/self/statm').read().split()[0]) * 4096; "
        "resource.setrlimit(resource.RLIMIT_AS, (used + (2 << 30),) * 2); "
        "resource.setrlimit(resource.RLIMIT_CPU, (60, 60)); "
        f"sys.argv = ['crysim', 'solve', {str(path)!r}]; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    return done.stderr


def npz(path: Path, **changed: Any) -> Path:
    """A model of two bits, with some arrays changed, or left out if None."""
    arrays: dict[str, Any] = {
        "format": np.array("crysim-quadratic-model"),
        "version": np.array(1),
        "linear": np.zeros(2),
        "offset": np.array(0.0),
        "factors": np.ones((2, 1)),
        "groups": np.zeros((0, 3), dtype=np.int64),
        "group_names": np.zeros(0, dtype="<U1"),
    }
    arrays |= changed
    np.savez_compressed(path, **{name: value for name, value in arrays.items() if value is not None})
    return path


def header_only(path: Path, name: str, shape: tuple[int, ...], dtype: str = "<f8") -> Path:
    """A model whose array says that it is vast, and ends after its header."""
    npz(path)
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    from io import BytesIO

    buffer = BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": dtype, "fortran_order": False, "shape": shape})
    members[f"{name}.npy"] = buffer.getvalue()
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0 2000000000 1.0\n", "an index of 2000000000, of 2 variables in use"),
        (f"0 {10**30} 1.0\n", "an index beyond all bounds, of 2 variables in use"),
        ("# num_variables=99999999999\n0 1 1\n", "has 99,999,999,999 variables: at most 1,000,000"),
        ("# num_variables=100000000\n", "has 100,000,000 variables"),
        ("# num_variables=-3\n", "has no variables"),
        (f"# num_variables={'9' * 5000}\n0 1 1\n", "makes no sense"),
        ("0 1 1e400\n", "must be finite"),
        ("# offset=nan\n0 1 1\n", "offset"),
        ("0 1 1e308\n1 2 1e308\n", "energies are no numbers"),
        ("", "holds no term"),
        ("# only a comment\n\n", "holds no term"),
        ("0 1 " + "9" * 70000 + "\n", "longer than 65,536 bytes"),
        ("DIMODQM\x01\x00s 1 2\n", "neither npz, nor a BQM file, nor COO text"),
    ],
)
def test_text_that_asks_for_too_much_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "model.coo").write_text(text)
    with pytest.raises(InputError) as caught:
        load_model(tmp_path / "model.coo")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_bomb_is_refused_within_little_memory(tmp_path: Path) -> None:
    assert "'couplings' takes" in refused(npz(tmp_path / "zeros.npz", couplings=np.zeros((6000, 6000)), factors=None))
    (tmp_path / "wide.coo").write_text("# num_variables=99999999999\n0 1 1\n")
    assert "at most 1,000,000" in refused(tmp_path / "wide.coo")


def test_members_that_are_no_part_of_a_model_are_never_read(tmp_path: Path) -> None:
    path = npz(tmp_path / "model.npz")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("unused.npy", b"no array at all")
        with archive.open("vast.npy", "w") as member:
            np.lib.format.write_array_header_1_0(member, {"descr": "<f8", "fortran_order": False, "shape": (1 << 40,)})
            member.write(bytes(1 << 24))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert load_model(path).num_bits == 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 10_000  # kB


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"version": np.array("x")}, "'version'"),
        ({"version": np.array(2)}, "version 2; this program reads 1"),
        ({"version": None}, "version 0"),
        ({"linear": np.zeros(0), "factors": np.zeros((0, 1))}, "has no variables"),
        ({"linear": np.zeros((2, 2))}, "'linear' has the shape (2, 2)"),
        ({"linear": np.array(["a", "b"])}, "'linear' has the shape (2,) and the type <U1, not numbers"),
        ({"linear": np.array([1j, 2j])}, "'linear'"),
        ({"linear": np.array([np.nan, 0])}, "finite"),
        ({"factors": np.ones((3, 1))}, "'factors' has the shape [3, 1], not [2, 1]"),
        ({"factors": None}, "lacks the array 'couplings_data'"),
        ({"offset": None}, "lacks the array 'offset'"),
        ({"groups": np.zeros((1, 3), dtype=np.int64)}, "'groups' has the shape [1, 3], not [0, 3]"),
        ({"factors": np.array([{}, {}])}, "pickled"),
        ({"factors": None, "couplings": np.zeros((2, 3))}, "'couplings' has the shape [2, 3], not [2, 2]"),
        ({"factors": None, "couplings": np.ones((2, 2))}, "strictly upper triangular"),
    ],
)
def test_arrays_that_are_no_model_are_named(tmp_path: Path, changed: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as caught:
        load_model(npz(tmp_path / "model.npz", **changed))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "shape", "dtype"),
    [
        ("linear", (10**12,), "<f8"),
        ("factors", (2, 10**12), "<f8"),
        ("couplings", (10**6, 10**6), "<f8"),
        ("group_names", (10**6,), "<U100000"),
        ("groups", (10**12, 3), "<i8"),
        ("format", (), "<U100000000"),
    ],
)
def test_an_array_is_not_made_because_its_header_says_so(
    tmp_path: Path, name: str, shape: tuple[int, ...], dtype: str
) -> None:
    with pytest.raises(InputError, match="shorter than its header says"):
        load_model(header_only(tmp_path / "model.npz", name, shape, dtype))


def test_compressed_sparse_couplings_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    parts = {
        "factors": None,
        "couplings_data": np.ones(1),
        "couplings_indices": np.array([1]),
        "couplings_indptr": np.array([0, 1, 1]),
    }
    assert load_model(npz(tmp_path / "good.npz", **parts)).energies([1, 1]) == 1.0
    for name, value in (("indices", np.array([5])), ("indptr", np.array([0, 9, 1])), ("indptr", np.array([0, 1]))):
        with pytest.raises(InputError):
            load_model(npz(tmp_path / "bad.npz", **(parts | {f"couplings_{name}": value})))


def bqm(
    path: Path,
    shape: object = (2, 1),
    *,
    version: int = 2,
    others: tuple[int, ...] = (1, 0),
    starts: tuple[int, ...] = (0, 1),
    labels: object = None,
    vartype: str = "BINARY",
    **header: object,
) -> Path:
    """A BQM file of E = 1 + 2a + 3b + 4ab, or one that lies."""
    told = {"shape": shape, "dtype": "float64", "itype": "int32", "ntype": "int32", "vartype": vartype}
    told |= {"variables": labels is not None, "type": "BinaryQuadraticModel"} | header
    text = json.dumps(told).encode() + b"\n"
    content = b"DIMODBQM" + struct.pack("<BBI", version, 0, len(text)) + text + struct.pack("<d", 1.0)
    content += b"".join(struct.pack("<id", start, bias) for start, bias in zip(starts, (2.0, 3.0), strict=True))
    content += b"".join(struct.pack("<id", other, 4.0) for other in others)
    if labels is not None:
        text = labels.encode() if isinstance(labels, str) else json.dumps(labels).encode()
        content += b"VARS" + struct.pack("<I", len(text)) + text
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"shape": (0, 0)}, "no variables"),
        ({"shape": (10**11, 1)}, "100,000,000,000 variables"),
        ({"shape": (2, 10**9)}, "1,000,000,000 couplings"),
        ({"shape": (1000, 1)}, "ends within its linear terms"),
        ({"shape": (2, 1000)}, "ends within its couplings"),
        ({"shape": "large"}, "gives the shape"),
        ({"shape": (2, -1)}, "gives the shape"),
        ({"version": 3}, "version 3"),
        ({"others": (2_000_000_000, 0)}, "variables that it does not have"),
        ({"others": (-1, 0)}, "variables that it does not have"),
        ({"others": (1, 1)}, "stands there twice"),
        ({"starts": (0, 7)}, "variables that it does not have"),
        ({"vartype": "TERNARY"}, "vartype"),
        ({"dtype": "object"}, "dtype"),
        ({"labels": ["a"]}, "not one label for each variable"),
        ({"labels": ["a", "a"]}, "one label"),
        ({"labels": "[" * 100_000}, "nest too deeply"),
        ({"labels": "no json"}, "labels is no JSON"),
    ],
)
def test_a_bqm_file_that_lies_is_refused(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as caught:
        load_model(bqm(tmp_path / "model.bqm", **changes))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("vartype", ["BINARY", "SPIN"])
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_files_of_dimod_give_dimods_energies_and_labels(
    tmp_path: Path, vartype: str, version: int, dtype: type
) -> None:
    dimod = pytest.importorskip("dimod")
    rng = np.random.default_rng(5)
    names = ["b", "a", "x[10]", 7, ("t", 1)]
    terms = {(names[i], names[j]): float(dtype(rng.normal())) for i in range(5) for j in range(i)}
    theirs = dimod.BinaryQuadraticModel(
        {name: float(dtype(rng.normal())) for name in names}, terms, 0.5, vartype, dtype=dtype
    )
    with theirs.to_file(version=version) as file:
        (tmp_path / "model.bqm").write_bytes(file.read())
    found = read_model(tmp_path / "model.bqm")
    assert found.spins == (vartype == "SPIN")
    order = list(theirs.variables)
    assert found.labels == tuple('["t", 1]' if name == ("t", 1) else name for name in order)
    bits = np.array([[(n >> i) & 1 for i in range(5)] for n in range(32)])
    values = 2 * bits - 1 if found.spins else bits
    np.testing.assert_allclose(found.model.energies(bits), theirs.energies((values, order)), atol=1e-5)


def test_labels_and_spins_stand_beside_the_solutions(tmp_path: Path) -> None:
    path = bqm(tmp_path / "model.bqm", labels=["up", "x[10]"], vartype="SPIN")  # lowest at (-1, -1) and 0
    done = solve(path, "--solver", "exact", "--num-samples", 4, "--out", tmp_path / "found.json")
    assert done.exit_code == 0, done.output
    assert "bit 1 is spin +1" in done.stdout
    document = json.loads((tmp_path / "found.json").read_text())
    assert document["labels"] == ["up", "x[10]"]
    assert document["vartype"] == "SPIN"
    assert document["bit_1_means"].startswith("spin +1")
    values = {
        tuple(sorted(ones)): energy
        for ones, energy in zip(document["ones_by_label"], document["energies"], strict=True)
    }
    assert values == {("up", "x[10]"): 10.0, ("up",): -4.0, ("x[10]",): -2.0, (): 0.0}
    assert solve(path, "--solver", "exact", "--num-samples", 4, "--out", tmp_path / "found.npz").exit_code == 0
    with np.load(tmp_path / "found.npz", allow_pickle=False) as arrays:
        assert list(arrays["labels"]) == ["up", "x[10]"]
        spins = arrays["spins"]
        np.testing.assert_array_equal(spins, 2 * arrays["bits"].astype(int) - 1)
        energies = 1 + 2 * spins[:, 0] + 3 * spins[:, 1] + 4 * spins[:, 0] * spins[:, 1]
        np.testing.assert_allclose(energies, arrays["energies"])


@pytest.mark.parametrize("limit", ["nan", "inf", "0", "-1"])
def test_a_time_limit_is_a_number(tmp_path: Path, limit: str) -> None:
    (tmp_path / "model.coo").write_text("0 1 1\n")
    done = solve(tmp_path / "model.coo", f"--time-limit={limit}")
    assert done.exit_code == 2
    assert "must be above 0, and at most" in done.stderr
    compared = CliRunner().invoke(app, ["compare-solvers", str(tmp_path / "model.coo"), f"--time-limit={limit}"])
    assert compared.exit_code == 2


def test_json_holds_no_nan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from crysim.commands.output import json_text

    document = {
        "a": float("nan"),
        "b": [float("inf"), np.float64(2.0)],
        "c": {"d": (1, -float("inf"))},
        "e": np.ones(2),
    }

    def refuse(text: str) -> None:
        raise AssertionError(text)

    found = json.loads(json_text(document), parse_constant=refuse)
    assert found == {"a": None, "b": [None, 2.0], "c": {"d": [1, None]}, "e": [1.0, 1.0]}
    model = QuadraticModel(np.array([1.0, -1.0]), factors=np.ones((2, 1)), groups=(BitGroup("g", 0, 2, 1),))
    save_model(model, tmp_path / "model.npz")
    done = solve(tmp_path / "model.npz", "--json")
    json.loads(done.stdout, parse_constant=refuse)


@pytest.mark.parametrize("argument", ["model", "groups", "config", "surrogate"])
@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_a_pipe_a_device_or_a_folder_is_no_file(tmp_path: Path, argument: str, kind: str) -> None:
    path = {"pipe": tmp_path / "pipe", "device": Path("/dev/zero"), "folder": tmp_path}[kind]
    if kind == "pipe":
        os.mkfifo(path)
    (tmp_path / "model.coo").write_text("0 1 1\n")
    arguments = {
        "model": ["solve", path],
        "groups": ["solve", tmp_path / "model.coo", "--groups", path],
        "config": ["bench", "--config", path],
        "surrogate": ["bench", "--surrogate-config", path],
    }[argument]
    done = CliRunner().invoke(app, list(map(str, arguments)))
    assert done.exit_code == 2, done.output
    assert "not an ordinary file" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_brackets_that_nest_too_deeply_are_refused(tmp_path: Path) -> None:
    deep = tmp_path / "deep"
    deep.write_text("[" * 200_000)
    with pytest.raises(InputError, match="nest too deeply"):
        read_json(deep, "the groups")
    deep.write_text("a = " + "[" * 200_000)
    with pytest.raises(InputError, match="nest too deeply"):
        read_toml(deep, "the configuration")
    (tmp_path / "model.coo").write_text("0 1 1\n")
    done = solve(tmp_path / "model.coo", "--solver-option", "sweeps=" + "[" * 20_000)
    assert done.exit_code == 2
    assert "nest too deeply" in done.stderr


def test_the_collected_cases_are_solved_or_refused_in_one_line() -> None:
    if not CASES.is_dir():
        pytest.skip(f"no collected cases at {CASES}")
    good = {
        "bom.coo": 2, "chimera.coo": 4097, "dup.coo": 2, "fidx.coo": 2, "idx2e5.coo": 200_001, "onebased.coo": 3,
        "tab.coo": 2, "zero.coo": 1, "f32.bqm": 2, "obj.bqm": 2, "spin.bqm": 2, "str.bqm": 3, "v1.bqm": 3, "v2.bqm": 3,
    }  # fmt: skip
    for path in sorted(CASES.iterdir()):
        if path.name in good:
            assert load_model(path).num_bits == good[path.name], path.name
            continue
        with pytest.raises(InputError) as caught:
            load_model(path)
        assert len(str(caught.value).splitlines()) == 1, path.name
    assert read_model(CASES / "str.bqm").labels is not None
    assert read_model(CASES / "spin.bqm").spins
