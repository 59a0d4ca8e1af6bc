"""The application as BentoML builds it, with all layers, in this process."""

import asyncio
import gc
import logging
from collections.abc import Iterator
from typing import cast

import bentoml
import httpx
import pytest

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
