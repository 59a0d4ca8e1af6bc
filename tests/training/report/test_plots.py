"""Figures of a report."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from matplotlib.figure import Figure

from training.inspection.inspection import CurvePoint, LearningCurve
from training.report.plots import Bin, draw_curve, draw_reliability, reliability, svg


def test_answers_of_about_one_probability_are_counted_together() -> None:
    said = np.array([0.55, 0.58, 0.95, 1.0], np.float32)
    probabilities = np.stack([said, 1 - said], axis=1)

    found = reliability(probabilities, np.array([0, 1, 0, 0]))

    assert [(one.right, one.count) for one in found] == [(0.5, 2), (1.0, 2)]
    assert found[0].said == pytest.approx(0.565)
    assert found[1].interval == pytest.approx((0.342, 1.0), abs=1e-3)


def test_a_figure_is_the_same_each_time_and_follows_the_page_s_colours() -> None:
    bins = [Bin(0.7, 0.6, (0.2, 0.8), 9)]

    found = draw_reliability(bins)

    assert found == draw_reliability(bins)
    ET.fromstring(found)  # noqa: S314  our own figure
    assert set(re.findall(r"var\((--\w+)\)", found)) >= {"--accent", "--soft"}
    assert not re.search(r"#0[0-9]0[0-9]0[0-9]", found)
    assert "how often it is right" in found


def test_a_curve_names_the_numbers_of_pictures() -> None:
    points = [CurvePoint(n, 1 - 1 / n, (0.5, 1.0)) for n in (50, 100, 200, 400)]

    found = draw_curve(LearningCurve(tuple(points[:3]), points[3], (0.0, 0.1)))

    ET.fromstring(found)  # noqa: S314  our own figure
    assert [n for n in ("50", "100", "200", "400") if f">{n}</text>" in found] == [
        "50", "100", "200", "400",
    ]  # fmt: skip


def test_a_title_is_text() -> None:
    figure = Figure()

    assert 'aria-label="&lt;b&gt; &#34;"' in svg(figure, '<b> "')
