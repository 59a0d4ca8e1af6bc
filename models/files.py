"""Files that are whole or not there, whatever happens while they are written; and their digest.

What is written goes to a hidden file beside its place, is brought to the disk, and then takes its
place in one step. So a reader never sees half a file, and of what stood there before nothing is
lost until the new one is whole. A process that is killed leaves its hidden file behind.
"""

import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedRandom
from pathlib import Path
from typing import Final

from models.errors import OutputError

#: Names of files that nobody has finished writing: the name that it was to have, and a number.
PARTIAL: Final = re.compile(r"\.(?P<name>.+)-[0-9a-f]{16}\.partial")


@contextmanager
def whole_file(path: Path) -> Iterator[BufferedRandom]:
    """Opens a file to write (and read again), which takes its place when the block has ended.

    Where the block ends in an error, or is interrupted, nothing has happened.

    Raises:
        OSError: the folder cannot be written, or the disk is full.
    """
    # Not by tempfile: what that makes only its owner may read, and a server is often another user.
    partial = path.with_name(f".{path.name}-{secrets.token_hex(8)}.partial")
    try:
        with partial.open("x+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise


@contextmanager
def output_file(path: Path) -> Iterator[BufferedRandom]:
    """Does what `whole_file` does, for what a person has asked for: raises `OutputError`."""
    try:
        with whole_file(path) as file:
            yield file
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error


def remove_partials(path: Path) -> None:
    """Removes what killed processes have left of a file; only where nobody else writes it now."""
    for other in path.parent.iterdir():
        if (found := PARTIAL.fullmatch(other.name)) and found["name"] == path.name:
            other.unlink(missing_ok=True)


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal; empty where they cannot be had."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
