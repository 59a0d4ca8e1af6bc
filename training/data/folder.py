"""A user's folder of pictures: what is in it, which folders are classes, and how it is split.

The user's files are only ever read. Folders and files whose names begin with a dot are nobody's
classes (`.ipynb_checkpoints`, `.DS_Store`). Whether a file is a picture is not asked here: the one
pass that reads them (`training.features.extractor`) tells.
"""

import os
import zipfile
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import numpy as np

from models.errors import DataFolderError

Part = Literal["train", "validation", "test"]

#: The part of the pictures that is held out where the folder itself holds none out.
HELD_OUT: Final = 0.2

#: Fewer readable pictures of a class than this cannot be split and cross-validated.
FEWEST_PICTURES: Final = 5

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


def check_counts(
    folder: ImageFolder, examples: Sequence[Example], digests: Sequence[str] | None = None
) -> None:
    """Refuses classes with too few pictures to learn from and to judge by.

    Args:
        folder: whose examples they are.
        examples: those that count.
        digests: of their bytes, once they are known: byte-identical files count once.

    Raises:
        DataFolderError: names the classes and their counts.
    """
    given = has_given_parts(folder.examples)
    contents: dict[str, Example] = {}
    for example, content in zip(examples, digests or map(str, range(len(examples))), strict=True):
        if not given or example.part == "train":
            contents.setdefault(content, example)
    counts = Counter(e.class_index for e in contents.values())
    few = [
        f"{label} ({counts[i]})"
        for i, label in enumerate(folder.classes)
        if counts[i] < FEWEST_PICTURES
    ]
    if few:
        where = "in train/ " if given else ""
        kind = "files" if digests is None else "different, readable pictures"
        raise DataFolderError(
            f"{folder.root}: too few {kind} {where}of {', '.join(few)}; "
            f"a class needs {FEWEST_PICTURES} at least, and is worth trusting from some 50 on"
        )
    if given and not has_given_parts(examples):
        raise DataFolderError(f"{folder.root}: no picture that is held out can be read")


def has_given_parts(examples: Sequence[Example]) -> bool:
    """Whether the folder itself holds pictures out."""
    return any(e.part in ("validation", "test") for e in examples)


def split(
    examples: Sequence[Example],
    digests: Sequence[str],
    seed: int,
    taught: Collection[str] = frozenset(),
) -> list[Example]:
    """Gives every example a part, keeping those that the folder gives.

    Where the folder holds none out, a fifth of each class becomes `test`.

    Args:
        examples: all readable examples.
        digests: of their bytes, in the same order.
        seed: of the shuffle.
        taught: digests of what has been learned from already, and cannot be held out any more.
    """
    if has_given_parts(examples):
        return list(examples)
    held_out = hold_out(examples, digests, seed, taught)
    return [
        replace(example, part="test" if held else "train")
        for example, held in zip(examples, held_out, strict=True)
    ]


def hold_out(
    examples: Sequence[Example],
    digests: Sequence[str],
    seed: int,
    taught: Collection[str] = frozenset(),
) -> list[bool]:
    """Sets a fifth of each class aside, of those that are not taught; True for those that are.

    Byte-identical files are one picture: they are set aside together or not at all.
    """
    random = np.random.default_rng(seed)
    held_out: set[str] = set()
    for contents in contents_of_classes(examples, digests).values():
        free = [digest for digest in contents if digest not in taught]
        count = max(1, round(HELD_OUT * len(contents)))
        held_out.update(free[i] for i in random.permutation(len(free))[:count])
    return [digest in held_out for digest in digests]


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


def held_out_part(examples: Sequence[Example]) -> Part:
    """The part that the accuracy is measured on: `test`, or `validation` where there is no test."""
    return "test" if any(e.part == "test" for e in examples) else "validation"


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
