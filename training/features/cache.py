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
import math
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final, TypeVar

import models
from models.files import PARTIAL, whole_file

log = logging.getLogger(__name__)

LIMIT: Final = 2 * 1024**3

_T = TypeVar("_T")

_DIGEST_BYTES: Final = 32

#: Names of entries. What a killed process left of one (`models.files`) is ours, too.
_ENTRY: Final = re.compile(r"[a-z0-9]+-[0-9a-f]{64}")

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
    found = read_entry(cache_folder(), kind, key, lambda file: file.read())
    if found is None:
        found = made = make()
        remember(kind, key, lambda file: file.write(made))
    return found


def remember(kind: str, key: str, save: Callable[[BinaryIO], object]) -> bool:
    """Lets `save` write the file of an entry; what was not used for longest makes room for it.

    Returns:
        Whether it could be written.
    """
    folder = cache_folder()
    if not write_entry(folder, kind, key, save, LIMIT // 2):
        return False
    with contextlib.suppress(OSError):
        _prune(folder)
    return True


@functools.cache
def _surroundings() -> bytes:
    found = hashlib.sha256()
    for package in (Path(models.__path__[0]), Path(__file__).parents[1]):
        for path in sorted(package.rglob("*.py")):
            found.update(path.read_bytes())
    for name in _PACKAGES:
        try:
            found.update(f"{name} {importlib.metadata.version(name)}".encode())
        except importlib.metadata.PackageNotFoundError:
            continue  # onnxruntime or onnxruntime-gpu: only one of the two is there
    return found.digest()


def read_entry(folder: Path, kind: str, key: str, load: Callable[[BinaryIO], _T]) -> _T | None:
    """What `load` finds in the file of an entry, once its digest has been checked.

    Args:
        folder: where it was written.
        kind: of what is kept.
        key: from `digest_of`.
        load: is given the file where its content begins, which goes on to its end.
    """
    path = folder / f"{kind}-{key}"
    try:
        with path.open("rb") as file:
            if file.read(_DIGEST_BYTES) != hashlib.file_digest(file, "sha256").digest():
                path.unlink()
                return None
            os.utime(path)
            file.seek(_DIGEST_BYTES)
            return load(file)
    except OSError:
        return None


def write_entry(
    folder: Path,
    kind: str,
    key: str,
    save: Callable[[BinaryIO], object],
    most_bytes: float = math.inf,
) -> bool:
    """Lets `save` write the file of an entry; before that stands its digest.

    Returns:
        Whether it could be written, and is not too large.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with whole_file(folder / f"{kind}-{key}") as file:
            file.write(bytes(_DIGEST_BYTES))
            save(file)
            if file.tell() > most_bytes:
                raise OSError("an entry is larger than half of the cache")  # noqa: TRY301
            file.seek(_DIGEST_BYTES)
            digest = hashlib.file_digest(file, "sha256").digest()
            file.seek(0)
            file.write(digest)
    except OSError as error:
        log.debug("nothing is kept in %s: %s", folder, error)
        return False
    return True


def _is_ours(name: str) -> bool:
    partial = PARTIAL.fullmatch(name)
    return _ENTRY.fullmatch(partial["name"] if partial else name) is not None


def _prune(folder: Path) -> None:
    """Lets go of what was not used for longest, until the rest is within the limit.

    Only of what we wrote: the folder may be one that holds other things, too.
    """
    ours = [path for path in folder.iterdir() if _is_ours(path.name)]
    found = sorted(((path.stat(), path) for path in ours), key=lambda f: -f[0].st_mtime)
    total = 0
    for stat, path in found:
        total += stat.st_size
        if total > LIMIT:
            path.unlink(missing_ok=True)
