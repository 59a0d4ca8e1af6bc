"""Many files → an answer for each, in their order, in memory that does not grow with them.

    for row in classify(["photos/", "more.zip"], model="screws_nuts"):
        print(row.file, row.label, row.probability)

Decoding is the service's (`models.decoding`): processes decode, and may be killed, while the
network runs with what they have decoded. A file that cannot be read is a row with a sentence.
"""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final

from models.bundle import Bundle, names_a_file, read_bundle
from models.cores import granted_cores
from models.decoding.batching import MicroBatcher, NetworkThreads
from models.decoding.kinds import Read, ReadSeveral, Work
from models.decoding.workers import PictureWorkers
from models.errors import ImageError
from models.limits import DECODE_SECONDS, MAX_BATCH, decode_memory
from models.places import Listing, PictureFile
from models.preprocessing import ReadPicture
from models.session import Prediction, Session

#: A GPU's runs are larger than a CPU's.
_GPU_BATCH: Final = 64

#: Files that are decoded in one exchange with a process, and their bytes: small pictures cost as
#: much to send and to take as to resize; of a large one nobody sees that.
_TOGETHER: Final = 8
_BYTES_TOGETHER: Final = 256 * 1024

#: Such groups that wait for one before them: a slow picture holds up those behind it only then.
_WINDOW: Final = 128

#: Files that are taken from a listing at once, and rows that are handed over at once.
_CHUNK: Final = 32

#: Bytes of files that are in memory at once, and how many are read or fetched at once.
_MOST_BYTES: Final = 256 * 1024**2
_READERS: Final = 16

#: From a file's bytes and its answer to what the processes that decode are to make of both.
Afterwards = Callable[[bytes, Prediction], Work[bytes]]


@dataclass(frozen=True)
class Row:
    """What there is to say of a file.

    Attributes:
        source: the file.
        prediction: the answer; None where there is none.
        warnings: sentences on what is unlike the pictures that were learned from.
        error: why there is no answer, a sentence; empty where there is one.
        made: what was made of the file and its answer, where something was asked for.
    """

    source: PictureFile
    prediction: Prediction | None
    warnings: tuple[str, ...] = ()
    error: str = ""
    made: bytes = b""

    @property
    def file(self) -> str:
        """Its name."""
        return self.source.name

    @property
    def label(self) -> str:
        """The predicted class; empty without an answer."""
        return self.prediction.label if self.prediction else ""

    @property
    def probability(self) -> float:
        """The label's; NaN without an answer."""
        return self.prediction.probability if self.prediction else float("nan")


def classify(
    places: str | Path | Iterable[str | Path], model: str | Path | None = None
) -> Iterator[Row]:
    """Answers all pictures of some places, as `models.places` takes them.

    Args:
        places: one, or several.
        model: `NAME` or `NAME:VERSION` of the store, or a bundle file; default: the newest.

    Raises:
        UsageError: there is no such place.
        TransferError: the bundle is refused.
    """
    several = (places,) if isinstance(places, str | Path) else places
    listing = Listing([str(place) for place in several])
    return answer_files(Session(find_bundle(model)), listing)


def find_bundle(model: str | Path | None) -> Bundle:
    """The bundle that a person calls so, read and whole (BundleError, StoreError)."""
    if model and (isinstance(model, Path) or names_a_file(model)):
        return read_bundle(Path(model))
    # Late: a bundle file needs no BentoML.
    from models import store  # noqa: PLC0415

    return read_bundle((store.get(str(model)) if model else store.newest()).path)


def answer_files(
    session: Session, files: Iterable[PictureFile], afterwards: Afterwards | None = None
) -> Iterator[Row]:
    """Answers files in their order; the network runs on while a row is looked at.

    Args:
        session: what answers.
        files: are asked for in another thread, a little ahead.
        afterwards: what is to be made of a file and its answer, if anything.

    Raises:
        TransferError: nothing can be decoded or answered any more.
    """
    handed: queue.Queue[list[Row] | BaseException | None] = queue.Queue(2)
    run = _Run(session, iter(files), afterwards, handed)
    thread = threading.Thread(target=run.work, name="bulk", daemon=True)
    thread.start()
    try:
        while (rows := handed.get()) is not None:
            if isinstance(rows, BaseException):
                raise rows
            yield from rows
    finally:
        run.stop()
        while thread.is_alive():  # it may wait to hand something over
            with contextlib.suppress(queue.Empty):
                handed.get(timeout=0.05)


class _Run:
    """All that answers some files, in an event loop and a thread of its own."""

    def __init__(
        self,
        session: Session,
        files: Iterator[PictureFile],
        afterwards: Afterwards | None,
        handed: "queue.Queue[list[Row] | BaseException | None]",
    ) -> None:
        self._session, self._files, self._afterwards = session, files, afterwards
        self._handed = handed
        self._loop = asyncio.new_event_loop()
        self._main: asyncio.Task[None] | None = None
        self._is_stopped = False

    def work(self) -> None:
        """Answers all files; hands over rows, in the end None, or what went wrong."""
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._answer_all())
            end = None
        except asyncio.CancelledError:
            end = None
        except BaseException as error:  # noqa: BLE001  whatever it is, it is for who asked
            end = error
        self._handed.put(end)

    def stop(self) -> None:
        """Ends it, wherever it is."""
        with contextlib.suppress(RuntimeError):  # it has ended
            self._loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        self._is_stopped = True
        if self._main:
            self._main.cancel()

    async def _answer_all(self) -> None:
        self._main = asyncio.current_task()
        if self._is_stopped:
            return
        session, cores = self._session, granted_cores()
        most = MAX_BATCH if session.provider == "cpu" else _GPU_BATCH
        if session.provider != "cpu":
            await asyncio.to_thread(session.warm_up, most)
        self._workers = PictureWorkers(cores, DECODE_SECONDS, decode_memory(cores))
        beside = session.parted_from
        with NetworkThreads() as threads, ThreadPoolExecutor(_READERS) as self._readers:
            self._batcher = MicroBatcher(session.predict, most, threads, beside=beside)
            self._room = _Room(2 * cores * _TOGETHER + (3 if beside else 2) * most, _MOST_BYTES)
            waiting: asyncio.Queue[asyncio.Task[list[Row]] | None] = asyncio.Queue(_WINDOW)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._begin(waiting, group))
                    group.create_task(self._hand_over(waiting))
            # Not `except*`: what that raises is a group again before Python 3.11.4.
            except ExceptionGroup as several:  # one of them tells enough
                raise several.exceptions[0] from None
            finally:
                await self._workers.close()
                await self._batcher.close()

    async def _begin(
        self, waiting: "asyncio.Queue[asyncio.Task[list[Row]] | None]", group: asyncio.TaskGroup
    ) -> None:
        """Begins with one group of files after the other, as there is room."""
        while files := await asyncio.to_thread(lambda: list(islice(self._files, _CHUNK))):
            for some in _together(files):
                count, size = len(some), sum(file.size for file in some)
                await self._room.enter(count, size)
                task = group.create_task(self._rows(some))
                task.add_done_callback(partial(self._room.leave, count, size))
                await waiting.put(task)
        await waiting.put(None)

    async def _hand_over(self, waiting: "asyncio.Queue[asyncio.Task[list[Row]] | None]") -> None:
        rows: list[Row] = []
        while task := await waiting.get():
            if rows and (len(rows) >= _CHUNK or not task.done()):
                await asyncio.to_thread(self._handed.put, rows)
                rows = []
            rows += await task
        await asyncio.to_thread(self._handed.put, rows)

    async def _rows(self, files: list[PictureFile]) -> list[Row]:
        fetched = await self._fetched(files)
        read = iter(await self._read([data for data in fetched if isinstance(data, bytes)]))
        pictures = [next(read) if isinstance(data, bytes) else data for data in fetched]
        asked = [self._batcher.ask(p.pixels) for p in pictures if isinstance(p, ReadPicture)]
        answers = iter(await asyncio.gather(*asked))
        rows = [
            Row(file, next(answers), picture.warnings)
            if isinstance(picture, ReadPicture)
            else Row(file, None, error=str(picture))
            for file, picture in zip(files, pictures, strict=True)
        ]
        return await self._with_made(rows, fetched) if self._afterwards else rows

    async def _fetched(self, files: list[PictureFile]) -> list[bytes | ImageError]:
        """The bytes of files, or why there are none: what lies far away, all at once."""
        loop = asyncio.get_running_loop()
        if all(file.path for file in files):
            return await loop.run_in_executor(self._readers, lambda: [*map(_data, files)])
        each = (loop.run_in_executor(self._readers, _data, file) for file in files)
        return await asyncio.gather(*each)

    async def _read(self, files: list[bytes]) -> list[ReadPicture | ImageError]:
        """Pictures, or their errors."""
        if len(files) > 1:
            preprocessing = self._session.metadata.preprocessing
            # One of them took too much time, or ended the process: each alone, they tell which.
            with contextlib.suppress(ImageError):
                return await self._workers.run(ReadSeveral(tuple(files), preprocessing))
        return await asyncio.gather(*map(self._read_alone, files))

    async def _read_alone(self, data: bytes) -> ReadPicture | ImageError:
        try:
            return await self._workers.run(Read(data, self._session.metadata.preprocessing))
        except ImageError as error:
            return error

    async def _with_made(self, rows: list[Row], files: list[bytes | ImageError]) -> list[Row]:
        pairs = zip(rows, files, strict=True)
        return await asyncio.gather(*(self._made(row, data) for row, data in pairs))

    async def _made(self, row: Row, data: bytes | ImageError) -> Row:
        """A row with what was made; that it could not be made is no reason to be without answer."""
        if not (self._afterwards and row.prediction and isinstance(data, bytes)):
            return row
        try:
            made = await self._workers.run(self._afterwards(data, row.prediction))
        except ImageError as error:
            return replace(row, warnings=(*row.warnings, f"it cannot be drawn: {error}"))
        return replace(row, made=made)


def _together(files: Iterable[PictureFile]) -> Iterator[list[PictureFile]]:
    """Groups of files, in their order, as they are decoded together."""
    some: list[PictureFile] = []
    for file in files:
        size = file.size + sum(other.size for other in some)
        if some and (len(some) == _TOGETHER or size > _BYTES_TOGETHER):
            yield some
            some = []
        some.append(file)
    yield some


def _data(file: PictureFile) -> bytes | ImageError:
    try:
        return file.read()
    except ImageError as error:
        return error


class _Room:
    """Bounds what is in work at once. Lives in one event loop."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._count = self._bytes = 0
        self._left = asyncio.Event()

    async def enter(self, count: int, size: int) -> None:
        """Waits until there is room for more; what is alone may be larger than the room."""
        while self._count and (self._count >= self._most or self._bytes + size > self._most_bytes):
            self._left.clear()
            await self._left.wait()
        self._count += count
        self._bytes += size

    def leave(self, count: int, size: int, _: object = None) -> None:
        """Makes room."""
        self._count -= count
        self._bytes -= size
        self._left.set()
