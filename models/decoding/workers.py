"""Processes that decode pictures of strangers, and may be killed while they do.

A decoder that runs for minutes, crashes, or takes all memory cannot be stopped inside of a thread,
and some of Pillow's hold Python's lock meanwhile. So a few processes decode, one picture at a time
each. One that exceeds its time or memory ends, the picture is refused, and another takes its place.
Who asks for much, or for what takes long, keeps nobody else waiting (`models.decoding.turns`).
"""

import asyncio
import contextlib
import logging
import os
import pickle
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar, cast

from models.decoding.turns import Piece, Turns
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

#: Seconds of a picture's work that others may have to wait for; it is slow when it takes longer.
#: What people send takes a tenth of that, drawn on twelve megapixels about as much.
_QUICK_SECONDS: Final = 1.0

_T = TypeVar("_T")


@dataclass(eq=False)
class _Job(Piece):
    """A picture's work, its answer, and the task that is at it."""

    work: Callable[[], object]
    answer: "asyncio.Future[object]"
    task: "asyncio.Task[None] | None" = None


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
            count: of the processes, and so of the pictures that are worked on at once. While some
                take long there is one more, for the others (`models.decoding.turns`).
            seconds: how long one piece of work may take.
            memory_bytes: address space of each, Python's own included.
            preloaded: names of modules that each imports before its first picture.
        """
        arguments = (str(memory_bytes), *preloaded)
        self._workers = [_Worker(seconds, arguments) for _ in range(count + 1)]
        self._idle = list(self._workers)
        self._turns: Turns[_Job] = Turns(count)
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, work: Callable[[], _T], asker: Hashable = None) -> _T:
        """Does something with one picture; `work` and its answer travel as pickles.

        Who is cancelled leaves the queue; what a process has begun it ends, for the next one.

        Args:
            work: what to do.
            asker: for whom: all that one asks for has one turn among all who ask.

        Raises:
            ImageError: as `work` does; or it took too much time or memory, or crashed twice.
        """
        job = _Job(asker, work, asyncio.get_running_loop().create_future())
        self._turns.wait(job)
        self._go_on()
        try:
            return cast("_T", await job.answer)
        except asyncio.CancelledError:
            self._turns.leave(job)
            raise

    async def open(self) -> None:
        """Starts the processes; they are ready when they have answered."""
        await asyncio.gather(*(self.run(_NOTHING) for _ in self._workers[1:]))

    async def close(self) -> None:
        """Ends the processes after what they do now."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        for worker in self._workers:
            await worker.close()

    def _go_on(self) -> None:
        """Begins what may begin, at the process that worked last; the one beside others rests."""
        while self._idle and (job := self._turns.begin()):
            job.task = asyncio.create_task(self._do(job, self._idle.pop()))
            self._tasks.add(job.task)
            job.task.add_done_callback(self._tasks.discard)
        if (job := self._turns.make_room()) and job.task:
            job.task.cancel()
            if job.answer.done():  # nobody waits for it
                self._turns.leave(job)

    async def _do(self, job: _Job, worker: "_Worker") -> None:
        try:
            await worker.be_ready()
            with self._noted_when_slow(job):
                answer = await worker.run(job.work)
        except asyncio.CancelledError:  # it makes room for others, and has been put back
            await worker.close()
        except Exception as error:  # noqa: BLE001  whatever it is, it is for whoever asked
            self._turns.end(job)
            if not job.answer.done():
                job.answer.set_exception(error)
        else:
            self._turns.end(job)
            if not job.answer.done():
                job.answer.set_result(answer)
        self._idle.append(worker)
        self._go_on()

    @contextlib.contextmanager
    def _noted_when_slow(self, job: _Job) -> Iterator[None]:
        def note() -> None:
            self._turns.note_slow(job)
            self._go_on()

        clock = asyncio.get_running_loop().call_later(_QUICK_SECONDS, note)
        try:
            yield
        finally:
            clock.cancel()


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

    async def be_ready(self) -> Process:
        """The process, started if there is none: no picture's time is spent on that."""
        if self._process is None or self._process.returncode is not None:
            await self.close()
            return await self._start()
        return self._process

    async def _try(self, work: Callable[[], _T]) -> _T:
        process = await self.be_ready()
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
                await _exchange(self._process, _NOTHING)
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
