"""A folder of drawn screws and nuts, whole or recognisably not.

Guarantees: nothing of the user's is written over; the same seed gives the same files with the same
numpy and Pillow; picture number i depends neither on the count nor on the other pictures; nothing
but the object's shape tells the classes apart. The folder can be given to `train-transfer --data`
as it is. README.txt is written last: where it is, the folder is complete.
"""

import csv
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Annotated, Final

from models.errors import OutputError, UsageError
from models.options import Option
from models.terminal import progress
from samples.picture import LABELS, Box, draw

_MOST_PROCESSES: Final = 8

#: Pictures that are drawn sooner than a second process has started.
_FEW: Final = 50

_SMALLEST_SIDE, _LARGEST_SIDE = 64, 1024

_README: Final = """\
The pictures in this folder are drawn, not photographed.

Program: draw-screws-nuts of train-transfer {version}
Command: draw-screws-nuts DIR --count {count} --seed {seed} --size {shortest} {longest}

They are for trying the program out. What a model learns from them says little about how well it
does on photographs.

screws/, nuts/   the pictures, one folder for each class
boxes.csv        for each picture the object's box in pixels, right and bottom exclusive, and the
                 kind of screw or nut
"""


@dataclass(frozen=True)
class Drawn:
    """A picture that was written: its file, its class, its object's kind and box."""

    path: Path
    label: str
    kind: str
    box: Box


@dataclass(frozen=True)
class SampleSettings:
    """Which pictures are drawn, and where to."""

    folder: Annotated[
        Path, Option("where to; new or empty, made where it is missing", "DIR", is_positional=True)
    ]
    count: Annotated[int, Option("pictures, half of each class")] = 500
    seed: Annotated[int, Option("chooses the set")] = 0
    size: Annotated[
        tuple[int, int], Option("sides of the pictures in pixels", ("SHORTEST", "LONGEST"))
    ] = (160, 320)

    def __post_init__(self) -> None:
        if self.count < 1:
            raise UsageError(f"--count is {self.count}; at least 1 picture can be drawn.")
        if self.seed < 0:
            raise UsageError(f"--seed is {self.seed}; it must be 0 or more.")
        shortest, longest = self.size
        if not _SMALLEST_SIDE <= shortest <= longest <= _LARGEST_SIDE:
            raise UsageError(
                f"--size is {shortest} {longest}; give the shortest and the longest side, "
                f"from {_SMALLEST_SIDE} to {_LARGEST_SIDE} pixels."
            )


def draw_folder(settings: SampleSettings) -> list[Drawn]:
    """Draws pictures, half of them screws, half nuts, into a new or empty folder.

    Returns:
        What was written, in the order of the numbers in the file names.

    Raises:
        OutputError: The folder is not empty, or cannot be written.
    """
    folder = settings.folder
    try:
        _make_folders(folder)
        job = partial(_draw_one, folder, settings.seed, settings.size)
        drawn = _draw_all(job, settings.count)
        _write_boxes(folder, drawn)
        _write_readme(settings)
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(f"Cannot write to {folder}: {reason}. Name another folder.") from error
    return drawn


def _make_folders(folder: Path) -> None:
    """Makes the folder and one for each class, and refuses a folder that holds anything."""
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file; name a folder that is new or empty.")
    if folder.exists() and any(folder.iterdir()):
        raise OutputError(
            f"{folder} is not empty; nothing was drawn. Name a folder that is new or empty."
        )
    for label in LABELS:
        (folder / label).mkdir(parents=True)


def _draw_one(folder: Path, seed: int, sides: tuple[int, int], index: int) -> Drawn:
    """Draws a picture and writes it."""
    picture = draw(seed, index, sides)
    ending = "jpg" if picture.quality else "png"
    path = folder / picture.label / f"{index:05d}.{ending}"
    with path.open("xb") as file:
        if picture.quality:
            picture.image.save(file, "JPEG", quality=picture.quality)
        else:
            picture.image.save(file, "PNG")
    return Drawn(path, picture.label, picture.kind, picture.box)


def _draw_all(job: Callable[[int], Drawn], count: int) -> list[Drawn]:
    """Draws all pictures and shows how many there are."""
    drawn = []
    with progress("Drawing", count) as advance:
        for one in _results(job, count):
            drawn.append(one)
            advance(1)
    return drawn


def _results(job: Callable[[int], Drawn], count: int) -> Iterator[Drawn]:
    """The results in order; of many, from several processes.

    Threads were tried: the arrays are small, so that they wait for the interpreter and two of them
    are hardly faster than one. Processes are spawned, as a fork of a process with threads may hang.
    An interrupt is the first process's to handle; a `ProcessPoolExecutor` hangs on a second one.
    """
    workers = min(os.cpu_count() or 1, _MOST_PROCESSES)
    if count < _FEW or workers == 1:
        yield from map(job, range(count))
        return
    spawning = multiprocessing.get_context("spawn")
    with spawning.Pool(workers, signal.signal, (signal.SIGINT, signal.SIG_IGN)) as processes:
        yield from processes.imap(job, range(count))


def _write_boxes(folder: Path, drawn: Sequence[Drawn]) -> None:
    with (folder / "boxes.csv").open("x", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["path", "left", "top", "right", "bottom", "kind"])
        for one in drawn:
            path, box = one.path.relative_to(folder).as_posix(), one.box
            table.writerow([path, box.left, box.top, box.right, box.bottom, one.kind])


def _write_readme(settings: SampleSettings) -> None:
    try:
        version = metadata.version("train-transfer")
    except metadata.PackageNotFoundError:
        version = "(from a checkout that is not installed)"
    shortest, longest = settings.size
    text = _README.format(
        version=version,
        count=settings.count,
        seed=settings.seed,
        shortest=shortest,
        longest=longest,
    )
    with (settings.folder / "README.txt").open("x", encoding="utf-8", newline="\n") as file:
        file.write(text)
