"""The story of one call, from places to answers, top to bottom."""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from models.bulk import Row, answer_files, find_bundle
from models.bundle import Bundle
from models.decoding.kinds import Draw
from models.drawing import Sketch
from models.errors import OutputError, UsageError
from models.files import remove_partials
from models.places import Listing, PictureFile
from models.session import Prediction, Session
from models.terminal import Advance, progress_while_counting
from service.batch.parts import Job, Parts
from service.batch.record import Columns, Record, record_of
from service.batch.settings import BatchSettings
from service.batch.sorting import Sorter, drawing_name, place_bytes
from service.batch.tally import Tally
from service.batch.telling import FEW, tell_few, tell_many

log = logging.getLogger(__name__)

Write = Callable[[Path, Iterator[Record], Columns], None]

#: Answers files into parts, and says of how many.
Answer = Callable[[BatchSettings, Bundle, Iterator[PictureFile], Parts, Advance], None]


def answer_here(
    settings: BatchSettings,
    bundle: Bundle,
    files: Iterator[PictureFile],
    parts: Parts,
    advance: Advance,
) -> None:
    """Answers files on this machine, into parts; `Answer`."""
    for row in _rows(settings, bundle, files):
        parts.add(record_of(row, with_map=settings.maps))
        advance(1)


def classify_images(
    settings: BatchSettings, write: Write | None, answer: Answer = answer_here
) -> None:
    """Answers all files of some places.

    Args:
        settings: what was asked for.
        write: writes a table of the ending of `settings.out`; None where there is none.
        answer: who answers what is written.

    Raises:
        UsageError: something is not to be had that was asked for; nothing was done.
        TransferError: the bundle is refused, or nothing can be decoded.
    """
    if settings.out and os.path.lexists(settings.out) and not settings.overwrite:
        raise OutputError(f"{settings.out} is finished; --overwrite makes it anew")
    listing = Listing(settings.places, settings.results)
    bundle = find_bundle(settings.model)
    tally = Tally(bundle.metadata.classes)
    if settings.out and write:
        shown = partial(write, settings.out)
        _write(settings, listing, bundle, tally, shown, partial(answer, settings, bundle))
    else:
        _show(settings, listing, bundle, tally)
    _tell_left_out(listing)


def _show(settings: BatchSettings, listing: Listing, bundle: Bundle, tally: Tally) -> None:
    """Answers, and tells."""
    first: list[Record] = []
    with _progress(settings, 0) as advance:
        for row in _rows(settings, bundle, iter(listing)):
            record = record_of(row, with_map=False)
            tally.add(record)
            first += [record][: FEW + 1 - len(first)]
            advance(1)
    _check_any(tally, listing)
    if len(first) <= FEW:
        tell_few(first)
    if len(first) > FEW or tally.judged:
        tell_many(tally)


def _write(
    settings: BatchSettings,
    listing: Listing,
    bundle: Bundle,
    tally: Tally,
    write: Callable[[Iterator[Record], Columns], None],
    answer: Callable[[Iterator[PictureFile], Parts, Advance], None],
) -> None:
    """Answers part by part, joins the parts, and tells."""
    job = Job(bundle.digest, listing.root, settings.maps)
    with Parts(settings.parts, job, anew=settings.overwrite) as parts:
        _answer(settings, listing, parts, answer)
        if not parts.count:
            _check_any(tally, listing)
        remove_partials(settings.out or settings.parts)
        write(_counted(parts.records(), tally), _columns(bundle, with_map=settings.maps))
        parts.remove()
    tell_many(tally)
    print(f"Wrote {tally.answered + tally.unreadable:,} rows to {settings.out}.")


def _answer(
    settings: BatchSettings,
    listing: Listing,
    parts: Parts,
    answer: Callable[[Iterator[PictureFile], Parts, Advance], None],
) -> None:
    """Answers what is not answered yet."""
    if parts.count:
        log.info("going on: %d files were answered before", parts.count)
    waiting = (file for file in listing if not parts.holds(file))
    try:
        with _progress(settings, parts.count) as advance:
            answer(waiting, parts, advance)
    except KeyboardInterrupt as stopped:
        raise KeyboardInterrupt(
            f"stopped; {parts.count:,} files are answered, and the same command goes on with the "
            f"others. What is answered lies in {settings.parts}"
        ) from stopped


def _columns(bundle: Bundle, *, with_map: bool) -> Columns:
    rows = bundle.metadata.self_check[0].heatmap
    return Columns(bundle.metadata.classes, (len(rows), len(rows[0])) if with_map else None)


def _rows(settings: BatchSettings, bundle: Bundle, files: Iterator[PictureFile]) -> Iterator[Row]:
    """Rows of files, with all that is made of a picture beside."""
    session = Session(bundle, settings.provider)
    sorter = settings.sort_into and Sorter(
        settings.sort_into, session.classes, links=settings.sort_by == "link"
    )
    drawn = _Drawer(session) if settings.heatmaps else None
    for row in answer_files(session, files, drawn):
        if sorter:
            sorter.put(row)
        if settings.heatmaps and row.made:
            place_bytes(settings.heatmaps / drawing_name(row.source, row.label), row.made)
        yield row


@dataclass(frozen=True)
class _Drawer:
    """Has heatmaps drawn over pictures; `Afterwards`."""

    session: Session

    def __call__(self, data: bytes, prediction: Prediction) -> Draw:
        metadata = self.session.metadata
        sketch = Sketch(
            "overlay", prediction.heatmap, metadata.preprocessing, metadata.map_geometry
        )
        return Draw(data, sketch)


@contextmanager
def _progress(settings: BatchSettings, done: int) -> Iterator[Advance]:
    counted = Listing(settings.places, settings.results)
    with progress_while_counting("classifying", lambda: sum(1 for _ in counted), done) as advance:
        yield advance


def _counted(records: Iterator[Record], tally: Tally) -> Iterator[Record]:
    for record in records:
        tally.add(record)
        yield record


def _check_any(tally: Tally, listing: Listing) -> None:
    if not tally.answered + tally.unreadable:
        _tell_left_out(listing)
        raise UsageError(f"{', '.join(listing.places[:3])}: there is no picture")


def _tell_left_out(listing: Listing) -> None:
    for problem in listing.problems:
        log.warning("%s; what is in it is not answered", problem)
    if listing.left_out.count:
        log.info("left out, not called like pictures: %s", listing.left_out)
    if listing.archives.count:
        log.warning(
            "archives are looked into where they are named themselves: %s", listing.archives
        )
