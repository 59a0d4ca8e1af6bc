"""`train-transfer --import FILE`: a bundle that was made elsewhere comes into the model store."""

from pathlib import Path

from models import store
from models.bundle import read_bundle
from models.errors import BundleError, UsageError
from models.session import Session
from models.store import store_name
from training.filing import warn_of_other_classes


def bring_in(file: Path, name: str | None) -> int:
    """Checks a bundle as whoever serves it would, keeps it, and prints its tag; returns 0.

    `name`: what it is called in the store; by default as the file is.

    Raises:
        UsageError: the file is no bundle, no longer whole, or fails its self-check here.
        OutputError: the store cannot be written.
    """
    if name is not None and not name.strip():
        raise UsageError(f"--name {name!r}: what the bundle is to be called is missing")
    try:
        bundle = read_bundle(file)
        Session(bundle)
    except BundleError as error:
        raise UsageError(f"{error}; nothing was brought in") from error
    warn_of_other_classes(store_name(name or file.stem), bundle.metadata.classes)
    tag = store.put(bundle.data, name or file.stem).tag
    classes = ", ".join(bundle.metadata.classes)
    print(f"{tag} is in the model store: {len(bundle.metadata.classes)} classes ({classes})")
    print(f"TRANSFER_MODEL={tag} serves it")
    return 0
