"""`draw-screws-nuts DIR`: a folder of drawn screws and nuts, for who has no pictures at hand.

Guarantees: nothing of the user's is written over; the same seed gives the same files with the same
numpy and Pillow; picture number i depends neither on the count nor on the other pictures; nothing
but the object's shape tells the classes apart. The folder can be given to `train-transfer --data`
as it is. README.txt is written last: where it is, the folder is complete.
"""

import argparse
import csv
import logging
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path

from models.errors import OutputError, TransferError, UsageError
from samples.picture import LABELS, Box, draw
from training.terminal import ConsoleHandler, console, progress

COUNT, SEED, SIDES = 500, 0, (160, 320)
MOST_PROCESSES = 8
INTERRUPTED = 130  # the shell's exit code for Ctrl-C
FEW = 50  # pictures that are drawn sooner than a second process has started
SMALLEST_SIDE, LARGEST_SIDE = 64, 1024

README = """\
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


def draw_sample(
    folder: Path, count: int = COUNT, seed: int = SEED, sides: tuple[int, int] = SIDES
) -> list[Drawn]:
    """Draws `count` pictures, half of them screws, half nuts, into a new or empty folder.

    Args:
        folder: where to; made with its parents where it is missing.
        count: how many pictures; of an odd number one more is a screw.
        seed: chooses the set.
        sides: shortest and longest side of a picture, in pixels.

    Returns:
        What was written, in the order of the numbers in the file names.

    Raises:
        OutputError: The folder is not empty, or cannot be written.
        UsageError: A number is out of its range.
    """
    _check_numbers(count, seed, sides)
    try:
        _make_folders(folder)
        drawn = _draw_all(partial(_draw_one, folder, seed, sides), count)
        _write_boxes(folder, drawn)
        _write_readme(folder, count, seed, sides)
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(f"Cannot write to {folder}: {reason}. Name another folder.") from error
    return drawn


def _check_numbers(count: int, seed: int, sides: tuple[int, int]) -> None:
    if count < 1:
        raise UsageError(f"--count is {count}; at least 1 picture can be drawn.")
    if seed < 0:
        raise UsageError(f"--seed is {seed}; it must be 0 or more.")
    if not SMALLEST_SIDE <= sides[0] <= sides[1] <= LARGEST_SIDE:
        raise UsageError(
            f"--size is {sides[0]} {sides[1]}; give the shortest and the longest side, "
            f"from {SMALLEST_SIDE} to {LARGEST_SIDE} pixels."
        )


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
    workers = min(os.cpu_count() or 1, MOST_PROCESSES)
    if count < FEW or workers == 1:
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


def _write_readme(folder: Path, count: int, seed: int, sides: tuple[int, int]) -> None:
    try:
        version = metadata.version("train-transfer")
    except metadata.PackageNotFoundError:
        version = "(from a checkout that is not installed)"
    shortest, longest = sides
    text = README.format(
        version=version, count=count, seed=seed, shortest=shortest, longest=longest
    )
    with (folder / "README.txt").open("x", encoding="utf-8", newline="\n") as file:
        file.write(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="draw-screws-nuts",
        description="Draw varied screws and nuts into a new folder, to try train-transfer with.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("folder", metavar="DIR", type=Path, help="where to; new or empty")
    parser.add_argument("--count", type=int, default=COUNT, help="pictures, half of each class")
    parser.add_argument("--seed", type=int, default=SEED, help="chooses the set")
    parser.add_argument(
        "--size",
        type=int,
        nargs=2,
        metavar=("SHORTEST", "LONGEST"),
        default=SIDES,
        help="sides of the pictures in pixels",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Draws the pictures and returns the exit code."""
    arguments = _parser().parse_args(argv)
    sides = (arguments.size[0], arguments.size[1])
    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[ConsoleHandler()])
    try:
        drawn = draw_sample(arguments.folder, arguments.count, arguments.seed, sides)
    except TransferError as error:
        console.print(f"draw-screws-nuts: {error}", markup=False)
        return error.exit_code
    except KeyboardInterrupt:
        console.print(
            f"draw-screws-nuts: interrupted; {arguments.folder} is incomplete.", markup=False
        )
        return INTERRUPTED
    print(f"Wrote {len(drawn)} pictures and boxes.csv to {arguments.folder}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
