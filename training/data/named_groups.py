"""Which group the user says that each picture is of: a patient, an object, a video (`--groups`)."""

import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from models.errors import UsageError
from models.file_names import printable
from training.data.example import ImageFolder
from training.data.names import listed
from training.data.tables import find_files, read_table

log = logging.getLogger(__name__)


def with_groups(folder: ImageFolder, given: str | None) -> ImageFolder:
    """The same folder, its pictures with the groups that the user names.

    Args:
        folder: as it was found.
        given: a table's file, or a regular expression that finds a group's name in a file's path;
            None: nothing is known.

    Raises:
        UsageError: it says nothing of these pictures, or nothing that can be understood.
    """
    if given is None:
        return folder
    groups = _name_groups(given, [example.name for example in folder.examples])
    grouped = (replace(e, group=group) for e, group in zip(folder.examples, groups, strict=True))
    return replace(folder, examples=tuple(grouped))


def _name_groups(given: str, names: Sequence[str]) -> tuple[str, ...]:
    found = _by_table(Path(given), names) if _exists(given) else _by_pattern(given, names)
    told = [name for name in found if name]
    place = f"--groups {printable(given)}"
    if not told:
        raise UsageError(f"{place}: says nothing of any picture ({listed(names, 3)})")
    if len(told) == len(names) and len(set(told)) == 1:
        raise UsageError(f"{place}: all pictures are of one group, {printable(told[0])}")
    if len(set(told)) == len(told):
        log.warning("%s: every picture is a group of its own: nothing belongs together", place)
    if missing := [name for name, group in zip(names, found, strict=True) if not group]:
        log.warning(
            "%s: says nothing of %d pictures (%s): each is a group of its own",
            place, len(missing), listed(missing, 3),
        )  # fmt: skip
    log.info("%s: %d groups", place, len(set(told)))
    return found


def _exists(given: str) -> bool:
    try:
        return Path(given).exists()
    except OSError:  # a pattern may be longer than a name
        return False


def _by_pattern(pattern: str, names: Sequence[str]) -> tuple[str, ...]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise UsageError(
            f"--groups {pattern}: no such file, and no regular expression: {error}"
        ) from error
    if compiled.groups != 1:
        raise UsageError(
            f"--groups {pattern}: no such file; and a pattern has one group in brackets, the part "
            f"of a file's path that says what it belongs to, as in '(patient[0-9]+)_'; this one "
            f"has {compiled.groups}"
        )
    matches = map(compiled.search, names)
    return tuple((match[1] or "") if match else "" for match in matches)


def _by_table(path: Path, names: Sequence[str]) -> tuple[str, ...]:
    place = f"--groups {printable(f'{path}')}"
    try:
        table = read_table(path.read_bytes(), place)
    except OSError as error:
        raise UsageError(f"{place}: cannot be read: {error.strerror}") from error
    file, group = table.column("file"), table.column("group")
    if file is None or group is None:
        raise UsageError(
            f"{place}: needs the columns file and group; it has {listed(table.columns)}"
        )
    found = [""] * len(names)
    missing = []
    for row, position in zip(table.rows, find_files(table, file, names), strict=True):
        name = row.cells[group].strip()
        if position is None:
            missing.append(row.cells[file])
        elif name and found[position] not in ("", name):
            raise UsageError(
                f"{table.where(row)}: {names[position]} is of {printable(name)} here, and of "
                f"{printable(found[position])} above"
            )
        else:
            found[position] = name or found[position]
    if missing:
        log.warning(
            "%s: %d files are not among the pictures (%s)", place, len(missing), listed(missing, 3)
        )
    return tuple(found)
