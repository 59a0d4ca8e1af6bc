import json
import logging
import queue
import re

import httpx
import pytest
from PIL import Image
from prometheus_client import REGISTRY

from models.session import Prediction
from service.http.route import UNKNOWN
from service.observability.request_log import (
    RequestRecord,
    _JsonFormatter,
    _TextFormatter,
    recorded,
)
from tests.conftest import encoded
from tests.service.conftest import DEADLINE, Served


def access_lines(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == "service.access"]


@pytest.fixture(autouse=True)
def every_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "service.access")


def test_a_line_has_the_template_and_never_the_path(
    client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    client.get("/etc/passwd?token=hidden")
    client.request("BREW", "/models")

    first, second = access_lines(caplog)
    assert first.getMessage() == f"GET {UNKNOWN.template} 404"
    assert second.getMessage() == "OTHER /models 405"


def test_a_line_counts_pictures_and_bytes(
    client: httpx.Client, picture: Image.Image, caplog: pytest.LogCaptureFixture
) -> None:
    files = [("image", encoded(picture)), ("image", b"no")]
    answer = client.post("/classify", files=files)

    (line,) = access_lines(caplog)
    fields = line.__dict__["fields"]
    assert fields["pictures"] == 2
    assert fields["bytes"] == int(answer.request.headers["Content-Length"])
    assert fields["model"] == answer.json()["model"]
    assert fields["milliseconds"] > 0
    assert "reason" not in fields


class Listener(logging.Handler):
    """Waits for a line, and keeps it as the service would write it."""

    def __init__(self, message: str) -> None:
        super().__init__()
        self._message = message
        self.line: queue.Queue[dict[str, str]] = queue.Queue()

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage() == self._message:
            self.line.put(json.loads(_JsonFormatter().format(record)))


def test_a_failure_is_logged_with_the_requests_id(served: Served, picture: Image.Image) -> None:
    def fail(*_: object) -> list[Prediction]:
        raise RuntimeError("the network is broken")

    listener, batcher = Listener("a request failed"), served.engine.models.default.batcher
    batcher._predict, original = fail, batcher._predict
    logging.getLogger("service").addHandler(listener)
    try:
        answer = served.client.post("/classify", files={"image": encoded(picture)})
        failure = listener.line.get(timeout=DEADLINE)
    finally:
        batcher._predict = original
        logging.getLogger("service").removeHandler(listener)

    assert answer.status_code == 500
    assert failure["request_id"] == answer.headers["X-Request-ID"]
    assert failure["traceback"].endswith("RuntimeError: the network is broken")


def a_line(error: Exception | None = None) -> logging.LogRecord:
    record = logging.LogRecord("service.x", logging.ERROR, __file__, 1, "what %s\nis", ("ü",), None)
    record.__dict__["fields"] = {"pictures": 2}
    if error:
        record.exc_info = (type(error), error, error.__traceback__)
    return record


def test_json_is_one_object_a_line() -> None:
    with recorded(RequestRecord("id-1", "GET", "/")):
        line = _JsonFormatter().format(a_line(ValueError("one\ntwo")))

    assert "\n" not in line
    found = json.loads(line)
    assert (found["level"], found["logger"]) == ("ERROR", "service.x")
    assert (found["message"], found["pictures"]) == ("what ü\nis", 2)
    assert found["request_id"] == "id-1"
    assert found["traceback"].endswith("ValueError: one\ntwo")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", found["time"])


def test_text_names_the_request_only_inside_one() -> None:
    with recorded(RequestRecord("id-1", "GET", "/")):
        inside = _TextFormatter().format(a_line())
    outside = _TextFormatter().format(a_line())

    assert inside.endswith("[ERROR] service.x what ü\nis pictures=2 request_id=id-1")
    assert outside.endswith("[ERROR] service.x what ü\nis pictures=2")


def refusals(reason: str, status: int) -> float:
    labels = {"reason": reason, "status": str(status)}
    return REGISTRY.get_sample_value("transfer_refusals_total", labels) or 0


@pytest.mark.parametrize(
    ("path", "body", "reason", "status"),
    [
        ("/nothing", None, "NotFound", 404),
        ("/models", {}, "MethodNotAllowed", 405),
        ("/classify", {"files": {"image": b"no picture"}}, "ImageError", 400),
        ("/classify", {"content": b"x"}, "MediaTypeError", 415),
    ],
)
def test_refusals_are_counted_by_reason(
    client: httpx.Client, path: str, body: dict[str, object], reason: str, status: int
) -> None:
    before = refusals(reason, status)
    assert client.request("POST", path, **(body or {})).status_code == status  # type: ignore[arg-type]

    assert refusals(reason, status) == before + 1


def test_a_refused_picture_among_several_is_counted(
    client: httpx.Client, picture: Image.Image
) -> None:
    def count() -> float:
        labels = {"reason": "ImageError"}
        return REGISTRY.get_sample_value("transfer_refused_pictures_total", labels) or 0

    before = count()
    client.post("/classify", files=[("image", encoded(picture)), ("image", b"no")])

    assert count() == before + 1


def test_answers_are_counted_by_the_models_own_labels(
    client: httpx.Client, picture: Image.Image, tag: str
) -> None:
    label = client.post("/classify", files={"image": encoded(picture)}).json()["predictions"][0]

    labels = {"model": tag, "label": label["label"]}
    assert (REGISTRY.get_sample_value("transfer_answers_total", labels) or 0) >= 1
