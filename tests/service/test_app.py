"""The application as BentoML builds it, with all layers, in this process."""

import asyncio
import gc
from typing import cast

import bentoml
import httpx

from service.app import ImageClassification
from service.request_log import RequestRecord

REQUESTS = 50


def test_nothing_of_a_request_outlives_its_answer() -> None:
    answering = cast("bentoml.Service[object]", ImageClassification).to_asgi()

    async def ask() -> int:
        transport = httpx.ASGITransport(answering)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            for _ in range(REQUESTS):
                assert (await client.get("/livez")).status_code == 200
        gc.collect()
        return sum(type(found) is RequestRecord for found in gc.get_objects())

    assert asyncio.run(ask()) < REQUESTS / 10
