"""A machine's share of many pictures: files in, a part of answers on the shared disks.

Nothing of a cluster's library is here. Files come in portions, of which one waits while another is
worked at, so that decoding and network never stand still between two; what a picture is made into
on its way never leaves this process and those that decode for it.
"""

import glob
import os
import queue
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from models.bulk import answer_files
from models.bundle import Bundle
from models.errors import UsageError
from models.places import PictureFile, is_address
from models.providers import Provider
from models.session import Session
from service.batch.parts import JOB, write_part
from service.batch.record import Record, record_of


@dataclass(frozen=True)
class Orders:
    """What all workers are told alike.

    Attributes:
        folder: of whoever asks; places and parts begin there where they are not absolute.
        places: as a person wrote them.
        parts: the folder of parts.
        job: what stands in it, by which a worker knows that it sees the same folder.
        maps: whether rows have maps.
        provider: where the network runs.
    """

    folder: Path
    places: tuple[str, ...]
    parts: Path
    job: str
    maps: bool
    provider: Provider

    def check(self) -> None:
        """Raises `UsageError` where this machine does not see the same disks."""
        unseen = [place for place in self.places if not is_address(place) and not _is_seen(place)]
        job = self.parts / JOB
        if not job.is_file() or job.read_text("utf-8") != self.job:
            unseen.append(str(self.parts))
        if unseen:
            raise UsageError(
                f"{os.uname().nodename} does not see {unseen[0]} in {self.folder} as the machine "
                "does that asks: pictures and --out must lie on disks that all machines of the "
                "cluster share, or pictures in a bucket"
            )


@dataclass(frozen=True)
class _Portion:
    """Files, where their answers go, and who waits for that."""

    path: Path
    files: Sequence[PictureFile]
    done: Future[int] = field(default_factory=Future)
    records: list[Record] = field(default_factory=list)


class Worker:
    """Answers portions, several callers' in turn."""

    def __init__(self, bundle: Bundle, orders: Orders) -> None:
        self._bundle, self._orders = bundle, orders
        self._session: Session | None = None
        self._waiting: Final[queue.Queue[_Portion]] = queue.Queue()
        threading.Thread(target=self._work, name="portions", daemon=True).start()

    def answer(self, path: Path, files: Sequence[PictureFile]) -> int:
        """Writes a part, whole or not at all.

        Returns:
            How many rows it has: one for each file.

        Raises:
            UsageError: this machine does not see the same disks, or cannot write the part.
            TransferError: the bundle is refused, or nothing can be decoded.
        """
        if self._orders.folder.is_dir():  # else only absolute places are seen
            os.chdir(self._orders.folder)
        self._orders.check()
        portion = _Portion(path, files)
        self._waiting.put(portion)
        return portion.done.result()

    def _work(self) -> None:
        while True:
            begun: deque[_Portion] = deque()
            first = self._waiting.get()
            try:
                self._session = self._session or Session(self._bundle, self._orders.provider)
                self._answer(self._session, self._files(first, begun), begun)
            except Exception as error:  # noqa: BLE001  whatever it is, it is for who asked
                for portion in begun or [first]:
                    portion.done.set_exception(error)

    def _files(self, first: _Portion, begun: "deque[_Portion]") -> Iterator[PictureFile]:
        """The files of all portions that wait; ends when none does."""
        portion = first
        while True:
            begun.append(portion)
            yield from portion.files
            try:
                portion = self._waiting.get_nowait()
            except queue.Empty:
                return

    def _answer(
        self, session: Session, files: Iterator[PictureFile], begun: "deque[_Portion]"
    ) -> None:
        for row in answer_files(session, files):
            portion = begun[0]
            portion.records.append(record_of(row, with_map=self._orders.maps))
            if len(portion.records) == len(portion.files):
                write_part(portion.path, portion.records)
                begun.popleft().done.set_result(len(portion.records))


def _is_seen(place: str) -> bool:
    """Whether there is such a place; of a pattern, the folder above its first magic sign."""
    path = Path(place)
    while glob.has_magic(str(path)) and not path.exists():
        path = path.parent
    return os.path.lexists(path)
