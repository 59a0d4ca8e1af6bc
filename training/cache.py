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
import io
import logging
import os
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

import models

log = logging.getLogger(__name__)

LIMIT: Final = 2 * 1024**3

_DIGEST_BYTES: Final = 32

#: Versions that what is kept depends on.
_PACKAGES: Final = (
    "torch",
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
    found = _read(kind, key)
    if found is None:
        found = make()
        _write(kind, key, found)
    return found


class FeatureCache:
    """Features that one network with one preprocessing has made, by the contents of pictures."""

    def __init__(self, key: str) -> None:
        """Reads what there is.

        Args:
            key: of network and preprocessing, from `digest_of`.
        """
        self._key = key
        self._rows: dict[str, npt.NDArray[np.float32]] = {}
        if (data := _read("features", key)) is not None:
            with np.load(io.BytesIO(data), allow_pickle=False) as kept:
                self._rows = dict(zip(kept["digests"].tolist(), kept["features"], strict=True))
        self._known = len(self._rows)

    def get(self, digest: str) -> npt.NDArray[np.float32] | None:
        """Features of a picture, float32 (C,), if they are known."""
        return self._rows.get(digest)

    def add(self, digests: Iterable[str], features: npt.NDArray[np.float32]) -> None:
        """Keeps more of them: (N, C)."""
        self._rows.update(zip(digests, features, strict=True))
        if len(self._rows) == self._known:
            return
        self._known = len(self._rows)
        buffer = io.BytesIO()
        np.savez(
            buffer, digests=np.array(list(self._rows)), features=np.stack([*self._rows.values()])
        )
        _write("features", self._key, buffer.getvalue())


@functools.cache
def _surroundings() -> bytes:
    found = hashlib.sha256()
    for path in sorted(Path(models.__file__).parent.rglob("*.py")):
        found.update(path.read_bytes())
    for package in _PACKAGES:
        try:
            found.update(f"{package} {importlib.metadata.version(package)}".encode())
        except importlib.metadata.PackageNotFoundError:
            continue  # onnxruntime or onnxruntime-gpu: only one of the two is there
    return found.digest()


def _read(kind: str, key: str) -> bytes | None:
    path = cache_folder() / f"{kind}-{key}"
    try:
        data = path.read_bytes()
        if hashlib.sha256(data[_DIGEST_BYTES:]).digest() != data[:_DIGEST_BYTES]:
            path.unlink()
            return None
        os.utime(path)
    except OSError:
        return None
    return data[_DIGEST_BYTES:]


def _write(kind: str, key: str, data: bytes) -> None:
    if len(data) > LIMIT // 2:
        return
    folder = cache_folder()
    partial = folder / f".{secrets.token_hex(8)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(hashlib.sha256(data).digest() + data)
        partial.replace(folder / f"{kind}-{key}")
        _prune(folder)
    except OSError as error:
        log.debug("nothing is kept in %s: %s", folder, error)
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def _prune(folder: Path) -> None:
    """Lets go of what was not used for longest, until the rest is within the limit."""
    found = sorted(((path.stat(), path) for path in folder.iterdir()), key=lambda f: -f[0].st_mtime)
    total = 0
    for stat, path in found:
        total += stat.st_size
        if total > LIMIT:
            path.unlink(missing_ok=True)
