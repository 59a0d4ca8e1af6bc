"""Admission control: what is in the service at once, in pictures and in bytes, has a bound.

One bound for all models together: they share the machine. What does not fit is refused at once with
503 and Retry-After, before its body is read where that is known by then; nobody waits for a place.
Pictures count from the arrival of their form until their answer; bytes while they arrive, so that a
client that declares much and sends little takes nobody's place. Large answers count until they
have been taken.
"""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from models.errors import OverloadedError
from service.observability import metrics

#: Of the bytes in flight, answers that are to be read may be one of so many parts: each takes twice
#: its length again while it is made.
_PART_OF_ANSWERS: Final = 4


class Admission:
    """Counts what is inside. Lives in one event loop."""

    def __init__(self, max_pictures: int, max_bytes: int, most_by_name: int | None = None) -> None:
        self._max_pictures, self._max_bytes = max_pictures, max_bytes
        self._most_by_name = most_by_name or max_pictures
        self._by_name: Counter[str] = Counter()
        self.pictures = self.bytes = self.answers = 0
        metrics.QUEUE_CAPACITY.set(max_pictures)
        metrics.QUEUE.set(0)

    def check(self, name: str = "") -> None:
        """Raises OverloadedError while there is no place for a single picture more of a name."""
        self._check_pictures(1, name)
        self._check_bytes(1)

    @contextlib.contextmanager
    def admit(self, pictures: int, name: str = "") -> Iterator[None]:
        """Counts pictures of a name in while the context lasts, or raises OverloadedError."""
        self._check_pictures(pictures, name)
        self._count(pictures, name)
        try:
            yield
        finally:
            self._count(-pictures, name)

    def admit_work(self, pictures: int, name: str = "") -> contextlib.AbstractContextManager[None]:
        """The same for what one picture costs as many more as these.

        No more than an empty queue has beside the picture: else it would be refused for ever.
        """
        places = self._most_by_name if name else self._max_pictures
        return self.admit(min(pictures, places - 1), name)

    @contextlib.contextmanager
    def body(self) -> Iterator[Callable[[int], None]]:
        """Gives what counts the bytes of one request's body, until it has been answered.

        That raises OverloadedError when they are too much beside those of other requests.
        """
        length = 0

        def count(more: int) -> None:
            nonlocal length
            self._check_bytes(more)
            self.bytes += more
            length += more

        try:
            yield count
        finally:
            self.bytes -= length

    def check_answers(self, length: int = 0) -> None:
        """Raises OverloadedError while unread answers leave no room for one more of that length."""
        if self.answers and self.answers + length >= self._max_bytes // _PART_OF_ANSWERS:
            raise OverloadedError(
                "too many answers wait for those who asked to read them; try again in a moment"
            )

    @contextlib.contextmanager
    def answer(self, length: int) -> Iterator[None]:
        """Counts the bytes of an answer until its client has taken them.

        OverloadedError where they are too much beside those of others: what nobody reads must not
        fill the memory. An answer alone may be of any size.
        """
        self.check_answers(length)
        self.answers += length
        self.bytes += length
        try:
            yield
        finally:
            self.answers -= length
            self.bytes -= length

    def _count(self, more: int, name: str) -> None:
        self.pictures += more
        self._by_name[name] += more
        metrics.QUEUE.set(self.pictures)

    def _check_pictures(self, more: int, name: str) -> None:
        if name and self._by_name[name] + more > self._most_by_name:
            raise OverloadedError(
                f"too much is asked for with the keys of {name}: of its {self._most_by_name} "
                f"places {self._by_name[name]} are taken and {more} more wanted; try again in a "
                "moment"
            )
        if self.pictures + more > self._max_pictures:
            raise OverloadedError(
                f"the queue is full: of {self._max_pictures} places {self.pictures} are taken and "
                f"{more} more wanted; try again in a moment"
            )

    def _check_bytes(self, more: int) -> None:
        if self.bytes + more > self._max_bytes:
            raise OverloadedError(
                f"too much is being sent at once: all bodies together may hold "
                f"{self._max_bytes:,} bytes here; try again in a moment"
            )
