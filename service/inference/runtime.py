"""What a handler needs to answer: models, processes that read pictures, admission control."""

import asyncio
import contextlib

from models.decoding.batching import NetworkThreads
from models.decoding.workers import PictureWorkers
from service.inference.admission import Admission
from service.inference.registry import ModelRegistry
from service.observability import metrics
from service.settings import Settings


class Engine:
    """Everything that answers requests, in one event loop."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.admission = Admission(
            settings.queue_size, settings.max_bytes_in_flight, settings.queue_size_by_name
        )
        self.workers = PictureWorkers(
            settings.decode_workers,
            settings.decode_seconds,
            settings.decode_memory_bytes,
        )
        self._threads = NetworkThreads()
        self.models = ModelRegistry(settings, self._threads)
        self._watch: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Loads, checks and warms up the models, and follows the store from then on."""
        metrics.begin()
        try:
            await asyncio.gather(self.models.open(), self.workers.open())
        except BaseException:
            await self.close()
            raise
        if self.settings.watch_seconds:
            self._watch = asyncio.create_task(self.models.watch())

    async def close(self) -> None:
        """Answers what was accepted, then ends."""
        if self._watch:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
        await self.models.close()
        await self.workers.close()
        self._threads.shutdown()

    async def why_not_ready(self) -> str | None:
        """Why not everything that should answer can; None if it can."""
        for model in self.models.served:
            if reason := await model.why_not_ready():
                return reason
        return None
