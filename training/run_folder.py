"""The folder of one run, `runs/NAME/TIMESTAMP/`, and what is written there.

A run never writes over another's files: its folder is always a new one. What it writes is whole or
not there (`models.files`).
"""

import csv
import importlib.metadata
import io
import json
import logging
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from logging.handlers import MemoryHandler
from pathlib import Path
from typing import Any, Final, Literal, TypeVar, get_type_hints

from pydantic import TypeAdapter, ValidationError

from models.errors import OutputError, UsageError
from models.files import output_file

BUNDLE_FILE: Final = "bundle.onnx"
SETTINGS_FILE: Final = "settings.json"
DATA_FILE: Final = "data.json"
FOLDS_FILE: Final = "folds.json"
VIEW_FILE: Final = "view.json"
BACKBONE_FILE: Final = "backbone.json"
SUMMARY_FILE: Final = "summary.json"
INSPECTION_FILE: Final = "inspection.json"
PREDICTIONS_FILE: Final = "predictions.csv"
LABELS_FILE: Final = "labels.csv"
LOG_FILE: Final = "log.txt"
REPORT_FILE: Final = "report.html"
CARD_FILE: Final = "MODEL_CARD.md"

_Settings = TypeVar("_Settings")
_Folds = dict[str, Literal[0, 1, 2, 3, 4]]
_AN_OBJECT: Final = TypeAdapter(dict[str, Any])

_PACKAGES: Final = (
    "torch", "torchvision", "timm", "onnx", "onnxscript", "onnxruntime", "onnxruntime-gpu",
    "scikit-learn", "numpy", "pillow", "bentoml",
)  # fmt: skip


def make_run_folder(out: Path, name: str) -> Path:
    """Makes a new, empty folder `out/name/TIMESTAMP`.

    Raises:
        OutputError: it cannot be written.
    """
    # Without letters beyond ASCII a system cannot make a folder that is called so.
    encoding = sys.getfilesystemencoding()
    name = name.encode(encoding, "backslashreplace").decode(encoding)
    stamp = datetime.now().astimezone().strftime("%Y-%m-%d_%H-%M-%S")
    parent = out / name
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for suffix in ("", *(f"_{n}" for n in range(2, 1000))):
            folder = parent / f"{stamp}{suffix}"
            try:
                folder.mkdir()
            except FileExistsError:
                continue  # another run began in the same second
            (folder / LOG_FILE).touch()
            return folder
    except OSError as error:
        raise OutputError(
            f"--out: nothing can be written to {parent}: {error.strerror}. "
            "Name another folder with --out DIR"
        ) from error
    raise OutputError(f"--out: {parent} already holds a thousand runs of this second")


def stored_settings(folder: Path, kind: type[_Settings]) -> _Settings:
    """The settings, a dataclass, of a run that began earlier and has not ended.

    Raises:
        UsageError: there is no such run, or it has ended.
    """
    path = folder / SETTINGS_FILE
    if not path.is_file():
        raise UsageError(f"--resume: {folder} is no run folder (it has no {SETTINGS_FILE})")
    if (folder / SUMMARY_FILE).exists():
        raise UsageError(f"--resume: the run in {folder} has ended; its result is {SUMMARY_FILE}")
    written = _of_today(folder, read_json(path), has_one_folder=_has_one_folder(kind))
    try:
        return TypeAdapter(kind).validate_python(written)
    except ValueError as error:
        raise UsageError(f"--resume: {path} is not as it was written: {error}") from error


def _has_one_folder(kind: type[_Settings]) -> bool:
    """Whether these are the settings of a program that learns from one folder at a time."""
    return get_type_hints(kind).get("data") is Path


def _of_today(folder: Path, settings: dict[str, Any], *, has_one_folder: bool) -> dict[str, Any]:
    """Settings as an earlier version wrote them, as this one takes them.

    Once there was one data folder, and the image size could be asked of a sample; the answer stands
    in the view. (What else is no setting any more, as the number of processes, is left out unread.)
    """
    if isinstance(data := settings.get("data"), str) and not has_one_folder:
        settings = {**settings, "data": [data]}
    if settings.get("image_size") != "auto":
        return settings
    view = folder / VIEW_FILE
    decided = read_json(view).get("image_size") if view.exists() else None
    return {**settings, "image_size": decided}


def own_folds(folder: Path) -> Mapping[str, int]:
    """The fold that a run gave each picture's digest before it was cut off; else nothing.

    Raises:
        UsageError: it learned with others, which nothing here knows.
    """
    path = folder / FOLDS_FILE
    if path.exists():
        return _folds_in(path)
    if (folder / "checkpoints").exists():
        raise UsageError(
            f"--resume: the run in {folder} was begun by an earlier version, which divided "
            "pictures in another way; begin a new one"
        )
    return {}


def folds_of_earlier_runs(folder: Path, groups: str | None) -> Mapping[str, int]:
    """The same of the newest run of this name that has any; pictures keep their folds by it.

    Of runs with other `--groups` nothing is kept: what was one group there is many here.
    """
    for path in sorted(folder.parent.glob(f"*/{FOLDS_FILE}"), reverse=True):
        with suppress(UsageError):
            folds = _folds_in(path)
            if read_json(path.with_name(SETTINGS_FILE)).get("groups") == groups:
                return folds
    return {}


def write_folds(folder: Path, folds: Mapping[str, int]) -> None:
    """Keeps which fold each digest is in, for `--resume` and for later runs (OutputError)."""
    write_json(folder / FOLDS_FILE, dict(folds))


def _folds_in(path: Path) -> Mapping[str, int]:
    try:
        return TypeAdapter(_Folds).validate_python(read_json(path))
    except ValidationError as error:
        raise UsageError(f"--resume: {path} is not as it was written: {error}") from error


class _Kept(MemoryHandler):
    """What was logged before the run had a folder."""


@contextmanager
def keeping_log() -> Iterator[None]:
    """Keeps what is logged, until `logged_to` has a file for it."""
    kept = _Kept(capacity=0, flushOnClose=False)
    logging.getLogger().addHandler(kept)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(kept)


@contextmanager
def logged_to(folder: Path) -> Iterator[None]:
    """Sends all log records to the run's own log file too, with those that were kept before."""
    root = logging.getLogger()
    handler = logging.FileHandler(folder / LOG_FILE, encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    for kept in [kept for kept in root.handlers if isinstance(kept, _Kept)]:
        root.removeHandler(kept)
        for record in kept.buffer:
            if record.levelno >= root.level:  # not of one that has become quiet since
                handler.handle(record)
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.close()


def read_json(path: Path) -> dict[str, Any]:
    """What `write_json` wrote.

    Raises:
        UsageError: it is not as it was written.
    """
    try:
        # Not by pydantic: it refuses names of files that are no Unicode, which json brings back.
        return _AN_OBJECT.validate_python(json.loads(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise UsageError(f"--resume: {path} is not as it was written: {error}") from error


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes a JSON file whole or not at all (OutputError)."""
    with output_file(path) as file:
        file.write(json.dumps(content, indent=2, ensure_ascii=True).encode() + b"\n")


def write_rows(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Writes a table as CSV, whole or not at all (OutputError).

    With a byte-order mark: without it spreadsheets take its letters for those of a code page.
    Names stand there as they are, also one that a spreadsheet would take for a formula (`=A1`): a
    name that was changed would fit no folder any more.
    """
    table = io.StringIO(newline="")
    writer = csv.writer(table)
    writer.writerow(header)
    writer.writerows(rows)
    with output_file(path) as file:
        file.write(table.getvalue().encode("utf-8-sig"))


def package_versions() -> dict[str, str]:
    """Versions of what the result depends on, Python included."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue  # onnxruntime or onnxruntime-gpu: only one of the two is there
    return found
