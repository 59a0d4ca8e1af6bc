import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.occlusion import CELLS, PASSES, geometry, hidden, map_of

SQUARES = CELLS**2


def share_of_red(pictures: np.ndarray) -> np.ndarray:
    """A network that knows one thing: (N, H, W, 3) → float32 (N, 2)."""
    red = (pictures[..., 0] > 200).mean((1, 2))
    return np.stack([red, 1 - red], axis=1).astype(np.float32)


def test_the_map_is_brightest_where_the_thing_lies_that_the_network_knows() -> None:
    picture = np.zeros((70, 140, 3), np.uint8)
    picture[20:30, 100:120, 0] = 255

    whole, *covered = share_of_red(np.stack([picture, *hidden(picture)]))
    heatmap, peak = map_of(whole, np.stack(covered), 0)

    assert len(covered) == PASSES - 1
    assert divmod(int(heatmap.argmax()), CELLS) == (2, 5)
    assert peak == pytest.approx(200 / (70 * 140), rel=1e-4)
    assert not heatmap[4:].any()


def test_squares_are_of_the_mean_colour_and_lie_where_the_geometry_says() -> None:
    picture = np.full((224, 112, 3), 100, np.uint8)
    picture[:, ::2] = 200
    places = geometry(112, 224)

    changed = np.stack([(one == 150).all(2) for one in hidden(picture)])

    rows, columns = np.nonzero(changed[CELLS * 3 + 2])
    assert rows.mean() + 0.5 == places.offset_y + 3 * places.step_y
    assert columns.mean() + 0.5 == places.offset_x + 2 * places.step_x
    assert changed.any(0).all()


def test_a_class_that_next_to_nothing_speaks_against_has_a_map_all_the_same() -> None:
    whole = np.array([1, 1e-9], np.float32)
    covered = np.tile(whole, (SQUARES, 1))
    covered[10] = 1, 5e-9

    heatmap, peak = map_of(whole, covered, 0)

    assert heatmap.argmax() == 10
    assert peak == pytest.approx(4e-9)


@pytest.mark.parametrize("class_index", [0, 1])
def test_where_hiding_costs_nothing_the_map_is_empty(class_index: int) -> None:
    whole = np.array([0.75, 0.25], np.float32)

    heatmap, peak = map_of(whole, np.tile(whole, (SQUARES, 1)), class_index)

    assert peak == 0
    assert not heatmap.any()


def test_no_more_than_all_is_lost_where_float32_sums_to_more_than_one() -> None:
    whole = np.array([1, 0, 0], np.float32)
    covered = np.tile(
        np.array([0, 0.5, np.nextafter(np.float32(0.5), np.float32(1))]), (SQUARES, 1)
    )

    heatmap, peak = map_of(whole, covered.astype(np.float32), 0)

    assert peak == 1
    assert heatmap.max() == 1


@given(arrays(np.float32, (SQUARES + 1, 3), elements=st.floats(0, 30, width=32)), st.integers(0, 2))
def test_a_map_lies_in_its_bounds_whatever_a_network_says(logits: np.ndarray, index: int) -> None:
    exponentials = np.exp(logits - logits.max(1, keepdims=True))
    probabilities = exponentials / exponentials.sum(1, keepdims=True)

    heatmap, peak = map_of(probabilities[0], probabilities[1:], index)

    assert 0 <= peak <= 1
    assert heatmap.max() in (0, 1)
    assert heatmap.min() >= 0
