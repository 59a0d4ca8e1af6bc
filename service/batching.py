"""Requests share batches: one lane to the network, and a gate that keeps the queue short.

The lane takes whatever waits the moment it is free: no timer, so a lone picture never waits for
company, and under load batches fill by themselves. One lane with a session that uses all granted
cores serves a single client sooner than several lanes of one thread, at the same throughput.

What enters a batch is decoded, uint8 (H, W, 3), so that no picture of one client can break the
batch of another. Should a batch fail all the same, its pictures are tried again one by one.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from models.errors import OverloadedError
from models.preprocessing import Pixels
from models.session import PREDICTED_CLASS, Prediction
from service import metrics

log = logging.getLogger(__name__)

Predict = Callable[[Pixels, npt.NDArray[np.int64]], list[Prediction]]


class Gate:
    """Counts the pictures in the house, from arrival to answer, and turns away what is too much.

    This is what bounds the memory and the waiting of everything behind it, the lane included.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.inside = 0
        metrics.QUEUE_CAPACITY.set(capacity)
        metrics.QUEUE.set(0)

    @contextlib.contextmanager
    def admit(self, pictures: int) -> Iterator[None]:
        """Counts pictures in for as long as the context lasts.

        Raises:
            OverloadedError: they do not fit beside those that are there.
        """
        if self.inside + pictures > self.capacity:
            raise OverloadedError(
                f"the queue is full: of {self.capacity} places {self.inside} are taken and "
                f"{pictures} more wanted; try again in a moment"
            )
        self._change(pictures)
        try:
            yield
        finally:
            self._change(-pictures)

    def _change(self, pictures: int) -> None:
        self.inside += pictures
        metrics.QUEUE.set(self.inside)


@dataclass(frozen=True, eq=False)
class _Item:
    pixels: Pixels
    class_index: int
    answer: "asyncio.Future[Prediction]"
    arrived: float = field(default_factory=time.perf_counter)


class Lane:
    """Pictures of many requests to one network, in order of arrival. Lives in one event loop."""

    def __init__(self, predict: Predict, max_batch: int) -> None:
        """Opens the lane in the running event loop.

        Args:
            predict: answers uint8 (N, H, W, 3) and int64 (N,), as `Session.predict` does.
            max_batch: the largest N.
        """
        self._predict = predict
        self._max_batch = max_batch
        self._queue: asyncio.Queue[_Item] = asyncio.Queue()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="lane")
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
        self._task.cancel()
        self._thread.shutdown()

    async def _run(self) -> None:
        while True:
            batch = [await self._queue.get()]
            while len(batch) < self._max_batch and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            await self._answer([item for item in batch if not item.answer.done()])
            for _ in batch:
                self._queue.task_done()

    async def _answer(self, batch: list[_Item]) -> None:
        if not batch:
            return
        loop = asyncio.get_running_loop()
        try:
            answered = await loop.run_in_executor(self._thread, self._run_network, batch)
        # ONNX Runtime's errors have no common class below Exception; the lane must outlive them.
        except Exception as error:  # noqa: BLE001
            await self._after_failure(batch, error)
            return
        for item, prediction in answered:
            if not item.answer.done():
                item.answer.set_result(prediction)

    async def _after_failure(self, batch: list[_Item], error: Exception) -> None:
        log.error("a batch of %d failed", len(batch), exc_info=error)
        if len(batch) > 1:
            for item in batch:
                await self._answer([item])
        elif not batch[0].answer.done():
            batch[0].answer.set_exception(error)

    def _run_network(self, batch: list[_Item]) -> list[tuple[_Item, Prediction]]:
        metrics.BATCH.observe(len(batch))
        for item in batch:
            metrics.QUEUE_WAIT.observe(time.perf_counter() - item.arrived)
        pixels = np.stack([item.pixels for item in batch])
        class_index = np.array([item.class_index for item in batch], dtype=np.int64)
        with metrics.INFERENCE.time():
            predictions = self._predict(pixels, class_index)
        return list(zip(batch, predictions, strict=True))
