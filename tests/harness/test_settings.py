"""Settings: the TOML file, the command line before it, and every mistake named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from crysim.crystal.files import write_cif
from crysim.declared import assignments, numbers
from crysim.errors import InputError
from crysim.harness.config_file import read_settings
from crysim.harness.settings import BenchSettings
from crysim.harness.spec import RunSpec
from crysim.harness.systems import find_system
from crysim.renamed import note

FILE = """
[bench]
system = ["Ca4S4", "ScBe5"]
method = ["crysim", "crysim-exact", "random"]
energy = "ase:emt"
budget = 30
seeds = "0-2"
space-groups = [225, 191]

[relax]
fmax = 0.01
max-steps = 100

[solver.annealer]
sweeps = 100

[surrogate.fm]
rank = 8

[strategy.crysim]
num_initial = 200

[method.crysim-exact]
strategy = "crysim"
solver = "exact"
options = { mid = false }
surrogate_options = { rank = 4 }
"""


def read(tmp_path: Path, text: str, **given: Any) -> BenchSettings:
    path = tmp_path / "bench.toml"
    path.write_text(text)
    return read_settings(path, given)


def options_of(run: RunSpec) -> dict[str, dict[str, Any]]:
    return {"strategy": dict(run.strategy.options), **{kind: dict(part.options) for kind, part in run.parts.items()}}


def test_a_file_is_spelt_out_as_runs(tmp_path: Path) -> None:
    settings = read(tmp_path, FILE)
    runs = settings.runs()
    assert len(runs) == 2 * 3 * 3
    assert [(r.system.formula, r.method, r.seed) for r in runs][:4] == [
        ("Ca4S4", "crysim", 0),
        ("Ca4S4", "crysim", 1),
        ("Ca4S4", "crysim", 2),
        ("Ca4S4", "crysim-exact", 0),
    ]
    assert {r.budget for r in runs} == {30}
    assert {r.space_groups for r in runs} == {(225, 191)}
    assert {(r.relax.fmax, r.relax.max_steps, r.relax.num_frames) for r in runs} == {(0.01, 100, 30)}
    crysim, exact, random = runs[0], runs[3], runs[6]
    assert options_of(crysim) == {
        "strategy": {"num_initial": 200},
        "encoder": {},
        "surrogate": {"rank": 8},
        "solver": {"sweeps": 100},
    }
    assert (exact.strategy.name, exact.parts["solver"].name) == ("crysim", "exact")
    assert options_of(exact) == {
        "strategy": {"num_initial": 200, "mid": False},
        "encoder": {},
        "surrogate": {"rank": 4},
        "solver": {},
    }
    assert random.parts == {}


def test_the_command_line_goes_before_the_file(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        FILE,
        system=["Al2Cu2"],
        method=["crysim"],
        budget=5,
        seeds="7",
        fmax=0.05,
        solver_options={"sweeps": 7},
        options={"batch": 2, "crysim.mid": False},
    )
    (run,) = settings.runs()
    assert (run.system.formula, run.budget, run.seed, run.relax.fmax, run.relax.max_steps) == (
        "Al2Cu2",
        5,
        7,
        0.05,
        100,
    )
    assert options_of(run)["solver"] == {"sweeps": 7}
    assert options_of(run)["strategy"] == {"num_initial": 200, "candidates_per_solve": 2, "mid": False}


def test_an_option_goes_to_every_method_that_has_it_or_to_the_one_named(tmp_path: Path) -> None:
    runs = read(tmp_path, FILE, seeds="0", options={"batch": 2, "crysim-exact.num_initial": 50}).runs()
    by_method = {run.method: run.strategy.options for run in runs}
    assert by_method["crysim"] == {"num_initial": 200, "candidates_per_solve": 2}
    assert by_method["crysim-exact"] == {"num_initial": 50, "mid": False, "candidates_per_solve": 2}
    assert by_method["random"] == {}


def test_the_manifest_holds_every_default(tmp_path: Path) -> None:
    config = read(tmp_path, FILE).runs()[0].config()
    assert config["strategy"]["options"]["mid"] is True
    assert config["parts"]["solver"]["options"]["sweeps"] == 100
    assert config["parts"]["encoder"]["options"]["space_groups"] == [191, 225]
    assert config["relax"]["num_frames"] == 30


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[bench\n", "is no TOML"),
        ("[banch]\n", "'banch': did you mean 'bench'"),
        ("[bench]\nbuget = 3\n", "'buget': did you mean 'budget'"),
        ("[bench]\nbudget = 'three'\n", "budget is 'three': it must be a whole number"),
        ("[bench]\nbudget = true\n", "budget is True"),
        ("[bench]\nseeds = '4-2'\n", "seeds is '4-2'"),
        ("[bench]\nsystem = 'Ca4S4'\nmethod = 'random'\nbudget = 0\n", "budget is 0"),
        ("[bench]\nsystem = 'Ca4Q4'\nmethod = 'random'\n", "element 'Q'"),
        ("[bench]\nsystem = 'Ca4S4'\nmethod = 'randon'\n", "'randon': did you mean 'random'"),
        ("[bench]\nsystem = ['Ca4S4', 'Ca4S4']\nmethod = 'random'\n", "given twice"),
        ("[bench]\nsystem = ['Ca4S4', '(CaS)4']\nmethod = 'random'\n", "Ca4S4 and \\(CaS\\)4 are both Ca4S4"),
        ("[bench]\nsystem = []\n", "no system"),
        ("[bench]\nsystem = 'Ca4S4'\nmethod = 'random'\nworkers = 0\n", "workers is 0"),
        ("[bench]\nsystem = 'Ca4S4'\nmethod = 'random'\nspace_groups = '231'\n", "231"),
        ("[bench]\nsystem = 'Ca4S4'\nmethod = 'crysim'\nsolver = 'aneal'\n", "'aneal': did you mean 'annealer'"),
        ("[bench]\nsystem = 'Ca4S4'\nmethod = 'random'\nsolver = 'aneal'\n", "'aneal': did you mean 'annealer'"),
        ("[bench]\nsystem = 'Ca4S4'\nmethod = 'random'\nenergy = 'chgnett'\n", "'chgnett': did you mean 'chgnet'"),
        ("[bench]\nsystem = 'Ca4S4'\nmethod = 'random'\ntoo_close = nan\n", "min_relaxed_distance is nan"),
        ("[bench]\nsystem = 'Ca4S4'\nmethod = 'random'\nmin_distance = -1\n", "min_distance is -1"),
        ("[solver.aneal]\nsweeps = 1\n", "'aneal': did you mean 'annealer'"),
        ("solver = 'annealer'\n", "'solver' in .*\\.toml is a table.*under \\[bench\\]"),
        ("[relax]\nfmx = 1\n", "'fmx': did you mean 'fmax'"),
        ("[relax]\nfmax = 0\n", "fmax"),
        ("[relax]\nsymmetry = 'kept'\n", "symmetry"),
        ("[method.x]\nstrategi = 'crysim'\n", "'strategi': did you mean 'strategy'"),
        ("[method.x]\nsolver = 'exact'\n[bench]\nmethod = 'x'\n", "method.x.*which strategy"),
        ("[method.random]\nstrategy = 'crysim'\n", "another strategy's name"),
        ("[method.'a/b']\nstrategy = 'crysim'\n", "letters"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, message: str) -> None:
    base = "" if "[bench" in text or "[banch" in text else "[bench]\nsystem = 'Ca4S4'\nmethod = 'random'\n"
    with pytest.raises(InputError, match=message):
        read(tmp_path, text + base if text.startswith("solver") else base + text).runs()


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("solver", {"sweps": 3}, "'sweps': did you mean 'sweeps'"),
        ("solver", {"sweeps": "many"}, "'sweeps'"),
        ("surrogate", {"ranks": 3}, "did you mean 'rank'"),
        ("encoder", {"gg": 3}, "'gg'"),
        ("energy", {"option": {}}, "did you mean 'options'"),
    ],
)
def test_options_of_plugins_are_checked(kind: str, options: dict[str, Any], message: str) -> None:
    given = {"system": ["Ca4S4"], "method": ["crysim"], "energy": "ase:emt", f"{kind}_options": options}
    (run,) = read_settings(None, given).runs()
    with pytest.raises(InputError, match=message):
        run.check()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_inital": 3}, "did you mean 'num_initial'"),
        ({"crysym.mid": False}, "did you mean 'crysim'"),
        ({"crysim.mids": False}, "did you mean 'mid'"),
    ],
)
def test_options_of_methods_are_checked(options: dict[str, Any], message: str) -> None:
    given = {"system": ["Ca4S4"], "method": ["crysim", "random"], "energy": "ase:emt", "options": options}
    with pytest.raises(InputError, match=message):
        read_settings(None, given).runs()[0].check()


def test_references_belong_to_a_system() -> None:
    settings = read_settings(None, {"system": ["Ca4S4", "ScBe5"], "method": ["random"]})
    assert all(system.reference is not None for system in settings.systems())
    for reference, message in (
        ("x.cif", "say whose"),
        ("Ca4S5=x.cif", "did you mean 'Ca4S4'"),
        ("Ca4S4=x.cif", "x.cif"),
    ):
        given = {"system": ["Ca4S4", "ScBe5"], "method": ["random"], "reference": [reference]}
        with pytest.raises(InputError, match=message):
            read_settings(None, given).systems()


def test_assignments_are_read_as_toml_and_else_as_text() -> None:
    assert assignments(["a=1", "b=0.5", "c=true", "d=text", "e=[1, 2]", "f='1'", "g=x=y"]) == {
        "a": 1,
        "b": 0.5,
        "c": True,
        "d": "text",
        "e": [1, 2],
        "f": "1",
        "g": "x=y",
    }
    with pytest.raises(InputError, match="KEY=VALUE"):
        assignments(["a"])


def test_ranges_of_numbers() -> None:
    assert numbers("0-2,7, 9-10") == (0, 1, 2, 7, 9, 10)
    assert numbers(3) == (3,)
    assert numbers([4, 5]) == (4, 5)
    assert len(numbers("0-99999")) == 100_000
    for wrong in ("", "a", "3-", "2-1", "-1", "0-100000", "0-1,2-99999999999", "9" * 5000, [], [1.5], 1.5, True, None):
        with pytest.raises(ValueError):
            numbers(wrong)


def test_a_manifest_knows_no_paths_of_this_machine() -> None:
    given = {"system": ["Ca4S4"], "method": ["random"], "energy": "m3gnet", "energy_options": {"path": "/somewhere"}}
    assert "path" not in read_settings(None, given).runs()[0].config()["energy"]["options"]


def test_distances_of_pairs_go_to_the_systems_that_have_them(tmp_path: Path) -> None:
    text = FILE.replace("[relax]", 'min_distance = 1.2\npair_distances = { "Ca-S" = 2.0, "Be-Be" = 1.6 }\n\n[relax]')
    runs = {run.system.formula: run for run in read(tmp_path, text).runs()}
    assert runs["Ca4S4"].pair_distances == {"Ca-S": 2.0}
    assert runs["ScBe5"].pair_distances == {"Be-Be": 1.6}
    assert runs["Ca4S4"].config()["pair_distances"] == {"Ca-S": 2.0}
    assert "pair_distances" not in read(tmp_path, FILE).runs()[0].config()
    given = read(tmp_path, FILE, pair_distances=["Ca-S=2.5"]).runs()[0]
    assert given.problem.min_distances.largest == 2.5


@pytest.mark.parametrize(
    ("pairs", "named"),
    [
        (["Ca-O=2.0"], "'Ca-O' is no pair"),
        (["Ca-S=-2.0"], "Ca-S"),
        (["Ca-S=a"], "pair_distances"),
        (["Ca-S"], "KEY"),
    ],
)
def test_wrong_distances_of_pairs_are_named(tmp_path: Path, pairs: list[str], named: str) -> None:
    with pytest.raises(InputError, match=named):
        read(tmp_path, FILE, pair_distances=pairs).runs()


def test_seed_structures_go_to_the_system_whose_atoms_they_have(tmp_path: Path) -> None:
    crystal = find_system("ScBe5").reference
    assert crystal is not None
    write_cif(crystal, tmp_path / "seed.cif")
    runs = {
        run.system.formula: run for run in read(tmp_path, FILE, seed_structures=[str(tmp_path / "seed.cif")]).runs()
    }
    (seed,) = runs["ScBe5"].seed_structures
    assert (seed.space_group, seed.composition) == (191, crystal.composition)
    assert runs["Ca4S4"].seed_structures == ()
    with pytest.raises(InputError, match=r"seed\.cif.*Be5Sc|seed\.cif.*ScBe5"):
        read(tmp_path, FILE, system=["Ca4S4"], seed_structures=[str(tmp_path / "seed.cif")]).runs()


def test_names_that_settings_and_options_had_are_taken_and_noted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    note.cache_clear()
    text = "[bench]\nsystem = 'Ca4S4'\nmethod = 'crysim'\ntoo_close = 0.8\n[encoder.crysim]\ng = 5\n"
    (run,) = read(tmp_path, text, options={"crysim.explore": 0.5}).runs()
    assert run.min_relaxed_distance == 0.8
    assert options_of(run)["encoder"] == {"grid_resolution": 5}
    assert options_of(run)["strategy"] == {"exploration_weight": 0.5}
    notes = [record.getMessage() for record in caplog.records]
    assert len(notes) == 3
    assert all(one.startswith("note: ") and "\n" not in one for one in notes)


def test_a_setting_by_both_names_is_refused(tmp_path: Path) -> None:
    text = "[bench]\nsystem = 'Ca4S4'\ntoo_close = 0.8\nmin_relaxed_distance = 0.9\n"
    with pytest.raises(InputError, match="'min_relaxed_distance' is given twice"):
        read(tmp_path, text)


def test_an_option_newer_than_a_run_on_disk_is_not_in_its_manifest_unless_it_is_used() -> None:
    from crysim.harness.spec import PartSpec, _resolved

    assert "initial" not in _resolved("strategy", PartSpec("evolution"))["options"]
    assert "initial" not in _resolved("strategy", PartSpec("evolution", {"initial": "random"}))["options"]
    assert _resolved("strategy", PartSpec("evolution", {"initial": "prior"}))["options"]["initial"] == "prior"
