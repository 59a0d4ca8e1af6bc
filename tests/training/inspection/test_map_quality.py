from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from models.heatmap import MapGeometry
from models.map_quality import MapQuality, Margin
from models.preprocessing import Pixels, Preprocessing
from training.inspection.map_quality import (
    GRADED,
    OCCLUDED,
    Questions,
    grade_maps,
    parts_without_map,
)

SIDE, CELL = 56, 8
SHOWN = Preprocessing(SIDE, SIDE, "squash")
PLACES = MapGeometry(CELL / 2, CELL / 2, CELL, CELL)


class Network:
    """Its answer is how much white there is; its map shows the white, or something else."""

    def __init__(self, shows: str) -> None:
        self.shows = shows
        self.batches: list[int] = []

    def __call__(
        self, pixels: Pixels, _: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        self.batches.append(len(pixels))
        bright = pixels[..., 0].clip(100).astype(np.float32) - 100
        cells = bright.reshape(-1, 7, CELL, 7, CELL).mean((2, 4))
        found = 1 / (1 + np.exp(2 - cells.sum((1, 2)) / 20))
        maps = cells / np.maximum(cells.max((1, 2), keepdims=True), 1e-9)
        shown = {"white": maps, "black": 1 - maps, "nothing": np.zeros_like(maps)}[self.shows]
        return np.stack([found, 1 - found], 1).astype(np.float32), shown

    def say(self, pixels: Pixels) -> npt.NDArray[np.float32]:
        return self(pixels, np.empty(0, np.int64))[0]


@pytest.fixture(scope="module")
def pictures() -> Pixels:
    """A white spot in each, anywhere but in the middle."""
    rng = np.random.default_rng(0)
    found = np.zeros((GRADED, SIDE, SIDE, 3), np.uint8)
    for one in found:
        row, column = rng.choice([0, 8, 40, 48]), rng.integers(0, 48)
        one[row : row + 8, column : column + 8] = 255
    return found


def asked(network: Network, without_knowledge: Network) -> Questions:
    return Questions(network, without_knowledge, network.say)


def graded(shows: str, pictures: Pixels) -> MapQuality:
    found = grade_maps(asked(Network(shows), Network("nothing")), pictures, SHOWN, PLACES)
    assert found is not None
    return found


def test_a_map_that_shows_what_counts_is_better_than_all_others(pictures: Pixels) -> None:
    found = graded("white", pictures)

    for margin in (found.over_random, found.over_centre, found.over_random_head):
        assert margin.is_sure
        assert margin.interval[0] < margin.both < margin.interval[1]
    assert found.doubt == ""
    assert not found.is_open
    assert found.rank_test > 0.9
    assert (found.occlusion_agreement or 0) > 0.5


def test_a_map_that_shows_all_else_is_worse_than_all_others(pictures: Pixels) -> None:
    found = graded("black", pictures)

    assert found.over_random.interval[1] < 0
    assert found.rank_test < 0
    assert found.doubt.endswith("are no better than chance (measured on 24 pictures)")
    assert not found.is_open


def test_an_empty_map_is_no_better_than_chance(pictures: Pixels) -> None:
    found = graded("nothing", pictures)

    assert found.over_random.both == pytest.approx(0, abs=1e-9)
    assert (found.no_better_than, found.is_open) == ("chance", False)
    assert found.note == "no better than chance"
    assert found.occlusion_agreement is None


def test_what_it_costs_is_bounded(pictures: Pixels) -> None:
    network, without_knowledge = Network("white"), Network("nothing")

    both = np.concatenate([pictures, pictures])
    grade_maps(asked(network, without_knowledge), both, SHOWN, PLACES)

    assert sum(network.batches) == GRADED * (1 + 11) + OCCLUDED * 49
    assert sum(without_knowledge.batches) == GRADED


def test_what_is_asked_ahead_is_what_is_asked_later(pictures: Pixels) -> None:
    """All but the map's own order, and that of weights by chance: of 11 parts 7."""
    ahead = {one.tobytes() for parts in parts_without_map(pictures) for one in parts}
    network = Network("white")
    later: list[bytes] = []

    def say(pixels: Pixels) -> npt.NDArray[np.float32]:
        later.extend(one.tobytes() for one in pixels)
        return network.say(pixels)

    grade_maps(Questions(network, Network("nothing"), say), pictures, SHOWN, PLACES)

    assert ahead <= set(later)
    assert sum(one not in ahead for one in later) <= GRADED * 7


def test_what_few_pictures_leave_open_is_decided_by_more(pictures: Pixels) -> None:
    few = np.zeros_like(pictures)
    few[:, 24:32, 24:32] = 255
    few[:3] = pictures[:3]

    unsure = graded("white", few)
    sure = graded("white", np.concatenate([few, pictures, pictures]))

    assert unsure.is_open
    assert sure.pictures == 3 * GRADED
    assert not sure.doubt


def test_one_picture_tells_nothing(pictures: Pixels) -> None:
    network = Network("white")

    assert grade_maps(asked(network, network), pictures[:1], SHOWN, PLACES) is None


def test_maps_that_only_chance_is_worse_than_are_doubted_too(pictures: Pixels) -> None:
    unsure = Margin(0, 0, 0, (-1, 1))

    found = replace(graded("white", pictures), over_centre=unsure)

    assert "not shown to be better than pointing at the middle of each picture" in found.doubt
    assert "24 pictures, too few to tell" in found.doubt
    assert found.note == "too few pictures to tell them from the middle"
    assert found.is_open
