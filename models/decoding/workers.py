"""Processes that decode pictures of strangers, and may be killed while they do.

A decoder that runs for minutes, crashes, or takes all memory cannot be stopped inside of a thread,
and some of Pillow's hold Python's lock meanwhile. So a few processes decode, one picture at a time
each. One that exceeds its time or memory ends, the picture is refused, and another takes its place.
"""

import asyncio
import contextlib
import logging
import os
import pickle
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, TypeVar, cast

from models.decoding.worker import LENGTH_BYTES, packed
from models.errors import ImageError, ImageTooLargeError, OverloadedError

log = logging.getLogger(__name__)

_ROOT = Path(__file__).parents[2]

#: Of a process. One thread for numpy's linear algebra, which is not used: each takes address space.
#: glibc gives back what a large picture took, instead of keeping ever more for the next one: with
#: its thresholds set they no longer rise with what was freed (mallopt(3)). What an ordinary picture
#: takes it keeps: to fetch that anew each time took nearly as long as to decode it.
_ENVIRONMENT: Final = {
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": f"{8 * 1024**2}",
    "MALLOC_TRIM_THRESHOLD_": f"{16 * 1024**2}",
}

#: How much of an answer waits here to be taken: the pixels of any network's input.
_BUFFER_BYTES: Final = 1024**2

#: What a process does to show that it is there: nothing for which it would have to import us.
_NOTHING: Final = int

_START_SECONDS: Final = 60

#: What comes of speaking to a process that has ended.
_ENDED: Final = (EOFError, OSError, pickle.UnpicklingError)

_T = TypeVar("_T")


class PictureWorkers:
    """The processes. Lives in one event loop."""

    def __init__(
        self,
        count: int,
        seconds: float,
        memory_bytes: int,
        preloaded: tuple[str, ...] = ("models.preprocessing",),
    ) -> None:
        """Starts none yet.

        Args:
            count: of the processes, and so of the pictures that are worked on at once.
            seconds: how long one piece of work may take.
            memory_bytes: address space of each, Python's own included.
            preloaded: names of modules that each imports before its first picture.
        """
        self._workers = [_Worker(seconds, (str(memory_bytes), *preloaded)) for _ in range(count)]
        self._idle: asyncio.Queue[_Worker] = asyncio.Queue()
        for worker in self._workers:
            self._idle.put_nowait(worker)

    async def run(self, work: Callable[[], _T]) -> _T:
        """Does something with one picture; `work` and its answer travel as pickles.

        Who is cancelled leaves the queue; what a process has begun it ends, for the next one.

        Raises:
            ImageError: as `work` does; or it took too much time or memory, or crashed twice.
        """
        worker = await self._idle.get()
        running = asyncio.ensure_future(worker.run(work))
        running.add_done_callback(partial(self._has_ended, worker))
        return await asyncio.shield(running)

    async def open(self) -> None:
        """Starts all processes; they are ready when they have answered."""
        await asyncio.gather(*(self.run(_NOTHING) for _ in self._workers))

    async def close(self) -> None:
        """Ends the processes after what they do now."""
        for _ in self._workers:
            await (await self._idle.get()).close()

    def _has_ended(self, worker: "_Worker", running: "asyncio.Future[object]") -> None:
        self._idle.put_nowait(worker)
        if not running.cancelled():
            running.exception()  # asyncio would complain of one that nobody waits for any more


class _Worker:
    """One process at a time; started when there is work for it."""

    def __init__(self, seconds: float, arguments: tuple[str, ...]) -> None:
        self._seconds = seconds
        self._arguments = arguments
        self._process: Process | None = None

    async def run(self, work: Callable[[], _T]) -> _T:
        try:
            return await self._try(work)
        # The picture's fault, or somebody killed the process, as the system does for want of
        # memory: a fresh one tells.
        except _ENDED:
            log.warning("a process ended with a picture; the picture is tried once more")
        try:
            return await self._try(work)
        except _ENDED as error:
            raise ImageError("the picture is broken: decoding it failed badly") from error

    async def _try(self, work: Callable[[], _T]) -> _T:
        process = self._process
        if process is None or process.returncode is not None:
            await self.close()
            process = await self._start()
        try:
            async with asyncio.timeout(self._seconds):
                went_well, answer = await _exchange(process, work)
        except TimeoutError as error:
            await self.close()
            log.warning("a picture took more than %g s, and its process was ended", self._seconds)
            raise ImageTooLargeError(
                f"the picture takes more than {self._seconds:g} seconds to decode or draw"
            ) from error
        except _ENDED:
            await self.close()
            raise
        if not went_well:
            raise cast("Exception", answer)
        return cast("_T", answer)

    async def close(self) -> None:
        if self._process:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.communicate()
            self._process = None

    async def _start(self) -> Process:
        """A process that has answered; none may be had, for want of memory or file descriptors."""
        try:
            async with asyncio.timeout(_START_SECONDS):
                self._process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "models.decoding.worker", *self._arguments),
                    cwd=_ROOT,
                    env=os.environ | _ENVIRONMENT,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,  # what decoders say is about a stranger's picture
                    limit=_BUFFER_BYTES,
                )
                await _exchange(self._process, _NOTHING)  # no picture's time is spent on starting
        except (*_ENDED, TimeoutError) as error:
            await self.close()
            log.exception("no process that decodes pictures can be started")
            raise OverloadedError("pictures cannot be decoded just now; try again soon") from error
        return self._process


async def _exchange(process: Process, work: Callable[[], object]) -> tuple[bool, object]:
    to = cast("asyncio.StreamWriter", process.stdin)
    back = cast("asyncio.StreamReader", process.stdout)
    to.write(packed(work))
    await to.drain()
    length = int.from_bytes(await back.readexactly(LENGTH_BYTES))
    answer = pickle.loads(await back.readexactly(length))  # noqa: S301  from our own process
    return cast("tuple[bool, object]", answer)
