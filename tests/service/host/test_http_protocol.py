"""Clients that take their time over a head or an answer: the connection ends."""

import socket
from collections.abc import Iterator

import httpx
import numpy as np
import psutil
import pytest
from PIL import Image

from tests.conftest import encoded
from tests.service.conftest import DEADLINE, Serve, Served, connect, everything_from, wait_until

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
