"""Under which name a run's bundle goes into the store: never under that of another folder.

The first folder that is called `data` keeps the plain name, the next gets `data-2`; who asks for a
name by `--name` gets exactly that. Which folder a version was made of stands beside it as a salted
digest of its path: enough to know the folder again, and nothing to read. A version without one
(of another store, or of an older program) belongs to a folder that nobody knows, so its name is
taken.
"""

import contextlib
import hashlib
import os
import re
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

import filelock

from models import store
from models.errors import OutputError, StoreError
from models.store import LONGEST_NAME, ORIGIN_FILE, StoredBundle, store_name

_LOCK_FILE: Final = ".train-transfer.lock"

#: Whoever holds the lock writes one bundle; after so long it is no more.
_PATIENCE_S: Final = 60.0

_SALT_BYTES: Final = 16


@dataclass(frozen=True)
class Filing:
    """Where a run's bundle belongs: by the folder of its pictures, or as `--name` asks."""

    folder: Path
    asked: str | None = None

    @property
    def plain_name(self) -> str:
        """What the store calls it where nobody else is called so."""
        return store_name(self.asked or self.folder.resolve().name or "pictures")

    @property
    def name(self) -> str:
        """What the store calls it as things are: first a name that this folder has already."""
        plain = self.plain_name
        if self.asked:
            return plain
        taken = {name: number for name in _taken() if (number := _number(name, plain))}
        own = (name for name in sorted(taken, key=taken.__getitem__) if self._owns(name))
        free = (name for number in count(1) if (name := _numbered(plain, number)) not in taken)
        return next(own, None) or next(free)

    def put(self, data: bytes) -> StoredBundle:
        """Keeps a bundle as its newest version; no other process can take the name meanwhile.

        Raises:
            OutputError: the store cannot be written.
        """
        with _locked():
            return store.put(data, self.name, self._origin(secrets.token_bytes(_SALT_BYTES)))

    def _origin(self, salt: bytes) -> str:
        path = os.fsencode(self.folder.resolve())
        return f"{salt.hex()} {hashlib.blake2b(path, salt=salt, digest_size=32).hexdigest()}"

    def _owns(self, name: str) -> bool:
        """Whether a version of that name was made of this folder."""
        return any(self._made(path) for path in store.location().glob(f"{name}/*/{ORIGIN_FILE}"))

    def _made(self, path: Path) -> bool:
        try:
            written = path.read_text("ascii").strip()
            return written == self._origin(bytes.fromhex(written.split()[0]))
        except (OSError, ValueError, IndexError):
            return False


def check_writable() -> None:
    """Raises `OutputError` where the store cannot be written; called before anything is done."""
    try:
        place = store.location()
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=place):
            pass
    except StoreError as error:
        raise OutputError(f"{error}") from error
    except OSError as error:
        raise OutputError(
            f"the model store cannot be written: {error}. Set BENTOML_HOME to a folder that can"
        ) from error


def _taken() -> list[str]:
    """Names with at least one version; a folder that was left empty is free."""
    return sorted({path.parent.name for path in store.location().glob("*/*/")})


def _number(name: str, plain: str) -> int:
    """1 for the plain name itself, N for `plain-N`; 0 for another one's."""
    if name == plain:
        return 1
    found = re.fullmatch(r".*-(\d{1,6})", name)
    number = int(found[1]) if found else 0
    return number if name == _numbered(plain, number) else 0


def _numbered(plain: str, number: int) -> str:
    suffix = "" if number <= 1 else f"-{number}"
    return plain[: LONGEST_NAME - len(suffix)] + suffix


@contextmanager
def _locked() -> Iterator[None]:
    """One process at a time; where files cannot be locked, or one hangs, as many as come."""
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError, NotImplementedError, filelock.Timeout):
            place = store.location()
            place.mkdir(parents=True, exist_ok=True)
            held.enter_context(filelock.FileLock(place / _LOCK_FILE, timeout=_PATIENCE_S))
        yield
