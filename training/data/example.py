"""What a folder of pictures holds, as all rooms know it: files with a class and a part."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from models.errors import ImageError

Part = Literal["train", "validation", "test"]

#: Why a picture is not used that a table of labels leaves out.
EMPTY_LABEL: Final = "left out by an empty label"


def read_file(path: Path) -> bytes:
    """The bytes of a file on disk.

    Raises:
        ImageError: it cannot be opened.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ImageError(f"the file cannot be opened: {error.strerror}") from error


@dataclass(frozen=True)
class Example:
    """A file that should be a picture of a class.

    Attributes:
        path: where it is; of a file in an archive, the archive's own path with the file's behind.
        name: its path below the data folder, printable.
        class_index: which class, as a position in `ImageFolder.classes`.
        part: which part it belongs to; None where the folder does not say.
        group: the user's name of what it belongs to and is not parted from; empty where none is.
    """

    path: Path
    name: str
    class_index: int
    part: Part | None
    group: str = ""


@dataclass(frozen=True)
class Unused:
    """What lies in a data folder and is not learned from, all for one reason.

    Attributes:
        reason: in words.
        shown: names for the log: of files, or of folders, which then stand for all in them.
        files: the names of all files.
    """

    reason: str
    shown: tuple[str, ...]
    files: tuple[str, ...]


@dataclass(frozen=True)
class ImageFolder:
    """What a folder holds, or several together.

    Attributes:
        place: which folder or archive it is, or which they are, in words.
        layout: which of the layouts it has, in words.
        classes: K class names, sorted.
        examples: its files, sorted by name.
        unused: the rest of it.
        remarks: sentences on what may be meant otherwise.
        read: the bytes of an example's file (`ImageError` where it cannot be read).
        labels_digest: of files and classes, where tables tell them; empty where names of files do.
    """

    place: str
    layout: str
    classes: tuple[str, ...]
    examples: tuple[Example, ...]
    unused: tuple[Unused, ...] = ()
    remarks: tuple[str, ...] = ()
    read: Callable[[Path], bytes] = read_file
    labels_digest: str = ""

    @property
    def holds_out(self) -> bool:
        """Whether the folder itself holds pictures out."""
        return any(example.part in ("validation", "test") for example in self.examples)


def contents_of_classes(
    examples: Sequence[Example], digests: Sequence[str]
) -> dict[int, dict[str, Example]]:
    """Of each class, by index, its different contents and the first example that has each.

    What lies in two classes counts for the first of them.
    """
    first: dict[str, Example] = {}
    for example, digest in zip(examples, digests, strict=True):
        first.setdefault(digest, example)
    found: dict[int, dict[str, Example]] = {}
    for digest, example in first.items():
        found.setdefault(example.class_index, {})[digest] = example
    return found
