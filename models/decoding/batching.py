"""Requests share batches: the micro-batcher of one model.

It takes whatever waits the moment it is free: no timer, so a lone picture never waits for company,
and under load batches fill by themselves. All models take turns on one thread: a session uses all
granted cores, which serves a single client sooner than several that share them, at the same
throughput.

What enters a batch is decoded, uint8 (H, W, 3), so that no picture of one client can break the
batch of another. Should a batch fail all the same, its pictures are tried again one by one.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from models.preprocessing import Pixels
from models.session import Prediction
from models.signature import PREDICTED_CLASS

log = logging.getLogger(__name__)

Predict = Callable[[Pixels, npt.NDArray[np.int64]], list[Prediction]]


#: Told of a run: seconds that each picture waited for it, and seconds that it took.
Observe = Callable[[list[float], float], object]


@dataclass(frozen=True, eq=False)
class _Item:
    pixels: Pixels
    class_index: int
    answer: "asyncio.Future[Prediction]"
    arrived: float = field(default_factory=time.perf_counter)


class MicroBatcher:
    """Pictures of many requests to one network, in order of arrival. Lives in one event loop."""

    def __init__(
        self, predict: Predict, max_batch: int, thread: Executor, observe: Observe | None = None
    ) -> None:
        """Starts in the running event loop.

        Args:
            predict: answers uint8 (N, H, W, 3) and int64 (N,), as `Session.predict` does.
            max_batch: the largest N.
            thread: where the network runs.
            observe: told of every run in that thread, whether it went well or not.
        """
        #: Why nothing could be answered lately; None after anything was.
        self.problem: str | None = None
        self._predict = predict
        self._max_batch = max_batch
        self._thread = thread
        self._observe = observe
        self._queue: asyncio.Queue[_Item | None] = asyncio.Queue()
        self._task = asyncio.create_task(self._run())

    @property
    def is_open(self) -> bool:
        """Whether somebody is there to answer."""
        return not self._task.done()

    async def answer(self, pixels: Pixels, class_index: int = PREDICTED_CLASS) -> Prediction:
        """Answers one picture, uint8 (H, W, 3). Who is cancelled while waiting leaves the queue."""
        item = _Item(pixels, class_index, asyncio.get_running_loop().create_future())
        self._queue.put_nowait(item)
        return await item.answer

    async def close(self) -> None:
        """Answers everything that waits, then ends. Nothing may be asked any more."""
        await self._queue.join()
        # Cancelled, it would keep its traceback, and that the network: hundreds of MiB until the
        # garbage is collected.
        self._queue.put_nowait(None)
        await self._task

    async def _run(self) -> None:
        while first := await self._queue.get():
            batch = [first]
            while len(batch) < self._max_batch and not self._queue.empty():
                if item := self._queue.get_nowait():
                    batch.append(item)
            await self._answer([item for item in batch if not item.answer.done()])
            for _ in batch:
                self._queue.task_done()
            del first, batch  # they would be kept until the next one comes

    async def _answer(self, batch: list[_Item]) -> None:
        if not batch:
            return
        loop = asyncio.get_running_loop()
        try:
            answered = await loop.run_in_executor(self._thread, self._run_network, batch)
        # ONNX Runtime's errors have no common class below Exception; we must outlive them.
        except Exception as error:  # noqa: BLE001
            await self._after_failure(batch, error)
            return
        self.problem = None
        for item, prediction in answered:
            if not item.answer.done():
                item.answer.set_result(prediction)

    async def _after_failure(self, batch: list[_Item], error: Exception) -> None:
        log.error("a batch of %d failed", len(batch), exc_info=error)
        self.problem = f"the network fails: {error}"
        if len(batch) > 1:
            for item in batch:
                await self._answer([item])
        elif not batch[0].answer.done():
            batch[0].answer.set_exception(error)

    def _run_network(self, batch: list[_Item]) -> list[tuple[_Item, Prediction]]:
        start = time.perf_counter()
        pixels = np.stack([item.pixels for item in batch])
        class_index = np.array([item.class_index for item in batch], dtype=np.int64)
        try:
            predictions = self._predict(pixels, class_index)
        finally:
            if self._observe:
                waited = [start - item.arrived for item in batch]
                self._observe(waited, time.perf_counter() - start)
        return list(zip(batch, predictions, strict=True))
