"""What the benchmarks of the service share: a server of their own, its memory, and a client.

A server runs as a user starts it, with a model store of its own. The client is a thread and a
connection of the standard library; its work is part of the figures, on the same cores.
"""

import argparse
import contextlib
import http.client
import io
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

import numpy as np
import psutil
from PIL import Image

from models import store

ROOT = Path(__file__).parents[1]
BOUNDARY = "a-boundary-that-no-picture-holds"
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
LOST = 0
PORT = "PORT"

#: Seconds after which a client gives up; then the answer counts as lost.
PATIENCE = 120


@dataclass(frozen=True)
class Answer:
    """Status of an answer (0: none came), the seconds until all of it was there, and its body."""

    status: int
    seconds: float
    body: bytes = b""


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        process: its supervisor.
        url: its address.
        output: the file that it writes to.
    """

    process: "subprocess.Popen[bytes]"
    url: str
    output: Path

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or 0

    def worker(self) -> psutil.Process:
        """The process that answers."""
        for child in psutil.Process(self.process.pid).children():
            if "_bentoml_impl.worker.service" in child.cmdline():
                return child
        raise SystemExit("the server has no worker")

    def memory(self) -> float:
        """Resident MiB of the worker and of the processes that decode for it."""
        worker = self.worker()
        found = 0
        for process in (worker, *worker.children()):
            with contextlib.suppress(psutil.NoSuchProcess):  # it has just been replaced
                found += process.memory_info().rss
        return found / 2**20


def parser_for(
    description: str | None, bundle: str = "a small one, trained now"
) -> argparse.ArgumentParser:
    """A parser with what every benchmark of the service takes; `bundle` describes the default."""
    parser = argparse.ArgumentParser(description=(description or "").split("\n", 1)[0])
    parser.add_argument("--bundle", type=Path, help=f"default: {bundle}")
    parser.add_argument("--pictures", type=Path, help="a folder; default: drawn noise, 640 x 480")
    return parser


@contextlib.contextmanager
def serving(bundle: Path | None, **settings: object) -> Iterator[Server]:
    """A server of one bundle in a store of its own; it is stopped in the end."""
    with tempfile.TemporaryDirectory(prefix="bentoml-") as folder, own_store(Path(folder)):
        data = bundle.read_bytes() if bundle else small_bundle(Path(folder))
        store.put(data, "measured")
        with started(Path(folder), **settings) as server:
            yield server


@contextlib.contextmanager
def own_store(home: Path) -> Iterator[None]:
    """This program and the servers that it starts use the store in `home`."""
    os.environ["BENTOML_HOME"] = str(home)
    os.environ["BENTOML_DO_NOT_TRACK"] = "true"
    yield


@contextlib.contextmanager
def started(home: Path, **settings: object) -> Iterator[Server]:
    """A server on a free port; its settings are named as in `service.settings`."""
    chosen = {f"TRANSFER_{name.upper()}": str(value) for name, value in settings.items()}
    command = [program("bentoml"), "serve", "--host", "127.0.0.1", "--port", PORT]
    with launched(command, home / "output.txt", chosen) as server:
        yield server


@contextlib.contextmanager
def launched(
    command: list[str],
    output: Path,
    environment: dict[str, str],
    folder: Path = ROOT,
    ready: str = "/readyz",
) -> Iterator[Server]:
    """Any server on a free port, which takes the place of PORT; it is stopped in the end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
    command = [port if word == PORT else word for word in command]
    with output.open("wb") as file:
        process = subprocess.Popen(
            command, cwd=folder, env=os.environ | environment, stdout=file, stderr=file
        )
        server = Server(process, f"http://127.0.0.1:{port}", output)
        try:
            wait_until_ready(server, ready)
            yield server
        finally:
            stop(process)


def stop(process: "subprocess.Popen[bytes]") -> None:
    """Ends a server, and what it leaves behind."""
    started_by_it = []
    with contextlib.suppress(psutil.NoSuchProcess):
        started_by_it = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    process.wait()
    for child in started_by_it:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()


def program(name: str) -> str:
    """A command that is installed beside this Python."""
    return shutil.which(name, path=Path(sys.executable).parent) or name


def small_bundle(folder: Path) -> bytes:
    """A bundle of a small network with random weights: its answers are no good, its path is."""
    pictures = folder / "pictures"
    tool = Path(sys.executable).parent
    train = [tool / "train-transfer", "--data", pictures, "--backbone", "test_resnet"]
    train += ["--weights", "none", "--out", folder / "runs"]
    for command in ([tool / "draw-screws-nuts", pictures], train):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return next((folder / "runs").rglob("bundle.onnx")).read_bytes()


def random_bundles(name: str, folder: Path) -> tuple[Path, Path]:
    """A backbone with random weights as bundles in fp32 and in int8."""
    command = [sys.executable, Path(__file__).with_name("_random_bundle.py"), name, folder]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return folder / "fp32.onnx", folder / "int8.onnx"


def wait_until_ready(server: Server, path: str = "/readyz") -> None:
    """Asks until the server says so."""
    while server.process.poll() is None:
        connection = connect(server.url)
        with contextlib.suppress(OSError):
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return
        threading.Event().wait(0.1)
    raise SystemExit(f"the server did not start:\n{server.output.read_text()}")


def connect(url: str) -> http.client.HTTPConnection:
    """A connection, made with its first request."""
    return http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)


def post(url: str, path: str, body: bytes) -> Answer:
    """One request on a connection of its own."""
    with contextlib.closing(connect(url)) as connection:
        return exchange(connection, path, body)


def exchange(
    connection: http.client.HTTPConnection,
    path: str,
    body: bytes,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Answer:
    """One request and its whole answer."""
    start = time.perf_counter()
    try:
        connection.request("POST", path, body, {**FORM, **headers})
        response = connection.getresponse()
        found = response.read()
    except (OSError, http.client.HTTPException):
        connection.close()
        return Answer(LOST, time.perf_counter() - start)
    return Answer(response.status, time.perf_counter() - start, found)


def form(*pictures: bytes, **texts: str) -> bytes:
    """Pictures as files of a multipart form."""
    field = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="'
    parts = [f'{field}{name}"\r\n\r\n{text}\r\n'.encode() for name, text in texts.items()]
    head = f'{field}image"; filename="a"\r\n\r\n'.encode()
    parts += [head + data + b"\r\n" for data in pictures]
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def read_pictures(folder: Path | None) -> list[bytes]:
    """Up to 100 files of a folder, else blurred noise as JPEG."""
    if folder:
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return [path.read_bytes() for path in files[:: max(1, len(files) // 100)]]
    rng = np.random.default_rng(0)
    return [noise(rng) for _ in range(20)]


def noise(rng: np.random.Generator) -> bytes:
    """A 640 x 480 JPEG of some 30 kB."""
    small = Image.fromarray(rng.integers(0, 256, (48, 64, 3), dtype=np.uint8))
    buffer = io.BytesIO()
    small.resize((640, 480)).save(buffer, "JPEG", quality=75)
    return buffer.getvalue()


def table(*rows: tuple[str, object]) -> None:
    """Prints names and figures."""
    for name, value in rows:
        print(f"{name:<40}{value!s:>16}", flush=True)
