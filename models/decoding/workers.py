"""Processes that decode pictures of strangers, and may be killed while they do.

A decoder that runs for minutes, crashes, or takes all memory cannot be stopped inside of a thread,
and some of Pillow's hold Python's lock meanwhile. So a few processes decode, one picture at a time
each. One that exceeds its time or memory ends, the picture is refused, and another takes its place.
Who asks for much, or for what takes long, keeps nobody else waiting (`models.decoding.turns`).

They are a border, too: a process that a picture has taken over knows no key, reaches nothing
(`models.decoding.confinement`), and can answer wrongly but nothing that would run here.
"""

import asyncio
import contextlib
import io
import logging
import os
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar, cast

try:
    import fcntl
except ImportError:  # Windows has no such pipes
    fcntl = None  # type: ignore[assignment]

from models.decoding.clock import Clock
from models.decoding.framing import (
    LENGTHS_BYTES,
    Message,
    MessageError,
    answered_lengths,
    packed,
    unpacked,
)
from models.decoding.kinds import Work, check_success
from models.decoding.turns import Piece, Turns
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

#: What a process has of our environment: what Python may need to find its libraries. No keys.
_INHERITED: Final = frozenset(
    {"HOME", "LANG", "LC_ALL", "PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "USERPROFILE"}
    | {"DYLD_LIBRARY_PATH", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH", "PYTHONUSERBASE"}
)

#: How much of an answer waits here to be taken: the pixels of any network's input.
_BUFFER_BYTES: Final = 1024**2

_START_SECONDS: Final = 60

#: What comes of speaking to a process that has ended, or answers with anything.
_ENDED: Final = (EOFError, OSError, MessageError)

#: Seconds of a picture's work that others may have to wait for; it is slow when it takes longer.
#: What people send takes a tenth of that, drawn on twelve megapixels about as much.
_QUICK_SECONDS: Final = 1.0

_T = TypeVar("_T")


@dataclass(eq=False)
class _Job(Piece):
    """A picture's work, its answer, and the task that is at it."""

    work: Work[object]
    answer: "asyncio.Future[object]"
    task: "asyncio.Task[None] | None" = None


class PictureWorkers:
    """The processes. Lives in one event loop."""

    def __init__(
        self,
        count: int,
        seconds: float,
        memory_bytes: int,
        program: str = "models.decoding.worker",
    ) -> None:
        """Starts none yet.

        Args:
            count: of the processes, and so of the pictures that are worked on at once. While some
                take long there is one more, for the others (`models.decoding.turns`).
            seconds: how long one piece of work may take.
            memory_bytes: address space of each, Python's own included.
            program: name of the module that each runs.
        """
        arguments = (program, str(memory_bytes))
        self._workers = [_Worker(seconds, arguments) for _ in range(count + 1)]
        self._idle = list(self._workers)
        self._turns: Turns[_Job] = Turns(count)
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, work: Work[_T], asker: Hashable = None, group: Hashable = None) -> _T:
        """Does something with one picture (`models.decoding.kinds`).

        Who is cancelled leaves the queue; what a process has begun it ends, for the next one.

        Args:
            work: what to do.
            asker: for whom: all that one asks for has one turn among all who ask.
            group: of which askers this is one: all of a group have one turn among all groups.

        Raises:
            ImageError: as `work` does; or it took too much time or memory, or crashed or was
                answered with nonsense twice.
        """
        job = _Job(asker, work, asyncio.get_running_loop().create_future(), group=group)
        self._turns.wait(job)
        self._go_on()
        try:
            return cast("_T", await job.answer)
        except asyncio.CancelledError:
            self._turns.leave(job)
            raise

    async def open(self) -> None:
        """Starts the processes, before there is any work; they are ready when they have said so."""
        await asyncio.gather(*(worker.be_ready() for worker in self._workers[1:]))
        if not all(worker.is_confined for worker in self._workers[1:]):
            log.warning(
                "processes that decode pictures keep rights here that they do not need: "
                "there is no seccomp, or this machine is none that we know"
            )

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

        clock = Clock(_QUICK_SECONDS, note)
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
        #: Whether its process could give up all but computing.
        self.is_confined = False

    async def run(self, work: Work[_T]) -> _T:
        try:
            return await self._try(work)
        # The picture's fault, or somebody killed the process, as the system does for want of
        # memory: a fresh one tells.
        except _ENDED:
            log.warning("a process failed with a picture; the picture is tried once more")
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

    async def _try(self, work: Work[_T]) -> _T:
        process = await self.be_ready()
        try:
            async with _limited(self._seconds):
                await _send(process, work)
                message = await _received(process, work.longest)
            check_success(message)
            return work.answer(message)
        except TimeoutError as error:
            await self.close()
            log.warning("a picture took more than %g s, and its process was ended", self._seconds)
            raise ImageTooLargeError(
                f"the picture takes more than {self._seconds:g} seconds to decode or draw"
            ) from error
        except _ENDED:
            await self.close()
            raise

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
                    *(sys.executable, "-m", *self._arguments),
                    cwd=_ROOT,
                    env=_inherited() | _ENVIRONMENT,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,  # what decoders say is about a stranger's picture
                    limit=_BUFFER_BYTES,
                )
                _widen_pipes(self._process)
                said = await _received(self._process, 0)
                self.is_confined = said.fields.get("is_confined") is True
        except (*_ENDED, TimeoutError) as error:
            await self.close()
            log.exception("no process that decodes pictures can be started")
            raise OverloadedError("pictures cannot be decoded just now; try again soon") from error
        return self._process


@contextlib.asynccontextmanager
async def _limited(seconds: float) -> AsyncIterator[None]:
    """TimeoutError once the work inside has taken so long."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(None) as limit:
        clock = Clock(seconds, lambda: limit.reschedule(loop.time()))
        try:
            yield
        finally:
            clock.cancel()


def _inherited() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.upper() in _INHERITED}


def _widen_pipes(process: Process) -> None:
    """A picture's pixels go through at once: else its process waits while we take them in parts."""
    if fcntl is None or not hasattr(fcntl, "F_SETPIPE_SZ"):
        return
    transport = cast("asyncio.SubprocessTransport", process._transport)  # type: ignore[attr-defined]  # noqa: SLF001
    for number in (0, 1):
        pipe = cast("asyncio.BaseTransport", transport.get_pipe_transport(number))
        with contextlib.suppress(OSError):  # this user has too many of them already
            fcntl.fcntl(pipe.get_extra_info("pipe"), fcntl.F_SETPIPE_SZ, _BUFFER_BYTES)


async def _send(process: Process, work: Work[object]) -> None:
    to, message = cast("asyncio.StreamWriter", process.stdin), work.message()
    to.writelines(packed(Message({"kind": work.kind, **message.fields}, message.data)))
    await to.drain()


async def _received(process: Process, most: int) -> Message:
    """What a process says; MessageError: more than `most` bytes, or no message."""
    back = cast("asyncio.StreamReader", process.stdout)
    lengths = answered_lengths(await back.readexactly(LENGTHS_BYTES), most)
    fields, data = [await _read(back, length) for length in lengths]
    return unpacked(fields, data)


async def _read(back: asyncio.StreamReader, length: int) -> bytes:
    """So many bytes. A large drawing is taken as it comes: `readexactly` would hold it twice."""
    if length <= _BUFFER_BYTES:
        return await back.readexactly(length)
    data = io.BytesIO()
    while (missing := length - data.tell()) > 0:
        if not (more := await back.read(min(_BUFFER_BYTES, missing))):
            raise asyncio.IncompleteReadError(b"", length)
        data.write(more)
    return data.getvalue()  # CPython copies nothing here
