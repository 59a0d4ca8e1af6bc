"""Requests share batches: the micro-batcher of one model.

It takes whatever waits the moment it is free: no timer, so a lone picture never waits for company,
and under load batches fill by themselves. A session uses all granted cores for one picture, which
serves a single client soonest; of several each core takes some by itself (`models.parted`), and the
next run begins as soon as enough for that wait, beside the one that ends: with runs one after the
other, cores waited for an eighth of the time (benchmarks/NOTES.md).

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

#: Runs of a model that are under way at once, where each core has pictures of its own.
_RUNS: Final = 2

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


class NetworkThreads(ThreadPoolExecutor):
    """Where all networks run; runs of patient pictures make room."""

    def __init__(self) -> None:
        super().__init__(_RUNS, thread_name_prefix="inference")
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
        threads: NetworkThreads,
        observe: Observe | None = None,
        beside: int | None = None,
    ) -> None:
        """Starts in the running event loop.

        Args:
            predict: the network.
            max_batch: the largest N.
            threads: where it runs.
            observe: told of every run, in its thread, whether it went well or not; not of those of
                patient pictures alone.
            beside: so many pictures begin a run beside one that is under way: a core that has left
                that goes on with them, and does not wait until its answers are handed over. None:
                one run after the other, for each takes all cores.
        """
        #: Why nothing could be answered lately; None after anything was.
        self.problem: str | None = None
        self._predict = predict
        self._max_batch = max_batch
        self._threads = threads
        self._observe = observe
        self._waiting: deque[_Item] = deque()
        self._patient: deque[_Item] = deque()
        #: Pictures beside which no patient one went while some waited.
        self._alone = 0
        self._has_news = asyncio.Event()
        self._is_closing = False
        self._beside, self._under_way = beside, 0
        self._tasks = [asyncio.create_task(self._run()) for _ in range(_RUNS if beside else 1)]

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
            self._threads.cut_off()
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
            self._under_way += 1
            await self._answer_next()
            self._under_way -= 1

    async def _has_work(self) -> bool:
        """Waits for something to answer; false where there will be nothing more."""
        while not (self._may_begin or self._is_closing):
            self._has_news.clear()
            await self._has_news.wait()
        return bool(self._waiting or self._patient)

    @property
    def _may_begin(self) -> bool:
        if self._under_way:
            return self._beside is not None and len(self._waiting) >= self._beside
        return bool(self._waiting or self._patient)

    async def _answer_next(self) -> None:
        if batch := _take(self._waiting, self._max_batch):
            # Patient pictures of another model may stand before these in the thread.
            self._threads.cut_off()
            await self._answer([*batch, *self._take_along(len(batch))])
        # One alone: a CPU does two no sooner together, and what is cut off is lost.
        elif batch := _take(self._patient, 1):
            with self._threads.patient_run() as options:
                await self._answer(batch, options)

    def _take_along(self, count: int) -> list[_Item]:
        """Patient ones beside so many pictures; those of small batches count together."""
        self._alone = self._alone + count if self._patient else 0
        most = min(max(1, count // _BESIDE), self._max_batch - count)
        along = min(self._alone // _BESIDE, most)
        # What full batches had no room for is not made up for by those who come alone later.
        self._alone = min(self._alone - along * _BESIDE, _BESIDE)
        return _take(self._patient, along)

    async def _answer(self, batch: list[_Item], options: ort.RunOptions | None = None) -> None:
        loop = asyncio.get_running_loop()
        try:
            answered = await loop.run_in_executor(self._threads, self._run_network, batch, options)
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
