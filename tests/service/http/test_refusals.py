"""Every way to be refused: the status, and one sentence as JSON."""

import gzip
import io
import logging
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from models.decoding.batching import MicroBatcher
from models.preprocessing import Pixels
from models.session import Prediction
from tests.conftest import encoded
from tests.service.conftest import DEADLINE, Serve, Served, wait_until

FORM = {"Content-Type": "multipart/form-data; boundary=b"}
PART = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
END = b"\r\n--b--\r\n"


def post(client: httpx.Client, content: bytes, route: str = "/classify") -> httpx.Response:
    return client.post(route, content=content, headers=FORM)


BROKEN_FORMS = {
    "empty": (b"", "it ends in the middle"),
    "no form": (b"hello", "the form is broken"),
    "cut off in a file": (PART + b"GIF89a", "it ends in the middle"),
    "cut off in a header": (PART[:30], "it ends in the middle"),
    "no part": (b"--b--\r\n", "there is no file in the field 'image'"),
    "part without a name": (b"--b\r\nA: b\r\n\r\nx" + END, "unknown field ''"),
    "too many headers": (b"--b\r\n" + b"A: b\r\n" * 50 + b"\r\nx" + END, "the form is broken"),
    "header too long": (b"--b\r\nA: " + b"x" * 9000 + b"\r\n\r\nx" + END, "the form is broken"),
}


@pytest.mark.parametrize("route", ["/classify", "/explain"])
@pytest.mark.parametrize(("content", "sentence"), BROKEN_FORMS.values(), ids=BROKEN_FORMS)
def test_a_broken_form_is_refused(
    client: httpx.Client, content: bytes, sentence: str, route: str
) -> None:
    response = post(client, content, route)

    assert response.status_code == 400
    assert sentence in response.json()["error"]


@pytest.mark.parametrize("route", ["/classify", "/explain"])
def test_what_is_no_picture_is_refused(client: httpx.Client, route: str) -> None:
    response = client.post(route, files={"image": b"hello"})

    assert response.status_code == 400
    assert response.json() == {"error": "this is text, not a picture"}


def test_an_empty_file_is_refused(client: httpx.Client) -> None:
    response = client.post("/classify", files={"image": ("a.png", b"")})

    assert response.status_code == 400
    assert response.json() == {"error": "the file is empty"}


def test_a_file_field_that_nobody_filled_holds_no_file(client: httpx.Client) -> None:
    response = post(client, PART.replace(b'"a"', b'""') + END)

    assert response.status_code == 400
    assert response.json() == {"error": "there is no file in the field 'image'"}


def test_a_text_where_a_file_belongs_is_refused_and_nothing_is_fetched(
    client: httpx.Client,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/a.png"
        form = PART.replace(b'; filename="a"', b"") + url.encode() + END

        response = post(client, form)

        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert response.status_code == 400
    assert "must hold a file, and holds text" in response.json()["error"]


def test_another_field_is_refused_by_its_name(client: httpx.Client, png: bytes) -> None:
    response = client.post("/classify", files={"picture": png})

    assert response.status_code == 400
    assert response.json() == {"error": "unknown field 'picture'; known are: image, top_k, model"}


def test_a_text_that_classify_does_not_know_is_refused(client: httpx.Client, png: bytes) -> None:
    response = client.post("/classify", files={"image": png}, data={"style": "raw"})

    assert response.status_code == 400
    assert "unknown field 'style'" in response.json()["error"]


def test_a_text_that_stands_there_twice_is_refused(client: httpx.Client, png: bytes) -> None:
    response = client.post("/explain", files={"image": png}, data={"style": ["raw", "overlay"]})

    assert response.status_code == 400
    assert response.json() == {"error": "the field 'style' stands there twice"}


def test_a_text_that_is_too_long_is_refused(client: httpx.Client, png: bytes) -> None:
    response = client.post("/explain", files={"image": png}, data={"class": "x" * 600})

    assert response.status_code == 413
    assert "at most 512 bytes" in response.json()["error"]


@pytest.mark.parametrize(
    "media_type",
    ["application/json", "imagepng", "image", "application/x-www-form-urlencoded", ""],
)
def test_what_is_neither_a_form_nor_a_picture_is_refused(
    client: httpx.Client, png: bytes, media_type: str
) -> None:
    response = client.post("/classify", content=png, headers={"Content-Type": media_type})

    assert response.status_code == 415
    assert "send the picture as multipart/form-data" in response.json()["error"]


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "br", "deflate, gzip"])
@pytest.mark.parametrize("media_type", ["image/png", "multipart/form-data; boundary=b"])
def test_a_compressed_body_is_refused_by_its_name(
    client: httpx.Client, png: bytes, coding: str, media_type: str
) -> None:
    headers = {"Content-Type": media_type, "Content-Encoding": coding}

    response = client.post("/classify", content=gzip.compress(png), headers=headers)

    assert response.status_code == 415
    assert f"a body with Content-Encoding {coding.lower()} is not read" in response.json()["error"]


def test_a_body_that_should_be_a_picture_and_is_none_is_refused(client: httpx.Client) -> None:
    headers = {"Content-Type": "image/jpeg"}

    empty, text = (client.post("/classify", content=c, headers=headers) for c in (b"", b"x"))

    assert (empty.status_code, text.status_code) == (400, 400)
    assert empty.json()["error"] == "the body is empty: it should be a picture"
    assert "not a picture" in text.json()["error"]


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "many", "\u0662", "9999999999"])
def test_top_k_is_a_number_from_1_on(client: httpx.Client, png: bytes, value: str) -> None:
    for route in ("/classify", "/explain"):
        response = client.post(route, params={"top_k": value}, files={"image": png})

        assert response.status_code == 422
        assert response.json()["error"] == (
            f"top_k is {value!r}; it takes a whole number from 1 on"
        )


def test_a_form_whose_boundary_is_too_long_is_refused(client: httpx.Client) -> None:
    headers = {"Content-Type": f"multipart/form-data; boundary={'b' * 257}"}

    response = client.post("/classify", content=b"", headers=headers)

    assert response.status_code == 400
    assert response.json()["error"].startswith("the form is broken: Boundary length 257")


def test_a_form_without_a_boundary_is_refused(client: httpx.Client) -> None:
    headers = {"Content-Type": "multipart/form-data"}

    response = client.post("/classify", content=b"x", headers=headers)

    assert response.status_code == 400
    assert "names no boundary" in response.json()["error"]


def test_a_body_above_the_limit_is_refused_by_what_it_declares(serve: Serve) -> None:
    with serve(max_body_bytes=1000) as served:
        response = served.client.post("/classify", files={"image": bytes(2000)})

    assert response.status_code == 413
    assert response.json() == {"error": "the body is too large: at most 1,000 bytes are read"}


def test_a_body_of_unknown_length_is_counted_while_it_arrives(serve: Serve) -> None:
    with serve(max_body_bytes=1000) as served:
        chunks = (part for part in (PART, *[bytes(500)] * 3, END))
        response = served.client.post("/classify", content=chunks, headers=FORM)

    assert response.status_code == 413


def test_a_client_that_waits_for_leave_to_send_sends_nothing_that_is_too_large(
    serve: Serve,
) -> None:
    with serve(max_body_bytes=1000) as served:
        answer = head_only(served, "Expect: 100-continue", length=2000)

    assert answer.startswith(b"HTTP/1.1 413")


def head_only(served: Served, *headers: str, length: int) -> bytes:
    """Sends the head of a request, no body, and returns what comes back."""
    head = [
        "POST /classify HTTP/1.1",
        "Host: x",
        f"Content-Type: {FORM['Content-Type']}",
        f"Content-Length: {length}",
        *headers,
    ]
    with socket.create_connection(("127.0.0.1", served.port), timeout=DEADLINE) as connection:
        connection.sendall("\r\n".join([*head, "", ""]).encode())
        answer = bytearray()
        while not answer.endswith(b"}") and (part := connection.recv(4096)):
            answer += part
        return bytes(answer)


def test_too_many_pictures_are_refused(serve: Serve, png: bytes) -> None:
    with serve(max_pictures=2) as served:
        response = served.client.post("/classify", files=[("image", png)] * 3)

    assert response.status_code == 413
    assert response.json() == {"error": "too many files: at most 2 in one request here"}


def test_a_form_of_many_empty_parts_is_refused_at_its_first_ones(client: httpx.Client) -> None:
    """Half a million fit into a body that is allowed, and took the event loop for 14 seconds."""
    part = b'--b\r\nContent-Disposition: form-data; name="image"; filename=""\r\n\r\n\r\n'

    response = client.post(
        "/explain",
        content=part * 9 + b"--b--\r\n",
        headers={"Content-Type": "multipart/form-data; boundary=b"},
    )

    assert response.status_code == 413
    assert response.json() == {"error": "the form has too many parts: at most 8 are read here"}


def test_a_file_where_a_text_belongs_is_refused(client: httpx.Client, png: bytes) -> None:
    response = client.post("/explain", files={"image": png, "class": png})

    assert response.status_code == 400
    assert response.json() == {"error": "the field 'class' must hold text, and holds a file"}


@pytest.mark.parametrize("route", ["/classify", "/explain"])
def test_too_many_pixels_are_refused(serve: Serve, png: bytes, route: str) -> None:
    with serve(max_pixels=96 * 72 - 1) as served:
        response = served.client.post(route, files={"image": png})

    assert response.status_code == 413
    assert response.json() == {"error": "the picture has 96 x 72 pixels; at most 6,911 are read"}


def test_a_full_queue_refuses_before_it_reads_the_body(serve: Serve) -> None:
    with serve(queue_size=1, max_pictures=1) as served, served.engine.admission.admit(1):
        answer = head_only(served, length=1000)

    assert answer.startswith(b"HTTP/1.1 503")
    assert b"retry-after: 1\r\n" in answer.lower()
    assert b'{"error":"the queue is full: of 1 places 1 are taken' in answer


def test_a_burst_beyond_the_queue_is_answered_or_refused_at_once(serve: Serve, png: bytes) -> None:
    with (
        serve(queue_size=4, max_pictures=4) as served,
        httpx.Client(base_url=served.client.base_url, timeout=DEADLINE) as client,
        ThreadPoolExecutor(40) as clients,
    ):
        burst = [clients.submit(client.post, "/classify", files={"image": png}) for _ in range(200)]
        answers = [one.result() for one in burst]
        afterwards = client.post("/classify", files={"image": png})

        assert served.engine.admission.pictures == 0
        assert served.engine.admission.bytes == 0
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert all("Retry-After" in answer.headers for answer in answers if answer.status_code == 503)
    assert any(answer.status_code == 200 for answer in answers)
    assert afterwards.status_code == 200


def test_the_queue_is_counted_in_pictures(serve: Serve, png: bytes) -> None:
    with serve(queue_size=3, max_pictures=3) as served:
        fits = served.client.post("/classify", files=[("image", png)] * 3)
        with served.engine.admission.admit(1):
            refused = served.client.post("/classify", files=[("image", png)] * 3)
            single = served.client.post("/classify", files=[("image", png)] * 2)

    assert fits.status_code == 200
    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "1"
    assert single.status_code == 200


@pytest.mark.parametrize(
    ("method", "route", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/classify/", 404),
        ("POST", "/nothing", 404),
        ("GET", "/classify", 405),
        ("DELETE", "/explain", 405),
        ("POST", "/models", 405),
        ("POST", "/livez", 405),
    ],
)
def test_unknown_routes_and_methods_are_refused_with_a_sentence(
    client: httpx.Client, method: str, route: str, status: int
) -> None:
    response = client.request(method, route)

    assert response.status_code == status
    assert response.json()["error"].startswith(f"{method} {route}: ")


def test_what_nobody_foresaw_is_logged_and_tells_nothing(
    served: Served, png: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> list[Prediction]:
        raise RuntimeError("a secret of ours")

    batcher = served.engine.models.default.batcher
    batcher._predict, original = fail, batcher._predict
    try:
        with caplog.at_level(logging.ERROR):
            response = served.client.post("/classify", files={"image": png})
    finally:
        batcher._predict = original

    assert response.status_code == 500
    assert response.json() == {"error": "this failed here, not at your end; the log has the reason"}
    assert "a secret of ours" in caplog.text


def test_a_client_that_hangs_up_leaves_the_queue(serve: Serve, png: bytes) -> None:
    batches: list[int] = []
    is_running, may_go = threading.Event(), threading.Event()

    with serve() as served:
        batcher: MicroBatcher = served.engine.models.default.batcher
        predict = batcher._predict

        def held_up(
            pixels: Pixels, class_index: npt.NDArray[np.int64], _: object = None
        ) -> list[Prediction]:
            batches.append(len(pixels))
            is_running.set()
            assert may_go.wait(DEADLINE)
            return predict(pixels, class_index)

        batcher._predict = held_up
        with send(served, png):
            assert is_running.wait(DEADLINE)
            with send(served, png):
                wait_until(lambda: served.engine.admission.pictures == 2)
        wait_until(lambda: served.engine.admission.pictures == 0)
        may_go.set()
        assert served.client.post("/classify", files={"image": png}).status_code == 200

    assert batches == [1, 1]


def send(served: Served, data: bytes) -> socket.socket:
    """Sends a whole request, and waits for no answer."""
    connection = socket.create_connection(("127.0.0.1", served.port), timeout=DEADLINE)
    body = PART + data + END
    head = f"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
    connection.sendall(f"{head}Content-Type: {FORM['Content-Type']}\r\n\r\n".encode() + body)
    return connection


def test_a_large_upload_is_never_written_to_disk(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Starlette's own parser would write it to a temporary file."""
    monkeypatch.setattr("tempfile._get_default_tempdir", lambda: pytest.fail("a file was made"))
    monkeypatch.setattr("tempfile.tempdir", None)
    noise = np.random.default_rng(0).integers(0, 256, (900, 900, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise))
    assert len(data) > 2_000_000

    response = client.post("/explain", files={"image": data})

    assert Image.open(io.BytesIO(response.content)).size == (900, 900)
