"""Something happens at a moment of a run: when it logs certain words."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class _Once(logging.Handler):
    def __init__(self, words: str, do: Callable[[], object]) -> None:
        super().__init__()
        self._words, self._do, self.has_come = words, do, False

    def emit(self, record: logging.LogRecord) -> None:
        if not self.has_come and self._words in record.getMessage():
            self.has_come = True
            self._do()


@contextmanager
def at(words: str, do: Callable[[], object]) -> Iterator[None]:
    """Does something when these words are logged first, before whoever logs them goes on.

    Raises:
        AssertionError: the block ended well, and they never were.
    """
    logger, handler = logging.getLogger(), _Once(words, do)
    before = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        yield
        assert handler.has_come, f"nothing was said of {words!r}"
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
