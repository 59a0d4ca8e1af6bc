"""Copies of pictures are found whatever was done to them, and others are not taken for copies."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from tests.training.conftest import properties_of
from training.data.example import Example
from training.features.table import FeatureTable
from training.inspection.alignment import ALIKE, compare
from training.inspection.twins import find_twins

COUNT = 12


def scene(number: int) -> Image.Image:
    """Thirty ellipses that lie as chance wants it."""
    rng = np.random.default_rng(number)
    image = Image.new("RGB", (240, 180), tuple(rng.integers(0, 255, 3).tolist()))
    draw = ImageDraw.Draw(image)
    for x, y, w, h in (rng.random((30, 4)) * (240, 180, 60, 60)).tolist():
        draw.ellipse((x - w, y - h, x + w, y + h), tuple(rng.integers(0, 255, 3).tolist()))
    return image


SCENES = [scene(number) for number in range(COUNT)]


def table_of(
    images: list[Image.Image], shows: list[int], digests: list[str] | None = None
) -> FeatureTable:
    """A table whose features nearly tell which scene a picture shows."""
    rng = np.random.default_rng(0)
    features = np.eye(COUNT)[shows] + 0.1 * rng.normal(size=(len(shows), COUNT))
    names = [f"{row}.png" for row in range(len(images))]
    return FeatureTable(
        tuple(Example(Path(name), name, 0, None) for name in names),
        features.astype(np.float32),
        tuple(digests or names),
        (),
        tuple(properties_of(image) for image in images),
    )


def with_one_more(image: Image.Image) -> FeatureTable:
    """All scenes, and a changed one that shows the fifth."""
    return table_of([*SCENES, image], [*range(COUNT), 4])


@pytest.mark.parametrize(
    ("change", "how"),
    [
        (lambda image: image.resize((80, 60)), "alike"),
        (lambda image: ImageEnhance.Brightness(image).enhance(1.2), "alike"),
        (lambda image: image.convert("L"), "alike"),
        (lambda image: image.crop((0, 0, 216, 162)), "alike"),
        (lambda image: image.crop((20, 15, 232, 174)), "alike"),
        (lambda image: image.crop((0, 0, 216, 180)), "alike"),
        (ImageOps.mirror, "mirrored"),
        (lambda image: ImageOps.mirror(image.crop((10, 10, 226, 172))), "mirrored"),
    ],
)
def test_a_changed_copy_is_found(change: Callable[[Image.Image], Image.Image], how: str) -> None:
    (twin,) = find_twins(with_one_more(change(SCENES[4]).convert("RGB")))

    assert (twin.first, twin.second, twin.how) == (4, COUNT, how)
    assert ALIKE <= twin.similarity <= 1


def test_different_pictures_are_no_twins_however_alike_their_features_are() -> None:
    assert find_twins(table_of(SCENES, [0] * COUNT)) == ()


def test_the_same_ground_with_something_else_on_it_is_no_twin() -> None:
    ground = Image.new("RGB", (240, 180), "white")
    ImageDraw.Draw(ground).rectangle((220, 0, 240, 180), "black")
    one, other = ground.copy(), ground.copy()
    ImageDraw.Draw(one).ellipse((60, 60, 100, 100), "grey")
    ImageDraw.Draw(other).rectangle((110, 90, 130, 150), "grey")

    assert find_twins(table_of([one, other], [0, 0])) == ()


def small_thing(light: int) -> Image.Image:
    """A small thing in a soft light, at the lower edge of a sheet that lies on something dark."""
    down, right = np.mgrid[:240, :240] / 240
    ground = 200 + light * np.sin(2 * right + down)
    image = Image.fromarray(np.where(down < 0.97, ground, 30).astype(np.uint8)).convert("RGB")
    ImageDraw.Draw(image).polygon([(120, 20), (132, 20), (148, 70), (138, 74)], "dimgrey")
    return image


@pytest.mark.parametrize(
    ("light", "left", "top"),
    [(5, 16, 15), (20, 16, 15), (50, 16, 15), (20, 12, 19), (50, 7, 19)],
    ids=["faint", "soft", "strong", "to the sheet's edge", "to the edge, in strong light"],
)
def test_a_small_thing_whose_ground_was_cropped_is_found(light: int, left: int, top: int) -> None:
    image = small_thing(light)
    cropped = image.crop((left, top, left + 216, top + 216))

    (twin,) = find_twins(table_of([*SCENES[1:], image, cropped], [*range(1, COUNT), 0, 0]))

    assert twin.how == "alike"


def test_files_that_are_copies_are_each_a_twin_of_the_first() -> None:
    table = table_of(SCENES[:4], [0, 1, 2, 3], ["x", "y", "x", "x"])

    found = find_twins(table)

    assert [(twin.first, twin.second, twin.how) for twin in found] == [
        (0, 2, "copy"),
        (0, 3, "copy"),
    ]


def test_pictures_that_show_nothing_are_not_alike() -> None:
    greys = [Image.new("RGB", (60, 60), (grey, grey, grey)) for grey in (10, 11, 90)]

    assert find_twins(table_of(greys, [0, 0, 0])) == ()


@pytest.mark.parametrize("count", [0, 1])
def test_a_table_without_pairs_has_no_twins(count: int) -> None:
    assert find_twins(table_of(SCENES[:count], [0] * count)) == ()


def test_order_and_neighbours_change_nothing() -> None:
    images = [*SCENES, ImageOps.mirror(SCENES[4])]
    shows = [*range(COUNT), 4]

    (twin,) = find_twins(table_of(images[::-1], shows[::-1]))

    assert (twin.first, twin.second, twin.how) == (0, 8, "mirrored")


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0, 1, 30, 255]))
def test_whatever_two_thumbnails_show_the_likeness_is_a_number(seed: int, spread: int) -> None:
    random = np.random.default_rng(seed).integers(0, spread + 1, (4, 64, 64)).astype(np.uint8)

    found = compare(random, np.array([[0, 1], [2, 2], [3, 0]]))

    assert np.isfinite(found.similarity).all()
    assert (np.abs(found.similarity) <= 1.001).all()
