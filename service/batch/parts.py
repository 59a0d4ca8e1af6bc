"""What is answered so far, beside the result, in parts that are whole or absent.

A command that is stopped, by `kill -9` or a power cut, goes on from them. They belong to one model
and one way of asking; what was answered is known by a file's name and the stamp of its content, so
that a file that is another one by now is asked about again.
"""

import contextlib
import hashlib
import json
import secrets
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from filelock import FileLock, Timeout

from models.errors import OutputError, UsageError
from models.files import PARTIAL, output_file
from models.places import PictureFile
from service.batch.record import Record, record_from

#: Rows and seconds after which the first part is written, and each further one: what is lost by a
#: stop, and how soon a person sees that something comes.
_FIRST: Final = (64, 1.0)
_FURTHER: Final = (8192, 5.0)

#: Says in the folder of parts what they answer.
JOB: Final = "job.json"
_LOCK: Final = "lock"


@dataclass(frozen=True)
class Job:
    """What parts answer: rows of another job must never stand beside them.

    Attributes:
        digest: of the bundle.
        root: the place that names of files begin below.
        maps: whether rows have maps.
    """

    digest: str
    root: str
    maps: bool
    version: int = 1


class Parts:
    """The parts of one result; nobody else writes them meanwhile."""

    def __init__(self, folder: Path, job: Job, *, anew: bool) -> None:
        """Opens the folder of parts, or makes it.

        Args:
            folder: where.
            job: what is asked.
            anew: what answers another job may be deleted.

        Raises:
            UsageError: the parts there answer another job, or somebody is at them.
            OutputError: the folder cannot be written, or is none of ours.
        """
        self._folder = folder
        self._lock = _locked(folder)
        try:
            self._check(job, anew=anew)
        except BaseException:
            self._lock.release()
            raise
        self._done: dict[bytes, bytes] = {}
        for record in self._all():
            self._note(record.file, record.stamp)
        numbers = [int(path.stem.partition("-")[0]) for path in self._files()]
        self._number = max(numbers, default=-1) + 1
        self._token = secrets.token_hex(4)
        self._rows: list[Record] = []
        self._limits = _FURTHER if numbers else _FIRST
        self._since = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """What was answered is kept, however it ends; where nothing was, no trace is."""
        try:
            self._write()
            if not self._files():
                self.remove()
        finally:
            self._lock.release()

    @property
    def count(self) -> int:
        """How many files are answered."""
        return len(self._done)

    def holds(self, file: PictureFile) -> bool:
        """Whether a file is answered as it is now."""
        return self._done.get(_key(file.name)) == _key(file.stamp)

    def add(self, record: Record) -> None:
        """Keeps a record, sooner or later on the disk."""
        self._rows.append(record)
        self._note(record.file, record.stamp)
        most, seconds = self._limits
        if len(self._rows) >= most or time.monotonic() - self._since >= seconds:
            self._write()

    def reserve(self) -> Path:
        """A name for a part that another process writes, with `write_part`.

        It is this run's alone: what a worker of a run before may still be writing is another file.
        """
        self._number += 1
        return self._folder / f"{self._number - 1:08}-{self._token}.jsonl"

    def note(self, files: Iterable[PictureFile]) -> None:
        """Takes files for answered whose part another process has written."""
        for file in files:
            self._note(file.name, file.stamp)

    def records(self) -> Iterator[Record]:
        """All records, one for each file, the last where it was answered twice; given once.

        Raises:
            OutputError: a part is not there that was written, as a shared disk may show it late.
        """
        self._write()
        for record in self._all():
            key = _key(record.file)
            if self._done.get(key) == _key(record.stamp):
                del self._done[key]
                yield record
        if self._done:
            raise OutputError(
                f"{len(self._done):,} answers are not in {self._folder} that were written there; "
                "the same command asks again for what is missing"
            )

    def remove(self) -> None:
        """Removes the parts, and nothing else that lies among them."""
        _remove(self._folder)

    def _note(self, file: str, stamp: str) -> None:
        self._done[_key(file)] = _key(stamp)

    def _write(self) -> None:
        if self._rows:
            write_part(self._folder / f"{self._number:08}.jsonl", self._rows)
            self._number += 1
            self._rows = []
        self._limits, self._since = _FURTHER, time.monotonic()

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("[0-9]*.jsonl"))

    def _all(self) -> Iterator[Record]:
        for path in self._files():
            with path.open("rb") as file:
                yield from map(record_from, file)

    def _check(self, job: Job, *, anew: bool) -> None:
        path, wanted = self._folder / JOB, json.dumps(asdict(job))
        found = path.read_text("utf-8") if path.exists() else None
        if found is None and self._files():
            raise OutputError(f"{self._folder} was not made by classify-images; --out elsewhere")
        if found not in (None, wanted):
            if not anew:
                raise UsageError(_of_another_job(self._folder, found or "{}", job))
            _remove(self._folder, is_open=True)
        if found != wanted:
            with output_file(path) as file:
                file.write(wanted.encode())


def write_part(path: Path, records: Iterable[Record]) -> None:
    """Writes a part, whole or not at all (OutputError)."""
    with output_file(path) as file:
        file.writelines(record.line().encode() for record in records)


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def _locked(folder: Path) -> FileLock:
    """The folder, made, and ours alone."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / _LOCK)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise UsageError(f"{folder}: another classify-images is at it just now") from error
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror or error}") from error
    for path in folder.iterdir():
        if PARTIAL.fullmatch(path.name):  # of a process that was killed
            path.unlink(missing_ok=True)
    return lock


def _of_another_job(folder: Path, found: str, job: Job) -> str:
    with contextlib.suppress(ValueError):
        differing = [key for key, value in json.loads(found).items() if value != asdict(job)[key]]
        words = {"digest": "another model", "root": "another place", "maps": "other columns"}
        kinds = ", ".join(words.get(key, key) for key in differing)
        return (
            f"{folder} holds answers of an unfinished run with {kinds}: give what it was begun "
            "with, or --overwrite to begin anew"
        )
    return f"{folder}/{JOB} cannot be read; --overwrite begins anew"


def _remove(folder: Path, *, is_open: bool = False) -> None:
    for path in (*folder.glob("[0-9]*.jsonl"), folder / JOB):
        path.unlink(missing_ok=True)
    if not is_open:
        (folder / _LOCK).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # something of somebody else's lies there
            folder.rmdir()
