"""Clients that take their time: each limit ends them, and nobody else waits."""

import socket
import threading

import httpx
import numpy as np
import numpy.typing as npt
import psutil
import pytest
from PIL import Image

from models.preprocessing import Pixels
from models.session import Prediction
from tests.conftest import encoded
from tests.service.conftest import DEADLINE, Serve, Served, wait_until

HEAD = (
    b"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"
    b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
)


def connect(served: Served, sent: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", served.port), timeout=DEADLINE)
    connection.sendall(sent)
    return connection


def everything_from(connection: socket.socket) -> bytes:
    """What comes until the server closes."""
    with connection:
        found = b""
        while chunk := connection.recv(65536):
            found += chunk
        return found


def takes(connection: socket.socket, data: bytes) -> bool:
    try:
        connection.sendall(data)
    except ConnectionError:
        return False
    return True


def is_open(served: Served, client: socket.socket) -> bool:
    """Whether the server, in this process, still has its end of a client's connection."""
    ends = (served.port, client.getsockname()[1])
    return any(
        (found.laddr.port, found.raddr.port) == ends
        for found in psutil.Process().net_connections("tcp")
        if found.raddr
    )


def posted(route: str, picture: bytes) -> bytes:
    """A whole request, as bytes."""
    request = httpx.Request("POST", f"http://x{route}", files={"image": picture})
    lines = [f"{name}: {value}" for name, value in request.headers.items()]
    head = "\r\n".join([f"POST {route} HTTP/1.1", *lines, "", ""])
    return head.encode() + request.read()


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost:", HEAD[:60]])
def test_a_head_that_does_not_end_is_not_waited_for(serve: Serve, sent: bytes) -> None:
    with serve(keep_alive=1) as served:
        assert everything_from(connect(served, sent)) == b""


def test_a_head_that_drips_is_not_waited_for(serve: Serve) -> None:
    with serve(keep_alive=1) as served, connect(served, b"GET / HTTP/1.1\r\n") as connection:
        wait_until(lambda: not takes(connection, b"A: b\r\n"))


def test_a_second_request_on_a_connection_is_waited_for_as_ever(client: httpx.Client) -> None:
    assert [client.get("/models").status_code for _ in range(3)] == [200] * 3


def test_an_answer_that_nobody_takes_is_not_kept_for_ever(serve: Serve) -> None:
    """It would hold its memory, and a stop, for as long as its client likes."""
    noise = np.random.default_rng(0).integers(0, 256, (1500, 1500, 3), dtype=np.uint8)
    with serve(keep_alive=1) as served:
        stranger = socket.socket()
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stranger.settimeout(DEADLINE)
        stranger.connect(("127.0.0.1", served.port))
        stranger.sendall(posted("/explain", encoded(Image.fromarray(noise), "JPEG")))
        wait_until(lambda: is_open(served, stranger))
        wait_until(lambda: not is_open(served, stranger))
        stranger.close()


@pytest.mark.parametrize(
    "header", [b"A: " + b"x" * 70_000, b"".join(b"A%d: b\r\n" % n for n in range(9000))]
)
def test_a_head_that_is_too_long_is_refused(served: Served, header: bytes) -> None:
    sent = b"GET /models HTTP/1.1\r\nHost: x\r\n" + header

    answer = everything_from(connect(served, sent))

    assert answer.startswith(b"HTTP/1.1 400")


def test_a_body_that_does_not_end_is_answered_408(serve: Serve) -> None:
    with serve(body_seconds=0.3) as served:
        answer = everything_from(connect(served, HEAD + b"--b\r\n"))
        wait_until(lambda: served.engine.admission.bytes == 0)

    assert answer.startswith(b"HTTP/1.1 408")
    assert b"connection: close" in answer.lower()
    assert answer.endswith(b'{"error":"the body took more than 0.3 seconds to arrive"}')


def test_slow_bodies_take_no_place_in_the_queue(serve: Serve, png: bytes) -> None:
    with serve(queue_size=1, max_pictures=1) as served:
        slow = [connect(served, HEAD + b"--b\r\n") for _ in range(20)]
        wait_until(lambda: served.engine.admission.bytes == 20 * 5)

        answer = served.client.post("/classify", files={"image": png})

        for connection in slow:
            connection.close()
        wait_until(lambda: served.engine.admission.bytes == 0)
    assert answer.status_code == 200


def test_bodies_above_the_bytes_in_flight_are_refused_at_once(serve: Serve, png: bytes) -> None:
    with serve(max_bytes_in_flight=2000, max_body_bytes=2000) as served:
        with connect(served, HEAD + b"--b\r\n" + b"x" * 900):
            wait_until(lambda: served.engine.admission.bytes == 905)
            refused = served.client.post("/classify", files={"image": bytes(1500)})
        wait_until(lambda: served.engine.admission.bytes == 0)
        answered = served.client.post("/classify", files={"image": png[:1000]})

    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "1"
    assert "all bodies together may hold 2,000 bytes" in refused.json()["error"]
    assert answered.status_code == 400


def test_an_answer_that_would_be_late_is_503_and_leaves_the_queue(serve: Serve, png: bytes) -> None:
    batches: list[int] = []
    may_go = threading.Event()

    with serve(answer_seconds=2) as served:
        batcher = served.engine.models.default.batcher
        predict = batcher._predict

        def held_up(pixels: Pixels, class_index: npt.NDArray[np.int64]) -> list[Prediction]:
            batches.append(len(pixels))
            assert may_go.wait(DEADLINE)
            return predict(pixels, class_index)

        batcher._predict = held_up
        late = [served.client.post("/classify", files={"image": png}) for _ in range(2)]
        assert served.engine.admission.pictures == 0
        may_go.set()
        batcher._predict = predict
        wait_until(lambda: served.client.post("/classify", files={"image": png}).is_success)

    assert [answer.status_code for answer in late] == [503, 503]
    assert late[0].headers["Retry-After"] == "1"
    assert late[0].json() == {"error": "no answer within 2 seconds; try again in a moment"}
    assert batches == [1]


def test_a_picture_that_takes_too_long_is_413(serve: Serve) -> None:
    """QOI is decoded by Python, byte by byte; this one takes seconds."""
    side = 4000
    size = side.to_bytes(4, "big")
    data = b"qoif" + size + size + b"\x03\x00" + bytes(side * side) + b"\0" * 7 + b"\x01"

    with serve(decode_seconds=0.5) as served:
        answer = served.client.post("/classify", files={"image": data})

    assert answer.status_code == 413
    assert answer.json() == {"error": "the picture takes more than 0.5 seconds to decode or draw"}
