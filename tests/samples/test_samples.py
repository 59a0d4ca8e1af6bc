import csv
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.errors import OutputError, UsageError
from samples.cli import main
from samples.folder import Drawn, SampleSettings, draw_folder
from samples.nuts import NUTS
from samples.painting import paint
from samples.picture import Box, draw
from samples.scene import Scene, scene_of, style_of
from samples.screws import SCREWS

SIDES = (64, 96)
COUNT = 12


def draw_sample(folder: Path, count: int, seed: int, size: tuple[int, int] = SIDES) -> list[Drawn]:
    return draw_folder(SampleSettings(folder, count, seed, size))


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> list[Drawn]:
    return draw_sample(tmp_path_factory.mktemp("drawn"), COUNT, 3)


def folder_of(sample: list[Drawn]) -> Path:
    return sample[0].path.parent.parent


def small_scene(index: int) -> Scene:
    label = ("screws", "nuts")[index % 2]
    style = style_of(np.random.default_rng([index, 0]), *SIDES)
    return scene_of(label, style, index // 2, np.random.default_rng([index, 1]))


def test_half_are_screws_and_half_are_nuts(sample: list[Drawn]) -> None:
    found = {label: sorted((folder_of(sample) / label).iterdir()) for label in ("screws", "nuts")}

    assert {label: len(paths) for label, paths in found.items()} == {"screws": 6, "nuts": 6}
    assert sorted(one.path for one in sample) == sorted(found["screws"] + found["nuts"])
    assert all(one.path.parent.name == one.label for one in sample)


def test_every_file_is_a_picture_of_the_size_asked_for(sample: list[Drawn]) -> None:
    for one in sample:
        with Image.open(one.path) as image:
            image.load()
            assert image.mode == "RGB"
            assert SIDES[0] <= min(image.size) <= max(image.size) <= SIDES[1]


def test_the_same_seed_gives_the_same_bytes(sample: list[Drawn], tmp_path: Path) -> None:
    again = draw_sample(tmp_path / "again", COUNT, 3)

    assert [one.path.read_bytes() for one in again] == [one.path.read_bytes() for one in sample]
    for name in ("boxes.csv", "README.txt"):
        assert (tmp_path / "again" / name).read_bytes() == (folder_of(sample) / name).read_bytes()


def test_another_seed_gives_other_pictures(sample: list[Drawn], tmp_path: Path) -> None:
    other = draw_sample(tmp_path, 4, 4)

    assert {one.path.read_bytes() for one in other}.isdisjoint(
        one.path.read_bytes() for one in sample
    )


def test_a_picture_does_not_depend_on_the_count(sample: list[Drawn], tmp_path: Path) -> None:
    fewer = draw_sample(tmp_path, 5, 3)

    assert [one.path.name for one in fewer] == [one.path.name for one in sample[:5]]
    assert [one.path.read_bytes() for one in fewer] == [one.path.read_bytes() for one in sample[:5]]


@pytest.mark.slow
def test_several_processes_draw_what_one_draws(sample: list[Drawn], tmp_path: Path) -> None:
    many = draw_sample(tmp_path, 60, 3)

    assert [one.path.read_bytes() for one in many[:COUNT]] == [
        one.path.read_bytes() for one in sample
    ]


@pytest.mark.parametrize("index", range(2 * len(SCREWS)))
def test_the_box_is_that_of_the_object_and_inside_the_frame(index: int) -> None:
    picture = draw(5, index, SIDES)
    box, (height, width) = picture.box, picture.mask.shape

    assert picture.image.size == (width, height)
    assert 0 <= box.left < box.right <= width
    assert 0 <= box.top < box.bottom <= height
    inside = picture.mask[box.top : box.bottom, box.left : box.right]
    assert inside.sum() == picture.mask.sum() > 60
    assert inside[0].any()
    assert inside[-1].any()
    assert inside[:, 0].any()
    assert inside[:, -1].any()


@pytest.mark.parametrize("index", range(2 * len(SCREWS)))
def test_without_the_object_the_picture_differs_in_its_silhouette(index: int) -> None:
    scene = small_scene(index)
    elsewhere = replace(scene, object=scene.object.moved(1000.0, 1000.0))

    with_object, share = paint(scene)
    without, nothing = paint(elsewhere)

    differs = np.abs(with_object - without).max(axis=2) > 0.01
    assert not nothing.any()
    assert differs[share > 0.9].mean() > 0.9
    # What differs elsewhere is shadow: darker, never lighter.
    assert (with_object <= without + 1e-5)[share == 0].all()


@pytest.mark.parametrize("index", range(0, 40, 2))
def test_an_object_is_nowhere_cut_off_by_the_frame(index: int) -> None:
    for number in (index, index + 1):
        mask = draw(1, number, SIDES).mask
        edge = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
        assert not edge.any()


def test_both_classes_have_the_same_sizes_and_formats(sample: list[Drawn]) -> None:
    looks: dict[str, list[tuple[str, tuple[int, int]]]] = {"screws": [], "nuts": []}
    for one in sample:
        with Image.open(one.path) as image:
            looks[one.label].append((one.path.suffix, image.size))

    assert looks["screws"] == looks["nuts"]


def test_both_classes_have_the_same_metals_grounds_and_qualities() -> None:
    styles = [style_of(np.random.default_rng([2, pair, 0]), *SIDES) for pair in range(40)]

    assert len({style.finish.mirror for style in styles}) > 5
    assert len({style.ground for style in styles}) > 5
    assert [draw(2, index, SIDES).quality for index in range(8)] == [
        style.quality for style in styles[:4] for _ in range(2)
    ]


def test_every_kind_of_screw_and_nut_occurs() -> None:
    kinds = {
        label: {small_scene(index).kind for index in range(first, 14, 2)}
        for first, label in enumerate(("screws", "nuts"))
    }

    assert len(kinds["screws"]) == len(SCREWS)
    assert len(kinds["nuts"]) == len(NUTS)


def test_boxes_are_listed_beside_the_class_folders(sample: list[Drawn]) -> None:
    folder = folder_of(sample)

    with (folder / "boxes.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    assert [folder / row["path"] for row in rows] == [one.path for one in sample]
    assert [row["kind"] for row in rows] == [one.kind for one in sample]
    sides = ("left", "top", "right", "bottom")
    assert [Box(*(int(row[side]) for side in sides)) for row in rows] == [one.box for one in sample]


def test_the_folder_says_that_its_pictures_are_drawn(sample: list[Drawn]) -> None:
    text = (folder_of(sample) / "README.txt").read_text(encoding="utf-8")

    assert "drawn, not photographed" in text
    assert "draw-screws-nuts DIR --count 12 --seed 3 --size 64 96" in text


def test_a_folder_that_is_not_empty_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "holiday.txt").write_text("mine", encoding="utf-8")

    with pytest.raises(OutputError, match="is not empty; nothing was drawn"):
        draw_sample(tmp_path, 2, 0)

    assert [path.name for path in tmp_path.iterdir()] == ["holiday.txt"]


def test_a_file_in_the_folders_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pictures").write_text("mine", encoding="utf-8")

    with pytest.raises(OutputError, match="is a file"):
        draw_sample(tmp_path / "pictures", 2, 0)


def test_a_place_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine", encoding="utf-8")

    with pytest.raises(OutputError, match="Cannot write to"):
        draw_sample(tmp_path / "file" / "pictures", 2, 0)


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere"
)
def test_a_folder_without_write_permission_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)

    with pytest.raises(OutputError, match="Permission denied"):
        draw_sample(tmp_path / "pictures", 2, 0)


@pytest.mark.parametrize(
    ("count", "seed", "sides", "says"),
    [
        (0, 0, SIDES, "--count is 0"),
        (2, -1, SIDES, "--seed is -1"),
        (2, 0, (10, 96), "--size is 10 96"),
        (2, 0, (96, 64), "--size is 96 64"),
        (2, 0, (64, 5000), "--size is 64 5000"),
    ],
)
def test_numbers_out_of_range_are_refused_by_name(
    tmp_path: Path, count: int, seed: int, sides: tuple[int, int], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        draw_sample(tmp_path / "pictures", count, seed, sides)

    assert not (tmp_path / "pictures").exists()


def test_the_command_says_what_it_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new" / "pictures"

    code = main([str(folder), "--count", "2", "--size", "64", "96"])

    assert code == 0
    assert "Wrote 2 pictures" in capsys.readouterr().out
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.txt",
        "boxes.csv",
        "nuts",
        "screws",
    ]


def test_the_command_refuses_with_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()

    done = subprocess.run(
        [sys.executable, "-m", "samples.cli", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "is not empty" in done.stderr
