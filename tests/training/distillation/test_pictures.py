"""Pictures for a student, from a folder or a zip archive."""

import shutil
import zipfile
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from models.errors import DataFolderError
from tests.training.conftest import draw
from training.distillation import pictures as module
from training.distillation.pictures import Pictures, open_archive, random_box

SIZES = [32, 32, 48, 64]


def pictures_in(path: Path, seed: int = 0, crop: int = 32) -> Pictures:
    return Pictures(open_archive(path), crop, 64, seed)


def test_what_is_no_picture_is_named_and_left_out(
    archive: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found = pictures_in(archive)

    assert sorted(found.left_out) == ["cat/broken.jpg", "empty.png", "index.tsv"]
    assert found.left_out["empty.png"] == "the file is empty"
    assert len(found.names) + len(found.held_out) == 40
    assert "left out: cat/broken.jpg: the picture is broken" in caplog.text


def test_a_member_with_damaged_bytes_is_left_out(archive: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        place = opened.getinfo("cat/0.jpg").header_offset + 200
    data = bytearray(archive.read_bytes())
    data[place] ^= 0xFF
    archive.write_bytes(data)

    found = pictures_in(archive)

    assert found.left_out["cat/0.jpg"].startswith("it cannot be read: Bad CRC-32")


def test_folder_and_archive_show_the_same(archive: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(tmp_path / "unpacked")

    one = pictures_in(archive).batches(0, SIZES, 4)
    other = pictures_in(tmp_path / "unpacked").batches(0, SIZES, 4)

    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_a_step_shows_the_same_wherever_one_begins(folder: Path) -> None:
    found = pictures_in(folder)
    whole = list(found.batches(0, SIZES * 30, 8))  # several times over

    later = list(found.batches(90, (SIZES * 30)[90:], 8))

    assert [tuple(b.shape) for b in whole[:4]] == [(8, 3, s, s) for s in SIZES]
    assert all(torch.equal(a, b) for a, b in zip(whole[90:], later, strict=True))


def test_another_seed_shows_other_crops(folder: Path) -> None:
    one, other = (next(pictures_in(folder, s).batches(0, [32], 8)) for s in (0, 1))

    assert not torch.equal(one, other)


def test_held_out_pictures_are_never_shown(folder: Path) -> None:
    found = pictures_in(folder)

    assert len(found.held_out) == 10
    assert not set(found.held_out) & set(found.names)


def test_pictures_that_do_not_fit_into_memory_are_decoded_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = next(pictures_in(folder).batches(0, [32], 8))
    monkeypatch.setattr(module, "KEPT_BYTES", 0)

    decoded = next(pictures_in(folder).batches(0, [32], 8))

    assert torch.equal(kept, decoded)


def test_small_pictures_are_shown_more_seldom(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "both")
    for number in range(200):
        draw("dog", number, (16, 16)).save(tmp_path / "both" / f"small{number}.png")
    found = pictures_in(tmp_path / "both")

    shown = [found.names[i] for i in islice(found._order(), 2000)]

    part = np.mean([name.startswith("small") for name in shown])
    assert 0.1 < part < 0.3  # of as many pictures, a quarter as often: 0.2


def test_crops_lie_inside_the_picture() -> None:
    rng = np.random.default_rng(0)
    for size in ((1, 1), (3, 500), (640, 480)):
        for _ in range(200):
            left, top, right, bottom = random_box(size, rng)
            assert 0 <= left < right <= size[0]
            assert 0 <= top < bottom <= size[1]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda p: p.write_bytes(b"text"), "no zip or tar archive"),
        (lambda _: None, "does not exist"),
        (lambda p: p.mkdir(), "0 files, 0 pictures"),
    ],
)
def test_where_no_pictures_are_it_is_said(tmp_path: Path, make: object, sentence: str) -> None:
    make(tmp_path / "place")  # type: ignore[operator]

    with pytest.raises(DataFolderError, match=sentence):
        pictures_in(tmp_path / "place")
