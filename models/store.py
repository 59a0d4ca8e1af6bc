"""Where bundles are kept: BentoML's model store, one bundle file a version.

BentoML writes a model's folder piece by piece and its `latest` file last, so `latest` is what is
followed here; that a bundle is whole is checked by whoever reads it (`models.bundle`).
"""

import os
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# Only this word turns BentoML's telemetry off ("1" does not), and it is read on import.
os.environ["BENTOML_DO_NOT_TRACK"] = "true"

import bentoml
from bentoml._internal.configuration.containers import BentoMLContainer
from bentoml.exceptions import BentoMLException, NotFound

from models.bundle import write_bundle
from models.errors import OutputError, StoreError

BUNDLE_FILE: Final = "bundle.onnx"

_LONGEST_NAME: Final = 63


@dataclass(frozen=True)
class StoredBundle:
    """A version in the store: its tag `name:version`, and its bundle file."""

    tag: str
    path: Path

    @property
    def name(self) -> str:
        """The tag without the version."""
        return self.tag.partition(":")[0]


def store_name(name: str) -> str:
    """The nearest name that the store accepts: lower-case letters, digits, `_`, `-` and `.`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    cleaned = re.sub(r"[^a-z0-9._-]+", "_", plain)[:_LONGEST_NAME].strip("._-")
    return cleaned or "model"


def put(data: bytes, name: str) -> StoredBundle:
    """Keeps a bundle as the newest version of `name` (see `store_name`).

    Raises:
        OutputError: the store cannot be written.
    """
    try:
        with bentoml.models.create(store_name(name)) as model:
            write_bundle(data, Path(model.path_of(BUNDLE_FILE)))
        return get(str(model.tag))
    except (OSError, BentoMLException) as error:
        raise OutputError(
            f"the model store cannot be written: {error}. BENTOML_HOME says where it is"
        ) from error


def get(tag: str) -> StoredBundle:
    """Finds `name:version`, or the newest version of `name`.

    Raises:
        StoreError: there is none.
    """
    try:
        model = bentoml.models.get(tag)
        path = Path(model.path_of(BUNDLE_FILE))
    except NotFound as error:
        held = ", ".join(_names()) or "nothing"
        raise StoreError(f"the model store has no {tag}; it holds {held}") from error
    except (BentoMLException, ValueError) as error:
        raise StoreError(f"the model store has no {tag}: {error}") from error
    # What BentoML makes of a damaged folder (YAML, KeyError, …) has no common class.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise StoreError(f"{tag} in the model store cannot be read: {reason}") from error
    if not path.is_file():
        raise StoreError(f"{tag} in the model store is no bundle of train-transfer's")
    return StoredBundle(str(model.tag), path)


def newest() -> StoredBundle:
    """The bundle that was put into the store last, under whatever name.

    Raises:
        StoreError: the store holds none.
    """
    found = every_newest()
    if not found:
        raise StoreError(
            "the model store holds no bundle yet: run train-transfer --data DIR first "
            "(BENTOML_HOME says where the store is)"
        )
    return max(found, key=lambda stored: stored.path.stat().st_mtime_ns)


def every_newest() -> list[StoredBundle]:
    """The newest version of every name, by name; other programs' models are left out."""
    return [stored for stored in map(_latest, _names()) if stored is not None]


def location() -> Path:
    """The store's folder, which need not be there yet.

    Raises:
        StoreError: BentoML cannot use it.
    """
    try:
        return Path(BentoMLContainer.model_store.get()._path)  # noqa: SLF001  (no public way)
    except (OSError, BentoMLException) as error:
        raise StoreError(
            f"the model store cannot be used: {error}. BENTOML_HOME says where it is"
        ) from error


def count() -> int:
    """How many bundles the store holds, all versions of all names."""
    return sum(1 for _ in location().glob(f"*/*/{BUNDLE_FILE}"))


def _names() -> list[str]:
    return sorted(p.parent.name for p in location().glob("*/latest"))


def _latest(name: str) -> StoredBundle | None:
    try:
        return get(name)
    except StoreError:
        return None  # another program's model, or one being written
