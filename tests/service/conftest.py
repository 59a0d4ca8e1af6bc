"""The real routes with a real bundle, served by a real server in a thread."""

import contextlib
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import uvicorn
from bentoml._internal.configuration.containers import BentoMLContainer
from bentoml._internal.models import ModelStore
from PIL import Image
from starlette.applications import Starlette
from starlette.routing import Mount

from models import store
from service.edge.envelope import InnerEnd
from service.edge.layers import surrounded
from service.host.http_protocol import TimedProtocol
from service.http.application import build_app
from service.http.routes import all_routes
from service.inference.runtime import Engine
from service.settings import Settings
from tests.conftest import encoded

#: Seconds that anything may take before a test gives up; nothing is measured by it.
DEADLINE = 60

#: What most servers need: each process that decodes takes a third of a second to start.
FRUGAL: dict[str, object] = {"provider": "cpu", "decode_workers": 1}


@dataclass(frozen=True)
class Served:
    """A running server, a client of it, and what answers inside."""

    client: httpx.Client
    engine: Engine
    port: int


def wait_until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < limit
        threading.Event().wait(0.01)


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


Serve = Callable[..., AbstractContextManager[Served]]


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()


@pytest.fixture(scope="session")
def tag(bundle_data: bytes) -> str:
    """The bundle's tag in the store."""
    return store.put(bundle_data, "drawn").tag


@pytest.fixture
def empty_store(tmp_path: Path) -> Iterator[Path]:
    """An empty model store of a test's own."""
    BentoMLContainer.model_store.set(ModelStore(tmp_path))
    yield tmp_path
    BentoMLContainer.model_store.reset()


@pytest.fixture(scope="session")
def serve(tag: str) -> Serve:
    """Starts a server with settings of its own."""

    @contextlib.contextmanager
    def start(
        keep_alive: float = DEADLINE,
        protocol: type[TimedProtocol] = TimedProtocol,
        **settings: object,
    ) -> Iterator[Served]:
        routes = all_routes()
        inner = build_app(routes)
        chosen = Settings.model_validate(FRUGAL | {"model": tag} | settings)
        inner.state.engine = Engine(chosen)

        @contextlib.asynccontextmanager
        async def lifespan(_: Starlette) -> AsyncIterator[None]:
            await inner.state.engine.open()
            yield
            await inner.state.engine.close()

        bentoml = Starlette(routes=[Mount("/", InnerEnd(inner))], lifespan=lifespan)
        config = uvicorn.Config(
            surrounded(bentoml, routes, inner.state.engine),
            http=protocol,
            port=0,
            log_config=None,
            timeout_keep_alive=keep_alive,  # type: ignore[arg-type]  # any number of seconds works
        )
        server = _Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            assert server.is_up.wait(DEADLINE)
            port = server.servers[0].sockets[0].getsockname()[1]
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=DEADLINE) as client:
                yield Served(client, inner.state.engine, port)
        finally:
            server.should_exit = True
            thread.join(DEADLINE)

    return start


@pytest.fixture(scope="session")
def served(serve: Serve) -> Iterator[Served]:
    """A server with the default settings, shared by all tests."""
    with serve(decode_workers=2) as running:
        yield running


@pytest.fixture
def client(served: Served) -> httpx.Client:
    return served.client


@pytest.fixture
def png(picture: Image.Image) -> bytes:
    return encoded(picture)
