"""Checkpoints are found in the documented order, verified by hash, and had whole or not at all."""

import os
import threading
from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from crysim.errors import InputError
from crysim_energies import checkpoints
from crysim_energies.checkpoints import DEFAULT_NAME, FILES, KNOWN, KnownCheckpoint, matgl_cache, resolve

CONTENTS = {"model.json": b"{}", "model.pt": b"arguments", "state.pt": b"weights"}


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """A home folder with no cache, and no search path."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("CRYSIM_MODELS", raising=False)
    return tmp_path / "home"


@pytest.fixture
def known(monkeypatch) -> KnownCheckpoint:
    """A small checkpoint that is known."""
    small = KnownCheckpoint(
        name="Small-PES",
        sha256={file: sha256(data).hexdigest() for file, data in CONTENTS.items()},
        convention="destination",
        url="http://127.0.0.1:9/Small-PES/",
    )
    monkeypatch.setitem(checkpoints.KNOWN, small.name, small)
    return small


def write(folder: Path, **changed: bytes | None) -> Path:
    """A folder with the small checkpoint's files, some of them changed or left out."""
    folder.mkdir(parents=True)
    for file, data in CONTENTS.items():
        other = changed.get(file.replace(".", "_"), data)
        if other is not None:
            (folder / file).write_bytes(other)
    return folder


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args) -> None:
        pass


@pytest.fixture
def server(tmp_path) -> Iterator[str]:
    (tmp_path / "served").mkdir()
    handler = partial(_Quiet, directory=str(tmp_path / "served"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}/"
        running.shutdown()


def test_explicit_path_goes_first(tmp_path, home, known, monkeypatch):
    write(tmp_path / "models" / known.name)
    monkeypatch.setenv("CRYSIM_MODELS", str(tmp_path / "models"))
    other = write(tmp_path / "somewhere")
    found = resolve(known.name, path=other)
    assert found.folder == other
    assert found.verified
    assert found.name == known.name
    assert found.convention == "destination"
    assert found.sha256 == known.sha256


def test_search_path_goes_in_order_and_before_the_cache(tmp_path, home, known, monkeypatch):
    second = write(tmp_path / "second" / known.name)
    cached = write(matgl_cache() / known.name)
    assert resolve(known.name, download=False).folder == cached
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("CRYSIM_MODELS", os.pathsep.join(map(str, (tmp_path / "empty", "", tmp_path / "second"))))
    assert resolve(known.name, download=False).folder == second
    first = write(tmp_path / "empty" / known.name)
    assert resolve(known.name, download=False).folder == first


@pytest.mark.parametrize("file", FILES)
def test_a_corrupt_file_is_named(tmp_path, home, known, monkeypatch, file):
    folder = write(tmp_path / known.name, **{file.replace(".", "_"): b"broken"})
    monkeypatch.setenv("CRYSIM_MODELS", str(tmp_path))
    with pytest.raises(InputError) as caught:
        resolve(known.name)
    message = str(caught.value)
    assert str(folder / file) in message
    assert sha256(b"broken").hexdigest()[:12] in message
    assert known.sha256[file][:12] in message
    assert "corrupt" in message
    assert "\n" not in message


def test_a_corrupt_file_under_another_folder_name_is_found_out(tmp_path, home, known):
    folder = write(tmp_path / "renamed", state_pt=b"weightS")
    with pytest.raises(InputError, match=r"state\.pt' is corrupt"):
        resolve(path=folder)


def test_a_missing_file_is_named(tmp_path, home, known):
    folder = write(tmp_path / known.name, state_pt=None)
    with pytest.raises(InputError, match=r"state\.pt is missing"):
        resolve(path=folder)
    with pytest.raises(InputError, match="does not exist"):
        resolve(path=tmp_path / "nowhere")


def test_a_missing_checkpoint_says_the_ways_to_get_it(home, known):
    with pytest.raises(InputError) as caught:
        resolve(known.name, download=False)
    message = str(caught.value)
    for way in ("CRYSIM_MODELS", str(matgl_cache()), "'path'", known.url, "download=false"):
        assert way in message
    assert "\n" not in message


def test_a_name_is_no_path(home):
    for name in ("../x", "a/b", ""):
        with pytest.raises(InputError, match="'path'"):
            resolve(name, download=False)


def test_an_unknown_checkpoint_needs_to_be_trusted(tmp_path, home, known, monkeypatch):
    folder = write(tmp_path / "Mine", state_pt=b"mine", model_pt=b"too", model_json=b"3")
    monkeypatch.setenv("CRYSIM_MODELS", str(tmp_path))
    with pytest.raises(InputError, match="'unverified'"):
        resolve("Mine")
    for convention in ("source", "destination"):
        found = resolve("Mine", unverified=convention)
        assert found.folder == folder
        assert found.convention == convention
        assert not found.verified
    with pytest.raises(InputError, match="where to download it is not known"):
        resolve("Others")


def test_a_changed_checkpoint_loads_only_by_its_path_and_if_trusted(tmp_path, home, known, monkeypatch):
    folder = write(tmp_path / known.name, state_pt=b"trained on")
    monkeypatch.setenv("CRYSIM_MODELS", str(tmp_path))
    with pytest.raises(InputError, match="corrupt"):
        resolve(known.name, unverified="source")
    assert resolve(path=folder, unverified="source").convention == "source"


def test_downloads_into_the_cache(tmp_path, home, known, server):
    write(tmp_path / "served" / "mirror")
    found = resolve(known.name, url=f"{server}mirror/")
    assert found.folder == matgl_cache() / known.name
    assert found.verified
    assert sorted(p.name for p in matgl_cache().iterdir()) == [known.name]
    assert resolve(known.name, download=False).files == CONTENTS


def test_a_wrong_download_leaves_nothing(tmp_path, home, known, server):
    write(tmp_path / "served" / "mirror", state_pt=b"evil")
    with pytest.raises(InputError, match=r"download failed: sha256 of state\.pt"):
        resolve(known.name, url=f"{server}mirror")
    assert list(matgl_cache().iterdir()) == []
    with pytest.raises(InputError, match=r"download failed: model\.json: File not found"):
        resolve(known.name, url=f"{server}nothing/")
    assert list(matgl_cache().iterdir()) == []


def test_no_network_is_one_line(home, known):
    with pytest.raises(InputError, match=r"download failed: .*[Rr]efused") as caught:
        resolve(known.name)
    assert "\n" not in str(caught.value)


def test_downloads_only_from_the_web(tmp_path, home, known):
    with pytest.raises(InputError, match="http or https"):
        resolve(known.name, url=f"file://{tmp_path}/")


def test_two_downloads_at_once_agree(tmp_path, home, known, server):
    write(tmp_path / "served" / "mirror")
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(resolve(known.name, url=f"{server}mirror"))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.files for one in found] == [CONTENTS] * 4
    assert sorted(p.name for p in matgl_cache().iterdir()) == [known.name]


def test_the_paper_s_checkpoint_is_known(checkpoint):
    assert checkpoint.verified
    assert checkpoint.name == DEFAULT_NAME
    assert checkpoint.convention == KNOWN[DEFAULT_NAME].convention == "destination"
