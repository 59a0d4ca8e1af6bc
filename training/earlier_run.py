"""The run whose labels are put right: that in whose folder the table lies, else the newest one."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from models.errors import UsageError
from training.run_folder import PREDICTIONS_FILE, SETTINGS_FILE, SUMMARY_FILE, read_json

#: Settings that say which run it is, and not what it does.
_OF_A_RUN: Final = frozenset(("data", "labels", "groups", "name", "out", "report_without_pictures"))


def find_earlier_run(tables: Sequence[Path], data: Collection[Path], runs: Path) -> Path | None:
    """The folder of the run that is put right, if it has ended.

    Args:
        tables: of labels; without any, nothing is put right.
        data: folders and archives of pictures.
        runs: the folder of runs of that name.
    """
    beside = [table.resolve().parent for table in tables]
    if found := next((folder for folder in beside if _has_ended(folder)), None):
        return found
    here = sorted(runs.glob("*/"), reverse=True) if tables else []
    return next((one for one in here if _has_ended(one) and _data_of(one) == _places(data)), None)


def other_settings(run: Path, settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Which settings of a run, by name, were others than these."""
    before = _settings_of(run)
    named = sorted((before.keys() | settings.keys()) - _OF_A_RUN)
    return tuple(name for name in named if before.get(name) != settings.get(name))


def _has_ended(folder: Path) -> bool:
    return all((folder / name).is_file() for name in (SUMMARY_FILE, PREDICTIONS_FILE))


def _data_of(run: Path) -> set[Path]:
    data = _settings_of(run).get("data") or []
    return _places(map(Path, [data] if isinstance(data, str) else data))


def _places(paths: Any) -> set[Path]:
    return {path.resolve() for path in paths}


def _settings_of(run: Path) -> dict[str, Any]:
    try:
        return read_json(run / SETTINGS_FILE)
    except UsageError:
        return {}
