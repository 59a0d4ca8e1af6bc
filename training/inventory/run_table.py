"""`train-transfer --list-runs [DIR]`: every run that was begun there, the best first.

A table in a terminal; in a pipe lines with tabs below a line of headings.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from models import store
from models.errors import UsageError
from models.terminal import print_table
from training.run_folder import SETTINGS_FILE, SUMMARY_FILE, read_json

_HEADINGS: Final = (
    "run", "when", "network", "recipe", "accuracy (95% interval)", "in the store as",
    "newest of its name",
)  # fmt: skip

#: `runs/NAME/TIME`, one of its names, or one run.
_DEPTHS: Final = ("*/*/", "*/", "")


@dataclass(frozen=True)
class _Told:
    """What a run's summary tells of it, as far as it is listed."""

    backbone: str
    recipe: str
    accuracy: float
    accuracy_interval: tuple[float, float]
    model: str


@dataclass(frozen=True)
class Run:
    """A run: its folder, its network, and what it found, or why that is not known."""

    folder: Path
    backbone: str
    told: _Told | None = None
    problem: str = ""

    @property
    def when(self) -> str:
        """When it began, by the name of its folder, else when that was written."""
        if stamp := re.match(r"(\d{4}-\d\d-\d\d)_(\d\d)-(\d\d)", self.folder.name):
            return f"{stamp[1]} {stamp[2]}:{stamp[3]}"
        written = datetime.fromtimestamp(self.folder.stat().st_mtime).astimezone()
        return f"{written:%Y-%m-%d %H:%M}"


def list_runs(place: Path) -> int:
    """Prints all runs below a folder; returns the exit code, 0.

    Raises:
        UsageError: there is none.
    """
    runs = sorted(find_runs(place), key=lambda run: run.told.accuracy if run.told else -1.0)
    if not runs:
        raise UsageError(
            f"--list-runs: {place} holds no runs"
            if place.is_dir()
            else f"--list-runs: {place} is no folder; --list-runs DIR names another"
        )
    print_table(_HEADINGS, [_cells(run, place) for run in reversed(runs)])
    return 0


def find_runs(place: Path) -> Iterator[Run]:
    """All runs below a folder, the newest last; of other commands, and of `--inspect`, none."""
    names = (SETTINGS_FILE, SUMMARY_FILE)
    files = (path for depth in _DEPTHS for name in names for path in place.glob(f"{depth}{name}"))
    for folder in sorted({path.parent for path in files}, key=lambda folder: folder.name):
        try:
            begun = read_json(folder / SETTINGS_FILE)
            if "student" in begun or begun.get("inspect"):
                continue
            yield _run(folder, f"{begun.get('backbone') or ''}")
        except UsageError:
            yield Run(folder, "", problem=f"broken: {SETTINGS_FILE} cannot be read")


def _run(folder: Path, backbone: str) -> Run:
    path = folder / SUMMARY_FILE
    if not path.exists():
        return Run(folder, backbone, problem="unfinished; --resume goes on")
    try:
        told = TypeAdapter(_Told).validate_python(read_json(path))
        return Run(folder, told.backbone, told)
    except (UsageError, ValidationError):
        return Run(folder, backbone, problem=f"broken: {SUMMARY_FILE} cannot be read")


def _cells(run: Run, place: Path) -> tuple[str, ...]:
    name = str(run.folder.relative_to(place))
    if (told := run.told) is None:
        return (name, run.when, run.backbone, run.problem, "", "", "")
    low, high = told.accuracy_interval
    accuracy = f"{told.accuracy:.1%} ({low:.1%} to {high:.1%})"
    return (name, run.when, run.backbone, told.recipe, accuracy, *_in_store(told.model))


def _in_store(tag: str) -> tuple[str, str]:
    """The tag, and whether it is the newest version of its name there."""
    name, _, version = tag.partition(":")
    if not (store.location() / name / version).is_dir():
        return f"{tag} (deleted)", ""
    return tag, "yes" if store.newest_tag(name) == tag else "no"
