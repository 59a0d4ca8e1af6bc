"""A user's folder of pictures: what is in it, and which folders are classes.

The user's files are only ever read. Folders and files whose names begin with a dot are nobody's
classes (`.ipynb_checkpoints`, `.DS_Store`). Whether a file is a picture is not asked here: the one
pass that reads them (`training.features.extractor`) tells.
"""

import os
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from models.errors import DataFolderError

Part = Literal["train", "validation", "test"]

_PARTS: Final[dict[str, Part]] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}

_LAYOUTS: Final = (
    "a folder per class; train/ with val/ and/or test/, a folder per class inside; or train/ and "
    "test/ with the class in the file name (cat.12.jpg)"
)


@dataclass(frozen=True)
class Example:
    """A file that should be a picture of a class.

    Attributes:
        path: where it is.
        name: its path below the data folder, printable.
        class_index: which class, as a position in `ImageFolder.classes`.
        part: which part it belongs to; None where the folder does not say.
    """

    path: Path
    name: str
    class_index: int
    part: Part | None


@dataclass(frozen=True)
class ImageFolder:
    """What a folder holds.

    Attributes:
        root: the folder.
        layout: which of the layouts it has, in words.
        classes: K class names, sorted.
        examples: its files, sorted by name.
        stray: names of files that lie in no class, and of folders without a file.
    """

    root: Path
    layout: str
    classes: tuple[str, ...]
    examples: tuple[Example, ...]
    stray: tuple[str, ...]

    @property
    def holds_out(self) -> bool:
        """Whether the folder itself holds pictures out."""
        return any(example.part in ("validation", "test") for example in self.examples)


def scan_folder(root: Path) -> ImageFolder:
    """Finds the classes and the files of a data folder.

    Raises:
        DataFolderError: it does not exist, has no known layout, or has fewer than two classes.
    """
    if not root.is_dir():
        kind = "is not a folder" if root.exists() else "does not exist"
        hint = "; unpack it first" if zipfile.is_zipfile(root) else ""
        raise DataFolderError(f"--data: {root} {kind}{hint}")
    try:
        folders, files = _visible(root)
        parts = {folder: _PARTS.get(folder.name.lower()) for folder in folders}
        empty: list[Path] = []
        if "train" in parts.values() and None not in parts.values():
            layout, found = _in_parts(parts)
        else:
            layout = "a folder per class"
            found = [(f.name, path, None) for f in folders for path in _files_below(f)]
            labels = {label for label, _, _ in found}
            empty = [f for f in folders if f.name not in labels]
    except OSError as error:
        raise DataFolderError(
            f"--data: {error.filename} cannot be read: {error.strerror}"
        ) from error
    used = {path for _, path, _ in found}
    stray = [*(path for path in files if path not in used), *empty]
    return _image_folder(root, layout, found, stray)


def _image_folder(
    root: Path, layout: str, found: Sequence[tuple[str, Path, Part | None]], stray: Sequence[Path]
) -> ImageFolder:
    classes = tuple(sorted({printable(label) for label, _, _ in found}))
    if not classes:
        raise DataFolderError(f"{root} holds no classes. Three layouts are understood: {_LAYOUTS}")
    if len(classes) == 1:
        below = [path.relative_to(root).parts for _, path, _ in found]
        hint = next((f"Is --data {root / p[0]} meant? " for p in below if len(p) == 3), "")
        raise DataFolderError(
            f"{root} holds one class only ({classes[0]}); telling apart takes two. "
            f"{hint}Three layouts are understood: {_LAYOUTS}"
        )
    index = {label: i for i, label in enumerate(classes)}
    examples = sorted(
        (
            Example(path, printable(str(path.relative_to(root))), index[printable(label)], part)
            for label, path, part in found
        ),
        key=lambda example: (example.name, str(example.path)),
    )
    names = tuple(sorted(printable(str(path.relative_to(root))) for path in stray))
    return ImageFolder(root, layout, classes, tuple(examples), names)


def printable(name: str) -> str:
    """A file name as it can be printed, logged and stored: no control characters, valid Unicode."""
    decoded = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in decoded)


def _in_parts(
    parts: dict[Path, Part | None],
) -> tuple[str, list[tuple[str, Path, Part | None]]]:
    inside = {folder: _visible(folder) for folder in parts}
    if any(folders for folders, _ in inside.values()):
        found = [
            (label.name, path, part)
            for folder, part in parts.items()
            for label in inside[folder][0]
            for path in _files_below(label)
        ]
        layout = f"{_joined(parts)} with a folder per class inside"
    else:
        found = [
            (label, path, part)
            for folder, part in parts.items()
            for path in inside[folder][1]
            if (label := _label_in(path.name))
        ]
        layout = f"{_joined(parts)} with the class in the file name"
    _check_parts(found)
    return layout, found


def _check_parts(found: Sequence[tuple[str, Path, Part | None]]) -> None:
    taught = {label for label, _, part in found if part == "train"}
    asked = {label for label, _, part in found if part != "train"}
    if unknown := sorted(asked - taught):
        raise DataFolderError(
            f"classes that are held out but never shown in train/: {', '.join(unknown)}. "
            "Are the folders spelt the same?"
        )


def _label_in(file_name: str) -> str | None:
    """`cat.12.jpg` → `cat`; None where the name does not have three parts."""
    label, *rest = file_name.split(".")
    return label if label and len(rest) >= 2 else None


def _joined(parts: dict[Path, Part | None]) -> str:
    return " and ".join(f"{folder.name}/" for folder in sorted(parts))


def _visible(folder: Path) -> tuple[list[Path], list[Path]]:
    """Folders and files right below a folder, sorted, without those that begin with a dot."""
    entries = sorted(p for p in folder.iterdir() if not p.name.startswith("."))
    return [p for p in entries if p.is_dir()], [p for p in entries if not p.is_dir()]


def _raise(error: OSError) -> None:
    """What `os.walk` would pass over: without a word a class would be missing."""
    raise error


def _files_below(folder: Path) -> Iterator[Path]:
    """All visible files at any depth. Links to folders are followed, each once, but not upwards."""
    above = folder.parent.stat()
    seen = {(above.st_dev, above.st_ino)}
    for current, folders, files in os.walk(folder, onerror=_raise, followlinks=True):
        status = Path(current).stat()
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(current, name) for name in sorted(files) if not name.startswith("."))
