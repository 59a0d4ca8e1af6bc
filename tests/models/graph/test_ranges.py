"""What lies between the ends of a range is what NumPy says, to the last bit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.graph.ranges import edges_of
from tests.models.graph.quantiser import edges_of as by_numpy


@given(
    st.integers(1, 60_000),
    st.integers(0, 2**32 - 1),
    st.floats(-1e6, 1e6),
    st.floats(1e-30, 1e30),
)
def test_the_edges_are_those_of_numpy(count: int, seed: int, centre: float, scale: float) -> None:
    drawn = np.random.default_rng(seed).normal(centre, 3, count)
    values = (scale * drawn).astype(np.float32)

    for shown in (values, np.sort(values), values.clip(0), np.rint(drawn).astype(np.float32)):
        assert edges_of(shown) == by_numpy(shown)


@pytest.mark.parametrize("outlier", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_no_edge_that_looks_like_one(outlier: float) -> None:
    values = np.arange(50_000, dtype=np.float32)
    values[::1000] = outlier

    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(edges_of(values), by_numpy(values))
