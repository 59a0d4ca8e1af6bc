"""What belongs together is one group, whatever chain joins it."""

import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import UsageError
from training.data.example import Example, ImageFolder
from training.data.groups import join_groups, with_groups

NAMES = ("cat/anna_1.png", "cat/anna_2.png", "dog/ben_1.png", "dog/rex.png")
FOLDER = ImageFolder(
    "pets", "a folder per class", ("cat", "dog"),
    tuple(Example(Path(name), name, int(name < "d"), None) for name in NAMES),
)  # fmt: skip


def groups_of(given: str | Path) -> list[str]:
    return [example.group for example in with_groups(FOLDER, str(given)).examples]


def test_copies_twins_and_named_groups_are_joined_by_chains() -> None:
    digests = ["a", "b", "a", "c", "d", "e"]
    named = ["", "anna", "", "", "anna", ""]

    groups = join_groups(digests, [(2, 3)], named)

    assert groups.tolist() == [0, 1, 0, 0, 1, 2]


def test_without_any_ties_each_picture_is_a_group_of_its_own() -> None:
    assert join_groups(["a", "b", "c"]).tolist() == [0, 1, 2]


@given(
    digests=st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=30),
    twins=st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=20),
)
def test_two_that_are_the_same_are_never_in_two_groups(
    digests: list[str], twins: list[tuple[int, int]]
) -> None:
    count = len(digests)
    pairs = [(a, b) for a, b in twins if a < count and b < count]

    groups = join_groups(digests, pairs)

    assert all(groups[a] == groups[b] for a, b in pairs)
    assert len({(d, g) for d, g in zip(digests, groups.tolist(), strict=True)}) == len(set(digests))
    assert sorted(set(groups.tolist())) == list(range(groups.max() + 1))


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
