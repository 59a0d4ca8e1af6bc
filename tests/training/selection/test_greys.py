"""Greys of more than 8 bits get their range from a sample of the training part."""

import logging
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.errors import DataFolderError
from tests.training.conftest import draw
from training.data.folder import scan_folder
from training.data.pictures import Pictures
from training.data.sample import draw_sample
from training.selection.greys import GreyChoice, choose_greys


def wide(label: str, number: int, top: int) -> Image.Image:
    greys = np.asarray(draw(label, number).convert("L").resize((40, 40)), dtype=float)
    greys = (greys - greys.min()) / np.ptp(greys)
    return Image.fromarray((greys * top).astype(np.uint16))


def chosen(
    root: Path, tops: list[int | None], wanted: tuple[float, float] | None = None
) -> GreyChoice:
    """What is found where each class holds a picture of each of these; None: of 8 bits."""
    for label in ("cat", "dog"):
        (root / label).mkdir(parents=True)
        for number, top in enumerate(tops):
            image = draw(label, number) if top is None else wide(label, number, top)
            image.save(root / label / f"{number}.png")
    pictures = Pictures()
    return choose_greys(wanted, draw_sample(scan_folder(root), pictures), pictures)


def test_white_is_the_top_of_the_bits_that_are_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    found = chosen(tmp_path / "data", [3900, 3000, 2500, 4000] * 3)

    assert found.grey_range == (0, 4095)
    assert found.wide == 12
    assert "12 of 12 pictures of a sample hold greys of more than 8 bits, from 0 to" in caplog.text
    assert "0 to 4,095 is shown as black to white" in caplog.text


def test_where_all_have_8_bits_there_is_none(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert chosen(tmp_path / "data", [None] * 12) == GreyChoice()
    assert "greys of more" not in caplog.text


def test_what_was_asked_for_is_taken_and_what_pictures_hold_is_kept(tmp_path: Path) -> None:
    found = chosen(tmp_path / "data", [3900, 3000] * 4, wanted=(100, 900))

    assert found.grey_range == (100, 900)
    assert found.chosen_by == "--grey-range"
    assert found.held is not None
    assert found.held[3] > 3000


def test_pictures_of_8_bits_beside_wide_ones_are_usual_too(tmp_path: Path) -> None:
    found = chosen(tmp_path / "data", [None, None, 4000] * 4)

    assert found.grey_range == (0, 4095)
    assert found.held is not None
    assert found.held[1] > 500  # noise around a colour has no black


def test_two_devices_in_one_folder_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    chosen(tmp_path / "data", [1000, 65000] * 6)

    assert "bring them to one range" in caplog.text


def test_what_is_held_out_has_no_part_in_it(tmp_path: Path) -> None:
    for part, top in (("train", 1000), ("test", 60_000)):
        for label in ("cat", "dog"):
            folder = tmp_path / "data" / part / label
            folder.mkdir(parents=True)
            for number in range(6):
                wide(label, number, top).save(folder / f"{number}.png")
    pictures = Pictures()

    found = choose_greys(None, draw_sample(scan_folder(tmp_path / "data"), pictures), pictures)

    assert found.grey_range == (0, 1023)


def test_what_cannot_be_read_is_left_to_the_pass(tmp_path: Path) -> None:
    root = tmp_path / "data"
    chosen(root, [4000] * 12)
    for path in root.rglob("[0-5].png"):
        path.write_bytes(path.read_bytes()[:-200])
    pictures = Pictures()

    found = choose_greys(None, draw_sample(scan_folder(root), pictures), pictures)

    assert found.grey_range == (0, 4095)


def deep_png(image: Image.Image, top: int) -> bytes:
    """An RGB picture as a PNG of 16 bits whose brightest is `top`; Pillow writes none."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    rows = (np.asarray(image, np.float64) / 255 * top).astype(">u2")
    body = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", *image.size, 16, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(body)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def deep_folder(root: Path, tops: list[int]) -> Path:
    for label in ("cat", "dog"):
        (root / label).mkdir(parents=True)
        for number, top in enumerate(tops):
            (root / label / f"{number}.png").write_bytes(deep_png(draw(label, number), top))
    return root


def test_colours_of_16_bits_that_are_nearly_black_are_refused_with_the_cure(tmp_path: Path) -> None:
    pictures = Pictures()
    sample = draw_sample(scan_folder(deep_folder(tmp_path / "data", [4095] * 12)), pictures)

    with pytest.raises(DataFolderError, match=r"12 of 12 .*nearly black .*spread them"):
        choose_greys(None, sample, pictures)


def test_few_that_are_nearly_black_are_warned_of_and_bright_ones_are_fine(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pictures = Pictures()
    bright = draw_sample(scan_folder(deep_folder(tmp_path / "a", [65535] * 12)), pictures)
    few = draw_sample(scan_folder(deep_folder(tmp_path / "b", [65535] * 9 + [4095] * 3)), pictures)

    assert choose_greys(None, bright, pictures) == GreyChoice()
    assert not caplog.records
    choose_greys(None, few, pictures)
    assert "of 12 pictures of a sample hold colours of 16 bits" in caplog.text
