"""How pictures are framed is asked of the training part alone, and travels in the bundle."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from models.bundle import read_bundle
from models.preprocessing import Framing
from tests.training.conftest import Run
from training.data.folder import scan_folder
from training.data.pictures import Pictures
from training.data.sample import draw_sample
from training.features.extractor import Extractor
from training.head.cross_validation import CrossValidation
from training.selection.framing import FramingChoice, choose_framing, preferred
from training.settings import WantedFraming

_RED, _BLUE = (220, 40, 40), (40, 40, 220)

Choose = Callable[..., FramingChoice]
Draw = Callable[[np.random.Generator, tuple[int, int, int]], np.ndarray]


@pytest.fixture
def choose(extractor: Extractor) -> Choose:
    def _choose(root: Path, framing: WantedFraming = "auto") -> FramingChoice:
        pictures = Pictures()
        sample = draw_sample(scan_folder(root), pictures)
        return choose_framing(framing, extractor, sample, pictures)

    return _choose


def _noise(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    return rng.integers(90, 160, (height, width, 3)).astype(np.uint8)


def _mark_at_the_edge(rng: np.random.Generator, colour: tuple[int, int, int]) -> np.ndarray:
    picture = _noise(rng, 40, 120)
    picture[:, :30] = colour
    return picture


def _mark_in_the_middle(rng: np.random.Generator, colour: tuple[int, int, int]) -> np.ndarray:
    """Only the middle square tells the class; what is beside it speaks loudly of nothing."""
    picture = np.repeat(rng.integers(0, 256, (4, 12, 3)), 10, axis=0).repeat(10, axis=1)
    picture[:, 40:80] = _noise(rng, 40, 40) // 2 + np.array(colour) // 2
    found: np.ndarray = picture.astype(np.uint8)
    return found


def _mark_everywhere(rng: np.random.Generator, colour: tuple[int, int, int]) -> np.ndarray:
    found: np.ndarray = (_noise(rng, 40, 120) // 2 + np.array(colour) // 2).astype(np.uint8)
    return found


def _folder(root: Path, draw: Draw, parts: tuple[str, ...] = ("",), count: int = 24) -> Path:
    rng = np.random.default_rng(0)
    for part in parts:
        for label, colour in (("red", _RED), ("blue", _BLUE)):
            (root / part / label).mkdir(parents=True)
            for number in range(count):
                image = Image.fromarray(draw(rng, colour))
                image.save(root / part / label / f"{number:02}.png")
    return root


def test_what_only_the_edge_tells_is_not_cropped_away(tmp_path: Path, choose: Choose) -> None:
    choice = choose(_folder(tmp_path / "edge", _mark_at_the_edge))

    assert choice.framing == "squash"
    assert choice.area_discarded == 0
    assert choice.asked["crop"].log_loss > choice.asked["squash"].log_loss + 0.2
    assert choice.asked["short-side"].area_discarded == pytest.approx(2 / 3)


def test_what_distracts_beside_the_middle_is_cropped_away(tmp_path: Path, choose: Choose) -> None:
    choice = choose(_folder(tmp_path / "middle", _mark_in_the_middle))

    assert choice.framing != "squash"
    assert choice.area_discarded >= 0.6
    assert choice.chosen_by == "cross-validation on 24 pictures of the training part"


def test_where_all_are_equal_most_is_shown(tmp_path: Path, choose: Choose) -> None:
    assert choose(_folder(tmp_path / "all", _mark_everywhere)).framing == "squash"


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ({"squash": [1, 1, 1, 1], "crop": [0, 0.1, 0.1, 0]}, "crop"),
        ({"squash": [0.1, 0, 0.1, 0], "crop": [1, 1, 1, 1]}, "squash"),
        ({"squash": [0, 0, 0, 1], "short-side": [0, 0, 0, 0.9], "crop": [0, 0, 0, 0]}, "squash"),
        ({"squash": [1, 1, 1, 1], "short-side": [0, 0, 0, 1], "crop": [0, 0, 0, 0]}, "short-side"),
    ],
)
def test_a_difference_below_its_standard_error_is_none(
    losses: dict[Framing, list[float]], expected: Framing
) -> None:
    answers = {
        f: CrossValidation(np.array(values), np.array([]), 1.0) for f, values in losses.items()
    }

    assert preferred(answers) == expected


def test_square_pictures_are_not_asked_how_to_be_squashed(tmp_path: Path, choose: Choose) -> None:
    root = tmp_path / "square"
    for label in ("cat", "dog"):
        (root / label).mkdir(parents=True)
        for number in range(12):
            Image.new("RGB", (40, 40), (number, 0, 0)).save(root / label / f"{number}.png")

    assert "short-side" not in choose(root).asked


def test_a_framing_that_is_asked_for_is_taken(tmp_path: Path, choose: Choose) -> None:
    choice = choose(_folder(tmp_path / "edge", _mark_at_the_edge), "crop")

    assert (choice.framing, choice.chosen_by, choice.asked) == ("crop", "--framing", {})
    assert choice.area_discarded > 2 / 3


def test_too_few_pictures_are_not_asked(class_folder: Path, choose: Choose) -> None:
    choice = choose(class_folder)

    assert (choice.framing, choice.chosen_by) == ("squash", "there are too few pictures to ask")


def test_what_is_held_out_decides_nothing(tmp_path: Path, choose: Choose) -> None:
    root = _folder(tmp_path / "parts", _mark_at_the_edge, ("train", "test"))
    before = choose(root)
    for file in (root / "test").rglob("*.png"):
        Image.new("RGB", (10, 30)).save(file)

    assert choose(root) == before


def test_the_same_pictures_give_the_same_choice(tmp_path: Path, choose: Choose) -> None:
    root = _folder(tmp_path / "edge", _mark_at_the_edge)

    assert choose(root) == choose(root)


@pytest.fixture(scope="module")
def middle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _folder(tmp_path_factory.mktemp("drawn") / "middle", _mark_in_the_middle)


@pytest.fixture(scope="module")
def framed(run_apart: Run, middle: Path, learned_weights: Path) -> dict[str, Any]:
    """A whole run that has chosen how pictures are framed."""
    return run_apart(middle, weights=str(learned_weights), image_size=75)


def test_a_run_shows_the_framing_that_its_bundle_holds(framed: dict[str, Any]) -> None:
    preprocessing = read_bundle(Path(framed["bundle"])).metadata.preprocessing

    assert (preprocessing.height, preprocessing.width) == (75, 75) == (framed["image_size"],) * 2
    assert preprocessing.framing == framed["framing"]["framing"] != "squash"
    stored = json.loads(Path(framed["bundle"]).with_name("view.json").read_text("utf-8"))
    assert stored["framing"] == framed["framing"]


def test_settings_do_not_change_what_a_run_is_judged_by(
    framed: dict[str, Any], train: Run, middle: Path
) -> None:
    other = train(middle, weights="none", framing="crop")

    judged = [
        Path(summary["bundle"]).with_name("predictions.csv").read_text("utf-8").splitlines()
        for summary in (framed, other)
    ]
    names = [[line.split(",")[0] for line in lines] for lines in judged]
    assert names[0] == names[1]


def test_random_weights_are_not_asked(tmp_path: Path, random_extractor: Extractor) -> None:
    root, pictures = _folder(tmp_path / "middle", _mark_in_the_middle), Pictures()
    sample = draw_sample(scan_folder(root), pictures)

    choice = choose_framing("auto", random_extractor, sample, pictures)

    assert (choice.framing, choice.asked) == ("squash", {})
    assert choice.chosen_by == "random weights have no preference"
