"""A bundle's graph, which gives a few pictures all of its threads, and each of many a thread alone.

Threads that share a run wait for one another at each of its nodes, and where decoding needs the
cores as well they wait for long: a run of eight pictures took 10 to 15 % more CPU time on two
threads than two runs of four on one each (benchmarks/NOTES.md). A single picture has its answer in
half the time with both. So there are two sessions of a graph, and its weights are there twice. The
second is opened when it is first needed: nobody who starts has to wait for it.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Final

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from models.choices import Precision
from models.preprocessing import Pixels
from models.providers import Provider, open_graph, provider_of
from models.signature import Answers, answers_of

#: Pictures for each thread from which on they are parted. In fp32 a run of two or three on two
#: threads takes a quarter more than each alone on one; in int8 it takes no more.
_ENOUGH: Final[Mapping[Precision, int]] = {"fp32": 1, "fp16": 1, "int8": 2}

#: Bytes of a graph whose weights are not had twice: nodes of such networks take long, and hardly
#: wait.
_LARGE: Final = 256 * 1024**2


class PartedGraph:
    """A graph on a provider. Several threads may ask.

    Attributes:
        session: all of its threads.
        provider: what it runs on.
        parted_from: so many pictures are parted, a share for each thread; None: all take all.
    """

    def __init__(
        self, data: bytes, provider: Provider, threads: int, precision: Precision = "fp32"
    ) -> None:
        """As `open_graph`; `precision`: what the graph's backbone computes with."""
        self.session = open_graph(data, provider, threads)
        self.provider = provider_of(self.session)
        self._threads = threads
        self._data = data
        self._single: ort.InferenceSession | None = None
        self._opening = Lock()
        has_parts = self.provider == "cpu" and threads > 1 and len(data) < _LARGE
        self.parted_from = _ENOUGH[precision] * threads if has_parts else None
        if has_parts:
            self._pool = ThreadPoolExecutor(threads, thread_name_prefix="part")

    def answers(
        self,
        pixels: Pixels,
        class_index: npt.NDArray[np.int64],
        run_options: ort.RunOptions | None = None,
    ) -> Answers:
        """Answers uint8 (N, H, W, 3) and int64 (N,), in their order; `run_options` end it early."""
        if self.parted_from is None or len(pixels) < self.parted_from:
            return answers_of(self.session, pixels, class_index, run_options)
        single = self._on_one_thread()

        def answer(some: Pixels, their_index: npt.NDArray[np.int64]) -> Answers:
            return answers_of(single, some, their_index, run_options)

        parts = (np.array_split(each, self._threads) for each in (pixels, class_index))
        found = self._pool.map(answer, *parts)
        return Answers(*map(np.concatenate, zip(*found, strict=True)))

    def _on_one_thread(self) -> ort.InferenceSession:
        with self._opening:
            if self._single is None:
                self._single = open_graph(self._data, "cpu", 1)
            return self._single
