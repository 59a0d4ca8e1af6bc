"""Whatever lies in a folder: no crash, no parts as classes, no file that nobody speaks of."""

import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import DataFolderError
from models.file_names import printable
from training.data.example import ImageFolder
from training.data.folder import scan_folder
from training.data.names import part_of

NASTY = (
    "train", "Train-Data", "training_set", "test", "test1", "Testing", "val", "dev", "seg_train",
    "seg_test", "trainA", "holdout", "images", "masks", "labels", "ground_truth", "data", "color",
    "grayscale", "fold1", "fold2", "__MACOSX", "@eaDir", "$RECYCLE.BIN", "lost+found", ".git",
    "cat", "Cat", "cat ", "dog", "cats_dogs", "cat - Copy", "normal", "bad", "2024", "100CANON",
    "unknown", "caf\udce9", "new\nline", "Ä", "A\u0308", "кошки", "训练集", "-", "~", "con",
)  # fmt: skip
FILES = (
    "1.jpg", "2.PNG", "cat.1.jpg", "dog.1.jpg", "a.b.c", "notes.txt", "labels.csv", "Thumbs.db",
    ".DS_Store", "noext", "a.zip", "x.xml",
)  # fmt: skip

folders = st.lists(st.sampled_from(NASTY), max_size=4) | st.tuples(
    st.sampled_from(("train", "Testing", "val", "training_set")),
    st.sampled_from(("cat", "dog", "test", "images")),
).map(list)
trees = st.lists(
    st.tuples(folders, st.sets(st.sampled_from(FILES), min_size=1)), min_size=1, max_size=12
)


def files_of(tree: list[tuple[list[str], set[str]]]) -> set[str]:
    return {"/".join((*above, name)) for above, names in tree for name in names}


def check(found: ImageFolder, names: set[str]) -> None:
    called_like_parts = [c for c in found.classes if part_of(c) and not part_of(c)[1]]  # type: ignore[index]
    assert len(called_like_parts) < 2
    assert len(found.classes) > 1
    told = [e.name for e in found.examples]
    told += [name for unused in found.unused for name in unused.files]
    assert len(told) == len(set(told))
    untold = {printable(name) for name in names} - set(told)
    own = [name for unused in found.unused for name in unused.shown if name.endswith("/")]
    assert all(_is_nobodys(name) or name.startswith(tuple(own)) for name in untold)


def _is_nobodys(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/")) or name.endswith("Thumbs.db")


@given(tree=trees)
def test_a_folder_is_understood_or_refused(
    tmp_path_factory: pytest.TempPathFactory, tree: list[tuple[list[str], set[str]]]
) -> None:
    root, names = tmp_path_factory.mktemp("tree"), files_of(tree)
    for name in sorted(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"1.jpg,cat\n")

    try:
        found = scan_folder(root)
    except DataFolderError as refusal:
        lines = str(refusal).splitlines()
    else:
        lines = [""]
        check(found, names)
    assert len(lines) == 1


@given(tree=trees)
def test_an_archive_is_understood_or_refused(
    tmp_path_factory: pytest.TempPathFactory, tree: list[tuple[list[str], set[str]]]
) -> None:
    path: Path = tmp_path_factory.mktemp("packed") / "any.zip"
    names = {name for name in files_of(tree) if name.isprintable()}
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted(names):
            archive.writestr(name, b"1.jpg,cat\n")

    try:
        found = scan_folder(path)
    except DataFolderError:
        return
    check(found, names)
