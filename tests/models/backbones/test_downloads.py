"""Fetching weights that are not on the hub, from a real server on this machine."""

import hashlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from models.backbones import hub
from models.backbones.hub import download
from models.pretrained import problem_reaching


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of a server, and the folder that it serves."""
    (tmp_path / "served").mkdir()
    handler = partial(Quiet, directory=str(tmp_path / "served"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}", tmp_path / "served"
        running.shutdown()


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that takes a connection and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture(autouse=True)
def torch_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "torch"


def test_a_file_with_the_right_digest_comes_into_torch_s_cache(
    server: tuple[str, Path], torch_home: Path
) -> None:
    address, folder = server
    name = f"net-{hashlib.sha256(b'numbers').hexdigest()[:8]}.pth"
    (folder / name).write_bytes(b"numbers")

    file = download(f"{address}/{name}")

    assert file == torch_home / "hub" / "checkpoints" / name
    assert file.read_bytes() == b"numbers"


def test_a_file_with_another_digest_is_not_kept(server: tuple[str, Path], torch_home: Path) -> None:
    address, folder = server
    (folder / "net-0123abcd.pth").write_bytes(b"numbers")

    with pytest.raises(RuntimeError, match="invalid hash value"):
        download(f"{address}/net-0123abcd.pth")

    assert not [path for path in torch_home.rglob("*") if path.is_file()]


def test_a_download_that_stands_still_is_given_up(
    silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "STALL_PATIENCE_S", 0.1)

    with pytest.raises(TimeoutError):
        download(f"{silent}/net.pth")

    assert socket.getdefaulttimeout() is None


def test_a_server_that_answers_is_reached(server: tuple[str, Path]) -> None:
    assert problem_reaching(server[0]) is None


def test_a_server_that_does_not_answer_is_waited_for_no_longer_than_said(silent: str) -> None:
    found = problem_reaching(silent, patience_s=0.1)

    assert found is not None
    assert found.startswith(f"{silent} could not be reached within 0 s (")


@pytest.mark.slow
def test_without_a_network_torchvision_s_weights_are_a_sentence(torch_home: Path) -> None:
    code = "from models.backbones.weights import load_from_hub; load_from_hub('alexnet')"
    environment = {**os.environ, "HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": ""}

    found = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=False, capture_output=True, text=True
    ).stderr.splitlines()[-1]

    assert "the ImageNet weights of alexnet are not on this machine" in found
    assert "https://download.pytorch.org could not be reached within 5 s" in found
    assert "(TORCH_HOME)" in found
    assert not torch_home.exists()
