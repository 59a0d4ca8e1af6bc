"""Pictures of strangers are decoded and drawn in processes that may be killed.

A decoder that runs for minutes, crashes, or takes all memory cannot be stopped inside of a thread,
and some of Pillow's hold Python's lock for as long as they run. So a few processes do it, one
picture at a time each, with a limit on time and memory. One that exceeds them ends, the picture is
refused, and another process takes its place; nothing else notices.
"""

import asyncio
import logging
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Final, TypeVar, cast

from models.errors import ImageError, ImageTooLargeError
from service.settings import Settings

log = logging.getLogger(__name__)

_ROOT = Path(__file__).parents[1]

#: Of a process. One thread for numpy's linear algebra, which is not used: each takes address space.
#: glibc gives back what a large picture took, instead of keeping ever more for the next one: with
#: its thresholds set they no longer rise with what was freed (mallopt(3)).
_ENVIRONMENT: Final = {
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": f"{128 * 1024}",
    "MALLOC_TRIM_THRESHOLD_": f"{128 * 1024}",
}

_T = TypeVar("_T")


class PictureWorkers:
    """The processes, and a thread for each that waits for its answers."""

    def __init__(self, settings: Settings) -> None:
        self._count = settings.decode_workers
        self._threads = ThreadPoolExecutor(self._count, thread_name_prefix="pictures")
        self._idle: SimpleQueue[_Worker] = SimpleQueue()
        for _ in range(self._count):
            self._idle.put(_Worker(settings.decode_seconds, settings.decode_memory_bytes))

    async def run(self, work: Callable[[], _T]) -> _T:
        """Does something with one picture; `work` and its answer travel as pickles.

        Raises:
            ImageError: as `work` does, or it crashed its process.
            ImageTooLargeError: it took more time or memory than one may.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._run, work)

    async def open(self) -> None:
        """Starts all processes; they are ready when they have answered."""
        await asyncio.gather(*(self.run(_nothing) for _ in range(self._count)))

    def close(self) -> None:
        """Ends the processes after what they do now."""
        self._threads.shutdown()
        while not self._idle.empty():
            self._idle.get().close()

    def _run(self, work: Callable[[], _T]) -> _T:
        worker = self._idle.get()
        try:
            return worker.run(work)
        finally:
            self._idle.put(worker)


class _Worker:
    """One process at a time; started when there is work for it."""

    def __init__(self, seconds: float, memory_bytes: int) -> None:
        self._seconds = seconds
        self._memory_bytes = memory_bytes
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, work: Callable[[], _T]) -> _T:
        if self._process is None or self._process.poll() is not None:
            self.close()
            self._process = self._start()
        process = self._process
        is_over = threading.Event()
        timer = threading.Timer(self._seconds, _kill, [process, is_over])
        timer.start()
        try:
            went_well, answer = _exchange(process, work)
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            self.close()
            raise self._refusal(process.returncode, timed_out=is_over.is_set()) from error
        finally:
            timer.cancel()
        if is_over.is_set():  # it was answered in the last moment; the next one needs a new process
            self.close()
        if not went_well:
            raise cast("Exception", answer)
        return cast("_T", answer)

    def close(self) -> None:
        if self._process:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _start(self) -> subprocess.Popen[bytes]:
        # Our own program. What decoders write to stderr is about a stranger's picture.
        command = [sys.executable, "-m", "service.picture_worker", str(self._memory_bytes)]
        process = subprocess.Popen(  # noqa: S603
            command,
            cwd=_ROOT,
            env=os.environ | _ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        _exchange(process, _nothing)  # no picture's time is spent on starting
        return process

    def _refusal(self, code: int, *, timed_out: bool) -> ImageError:
        if timed_out:
            log.warning("a picture took more than %g s, and its process was ended", self._seconds)
            return ImageTooLargeError(
                f"the picture takes more than {self._seconds:g} seconds to decode or draw"
            )
        log.warning("a picture ended its process with code %d", code)
        return ImageError("the picture is broken: decoding it failed badly")


def _exchange(process: subprocess.Popen[bytes], work: Callable[[], _T]) -> tuple[bool, object]:
    to, back = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
    pickle.dump(work, to, protocol=pickle.HIGHEST_PROTOCOL)
    to.flush()
    return cast("tuple[bool, object]", pickle.load(back))  # noqa: S301  from our own process


def _kill(process: "subprocess.Popen[bytes]", is_over: threading.Event) -> None:
    is_over.set()
    process.kill()


def _nothing() -> None:
    """What a process does to show that it is there."""
