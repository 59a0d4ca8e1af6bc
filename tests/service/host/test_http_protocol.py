"""Clients that cost more than others: the connection ends, and what was answered arrives."""

import contextlib
import logging
import socket
from collections.abc import Iterator

import httpx
import numpy as np
import psutil
import pytest
from PIL import Image

from service.host.http_protocol import TimedProtocol
from service.observability import metrics
from tests.conftest import encoded
from tests.service.conftest import DEADLINE, Serve, Served, connect, everything_from, wait_until

CHUNKED = (
    b"POST /classify HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
    b"Content-Type: multipart/form-data; boundary=b\r\n"
)

HEAD = b"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"


@pytest.fixture(scope="module")
def impatient(serve: Serve) -> Iterator[Served]:
    """A server that waits for a fifth of a second."""
    with serve(keep_alive=0.2) as running:
        yield running


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
def test_a_head_that_does_not_end_is_not_waited_for(impatient: Served, sent: bytes) -> None:
    assert everything_from(connect(impatient, sent)) == b""


def test_a_head_that_drips_is_not_waited_for(impatient: Served) -> None:
    with connect(impatient, b"GET / HTTP/1.1\r\n") as connection:
        wait_until(lambda: not takes(connection, b"A: b\r\n"))


def test_a_second_request_on_a_connection_is_waited_for_as_ever(client: httpx.Client) -> None:
    assert [client.get("/models").status_code for _ in range(3)] == [200] * 3


def test_an_answer_that_nobody_takes_is_not_kept_for_ever(impatient: Served) -> None:
    """It would hold its memory, and a stop, for as long as its client likes."""
    noise = np.random.default_rng(0).integers(0, 256, (1500, 1500, 3), dtype=np.uint8)
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stranger.settimeout(DEADLINE)
        stranger.connect(("127.0.0.1", impatient.port))
        stranger.sendall(posted("/explain", encoded(Image.fromarray(noise), "JPEG")))
        wait_until(lambda: is_open(impatient, stranger))
        wait_until(lambda: not is_open(impatient, stranger))


@pytest.mark.parametrize(
    "header", [b"A: " + b"x" * 70_000, b"".join(b"A%d: b\r\n" % n for n in range(9000))]
)
def test_a_head_that_is_too_long_is_refused(served: Served, header: bytes) -> None:
    sent = b"GET /models HTTP/1.1\r\nHost: x\r\n" + header

    answer = everything_from(connect(served, sent))

    assert answer.startswith(b"HTTP/1.1 400")


@pytest.fixture(scope="module")
def guarded(serve: Serve) -> Iterator[Served]:
    """A server that wants a key."""
    with serve(api_keys="secret", max_body_bytes=20 * 2**20) as running:
        yield running


class Crowded(TimedProtocol):
    """So few connections that a test can take them all."""

    most_connections = 4


def dropped(reason: str) -> float:
    return float(metrics.DROPPED.labels(reason)._value.get())


@pytest.mark.parametrize(
    ("key", "status"), [(b"", 401), (b"Authorization: Bearer secret\r\n", 400)]
)
def test_a_body_in_chunks_of_a_byte_is_not_read_to_its_end(
    guarded: Served, key: bytes, status: int
) -> None:
    """Each chunk took as long to parse as a thousand bytes: nobody else was answered meanwhile."""
    with connect(guarded, CHUNKED + key + b"\r\n") as client:
        wait_until(lambda: not takes(client, b"1\r\nx\r\n" * 5000))

        with contextlib.suppress(ConnectionError):
            assert client.recv(12) == b"HTTP/1.1 %d" % status


def test_a_body_in_many_chunks_of_some_bytes_is_read(guarded: Served) -> None:
    form = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
    form += b"x" * 128 * 3000 + b"\r\n--b--\r\n"
    pieces = (form[at : at + 128] for at in range(0, len(form), 128))
    headers = {"Content-Type": "multipart/form-data; boundary=b", "Authorization": "Bearer secret"}

    answer = guarded.client.post("/classify", content=pieces, headers=headers)

    assert answer.json() == {"error": "this is text, not a picture"}


def test_a_broken_chunk_is_400_in_the_log_too(
    guarded: Served, caplog: pytest.LogCaptureFixture
) -> None:
    sent = CHUNKED + b"Authorization: Bearer secret\r\n\r\n5\r\n--b\r\n\r\nno length\r\n"

    with caplog.at_level(logging.INFO):
        answer = everything_from(connect(guarded, sent))

    assert answer.startswith(b"HTTP/1.1 400")
    assert b"connection: close" in answer.lower()
    assert b'{"error":"the body is broken: its chunks are not as HTTP has them' in answer
    assert "POST /classify 400" in caplog.text
    assert not [line for line in caplog.records if line.levelno >= logging.ERROR]


def test_a_length_beside_chunks_ends_the_connection(served: Served) -> None:
    """What follows may be a request that somebody hid from a proxy."""
    head = CHUNKED.replace(b"/classify", b"/models") + b"Content-Length: 5\r\n\r\n"
    hidden = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"

    answer = everything_from(connect(served, head + b"0\r\n\r\n" + hidden))

    assert b"connection: close" in answer.lower()
    assert answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize(
    ("key", "length", "status"), [("", 6_000_000, 401), ("Bearer secret", 30_000_000, 413)]
)
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_who_closes_gets_the_refusal_of_a_body_that_was_not_read(
    guarded: Served, key: str, length: int, status: int, version: str
) -> None:
    """The connection was reset, and the answer lost with it."""
    head = f"POST /classify HTTP/{version}\r\nHost: x\r\nContent-Length: {length}\r\n"
    head += f"Authorization: {key}\r\nContent-Type: multipart/form-data; boundary=b\r\n"

    with connect(guarded, f"{head}Connection: close\r\n\r\n".encode()) as client:
        client.sendall(bytes(6_000_000))
        answer = everything_from(client)

    assert answer.startswith(b"HTTP/1.1 %d" % status)
    assert answer.endswith(b'"}')


def test_what_is_thrown_away_after_a_refusal_has_a_bound(guarded: Served) -> None:
    with connect(guarded, CHUNKED + b"\r\n") as client:
        wait_until(lambda: not takes(client, bytes(2**20)))


def test_an_answer_that_is_taken_too_slowly_is_given_up(impatient: Served) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (2500, 2500, 3), dtype=np.uint8)
    request = posted("/explain", encoded(Image.fromarray(noise), "JPEG"))
    before = dropped("SlowReader")
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stranger.settimeout(DEADLINE)
        stranger.connect(("127.0.0.1", impatient.port))
        stranger.sendall(request)

        wait_until(lambda: bool(stranger.recv(200)) and dropped("SlowReader") > before)

    wait_until(lambda: impatient.engine.admission.answers == 0)


def test_where_connections_are_all_taken_the_idlest_makes_room(
    serve: Serve, png: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    before = dropped("TooMany")
    with serve(protocol=Crowded, keep_alive=DEADLINE) as crowded, contextlib.ExitStack() as stack:
        idle = [stack.enter_context(connect(crowded, HEAD + b"\r\n-")) for _ in range(8)]

        answer = crowded.client.post("/classify", files={"image": png})
        wait_until(lambda: sum(is_open(crowded, one) for one in idle) <= 3)

    assert answer.status_code == 200
    assert dropped("TooMany") - before == 5
    assert "all 4 connections are taken" in caplog.text
