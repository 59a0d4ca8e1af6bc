"""A picture is opened once where it fits, by one policy, and is what its digest says it is."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.errors import ImageError, PicturesGoneError
from models.preprocessing import Preprocessing, read_pixels
from tests.conftest import encoded
from training.data import pictures as module
from training.data.example import Example
from training.data.folder import scan_folder
from training.data.pictures import Picture, Pictures, pictures_gone, readable_pixels
from training.selection.framing import FRAMINGS

SHOWN = Preprocessing(32, 32)
WAYS = [replace(SHOWN, framing=framing) for framing in FRAMINGS]


@pytest.fixture
def examples(class_folder: Path) -> tuple[Example, ...]:
    return scan_folder(class_folder).examples


def take_away(examples: Sequence[Example]) -> None:
    for example in examples:
        example.path.unlink()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_what_is_kept_is_opened_once(examples: tuple[Example, ...]) -> None:
    pictures = Pictures()
    before = [pictures.open(example).digest for example in examples]
    take_away(examples)

    assert [pictures.open(example).digest for example in examples] == before
    assert pictures.pixels_again(examples[0], SHOWN).shape == (32, 32, 3)


def test_what_does_not_fit_is_opened_again(examples: tuple[Example, ...]) -> None:
    first, second, *_ = examples
    pictures = Pictures(keep_bytes=first.path.stat().st_size)
    digests = [pictures.digest(first), pictures.digest(second)]
    take_away(examples)

    assert pictures.open(first).digest == digests[0]
    with pytest.raises(ImageError, match="the file cannot be opened: No such file"):
        pictures.open(second)
    assert pictures.digest(second) == digests[1]


def test_a_file_that_cannot_be_opened_has_no_digest(examples: tuple[Example, ...]) -> None:
    take_away(examples)

    assert Pictures().digest(examples[0]) == ""


def test_a_digest_and_pixels_are_of_the_same_bytes(examples: tuple[Example, ...]) -> None:
    """The file changes between two looks at it."""
    one, *_, other = examples
    data = one.path.read_bytes(), other.path.read_bytes()
    pictures = Pictures(keep_bytes=0)
    before = pictures.open(one)
    other.path.replace(one.path)
    after = pictures.open(one)

    for picture, held in zip((before, after), data, strict=True):
        assert picture.digest == sha256(held)
        np.testing.assert_array_equal(picture.pixels(SHOWN), read_pixels(held, SHOWN))


@pytest.mark.parametrize("broken", [b"", b"not a picture"])
def test_a_picture_that_was_readable_and_is_not_is_a_sentence_with_a_way_on(
    examples: tuple[Example, ...], broken: bytes
) -> None:
    pictures = Pictures(keep_bytes=0)
    pictures.pixels_again(examples[0], SHOWN)
    examples[0].path.write_bytes(broken)
    examples[1].path.unlink()

    for example in examples[:2]:
        with pytest.raises(PicturesGoneError, match=rf"{example.name} could be read .*--resume"):
            pictures.pixels_again(example, SHOWN)


def test_what_is_said_of_a_picture_that_is_gone_names_it_and_the_reason() -> None:
    error = pictures_gone("cat/1.png", "the stick is out")

    assert "cat/1.png could be read before, and cannot any more: the stick is out" in str(error)
    assert error.exit_code == 1


def photograph(kind: str, orientation: int = 1) -> bytes:
    """So large that a JPEG of it is decoded at a quarter of its size."""
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (30, 50, 3), np.uint8)).resize((500, 300))
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(image, kind, exif=exif)


@pytest.mark.parametrize(("kind", "orientation"), [("JPEG", 1), ("JPEG", 6), ("PNG", 1)])
def test_a_picture_that_is_shown_in_several_ways_is_decoded_once_to_the_same_pixels(
    examples: tuple[Example, ...], kind: str, orientation: int
) -> None:
    example, data = examples[0], photograph(kind, orientation)
    example.path.write_bytes(data)
    pictures = Pictures(keep_bytes=0)

    with pictures.shown_in([example], WAYS):
        opened = pictures.open(example)
        example.path.unlink()
        assert (opened.digest, opened.size) == (sha256(data), (500, 300))
        for way in WAYS:
            found = pictures.open(example).pixels(way)
            np.testing.assert_array_equal(found, read_pixels(data, way))

    with pytest.raises(ImageError, match="cannot be opened"):
        pictures.open(example)


def test_decoded_pictures_that_do_not_fit_are_decoded_again(
    examples: tuple[Example, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PIXELS", 3 * SHOWN.height * SHOWN.width * len(WAYS))
    pictures, (first, second, *_) = Pictures(keep_bytes=0), examples
    data = second.path.read_bytes()

    with pictures.shown_in(examples, WAYS):
        for example in examples:
            pictures.open(example)
        first.path.unlink()
        assert pictures.open(first).pixels(WAYS[1]).shape == (32, 32, 3)
        found = pictures.open(second).pixels(WAYS[2])
        np.testing.assert_array_equal(found, read_pixels(data, WAYS[2]))
        second.path.unlink()
        with pytest.raises(ImageError, match="cannot be opened"):
            pictures.open(second)


def test_a_broken_picture_opens_and_tells_who_asks_for_its_pixels(
    examples: tuple[Example, ...],
) -> None:
    data = examples[0].path.read_bytes()
    examples[0].path.write_bytes(data[: len(data) // 2])
    pictures = Pictures()

    with pictures.shown_in(examples, WAYS):
        picture = pictures.open(examples[0])
        assert picture.size == (48, 40)
        with pytest.raises(ImageError, match="the picture is broken"):
            picture.pixels(WAYS[0])
    with pytest.raises(ImageError, match="the picture is broken"):
        Picture(b"GIF").size  # noqa: B018


def test_the_whole_picture_is_upright() -> None:
    picture = Picture(photograph("JPEG", orientation=6))

    assert picture.size == (500, 300)
    assert picture.image(SHOWN).size == (300, 500)


def test_those_that_can_be_read_come_in_their_order(examples: tuple[Example, ...]) -> None:
    examples[1].path.write_bytes(b"no picture")
    asked = [examples[2], examples[1], examples[0]]

    found, pixels = readable_pixels(Pictures(), asked, SHOWN)
    none, empty = readable_pixels(Pictures(), [examples[1]], SHOWN)

    assert found == [examples[2], examples[0]]
    expected = [read_pixels(example.path.read_bytes(), SHOWN) for example in found]
    np.testing.assert_array_equal(pixels, np.stack(expected))
    assert (none, empty.shape) == ([], (0, 32, 32, 3))


def test_several_threads_may_ask_and_the_bound_holds(examples: tuple[Example, ...]) -> None:
    sizes = {example: example.path.stat().st_size for example in examples}
    expected = [sha256(example.path.read_bytes()) for example in examples]
    bound = sum(sizes.values()) // 2
    pictures = Pictures(keep_bytes=bound)

    with ThreadPoolExecutor(8) as threads:
        for found in threads.map(lambda e: pictures.open(e).digest, examples * 8):
            assert found in expected
    take_away(examples)

    kept, _ = readable_pixels(pictures, examples, SHOWN)
    assert 0 < sum(sizes[example] for example in kept) <= bound
    assert [pictures.digest(example) for example in examples] == expected
