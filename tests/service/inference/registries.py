"""Plays with a registry of models: versions are stored, it is opened, looked at, and closed."""

import asyncio
import os
from collections.abc import Awaitable, Callable

from models import store
from models.bundle import Bundle
from models.decoding.batching import NetworkThreads
from models.store import StoredBundle
from service.inference.registry import ModelRegistry
from service.settings import Settings
from tests.conftest import resealed
from tests.service.conftest import wait_until

Scenario = Callable[[ModelRegistry], Awaitable[None]]


def put(bundle: Bundle, name: str, classes: str = "") -> StoredBundle:
    """Stores a version; the order of its classes may tell its answers from those of others."""
    chosen = tuple(classes) or bundle.metadata.classes
    return store.put(resealed(bundle, classes=chosen).data, name)


def put_at(second: int, bundle: Bundle, classes: str) -> StoredBundle:
    """The same under `a`, as if at another time."""
    stored = put(bundle, "a", classes)
    os.utime(stored.path, (second, second))
    return stored


async def reached(condition: Callable[[], bool]) -> None:
    await asyncio.to_thread(wait_until, condition)


def play(
    model: str | None, scenario: Scenario, watch_seconds: float = 5, max_batch: int = 2
) -> None:
    """Opens a registry for what the settings say, plays, and closes it."""

    async def whole() -> None:
        with NetworkThreads() as thread:
            settings = Settings(
                model=model,
                provider="cpu",
                threads=1,
                max_batch=max_batch,
                watch_seconds=watch_seconds,
            )
            models = ModelRegistry(settings, thread)
            await models.open()
            try:
                await scenario(models)
            finally:
                await models.close()

    asyncio.run(whole())


def tags(models: ModelRegistry) -> list[str]:
    return [model.tag for model in models.served]
