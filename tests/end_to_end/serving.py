"""Starts `bentoml serve` in the repository's root, as a user does."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import bentoml
import httpx

from models import store

ROOT = Path(__file__).parents[2]

#: Seconds until a test gives up; nothing is measured by it.
DEADLINE = 120


@dataclass(frozen=True)
class Running:
    """A server process that says it is ready."""

    process: subprocess.Popen[str]
    url: str
    output: Path

    def stop(self) -> int:
        """Ends it as a supervisor would, and returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE)


def home_with(bundle: bytes, folder: Path) -> Path:
    """A BENTOML_HOME of its own with one bundle: two servers in one home wipe their metrics."""
    stored = store.put(bundle, "served")
    shutil.copytree(stored.path.parents[1], folder / "models" / "served")
    bentoml.models.delete(stored.tag)
    return folder


def command(port: int) -> list[str]:
    return [str(Path(sys.executable).with_name("bentoml")), "serve", "--port", str(port)]


def environment(home: Path, **more: str) -> dict[str, str]:
    """The environment of a user who knows nothing of BentoML's telemetry."""
    kept = {name: value for name, value in os.environ.items() if "BENTOML" not in name}
    return kept | {"BENTOML_HOME": str(home)} | more


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@contextlib.contextmanager
def running(home: Path, host: str = "127.0.0.1", **more: str) -> Iterator[Running]:
    """A server of this checkout that is ready; it is stopped in the end."""
    port = free_port()
    arguments = [*command(port), "--host", host]
    with started(arguments, port, ROOT, environment(home, **more)) as server:
        yield server


@contextlib.contextmanager
def started(
    arguments: list[str], port: int, folder: Path, environment: dict[str, str]
) -> Iterator[Running]:
    """A server process that is ready; it is stopped in the end. Its output is in its home."""
    output = Path(environment["BENTOML_HOME"]) / "output.txt"
    with output.open("w") as file:
        process = subprocess.Popen(
            arguments, cwd=folder, env=environment, stdout=file, stderr=subprocess.STDOUT, text=True
        )
        server = Running(process, f"http://127.0.0.1:{port}", output)
        try:
            wait_until_ready(server)
            yield server
        finally:
            if process.poll() is None:
                server.stop()


def wait_until_ready(server: Running) -> None:
    limit = time.monotonic() + DEADLINE
    while True:
        assert server.process.poll() is None, server.output.read_text()
        assert time.monotonic() < limit, server.output.read_text()
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{server.url}/readyz", timeout=DEADLINE).status_code == 200:
                return
        threading.Event().wait(0.1)
