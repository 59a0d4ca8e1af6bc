"""Admission control: what is in the service at once, in pictures and in bytes, has a bound.

One bound for all models together: they share the machine. What does not fit is refused at once with
503 and Retry-After, before its body is read where that is known by then; nobody waits for a place.
Pictures count from the arrival of their form until their answer; bytes while they arrive, so that a
client that declares much and sends little takes nobody's place.
"""

import contextlib
from collections.abc import Callable, Iterator

from models.errors import OverloadedError
from service.observability import metrics


class Admission:
    """Counts what is inside. Lives in one event loop."""

    def __init__(self, max_pictures: int, max_bytes: int) -> None:
        self._max_pictures, self._max_bytes = max_pictures, max_bytes
        self.pictures = self.bytes = 0
        metrics.QUEUE_CAPACITY.set(max_pictures)
        metrics.QUEUE.set(0)

    def check(self) -> None:
        """Raises OverloadedError while there is no place for a single picture more."""
        self._check_pictures(1)
        self._check_bytes(1)

    @contextlib.contextmanager
    def admit(self, pictures: int) -> Iterator[None]:
        """Counts pictures in for as long as the context lasts, or raises OverloadedError."""
        self._check_pictures(pictures)
        self._count(pictures)
        try:
            yield
        finally:
            self._count(-pictures)

    def admit_work(self, pictures: int) -> contextlib.AbstractContextManager[None]:
        """The same for what one picture costs as many more as these.

        No more than an empty queue has beside the picture: else it would be refused for ever.
        """
        return self.admit(min(pictures, self._max_pictures - 1))

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

    def _count(self, more: int) -> None:
        self.pictures += more
        metrics.QUEUE.set(self.pictures)

    def _check_pictures(self, more: int) -> None:
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
