import socket
import uuid

import httpx
import pytest

from service.edge.envelope import HEADERS
from tests.service.conftest import DEADLINE, Served


@pytest.mark.parametrize("sane", ["a", "ward-7.a_b", "0" * 128])
def test_a_clients_own_id_is_kept(client: httpx.Client, sane: str) -> None:
    assert client.get("/", headers={"X-Request-ID": sane}).headers["X-Request-ID"] == sane


@pytest.mark.parametrize("odd", ["", "a b", "0" * 129, "a\tb", "é", "a;b", "<script>"])
def test_an_odd_id_is_replaced(client: httpx.Client, odd: str) -> None:
    given = client.get("/", headers={b"X-Request-ID": odd.encode()}).headers["X-Request-ID"]

    assert uuid.UUID(given).hex == given


@pytest.mark.parametrize("path", ["/", "/models", "/nothing", "/classify", "/docs.json"])
def test_every_answer_makes_browsers_careful(client: httpx.Client, path: str) -> None:
    headers = client.get(path).headers

    assert headers.items() >= {name.lower(): value for name, value in HEADERS.items()}.items()


def test_a_websocket_is_refused_at_the_door(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=DEADLINE) as connection:
        connection.sendall(
            b"GET /chat HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        answer = connection.recv(1000)

    assert answer.startswith(b"HTTP/1.1 403")
