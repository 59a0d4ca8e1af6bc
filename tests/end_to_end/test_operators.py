"""What operators see of a service: ids, lines, figures, spans, and who may come in."""

import contextlib
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import psutil
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families

from service.edge.envelope import HEADERS
from tests.conftest import encoded
from tests.end_to_end.serving import DEADLINE, Running, home_with, running

pytestmark = pytest.mark.slow

KEY = "first-key-of-two"


@dataclass
class Collector:
    """Takes spans as OpenTelemetry's collector does."""

    spans: list[Span] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, request_id: str) -> Span:
        def found() -> list[Span]:
            return [span for span in self.spans if value_of("request_id", span) == request_id]

        with self.changed:
            assert self.changed.wait_for(found, DEADLINE), [span.name for span in self.spans]
            return found()[0]


def value_of(name: str, span: Span) -> str | None:
    return next((a.value.string_value for a in span.attributes if a.key == name), None)


@pytest.fixture(scope="module")
def collector() -> Iterator[tuple[Collector, str]]:
    collected = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            request = ExportTraceServiceRequest.FromString(body)
            with collected.changed:
                for resource in request.resource_spans:
                    for scope in resource.scope_spans:
                        collected.spans.extend(scope.spans)
                collected.changed.notify_all()
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield collected, f"http://127.0.0.1:{server.server_port}/v1/traces"
    server.shutdown()
    thread.join(DEADLINE)
    server.server_close()


@pytest.fixture(scope="module")
def server(
    bundle_data: bytes, tmp_path_factory: pytest.TempPathFactory, collector: tuple[Collector, str]
) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("operators")
    config = folder / "bentoml.yaml"
    config.write_text(
        "services:\n  image_classification:\n    tracing:\n      exporter_type: otlp\n"
        "      sample_rate: 1.0\n      otlp:\n        protocol: http\n"
        f"        endpoint: {collector[1]}\n",
        encoding="utf-8",
    )
    keys = folder / "keys.txt"
    keys.write_text("# for the other line\nsecond-key-of-two\n", encoding="utf-8")
    settings = {
        "TRANSFER_API_KEYS": KEY,
        "TRANSFER_API_KEYS_FILE": str(keys),
        "TRANSFER_LOG_FORMAT": "json",
        "BENTOML_CONFIG": str(config),
    }
    home = home_with(bundle_data, folder / "home")
    with running(home, "0.0.0.0", **settings) as started:  # noqa: S104
        yield started


@pytest.fixture
def client(server: Running) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {KEY}"}
    url = server.url
    with httpx.Client(base_url=url, headers=headers, timeout=DEADLINE) as client:
        yield client


def lines_about(server: Running, request_id: str) -> list[dict[str, object]]:
    lines = [s for s in server.output.read_text().splitlines() if s.startswith("{")]
    return [line for line in map(json.loads, lines) if line.get("request_id") == request_id]


def figures(client: httpx.Client) -> dict[str, float]:
    text = client.get("/metrics").text
    return {
        sample.name + json.dumps(sample.labels, ensure_ascii=False, sort_keys=True): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def total(found: dict[str, float], name: str) -> float:
    return sum(value for key, value in found.items() if key.startswith(name + "{"))


@pytest.mark.parametrize(
    ("route", "status"),
    [
        *((route, 200) for route in ("/", "/docs.json", "/models")),
        *((route, 200) for route in ("/livez", "/readyz", "/healthz", "/metrics", "/schema.json")),
        ("/nothing", 404),
        ("/static_content/marked.min.js", 404),  # of BentoML's own page, which is not shown
        ("/classify", 405),
    ],
)
def test_every_answer_has_an_id_and_careful_headers(
    client: httpx.Client, route: str, status: int
) -> None:
    answer = client.get(route)

    assert answer.status_code == status
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-ID"])
    assert answer.headers.items() >= {k.lower(): v for k, v in HEADERS.items()}.items()


def test_a_request_has_one_line_without_names(
    server: Running, client: httpx.Client, picture: Image.Image
) -> None:
    files = {"image": ("secret-patient.png", encoded(picture))}
    answer = client.post("/classify?who=me", files=files, headers={"X-Request-ID": "ward-7.a_b"})

    (line,) = lines_about(server, "ward-7.a_b")
    assert answer.headers["X-Request-ID"] == "ward-7.a_b"
    assert line["message"] == "POST /classify 200"
    assert line["pictures"] == 1
    assert line["model"] == answer.json()["model"]
    assert line["bytes"] == int(answer.request.headers["Content-Length"])
    assert "secret-patient" not in server.output.read_text()
    assert "who=me" not in server.output.read_text()


def test_a_refusal_has_its_reason_in_line_and_figures(
    server: Running, client: httpx.Client
) -> None:
    before = figures(client)
    answer = client.post("/classify", files={"image": b"no picture"})
    after = figures(client)

    (line,) = lines_about(server, answer.headers["X-Request-ID"])
    assert (line["status"], line["reason"]) == (400, "ImageError")
    refused = 'transfer_refusals_total{"reason": "ImageError", "status": "400"}'
    assert after[refused] == before.get(refused, 0) + 1


def test_no_key_is_logged_and_without_one_nothing_is_answered(server: Running) -> None:
    with httpx.Client(base_url=server.url, timeout=DEADLINE) as stranger:
        refused = stranger.get("/models", headers={"Authorization": "Bearer guessed-key"})
        second = stranger.get("/models", headers={"Authorization": "Bearer second-key-of-two"})

        assert stranger.get("/readyz").status_code == 200
        assert stranger.get("/schema.json").status_code == 401
    assert refused.status_code == 401
    assert second.status_code == 200
    written = server.output.read_text()
    assert not any(key in written for key in (KEY, "second-key-of-two", "guessed-key"))
    assert "ANYBODY WHO REACHES" not in written


def test_pictures_are_counted_by_label_and_measured(
    client: httpx.Client, picture: Image.Image
) -> None:
    before = figures(client)
    client.post("/classify", files=[("image", encoded(picture))] * 5)
    client.post("/explain", files={"image": encoded(picture)})
    after = figures(client)

    def grown(name: str) -> float:
        return total(after, name) - total(before, name)

    assert grown("transfer_answers_total") == 6
    assert grown("transfer_decode_seconds_count") == 6
    assert grown("transfer_queue_wait_seconds_count") == 6
    assert grown("transfer_batch_pictures_sum") == 6
    assert grown("transfer_inference_seconds_count") == grown("transfer_batch_pictures_count")
    assert grown("transfer_render_seconds_count") == 1
    assert after["transfer_queue_pictures{}"] == 0
    assert after["transfer_queue_capacity_pictures{}"] == 256
    (info,) = [key for key in after if key.startswith("transfer_model_info")]
    assert client.get("/models").json()["models"][0]["model"] in info


def test_random_paths_make_no_time_series(client: httpx.Client) -> None:
    def ask(number: int) -> None:
        for path in (f"/random-{number}", f"/livez/{number}", f"/page/{number}"):
            client.get(path)
        client.request(f"BREW{number}", "/")

    ask(-1)
    before = figures(client)
    for number in range(50):
        ask(number)

    assert figures(client).keys() == before.keys()
    assert not [series for series in before if "random" in series]


def test_bentoml_has_spans_of_our_routes(
    client: httpx.Client, collector: tuple[Collector, str], picture: Image.Image
) -> None:
    answer = client.post("/classify", files={"image": encoded(picture)})

    span = collector[0].wait_for(answer.headers["X-Request-ID"])
    assert span.name == "POST /classify"
    assert span.kind == Span.SPAN_KIND_SERVER


def costly_picture() -> bytes:
    """A small file that takes seconds to decode."""
    return encoded(Image.new("RGBA", (7000, 7000)), "PNG")


def test_a_worker_that_was_killed_is_told_of_and_leaves_nothing_in_the_queue(
    bundle_data: bytes, tmp_path: Path
) -> None:
    def queue(server: Running) -> float:
        with httpx.Client(base_url=server.url, timeout=DEADLINE) as client:
            return figures(client)["transfer_queue_pictures{}"]

    def wait_for(value: float, server: Running) -> None:
        limit = time.monotonic() + DEADLINE
        while True:
            with contextlib.suppress(httpx.TransportError, KeyError):
                if queue(server) == value:
                    return
            assert time.monotonic() < limit
            threading.Event().wait(0.1)

    with running(home_with(bundle_data, tmp_path / "home")) as server:
        (worker,) = psutil.Process(server.process.pid).children()
        request = httpx.Request("POST", f"{server.url}/classify", files={"image": costly_picture()})
        head = [f"{name}: {value}" for name, value in request.headers.items()]
        with socket.create_connection(("127.0.0.1", request.url.port)) as client:
            client.sendall("\r\n".join(["POST /classify HTTP/1.1", *head, "", ""]).encode())
            client.sendall(request.read())
            wait_for(1, server)
            worker.kill()
            wait_for(0, server)
            (successor,) = psutil.Process(server.process.pid).children()
        with httpx.Client(base_url=server.url, timeout=DEADLINE) as asker:
            found = figures(asker)
    assert successor.pid != worker.pid
    assert found['transfer_worker_deaths_total{"reason": "SIGKILL"}'] == 1
    assert found["process_resident_memory_bytes{}"] > 0
    line = f"the worker {worker.pid} has ended (SIGKILL), and another begins"
    assert server.output.read_text().count(line) == 1


def test_an_open_door_is_announced_loudly(bundle_data: bytes, tmp_path: Path) -> None:
    with running(home_with(bundle_data, tmp_path / "home"), "0.0.0.0") as server:  # noqa: S104
        written = server.output.read_text()

    assert written.count("ANYBODY WHO REACHES THIS MACHINE CAN USE THE SERVICE") == 1
