"""Under which name a run's bundle goes into the store: never under that of another folder.

The first folder that is called `data` keeps the plain name, the next gets `data-2`; who asks for a
name by `--name` gets exactly that. Which folder a version was made of stands beside it as a salted
digest of its path: enough to know the folder again, and nothing to read. A version without one
(of another store, or of an older program) belongs to a folder that nobody knows, so its name is
taken.
"""

import contextlib
import hashlib
import logging
import os
import re
import secrets
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

import filelock

from models import store
from models.bundle import BundleMetadata
from models.errors import OutputError, StoreError
from models.store import LONGEST_NAME, ORIGIN_FILE, StoredBundle, store_name
from training.place_name import place_name

log = logging.getLogger(__name__)

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
        return store_name(self.asked or place_name(self.folder) or "pictures")

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
        raise OutputError(f"{error}; set it to a folder that can be written") from error
    except OSError as error:
        raise OutputError(
            f"the model store cannot be written: {error}. Set BENTOML_HOME to a folder that can"
        ) from error


def say_where(filing: Filing, classes: Collection[str]) -> None:
    """Says what of a run's place in the store would surprise, before pictures are read."""
    if filing.name != filing.plain_name:
        log.info(
            "in the model store this is %s: %s is another folder's, or nobody knows whose; "
            "--name NAME gives it a name of its own",
            filing.name, filing.plain_name,
        )  # fmt: skip
    warn_of_other_classes(filing.name, classes)


def warn_of_other_classes(name: str, classes: Collection[str]) -> None:
    """Says that the newest version of a name, if any, tells other classes apart."""
    newest = next(iter(store.versions(name)), None)
    found = newest and newest.metadata
    if newest and found and set(found.classes) != set(classes):
        log.warning(
            "the model store already has %s with other classes (%s); --name gives this one a name "
            "of its own, and a service that runs goes on with the old one",
            newest.tag, ", ".join(found.classes),
        )  # fmt: skip


def say_what_is_better(mine: StoredBundle) -> None:
    """Names the best version in the store that was made of the same pictures, if it is another."""
    known = mine.metadata
    every = [other for name in store.names() for other in store.versions(name)]
    rivals = [(other, found) for other in every if (found := other.metadata)]
    if known is None:
        return
    same = [pair for pair in rivals if pair[1].data_digest == known.data_digest]
    best, found = max(same, key=lambda pair: pair[1].training.accuracy)
    if found.training.accuracy > known.training.accuracy:
        log.info(
            "the model store holds a better version for the same pictures: %s, %.1f %% right "
            "(this one %.1f %%); %s%s. TRANSFER_MODEL=%s serves it",
            best.tag, 100 * found.training.accuracy, 100 * known.training.accuracy,
            _how_sure(found, known),
            "" if _judged(found) == _judged(known) else ", and other pictures judged it",
            best.tag,
        )  # fmt: skip


def _judged(bundle: BundleMetadata) -> tuple[str, int]:
    return bundle.training.judged_by, bundle.training.held_out


def _how_sure(better: BundleMetadata, worse: BundleMetadata) -> str:
    overlap = better.training.accuracy_interval[0] <= worse.training.accuracy_interval[1]
    return "the difference may be chance" if overlap else "their intervals do not overlap"


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
