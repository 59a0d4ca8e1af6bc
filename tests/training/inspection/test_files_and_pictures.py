"""What is wrong with single files and pictures is named, and usual ones are left be."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.inspection.drawn_evidence import evidence_of, properties_of
from training.data.example import Example
from training.features.table import LeftOut
from training.inspection.blank import find_blank
from training.inspection.blurred import find_blurred
from training.inspection.evidence import Evidence
from training.inspection.finding import Finding
from training.inspection.tiny import find_tiny
from training.inspection.unreadable import find_unreadable
from training.inspection.wrong_ending import find_wrong_endings

Find = Callable[[Evidence], list[Finding]]

RANDOM = np.random.default_rng(0)


def usual(**changed: Any) -> Any:
    """What a picture with something on it is like, unless said otherwise."""
    thumbnail = RANDOM.integers(0, 255, (64, 64)).astype(np.uint8)
    sharpness = float(np.exp(RANDOM.normal(2.5, 0.4)))
    rest = {"sharpness": sharpness, "shows_nothing": False, "format": "PNG"}
    size = {"width": 300, "height": 200}
    return replace(properties_of(**{**rest, **size, **changed}), thumbnail=thumbnail)


def with_one(special: Any, name: str = "cat/special.png") -> Evidence:
    """Forty usual pictures but the first."""
    evidence = evidence_of([0, 1] * 20)
    first = Example(Path(name), name, 0, None)
    examples = first, *evidence.table.examples[1:]
    properties = special, *(usual() for _ in range(39))
    return replace(
        evidence, table=replace(evidence.table, examples=examples, properties=properties)
    )


@pytest.mark.parametrize(
    ("find", "special", "says"),
    [
        (find_blank, usual(shows_nothing=True), "is all one colour"),
        (find_blank, usual(contrast=0.005), "is nearly all one colour"),
        (find_blank, replace(usual(), thumbnail=np.full((64, 64), 9, np.uint8)), "nearly black"),
        (find_blank, replace(usual(), thumbnail=np.full((64, 64), 250, np.uint8)), "nearly white"),
        (find_blurred, usual(sharpness=1.0), "times less sharp"),
        (find_tiny, usual(width=40, height=30), "has 40 x 30 pixels"),
        (find_wrong_endings, usual(format="JPEG"), "ends in .png and is a JPEG"),
    ],
)
def test_a_picture_that_is_unlike_the_others_is_named(find: Find, special: Any, says: str) -> None:
    (found,) = find(with_one(special))

    assert found.files == ("cat/special.png",)
    assert says in found.sentence
    assert 0 < found.score <= 1


@pytest.mark.parametrize("find", [find_blank, find_blurred, find_tiny, find_wrong_endings])
def test_nothing_is_said_of_usual_pictures(find: Find) -> None:
    assert find(with_one(usual())) == []


@pytest.mark.parametrize("find", [find_blank, find_blurred, find_tiny])
@pytest.mark.parametrize(
    "alike", [{"sharpness": 0.5}, {"width": 20, "height": 20}, {"contrast": 0.004}]
)
def test_what_all_pictures_are_like_is_how_the_folder_is(find: Find, alike: Any) -> None:
    evidence = with_one(usual(**alike))
    properties = tuple(usual(**alike) for _ in range(40))

    assert find(replace(evidence, table=replace(evidence.table, properties=properties))) == []


def test_a_little_less_sharp_is_not_blurred_where_all_are_alike() -> None:
    evidence = with_one(usual())
    alike = (usual(sharpness=10.0), usual(sharpness=10.01)) * 20
    properties = (usual(sharpness=9.3), usual(sharpness=4.0), *alike)[: len(evidence.labels)]

    found = find_blurred(replace(evidence, table=replace(evidence.table, properties=properties)))

    assert [one.files for one in found] == [evidence.names(np.array([1]))]


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.JPG", "JPEG"), ("a.jpeg", "MPO"), ("a", "PNG"), ("a.unknown", "PNG"), ("a.tif", "TIFF")],
)
def test_an_ending_that_says_nothing_else_is_right(name: str, content: str) -> None:
    assert find_wrong_endings(with_one(usual(format=content), name)) == []


def test_a_file_that_was_left_out_is_named_with_the_reason() -> None:
    evidence = with_one(usual())
    table = replace(evidence.table, left_out=(LeftOut("dog/x.jpg", "the file is empty"),))

    (found,) = find_unreadable(replace(evidence, table=table))

    assert found.files == ("dog/x.jpg",)
    assert found.sentence == "dog/x.jpg cannot be read: the file is empty"
