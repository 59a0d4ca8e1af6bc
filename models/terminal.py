"""What a person sees while something takes time: a bar, or plain lines without a terminal.

Nothing is silent for longer than a person believes that it works, and no console ends a run: what
it cannot print is printed as a number, and where nobody listens any more the work goes on.
"""

import io
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column, Table
from rich.text import Text

from models.errors import TransferError

log = logging.getLogger(__name__)


class PatientConsole(Console):
    """A console whose reader may go away (`| head`) without an end to the work."""

    def on_broken_pipe(self) -> None:
        """Speaks to nobody from now on."""
        stop_speaking(self.file.fileno())


#: Everything that is said while working goes here; results go to standard output.
console: Final = PatientConsole(stderr=True, soft_wrap=True, highlight=False)

#: Seconds between two lines of something that takes long.
_LINE_EVERY_S: Final = 2.5


class _ConsoleHandler(logging.Handler):
    """Log records as plain lines that do not tear a progress bar apart."""

    def emit(self, record: logging.LogRecord) -> None:
        """Prints one record; warnings stand out where there are colours."""
        style = "bold yellow" if record.levelno >= logging.WARNING else None
        with suppress(OSError, ValueError):  # a full disk, a terminal that was closed
            console.print(self.format(record), style=style, markup=False)


def log_to_console() -> None:
    """Shows our log records as plain lines, and of the libraries' only warnings."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[_ConsoleHandler()])
    noisy_ones = ("timm", "lightning", "httpx", "httpx2", "huggingface_hub", "matplotlib")
    for noisy in (*noisy_ones, "botocore", "aiobotocore"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def run_command(program: str, work: Callable[[], int], interrupted: str) -> int:
    """Does the work of a command, and returns an exit code; what goes wrong is a sentence.

    Args:
        program: its name.
        work: gives the exit code; it is 130 after Ctrl-C, as a shell has it.
        interrupted: what Ctrl-C means for the work, where the interrupt does not say it itself.
    """
    _make_consoles_patient()
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


def _make_consoles_patient() -> None:
    """A letter that a console's code page lacks comes out as its number; a closed one is nobody."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            # Also because the next file that is opened would get its number, and what C prints.
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def stop_speaking(descriptor: int) -> None:
    """Sends what is still going to be printed to nobody."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints a table: columns in a terminal, in a pipe lines with tabs; the headings first."""
    out = PatientConsole(highlight=False)
    if out.is_terminal:
        # Folded: what a name is cut off of could not be copied into the next command.
        table = Table(*(Column(heading, overflow="fold") for heading in headings))
        for row in rows:
            table.add_row(*map(Text, row))
        out.print(table)
        return
    try:
        for row in (headings, *rows):
            print(*row, sep="\t")
        sys.stdout.flush()
    except BrokenPipeError:
        # `| head` has seen enough; Python would complain once more when it closes the pipe.
        stop_speaking(sys.stdout.fileno())


@contextmanager
def working(what: str) -> Iterator[None]:
    """Says what is being done, as `quantising`, and every few seconds that it still is."""
    log.info("%s", what)
    begun = time.monotonic()
    with _again_and_again(lambda: log.info("still %s, %.0f s", what, time.monotonic() - begun)):
        yield


@contextmanager
def _again_and_again(say: Callable[[], None]) -> Iterator[None]:
    """Says something every few seconds, from a thread of its own, for as long as a block lasts."""
    ended = threading.Event()

    def repeat() -> None:
        while not ended.wait(_LINE_EVERY_S):
            say()

    thread = threading.Thread(target=repeat, daemon=True, name="still working")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


#: Called with the number of items that are done in addition.
Advance = Callable[[float], None]


@contextmanager
def progress(what: str, total: int, done: int = 0) -> Iterator[Advance]:
    """Shows how far a pass over `total` items is, `done` of them before, and how long it will take.

    `what` is done, as a person would say it.
    """
    if not console.is_terminal:
        lines = _Lines(what, total, done)
        with _again_and_again(lines.say):
            yield lines.advance
        lines.say()
        return
    shown = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*shown, TimeRemainingColumn(), console=console) as bars:
        task = bars.add_task(what, total=total, completed=done)
        yield lambda count: bars.advance(task, count)


@contextmanager
def progress_while_counting(
    what: str, count: Callable[[], int], done: int = 0
) -> Iterator[Advance]:
    """As `progress`, with a rate, of a total that is found out meanwhile, in another thread."""
    if not console.is_terminal:
        lines = _Lines(what, None, done)
        with _found_out(count, lines.take_total), _again_and_again(lines.say):
            yield lines.advance
        lines.say()
        return
    shown = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate())
    with Progress(*shown, TimeRemainingColumn(), console=console) as bars:
        task = bars.add_task(what, total=None, completed=done)
        with _found_out(count, lambda total: bars.update(task, total=total)):
            yield lambda count: bars.advance(task, count)


class _Rate(ProgressColumn):
    """How many a second."""

    def render(self, task: Task) -> Text:
        """Nothing until there is a rate."""
        return Text(f"{task.speed:.0f} a second" if task.speed else "")


@contextmanager
def _found_out(count: Callable[[], int], take: Callable[[int], object]) -> Iterator[None]:
    """Counts in a thread, and says the result if it comes while the block lasts."""

    def find_out() -> None:
        with suppress(TransferError):  # who works at the same meets it too, and says it
            take(count())

    threading.Thread(target=find_out, daemon=True, name="counting").start()
    yield


class _Lines:
    """How far something is, in plain lines."""

    def __init__(self, what: str, total: int | None, before: int) -> None:
        self._what, self._total, self._before = what, total, before
        self._start = time.monotonic()
        self._done: float = before

    def advance(self, count: float) -> None:
        """So many more are done."""
        self._done += count

    def take_total(self, total: int) -> None:
        """Of how many, now that it is known."""
        self._total = total

    def say(self) -> None:
        """Says how far it is, where there is anything to do."""
        if self._total == 0:
            return
        rate = (self._done - self._before) / max(time.monotonic() - self._start, 1e-9)
        of, rest = f" of {self._total}" if self._total else "", ""
        if rate and self._total and self._done < self._total:
            rest = f", {(self._total - self._done) / rate:.0f} s left"
        log.info("%s: %d%s, %.1f a second%s", self._what, self._done, of, rate, rest)
