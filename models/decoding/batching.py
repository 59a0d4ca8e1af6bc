"""Requests share batches: the micro-batcher of one model.

It takes whatever waits the moment it is free: no timer, so a lone picture never waits for company,
and under load batches fill by themselves. All models take turns on one thread: a session uses all
granted cores, which serves a single client sooner than several that share them, at the same
throughput.

What enters a batch is decoded, uint8 (H, W, 3), so that no picture of one client can break the
batch of another. Should a batch fail all the same, its pictures are tried again one by one.

Patient pictures, of which one request sends dozens, run where nothing else waits, and are cut off
when something comes: their run begins anew later. Where there is always something, they ride along,
one beside every four.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from models.preprocessing import Pixels
from models.session import Prediction
from models.signature import PREDICTED_CLASS

log = logging.getLogger(__name__)

#: Pictures beside which one patient one rides along.
_BESIDE: Final = 4

#: Told of a run: seconds that each picture waited for it, patient ones apart, and seconds it took.
Observe = Callable[[list[float], float], object]


class Predict(Protocol):
    """Answers uint8 (N, H, W, 3) and int64 (N,), as `Session.predict` does."""

    def __call__(
        self,
        pixels: Pixels,
        class_index: npt.NDArray[np.int64],
        run_options: ort.RunOptions | None = None,
        /,
    ) -> list[Prediction]:
        """Given options it may be cut off by them, and raises then."""


class NetworkThread(ThreadPoolExecutor):
    """Where all networks run, one run after the other; those of patient pictures make room.

    Attributes:
        runs: how many are under way at once, of each model. With two the next begins on a core as
            soon as the first has left it, before its answers were handed over.
    """

    def __init__(self, runs: int = 1) -> None:
        super().__init__(runs, thread_name_prefix="inference")
        self.runs = runs
        self._patient: set[ort.RunOptions] = set()

    @contextmanager
    def patient_run(self) -> Iterator[ort.RunOptions]:
        """Gives what lets a run be cut off; that it was, its `terminate` says."""
        options = ort.RunOptions()
        self._patient.add(options)
        try:
            yield options
        finally:
            self._patient.discard(options)

    def cut_off(self) -> None:
        """Ends runs of patient pictures, of whichever model, between two of the graph's nodes."""
        for options in self._patient:
            options.terminate = True


@dataclass(frozen=True, eq=False)
class _Item:
    pixels: Pixels
    class_index: int
    answer: "asyncio.Future[Prediction]"
    is_patient: bool
    arrived: float = field(default_factory=time.perf_counter)


class MicroBatcher:
    """Pictures of many requests to one network, in order of arrival. Lives in one event loop."""

    def __init__(
        self,
        predict: Predict,
        max_batch: int,
        thread: NetworkThread,
        observe: Observe | None = None,
    ) -> None:
        """Starts in the running event loop.

        Args:
            predict: the network.
            max_batch: the largest N.
            thread: where it runs.
            observe: told of every run in that thread, whether it went well or not; not of those of
                patient pictures alone.
        """
        #: Why nothing could be answered lately; None after anything was.
        self.problem: str | None = None
        self._predict = predict
        self._max_batch = max_batch
        self._thread = thread
        self._observe = observe
        self._waiting: deque[_Item] = deque()
        self._patient: deque[_Item] = deque()
        self._has_news = asyncio.Event()
        self._is_closing = False
        self._tasks = [asyncio.create_task(self._run()) for _ in range(thread.runs)]

    @property
    def is_open(self) -> bool:
        """Whether somebody is there to answer."""
        return not any(task.done() for task in self._tasks)

    async def answer(
        self, pixels: Pixels, class_index: int = PREDICTED_CLASS, *, is_patient: bool = False
    ) -> Prediction:
        """Answers one picture, uint8 (H, W, 3). Who is cancelled while waiting leaves the queue."""
        return await self.ask(pixels, class_index, is_patient=is_patient)

    def ask(
        self, pixels: Pixels, class_index: int = PREDICTED_CLASS, *, is_patient: bool = False
    ) -> "asyncio.Future[Prediction]":
        """As `answer`, for who asks of several and then waits for all."""
        future = asyncio.get_running_loop().create_future()
        item = _Item(pixels, class_index, future, is_patient)
        if is_patient:
            self._patient.append(item)
        else:
            self._waiting.append(item)
            self._thread.cut_off()
        self._has_news.set()
        return future

    async def close(self) -> None:
        """Answers everything that waits, then ends. Nothing may be asked any more."""
        # Cancelled, the task would keep its traceback, and that the network: hundreds of MiB until
        # the garbage is collected.
        self._is_closing = True
        self._has_news.set()
        await asyncio.gather(*self._tasks)

    async def _run(self) -> None:
        while await self._has_work():
            await self._answer_next()

    async def _has_work(self) -> bool:
        """Waits for something to answer; false where there will be nothing more."""
        while not (self._waiting or self._patient or self._is_closing):
            self._has_news.clear()
            await self._has_news.wait()
        return bool(self._waiting or self._patient)

    async def _answer_next(self) -> None:
        if batch := _take(self._waiting, self._max_batch):
            along = min(len(batch) // _BESIDE, self._max_batch - len(batch))
            # Patient pictures of another model may stand before these in the thread.
            self._thread.cut_off()
            await self._answer([*batch, *_take(self._patient, along)])
        # One alone: a CPU does two no sooner together, and what is cut off is lost.
        elif batch := _take(self._patient, 1):
            with self._thread.patient_run() as options:
                await self._answer(batch, options)

    async def _answer(self, batch: list[_Item], options: ort.RunOptions | None = None) -> None:
        loop = asyncio.get_running_loop()
        try:
            answered = await loop.run_in_executor(self._thread, self._run_network, batch, options)
        # ONNX Runtime's errors have no common class below Exception; we must outlive them.
        except Exception as error:  # noqa: BLE001
            if options is not None and options.terminate:
                self._patient.extendleft(reversed(batch))
            else:
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

    def _run_network(
        self, batch: list[_Item], options: ort.RunOptions | None
    ) -> list[tuple[_Item, Prediction]]:
        start = time.perf_counter()
        pixels = np.stack([item.pixels for item in batch])
        class_index = np.array([item.class_index for item in batch], dtype=np.int64)
        cut_off_by = () if options is None else (options,)
        try:
            predictions = self._predict(pixels, class_index, *cut_off_by)
        finally:
            waited = [start - item.arrived for item in batch if not item.is_patient]
            if self._observe and waited:
                self._observe(waited, time.perf_counter() - start)
        return list(zip(batch, predictions, strict=True))


def _take(queue: deque[_Item], most: int) -> list[_Item]:
    """The first of a queue; those that nobody waits for any more are dropped."""
    taken: list[_Item] = []
    while queue and len(taken) < most:
        item = queue.popleft()
        if not item.answer.done():
            taken.append(item)
    return taken
