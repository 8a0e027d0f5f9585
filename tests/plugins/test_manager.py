"""Plug-ins are found one by one: the broken, the clashing and the misspelt are named and stop nothing else."""

import json
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import Distribution, EntryPoint
from typing import Literal

import pytest

from crysim.errors import InputError, MissingExtraError, PluginError, UnknownNameError
from crysim.interfaces import IsingSolver
from crysim.plugins import PluginManager, plugin_manager
from crysim.plugins.probe import fatal_imports

MODULE = """
from crysim import hookimpl
from crysim.interfaces import IsingSolver

class Solver(IsingSolver):
    name = "{name}"
    {extra}
    def __init__(self, *, sweeps: int = 100, {argument}) -> None:
        self.sweeps = sweeps
    def solve(self, model, *, num_samples=1, time_limit=None, seed=0):
        raise NotImplementedError

@hookimpl
def crysim_solvers():
    return [Solver]
"""


class _Dist(Distribution):
    def __init__(self, name):
        self._name = name

    def read_text(self, filename):
        return f"Metadata-Version: 2.1\nName: {self._name}\nVersion: 1.2\n" if filename == "METADATA" else None

    def locate_file(self, path):
        return path


@pytest.fixture
def point(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)

    def make(module, source, distribution="somebody", name=None):
        (tmp_path / f"{module}.py").write_text(source)
        return EntryPoint(name or f"solver-{module}", module, "crysim")._for(_Dist(distribution))

    return make


def solver(name, extra="", argument=""):
    return MODULE.format(name=name, extra=extra, argument=argument)


def test_a_broken_plugin_is_listed_and_stops_nothing_until_it_is_asked_for(point):
    manager = PluginManager([point("sound_one", solver("sound")), point("wreck", "import no_such_package")])
    assert manager.build("solver", "sound").sweeps == 100
    broken = [info for info in manager.infos() if info.state == "broken"]
    assert [info.name for info in broken] == ["solver-wreck"]
    assert "no_such_package" in broken[0].reason
    with pytest.raises(PluginError, match=r"somebody 1\.2 is broken.*no_such_package"):
        manager.get("solver", "wreck")


def test_two_plugins_of_one_name_are_an_error_that_names_both(point):
    points = [point("twin_a", solver("twin"), "house-a"), point("twin_b", solver("twin"), "house-b")]
    manager = PluginManager(points)
    with pytest.raises(PluginError, match=r"house-a 1\.2 and house-b 1\.2"):
        manager.get("solver", "twin")
    assert {info.state for info in manager.infos()} == {"broken"}


def test_a_misspelt_name_or_option_suggests_the_right_one(point):
    manager = PluginManager([point("mild", solver("annealer"))])
    with pytest.raises(UnknownNameError, match="did you mean 'annealer'"):
        manager.build("solver", "aneal")
    with pytest.raises(UnknownNameError, match="did you mean 'sweeps'"):
        manager.build("solver", "annealer", {"sweep": 3})
    with pytest.raises(InputError, match="must be int"):
        manager.build("solver", "annealer", {"sweeps": "many"})


def test_plugins_that_exit_or_fail_to_answer_are_named_and_stop_nothing(point):
    dumb = solver("dumb", "unavailable = classmethod(lambda cls: 1 / 0)\n    extra = None")
    hidden = "from __future__ import annotations\n" + solver("hidden", argument="device: NowhereDefined = None")
    points = [point("leaver", "raise SystemExit('no licence')"), point("dumb", dumb), point("hidden", hidden)]
    manager = PluginManager(points)
    states = {info.name: (info.state, info.reason) for info in manager.infos()}
    assert states["solver-leaver"] == ("broken", "SystemExit: no licence")
    assert states["dumb"] == ("unavailable", "ZeroDivisionError: division by zero")
    with pytest.raises(InputError, match="cannot run here: ZeroDivisionError"):
        manager.build("solver", "dumb")
    assert manager.build("solver", "hidden", {"sweeps": 3, "device": "gpu"}).sweeps == 3


def test_arguments_after_a_colon(point):
    manager = PluginManager([point("colon", solver("colon", 'argument = "sampler"', "sampler: str"))])
    assert manager.names("solver") == ["colon:SAMPLER"]
    manager.build("solver", "colon:tabu")
    with pytest.raises(InputError, match="needs an argument: colon:SAMPLER"):
        manager.build("solver", "colon")


def test_a_name_without_argument_refuses_one(point):
    with pytest.raises(InputError, match="takes no argument"):
        PluginManager([point("plain", solver("plain"))]).build("solver", "plain:x")


def test_a_missing_extra_is_named(point):
    source = solver("heavy", 'extra = "heavy-extra"\n    unavailable = classmethod(lambda cls: "no module heavy")')
    manager = PluginManager([point("heavy", source)])
    assert manager.infos()[0].state == "unavailable"
    with pytest.raises(MissingExtraError, match=r"crysim\[heavy-extra\]"):
        manager.build("solver", "heavy")


def test_another_version_of_the_interfaces_is_refused(point):
    manager = PluginManager([point("old", solver("old", "api_version = 0"))])
    assert manager.infos()[0].state == "broken"
    with pytest.raises(PluginError, match="version 0"):
        manager.get("solver", "old")


def test_hooks_that_return_something_else_are_broken(point):
    source = "from crysim import hookimpl\n@hookimpl\ndef crysim_solvers():\n    return [3]\n"
    assert "must return plug-in classes" in PluginManager([point("odd", source)]).infos()[0].reason
    assert "registers no plug-in" in PluginManager([point("empty", "x = 1\n")]).infos()[0].reason


def test_option_types_from_annotations(point):
    class Typed(IsingSolver):
        name = "typed"

        def __init__(
            self,
            *,
            mode: Literal["a", "b"] = "a",
            limit: float | None = None,
            flag: bool = False,
            table: dict[str, float] | None = None,
            numbers: Iterable[int] | None = None,
            pair: tuple[int, str] = (1, "a"),
        ) -> None:
            pass

        def solve(self, model, *, num_samples=1, time_limit=None, seed=0):
            raise NotImplementedError

    from crysim.plugins import check_options

    check_options("solver 'typed'", Typed, {"mode": "b", "limit": 3, "flag": True, "table": {"a": 1}, "numbers": [1]})
    check_options("solver 'typed'", Typed, {"limit": None, "table": None, "numbers": (), "pair": [3, "b"]})
    for wrong in (
        {"mode": "c"},
        {"limit": "x"},
        {"limit": True},
        {"limit": float("nan")},
        {"flag": 1},
        {"table": 2.0},
        {"table": {"a": "x"}},
        {"numbers": 5},
        {"numbers": "5-7"},
        {"numbers": [5, "x"]},
        {"pair": 3},
    ):
        with pytest.raises(InputError, match="must be"):
            check_options("solver 'typed'", Typed, wrong)
    with pytest.raises(InputError, match=r"it must be Iterable\[int\] \| None"):
        check_options("solver 'typed'", Typed, {"numbers": 5})


def test_every_first_party_plugin_loads():
    states = {f"{info.kind} {info.name}": (info.state, info.reason) for info in plugin_manager().infos()}
    assert not {name: state for name, state in states.items() if state[0] == "broken"}
    for wanted in ("encoder crysim", "surrogate fm", "solver annealer", "strategy crysim", "strategy random"):
        assert wanted in states


def test_the_command_lists_plugins_as_json():
    run = subprocess.run([sys.executable, "-m", "crysim", "plugins", "--json"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    annealer = next(p for p in json.loads(run.stdout) if p["kind"] == "solver" and p["name"] == "annealer")
    assert annealer["distribution"] == "crysim"
    assert annealer["state"] == "ok"
    assert annealer["options"]


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("markup", solver("[/x]")),
        ("spaced", solver("a b")),
        ("number", solver("x").replace('name = "x"', "name = 3")),
        ("argument", solver("x", "argument = 3")),
        ("rule", solver("x", 'argument = "a b"')),
        ("shy", "class Shy:\n    def __repr__(self):\n        raise RuntimeError\n" + solver("x", "", "shy=Shy()")),
        ("mute", "class Mute(Exception):\n    def __str__(self):\n        raise RuntimeError\nraise Mute"),
        ("empty", "raise ValueError"),
        ("interrupt", "raise KeyboardInterrupt"),
        ("base", "raise BaseException('odd')"),
        ("group", "raise BaseExceptionGroup('odd', [KeyboardInterrupt()])"),
    ],
)
def test_a_plugin_that_cannot_even_be_listed_is_broken_and_stops_nothing(point, monkeypatch, name, source):
    """Promise 14. Within a command, which knows that the user interrupted nothing."""
    monkeypatch.setattr("crysim.plugins.manager.is_interrupted", lambda: False)
    manager = PluginManager([point(f"odd_{name}", source), point(f"sound_{name}", solver("sound"))])
    states = {info.name: info.state for info in manager.infos()}
    assert states == {f"solver-odd_{name}": "broken", "sound": "ok"}
    assert manager.build("solver", "sound").sweeps == 100
    assert all("\n" not in info.reason for info in manager.infos())


@pytest.mark.parametrize("module", ["being_written", "being_written_package.inner.plugin"])
def test_a_plugin_that_changed_since_it_survived_is_imported_elsewhere_again(module, point, monkeypatch, tmp_path):
    """One that is being written keeps its version."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    *packages, last = module.split(".")
    folder = tmp_path.joinpath(*packages)
    folder.mkdir(parents=True, exist_ok=True)
    for depth in range(len(packages)):
        tmp_path.joinpath(*packages[: depth + 1], "__init__.py").touch()
    there = EntryPoint("solver-written", module, "crysim")._for(_Dist("somebody"))
    (folder / f"{last}.py").write_text(solver("written"))
    assert not fatal_imports([there])
    (folder / f"{last}.py").write_text("import os\nos._exit(3)")
    assert list(fatal_imports([there]).values()) == ["its import ends the process (exit code 3)"]


def test_a_plugin_that_exits_when_it_is_asked_whether_it_can_run_is_unavailable(point):
    source = solver("leaver", "unavailable = classmethod(lambda cls: (_ for _ in ()).throw(SystemExit('no licence')))")
    number = solver("number", "unavailable = classmethod(lambda cls: 3)")
    manager = PluginManager([point("leaver_asked", source), point("number_asked", number)])
    assert {info.name: info.state for info in manager.infos()} == {"leaver": "unavailable", "number": "unavailable"}


def test_the_users_interrupt_while_plugins_load_is_not_a_broken_plugin(point, monkeypatch):
    monkeypatch.setattr("crysim.plugins.manager.is_interrupted", lambda: True)
    with pytest.raises(KeyboardInterrupt):
        PluginManager([point("interrupted", "raise KeyboardInterrupt")])


def test_a_plugin_whose_import_ends_the_process_is_named_and_the_others_are_used(point, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    crash = "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)"
    points = [
        point("first_sound", solver("first")),
        point("leaver_now", "import os\nos._exit(3)"),
        point("crasher", crash),
        point("last_sound", solver("last")),
    ]
    fatal = fatal_imports(points)
    assert {p.name: reason for p, reason in fatal.items()} == {
        "solver-leaver_now": "its import ends the process (exit code 3)",
        "solver-crasher": "its import ends the process (signal SIGSEGV)",
    }
    manager = PluginManager(points, fatal)
    assert {info.name: info.state for info in manager.infos()} == {
        "first": "ok",
        "last": "ok",
        "solver-crasher": "broken",
        "solver-leaver_now": "broken",
    }
    begun = []
    monkeypatch.setattr("crysim.plugins.probe._import_elsewhere", lambda modules: begun.append(modules) or (0, "again"))
    assert set(fatal_imports(points)) == {points[1], points[2]}
    assert begun == [["leaver_now", "crasher"], ["crasher"]]  # what survived once is remembered
