"""The application as BentoML builds it, with all layers, in this process."""

import asyncio
import gc
import logging
import re
from collections.abc import Iterator
from typing import Any, cast

import bentoml
import httpx
import pytest
import uvicorn.config
from starlette.applications import Starlette
from starlette.routing import Mount

from service import app as app_module
from service.app import ImageClassification
from service.observability.request_log import RequestRecord

REQUESTS = 50

#: The loggers that the service gives levels of its own.
CONFIGURED = ("service", "models", "python_multipart")


@pytest.fixture(autouse=True)
def _loggers_stay_as_they_are() -> Iterator[None]:
    levels = {name: logging.getLogger(name).level for name in CONFIGURED}
    formatters = {handler: handler.formatter for handler in logging.getLogger().handlers}
    yield
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    for handler, formatter in formatters.items():
        handler.setFormatter(formatter)


def test_nothing_of_a_request_outlives_its_answer() -> None:
    answering = cast("bentoml.Service[object]", ImageClassification).to_asgi()

    async def ask() -> None:
        transport = httpx.ASGITransport(answering)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            for _ in range(REQUESTS):
                assert (await client.get("/livez")).status_code == 200
            assert alive() - before < REQUESTS / 10

    before = alive()
    asyncio.run(ask())


def alive() -> int:
    """Records of requests that somebody still holds, those of other tests' servers included."""
    gc.collect()
    return sum(type(found) is RequestRecord for found in gc.get_objects())


def test_the_layers_lie_as_the_drawing_shows_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANSFER_API_KEYS", "k")
    monkeypatch.setenv("TRANSFER_CORS_ORIGINS", "*")
    answering = cast("bentoml.Service[object]", ImageClassification).to_asgi()

    protocol = uvicorn.config.HTTP_PROTOCOLS["auto"]
    drawn = re.findall(r"^    (\w+)  ", app_module.__doc__ or "", re.MULTILINE)
    drawn.remove("OpenTelemetryMiddleware")  # spans are exported to nobody here
    assert drawn == [str(protocol).rpartition(":")[2], *layers(answering)]


def layers(app: Any) -> Iterator[str]:
    """Names of what a request passes, from outside to inside."""
    while not isinstance(app, Starlette):
        yield type(app).__name__
        app = getattr(app, "_app", None) or app.app
    if mounted := [route for route in app.routes if isinstance(route, Mount)]:
        yield from (layer.cls.__name__ for layer in app.user_middleware)  # type: ignore[attr-defined]
        yield from layers(mounted[0].app)
    else:
        stack = app.build_middleware_stack()
        yield from (type(stack).__name__, type(stack.app).__name__)  # type: ignore[attr-defined]
