"""What earlier runs found, for the next one: exported graphs, and features of pictures.

A key is a digest of everything that a value depends on: contents of pictures, parameters, versions,
our own code. So an entry can be unneeded, and never wrong. Entries are written whole or not at all
and checked when they are read; a cache that cannot be read or written costs time and is no error.
It lies where TRAIN_TRANSFER_CACHE says, else in `train-transfer` below the user's cache folder
(XDG_CACHE_HOME, else ~/.cache), may be deleted at any time, and holds at most `LIMIT` bytes: what
was not used for longest goes first.
"""

import contextlib
import functools
import hashlib
import importlib.metadata
import logging
import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final, TypeVar

import models
import training

log = logging.getLogger(__name__)

LIMIT: Final = 2 * 1024**3

_T = TypeVar("_T")

_DIGEST_BYTES: Final = 32

_CHUNK: Final = 1024**2

#: Names of entries, and of those that a process left behind that was killed while writing.
_OURS: Final = re.compile(r"[a-z0-9]+-[0-9a-f]{64}|\.[0-9a-f]{16}\.partial")

#: Versions that what is kept depends on.
_PACKAGES: Final = (
    "numpy",
    "scikit-learn",
    "scipy",
    "torch",
    "torchvision",
    "timm",
    "onnx",
    "onnxscript",
    "onnxruntime",
    "onnxruntime-gpu",
    "pillow",
)


def cache_folder() -> Path:
    """Where everything is kept."""
    if chosen := os.environ.get("TRAIN_TRANSFER_CACHE"):
        return Path(chosen)
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(caches).expanduser() / "train-transfer"


def digest_of(*parts: bytes | str) -> str:
    """A key: SHA-256 over the parts, our code and the versions of what it is made with."""
    found = hashlib.sha256(_surroundings())
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        found.update(len(data).to_bytes(8, "big") + data)
    return found.hexdigest()


def remembered(kind: str, key: str, make: Callable[[], bytes]) -> bytes:
    """What is kept under a key; else what `make` makes, which is kept."""
    found = read_entry(cache_folder(), kind, key, lambda file, size: file.read(size))
    if found is None:
        found = made = make()
        remember(kind, key, lambda file: file.write(made))
    return found


def remember(kind: str, key: str, save: Callable[[BinaryIO], object]) -> None:
    """Lets `save` write the file of an entry; what is oldest makes room for it."""
    folder = cache_folder()
    if write_entry(folder, kind, key, save):
        with contextlib.suppress(OSError):
            _prune(folder)


@functools.cache
def _surroundings() -> bytes:
    found = hashlib.sha256()
    for package in (models, training):
        for path in sorted(Path(package.__path__[0]).rglob("*.py")):
            found.update(path.read_bytes())
    for name in _PACKAGES:
        try:
            found.update(f"{name} {importlib.metadata.version(name)}".encode())
        except importlib.metadata.PackageNotFoundError:
            continue  # onnxruntime or onnxruntime-gpu: only one of the two is there
    return found.digest()


def read_entry(folder: Path, kind: str, key: str, load: Callable[[BinaryIO, int], _T]) -> _T | None:
    """What `load` finds in the file of an entry, once its digest has been checked.

    Args:
        folder: where it was written.
        kind: of what is kept.
        key: from `digest_of`.
        load: is given the file at its beginning, and how many bytes are its own.
    """
    path = folder / f"{kind}-{key}"
    try:
        with path.open("rb") as file:
            size = path.stat().st_size - _DIGEST_BYTES
            if size < 0 or _digest(file, size) != file.read():
                path.unlink()
                return None
            os.utime(path)
            file.seek(0)
            return load(file, size)
    except OSError:
        return None


def write_entry(folder: Path, kind: str, key: str, save: Callable[[BinaryIO], object]) -> bool:
    """Lets `save` write the file of an entry; behind it comes its digest.

    Returns:
        Whether it could be written.
    """
    partial = folder / f".{secrets.token_hex(8)}.partial"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with partial.open("w+b") as file:
            save(file)
            size = file.tell()
            file.seek(0)
            file.write(_digest(file, size))
        partial.replace(folder / f"{kind}-{key}")
    except OSError as error:
        log.debug("nothing is kept in %s: %s", folder, error)
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        return False
    return True


def _digest(file: BinaryIO, size: int) -> bytes:
    """SHA-256 of so many bytes from where the file stands; it stands behind them afterwards."""
    found = hashlib.sha256()
    while size > 0 and (data := file.read(min(size, _CHUNK))):
        found.update(data)
        size -= len(data)
    return found.digest()


def _prune(folder: Path) -> None:
    """Lets go of what was not used for longest, until the rest is within the limit.

    Only of what we wrote: the folder may be one that holds other things, too.
    """
    ours = [path for path in folder.iterdir() if _OURS.fullmatch(path.name)]
    found = sorted(((path.stat(), path) for path in ours), key=lambda f: -f[0].st_mtime)
    total = 0
    for stat, path in found:
        total += stat.st_size
        if total > LIMIT:
            path.unlink(missing_ok=True)
