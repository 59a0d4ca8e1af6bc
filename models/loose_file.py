"""A bundle file that lies anywhere, as if the store held it: name and version are made from it."""

import hashlib
from functools import lru_cache
from pathlib import Path

from models.errors import StoreError
from models.store import StoredBundle, store_name

_VERSION_LETTERS = 12


def loose_bundle(path: Path) -> StoredBundle:
    """A file as a version: `store_name` of its stem, and its digest; StoreError if it is gone."""
    try:
        found = path.stat()
        version = _version(path, (found.st_mtime_ns, found.st_size, found.st_ino))
    except OSError as error:
        raise StoreError(f"the bundle {path} cannot be read: {error.strerror}") from error
    return StoredBundle(f"{store_name(path.stem)}:{version}", path, is_in_store=False)


@lru_cache(maxsize=64)
def _version(path: Path, _state: tuple[int, int, int]) -> str:
    """From the bytes, which are read again when the state of the file is another."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:_VERSION_LETTERS]
