"""What a person sees while something takes time: a bar, or plain lines without a terminal."""

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from models.errors import TransferError

log = logging.getLogger(__name__)

#: Everything that is said while working goes here; results go to standard output.
console: Final = Console(stderr=True, soft_wrap=True, highlight=False)

#: Seconds between two lines where there is no terminal.
_LINE_EVERY_S: Final = 10.0


class _ConsoleHandler(logging.Handler):
    """Log records as plain lines that do not tear a progress bar apart."""

    def emit(self, record: logging.LogRecord) -> None:
        """Prints one record; warnings stand out where there are colours."""
        style = "bold yellow" if record.levelno >= logging.WARNING else None
        console.print(self.format(record), style=style, markup=False)


def log_to_console() -> None:
    """Shows our log records as plain lines, and of the libraries' only warnings."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[_ConsoleHandler()])
    for noisy in ("timm", "lightning", "httpx", "httpx2", "huggingface_hub"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def run_command(program: str, work: Callable[[], int], interrupted: str) -> int:
    """Does the work of a command, and returns an exit code; what goes wrong is a sentence.

    Args:
        program: its name.
        work: gives the exit code; it is 130 after Ctrl-C, as a shell has it.
        interrupted: what Ctrl-C means for the work, where the interrupt does not say it itself.
    """
    try:
        return work()
    except TransferError as error:
        print(f"{program}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt as asked:
        print(f"{program}: {str(asked) or interrupted}", file=sys.stderr)
        return 130


def be_quiet() -> None:
    """Says nothing more but errors: of several processes that do the same, one speaks."""
    console.quiet = True
    logging.getLogger().setLevel(logging.ERROR)


#: Called with the number of items that are done in addition.
Advance = Callable[[float], None]


@contextmanager
def progress(what: str, total: int, done: int = 0) -> Iterator[Advance]:
    """Shows how far a pass over `total` items is, `done` of them before, and how long it will take.

    `what` is done, as a person would say it.
    """
    if not console.is_terminal:
        yield _lines(what, total, done)
        return
    shown = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*shown, TimeRemainingColumn(), console=console) as bars:
        task = bars.add_task(what, total=total, completed=done)
        yield lambda count: bars.advance(task, count)


def _lines(what: str, total: int, before: int) -> Advance:
    start = last = time.monotonic()
    done: float = before

    def advance(count: float) -> None:
        nonlocal done, last
        done += count
        now = time.monotonic()
        if now - last < _LINE_EVERY_S and done < total:
            return
        last = now
        rate = (done - before) / max(now - start, 1e-9)
        rest = f", {(total - done) / max(rate, 1e-9):.0f} s left" if done < total else ""
        log.info("%s: %d of %d, %.1f a second%s", what, done, total, rate, rest)

    return advance
