"""What the user says of groups: by a table or a pattern; what says nothing is a sentence."""

import logging
from pathlib import Path

import pytest

from models.errors import UsageError
from training.data.example import Example, ImageFolder
from training.data.named_groups import with_groups

NAMES = ("cat/anna_1.png", "cat/anna_2.png", "dog/ben_1.png", "dog/rex.png")
FOLDER = ImageFolder(
    "pets", "a folder per class", ("cat", "dog"),
    tuple(Example(Path(name), name, int(name < "d"), None) for name in NAMES),
)  # fmt: skip


def groups_of(given: str | Path) -> list[str]:
    return [example.group for example in with_groups(FOLDER, str(given)).examples]


def test_a_pattern_finds_the_group_in_a_files_path(caplog: pytest.LogCaptureFixture) -> None:
    assert groups_of(r"/([a-z]+)_\d") == ["anna", "anna", "ben", ""]
    assert "says nothing of 1 pictures (dog/rex.png)" in caplog.text
    assert with_groups(FOLDER, None) is FOLDER


@pytest.mark.parametrize("text", ["file,group\n", "FILE;Group\n", "\ufefffile\tgroup\n"])
def test_a_table_says_the_groups(tmp_path: Path, text: str) -> None:
    between = text.lower().removeprefix("\ufeff")[4]
    rows = zip(NAMES, ("a", "a", "", " b "), strict=True)
    path = tmp_path / "groups.csv"
    path.write_text(text + "".join(f"{n}{between}{g}\n" for n, g in rows), encoding="utf-8")

    assert groups_of(path) == ["a", "a", "", "b"]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("no(", "no such file, and no regular expression"),
        ("anna_1", "one group in brackets.*this one has 0"),
        ("(a)(n)", "this one has 2"),
        ("(zebra)", "says nothing of any picture"),
        (r"(\.png)", r"all pictures are of one group, \.png"),
        (f"({'zebra|' * 99}z)", "says nothing of any picture"),
        (".", r"\.: cannot be read: "),
    ],
)
def test_a_pattern_that_says_nothing_is_a_sentence(given: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=rf"--groups .*{sentence}"):
        groups_of(given)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("file,patient\na,b\n", "needs the columns file and group; it has file, patient"),
        ("file,group\nx.png,a\n", "says nothing of any picture"),
        ("file,group\nrex,a\nrex,b\n", "line 3: dog/rex.png is of b here, and of a above"),
    ],
)
def test_a_table_that_says_nothing_is_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "groups.csv"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(UsageError, match=sentence):
        groups_of(path)


def test_files_that_a_table_names_and_nobody_has_are_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "groups.csv"
    path.write_text("file,group\nrex,a\nanna_1,a\nzebra.png,a\n", encoding="utf-8")

    assert groups_of(path) == ["a", "", "", "a"]
    assert "1 files are not among the pictures (zebra.png)" in caplog.text


def test_a_pattern_by_which_nothing_belongs_together_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        groups_of("(.+)")

    assert "every picture is a group of its own" in caplog.text
