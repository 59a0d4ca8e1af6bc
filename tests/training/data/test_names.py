"""What the name of a folder says, each rule by itself; what comes of them is in test_layouts."""

from collections.abc import Callable

import pytest

from models import file_names
from training.data import names
from training.data.names import part_of


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("train", ("train", "")),
        ("Training_Set", ("train", "")),
        ("seg_test", ("test", "seg")),
        ("VALID", ("validation", "")),
        ("holdout", ("test", "")),
        ("cat", None),
        ("brain", None),
        ("latest", None),
        ("contrast", None),
    ],
)
def test_parts_are_known_in_their_usual_spellings(name: str, part: tuple[str, str] | None) -> None:
    assert part_of(name) == part


RULES: dict[Callable[[str], bool], tuple[tuple[str, ...], tuple[str, ...]]] = {
    names.is_container: (("images", "Pictures", "raw data"), ("cat", "imagesque", "images2")),
    names.is_rendering: (("masks", "ground_truth", "Thumbnails"), ("mask wearers", "cat")),
    names.is_piece: (("fold_2", "2024-05-01", "may"), ("cat", "manifold")),
    names.is_version: (("grayscale", "augmented", "fold_2"), ("cat", "rgbeauty")),
    names.is_unlabelled: (("unlabeled", "Unlabelled", "unknown"), ("labelled", "known")),
    names.is_of_a_camera: (("100CANON", "101_PANA"), ("100 cats", "CANON")),
    names.may_be_a_class: (("cat", "class 1"), ("DCIM", "2024", "images")),
    names.says_good: (("normal", "OK", "Healthy"), ("abnormal", "goods")),
}


@pytest.mark.parametrize(
    ("rule", "name", "holds"),
    [
        (rule, name, holds)
        for rule, pair in RULES.items()
        for some, holds in zip(pair, (True, False), strict=True)
        for name in some
    ],
)
def test_a_rule_holds_of_these_names_and_not_of_those(
    rule: Callable[[str], bool], name: str, *, holds: bool
) -> None:
    assert rule(name) is holds


@pytest.mark.parametrize("name", ["@eaDir", "__MACOSX", "$RECYCLE.BIN", "lost+found", "#recycle"])
def test_folders_of_systems_are_nobody_s(name: str) -> None:
    assert file_names.is_systems_own(name, is_folder=True)
    assert not file_names.is_systems_own(f"my {name}", is_folder=True)


def test_pieces_copies_and_lists_of_names_are_seen() -> None:
    assert names.are_pieces(["scans_part_1", "scans_part_2"])
    assert not names.are_pieces(["cat1", "dog2"])
    assert names.without_copy("cat - Copy (2)") == "cat"
    assert names.spells_out("ants_bees", ["ants", "bees"])
    assert not names.spells_out("cat", ["cat1", "cat2"])
