"""What earlier runs found, for the next one: exported graphs, and features of pictures.

A key is a digest of everything that a value depends on: contents of pictures, parameters, versions,
our own code. So an entry can be unneeded, and never wrong. Entries are written whole or not at all
and checked when they are read; a cache that cannot be read or written costs time and is no error.
It lies where TRAIN_TRANSFER_CACHE says, else in `train-transfer` below the user's cache folder
(XDG_CACHE_HOME, else ~/.cache), may be deleted at any time, and holds at most `LIMIT` bytes: what
was not used for longest goes first.
"""

import functools
import hashlib
import importlib.metadata
import logging
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO, Final, TypeVar

import numpy as np
import numpy.typing as npt

import models
import training
from models.files import PARTIAL, whole_file

log = logging.getLogger(__name__)

LIMIT: Final = 2 * 1024**3

_T = TypeVar("_T")

Features = npt.NDArray[np.float32]

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
    found = _read(kind, key, lambda file: file.read())
    if found is None:
        found = made = make()
        _write(kind, key, lambda file: file.write(made))
    return found


class FeatureCache:
    """Features that one network with one preprocessing has made, by the contents of pictures."""

    def __init__(self, key: str) -> None:
        """Reads what there is.

        Args:
            key: of network and preprocessing, from `digest_of`.
        """
        self._key = key
        self._rows: dict[str, int] = {}
        self._features: Features | None = None
        if found := _read("features", key, _load_features):
            digests, self._features = found
            self._rows = {digest: row for row, digest in enumerate(digests)}

    def get(self, digest: str) -> Features | None:
        """Features of a picture, float32 (C,), if they are known."""
        row = self._rows.get(digest)
        return None if row is None or self._features is None else self._features[row]

    def add(self, digests: Sequence[str], features: Features) -> None:
        """Keeps more of them: (N, C)."""
        new = {d: row for row, d in enumerate(digests) if d not in self._rows}
        if not new:
            return
        # Thousands of pictures take hundreds of megabytes: without need they are not copied.
        added = features if len(new) == len(features) else features[list(new.values())]
        known = [] if self._features is None else [self._features]
        self._features = np.concatenate([*known, added]) if known else added
        for digest in new:
            self._rows[digest] = len(self._rows)
        _write("features", self._key, self._save)

    def _save(self, file: BinaryIO) -> None:
        np.save(file, np.array(list(self._rows), dtype=np.bytes_))
        np.save(file, np.asarray(self._features))


def _load_features(file: BinaryIO) -> tuple[list[str], Features]:
    """The digests of pictures, and their features: two arrays, one behind the other."""
    digests = np.load(file, allow_pickle=False)
    return digests.astype(str).tolist(), np.load(file, allow_pickle=False)


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


def _read(kind: str, key: str, load: Callable[[BinaryIO], _T]) -> _T | None:
    """What `load` finds in the file of an entry, once its digest has been checked.

    Args:
        kind: of what is kept.
        key: from `digest_of`.
        load: is given the file where its content begins, which goes on to its end.
    """
    path = cache_folder() / f"{kind}-{key}"
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


def _write(kind: str, key: str, save: Callable[[BinaryIO], object]) -> None:
    """Lets `save` write the file of an entry; before that stands its digest."""
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with whole_file(folder / f"{kind}-{key}") as file:
            file.write(bytes(_DIGEST_BYTES))
            save(file)
            if file.tell() > LIMIT // 2:
                raise OSError("an entry is larger than half of the cache")  # noqa: TRY301
            file.seek(_DIGEST_BYTES)
            digest = hashlib.file_digest(file, "sha256").digest()
            file.seek(0)
            file.write(digest)
        _prune(folder)
    except OSError as error:
        log.debug("nothing is kept in %s: %s", folder, error)


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
