"""Where bundles are kept: BentoML's model store, one bundle file a version.

BentoML writes a model's folder piece by piece and its `latest` file last, so `latest` is what is
followed here; that a bundle is whole is checked by whoever reads it (`models.bundle`).
"""

import contextlib
import hashlib
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

from models.bundle import BundleMetadata, read_metadata, write_bundle
from models.errors import BundleError, OutputError, StoreError

BUNDLE_FILE: Final = "bundle.onnx"

#: Beside the bundle: of which folder it was made, for those alone who file it.
ORIGIN_FILE: Final = "folder.txt"

LONGEST_NAME: Final = 63

#: Letters that Unicode does not take apart into one of a to z and a mark.
_ROMAN: Final = str.maketrans(
    dict(
        zip(
            "абвгдезиклмнопрстуфыэіαβγδεζηικλμνξοπρστυφςωøłđ",
            "abvgdeziklmnoprstufyeiavgdeziiklmnxoprstyfsoold",
            strict=True,
        )
    )
    | {"ж": "zh", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ю": "yu", "я": "ya"}
    | {"ъ": "", "ь": "", "θ": "th", "χ": "ch", "ψ": "ps", "ß": "ss", "æ": "ae", "œ": "oe"}
)


@dataclass(frozen=True)
class StoredBundle:
    """A version in the store: its tag `name:version`, and its bundle file."""

    tag: str
    path: Path

    @property
    def name(self) -> str:
        """The tag without the version."""
        return self.tag.partition(":")[0]

    @property
    def metadata(self) -> BundleMetadata | None:
        """What it says of itself; None where that cannot be read."""
        try:
            return read_metadata(self.path)
        except BundleError:
            return None


def store_name(name: str) -> str:
    """The nearest name that the store accepts: lower-case letters, digits, `_`, `-` and `.`.

    A name in a script that cannot be put into those letters is told apart by its digest.
    """
    letters = unicodedata.normalize("NFKD", name.lower()).translate(_ROMAN)
    ascii_alone = letters.encode("ascii", "ignore").decode()
    cleaned = re.sub(r"[^a-z0-9._-]+", "_", ascii_alone)[:LONGEST_NAME].strip("._-")
    if cleaned or not any(c.isalnum() for c in name):
        return cleaned or "model"
    return f"model-{hashlib.sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()[:6]}"


def put(data: bytes, name: str, origin: str = "") -> StoredBundle:
    """Keeps a bundle as the newest version of `store_name(name)`, or raises `OutputError`.

    `origin` is kept beside it, where there is one.
    """
    try:
        with bentoml.models.create(store_name(name)) as model:
            write_bundle(data, Path(model.path_of(BUNDLE_FILE)))
            if origin:
                Path(model.path_of(ORIGIN_FILE)).write_text(origin, encoding="ascii")
        return get(str(model.tag))
    except (OSError, BentoMLException) as error:
        raise OutputError(
            f"the model store cannot be written: {error}. BENTOML_HOME says where it is"
        ) from error


def get(tag: str) -> StoredBundle:
    """Finds `name:version`, or the newest version of `name`, or raises `StoreError`."""
    try:
        model = bentoml.models.get(tag)
        path = Path(model.path_of(BUNDLE_FILE))
    except NotFound as error:
        held = ", ".join(names()) or "nothing"
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
    """The bundle that was put into the store last, under any name; `StoreError` without one."""
    if not (found := every_newest()):
        raise StoreError(
            "the model store holds no bundle yet: run train-transfer --data DIR first "
            "(BENTOML_HOME says where the store is)"
        )
    return max(found, key=lambda stored: stored.path.stat().st_mtime_ns)


def every_newest() -> list[StoredBundle]:
    """The newest version of every name, by name; other programs' models are left out."""
    found = []
    for name in names():
        with contextlib.suppress(StoreError):  # another program's model, or one being written
            found.append(get(name))
    return found


def versions(name: str) -> list[StoredBundle]:
    """All versions of a name that hold a bundle, the one that was put last first."""
    found = [(path.stat().st_mtime_ns, path) for path in location().glob(f"{name}/*/{BUNDLE_FILE}")]
    return [StoredBundle(f"{name}:{path.parent.name}", path) for _, path in sorted(found)[::-1]]


def newest_tag(name: str) -> str | None:
    """The tag of the newest version of a name, without a look at it; None where none can be told.

    In a bento, which carries one version, and where the store is gone.
    """
    try:
        version = (location() / name / "latest").read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError, StoreError):
        return None
    return f"{name}:{version}" if version else None


def location() -> Path:
    """The store's folder, which need not be there yet; `StoreError` if BentoML cannot use it."""
    try:
        return Path(BentoMLContainer.model_store.get()._path)  # noqa: SLF001  (no public way)
    except (OSError, BentoMLException) as error:
        raise StoreError(
            f"the model store cannot be used: {error}. BENTOML_HOME says where it is"
        ) from error


def count() -> int:
    """How many bundles the store holds, all versions of all names."""
    return sum(1 for _ in location().glob(f"*/*/{BUNDLE_FILE}"))


def names() -> list[str]:
    """All names that the store holds, other programs' models among them."""
    return sorted(p.parent.name for p in location().glob("*/latest"))
