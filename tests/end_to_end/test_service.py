"""The service as a user starts it: a process, a port, a model store."""

import io
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from PIL import Image

from tests.conftest import encoded
from tests.end_to_end.serving import (
    DEADLINE,
    ROOT,
    Running,
    command,
    environment,
    free_port,
    home_with,
    running,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(bundle_data: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return home_with(bundle_data, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Running]:
    # BentoML then writes to its log what it would have reported.
    with running(home, __BENTOML_DEBUG_USAGE="True") as started:
        yield started


@pytest.fixture
def client(server: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=DEADLINE) as client:
        yield client


def test_a_picture_is_classified_and_explained(client: httpx.Client, picture: Image.Image) -> None:
    files = {"image": ("a.jpg", encoded(picture, "JPEG"))}

    answer = client.post("/classify", files=files).json()["predictions"][0]
    explained = client.post("/explain", files=files)

    with Image.open(io.BytesIO(explained.content)) as shown:
        assert shown.size == picture.size
    assert explained.headers["X-Probability"] == f"{answer['probability']:.6f}"


@pytest.mark.parametrize("route", ["/livez", "/readyz", "/healthz", "/metrics"])
def test_bentomls_own_routes_answer(client: httpx.Client, route: str) -> None:
    assert client.get(route).status_code == 200


def test_figures_are_on_no_disk(client: httpx.Client, home: Path) -> None:
    """One that is full, or gone, would end the worker, or make it wait for ever."""
    figures = client.get("/metrics").text

    assert "transfer_dropped_connections_total" in figures
    assert "bentoml_service_request_total" in figures
    assert not [*home.glob("prometheus_multiproc_dir/*")]


def test_our_routes_and_refusals_come_through(client: httpx.Client) -> None:
    assert client.get("/models").json()["models"][0]["provider"] in ("cpu", "cuda")
    assert "/classify" in client.get("/docs.json").json()["paths"]
    assert client.get("/").headers["content-type"] == "text/html; charset=utf-8"
    assert client.get("/nothing").json()["error"].startswith("GET /nothing: not found")
    assert client.get("/classify").status_code == 405
    assert client.post("/classify", content=b"x").status_code == 415


def test_no_request_is_lost_among_32_clients(client: httpx.Client, picture: Image.Image) -> None:
    good = encoded(picture, "JPEG")

    def ask(number: int) -> int:
        data = b"not a picture" if number % 10 == 0 else good
        return client.post("/classify", files={"image": data}).status_code

    with ThreadPoolExecutor(32) as clients:
        statuses = list(clients.map(ask, range(320)))

    assert statuses == [400 if number % 10 == 0 else 200 for number in range(320)]


def test_a_connection_without_a_request_is_closed(server: Running) -> None:
    address = httpx.URL(server.url)

    with socket.create_connection((address.host, address.port), timeout=DEADLINE) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost:")
        assert connection.recv(1000) == b""


def test_real_photographs_are_answered(client: httpx.Client, shared_data: Path) -> None:
    photographs = sorted((shared_data / "cats_dogs_light" / "test").iterdir())[:8]
    files = [("image", (path.name, path.read_bytes())) for path in photographs]

    answer = client.post("/classify", files=files).json()

    assert [p["file_name"] for p in answer["predictions"]] == [p.name for p in photographs]
    assert all("label" in prediction for prediction in answer["predictions"])


def test_a_stop_answers_what_was_accepted(home: Path, picture: Image.Image) -> None:
    """Sixteen clients are in the middle of their uploads when the stop comes."""
    body = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
    body += encoded(picture) + b"\r\n--b--\r\n"

    with running(home) as server:
        connections = [begin_upload(server, body) for _ in range(16)]
        wait_for_requests_in_progress(server, 16)
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        answers = [end_upload(connection, body) for connection in connections]
        stopping.join(DEADLINE)
        code = server.process.wait(DEADLINE)

    assert [answer[:12] for answer in answers] == [b"HTTP/1.1 200"] * 16
    assert all(b'"label"' in answer for answer in answers)
    assert code == 0


def begin_upload(server: Running, body: bytes) -> socket.socket:
    address = httpx.URL(server.url)
    connection = socket.create_connection((address.host, address.port), timeout=DEADLINE)
    connection.sendall(
        b"POST /classify HTTP/1.1\r\nHost: x\r\n"
        b"Content-Type: multipart/form-data; boundary=b\r\n"
        + f"Content-Length: {len(body)}\r\n\r\n".encode()
        + body[:100]
    )
    return connection


def end_upload(connection: socket.socket, body: bytes) -> bytes:
    with connection:
        connection.sendall(body[100:])
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer


def wait_for_requests_in_progress(server: Running, count: int) -> None:
    limit = time.monotonic() + DEADLINE
    while True:
        lines = httpx.get(f"{server.url}/metrics", timeout=DEADLINE).text.splitlines()
        gauge = [s for s in lines if "request_in_progress{" in s and '"/classify"' in s]
        if gauge and float(gauge[0].split()[-1]) == count:
            return
        assert time.monotonic() < limit
        threading.Event().wait(0.05)


def refused_start(home: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(free_port()),
        cwd=ROOT,
        env=environment(home, __BENTOML_DEBUG_USAGE="True", **more),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


def test_what_cannot_start_ends_with_one_sentence(tmp_path: Path) -> None:
    ended = refused_start(tmp_path, TRANSFER_MAX_BATCH="x")

    assert ended.returncode == 1
    assert ended.stderr.startswith("not started: TRANSFER_MAX_BATCH is 'x'")
    assert len(ended.stderr.splitlines()) == 1
    assert "Tracking Payload" not in ended.stdout


def test_a_door_that_only_this_machine_reaches_is_not_announced(server: Running) -> None:
    assert "ANYBODY WHO REACHES" not in server.output.read_text()


def test_nothing_is_reported_to_anybody(server: Running, client: httpx.Client) -> None:
    client.get("/models")

    assert "Tracking Payload" not in server.output.read_text()
