"""Figures of a report as SVG, which follow the page from light to dark; the same for the same run.

Letters stay letters, so that the reader's own fonts draw them; names of users are never drawn here.
"""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import binomtest

from training.evaluation import CONFIDENCE, Probabilities

#: Colours that stand for those of the page.
_INK: Final = "#010101"
_SOFT: Final = "#020202"
_LINE: Final = "#030303"
_ACCENT: Final = "#040404"
_PAGE: Final = {_INK: "--ink", _SOFT: "--soft", _LINE: "--line", _ACCENT: "--accent"}

_STYLE: Final = {
    "svg.fonttype": "none",
    "font.size": 9,
    "font.family": "DejaVu Sans",
    "text.color": _INK,
    "axes.edgecolor": _LINE,
    "axes.labelcolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": _SOFT,
    "ytick.color": _SOFT,
    "grid.color": _LINE,
}

_TENTHS: Final = 10


@dataclass(frozen=True)
class Bin:
    """Answers of about one probability.

    Attributes:
        said: their mean probability.
        right: how many of them are right, of one.
        interval: of that, at 95 %.
        count: how many there are.
    """

    said: float
    right: float
    interval: tuple[float, float]
    count: int


def reliability(probabilities: Probabilities, labels: npt.NDArray[np.int64]) -> list[Bin]:
    """Answers by their probability, in tenths, float32 (N, K), against the truth, int64 (N,)."""
    said = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    tenth = np.minimum((said * _TENTHS).astype(int), _TENTHS - 1)
    return [_bin(said[tenth == t], right[tenth == t]) for t in range(_TENTHS) if (tenth == t).any()]


def _bin(said: npt.NDArray[np.float32], right: npt.NDArray[np.bool_]) -> Bin:
    interval = binomtest(int(right.sum()), len(right)).proportion_ci(CONFIDENCE, method="wilson")
    return Bin(float(said.mean()), float(right.mean()), (interval.low, interval.high), len(right))


def draw_reliability(bins: Sequence[Bin]) -> Markup:
    """What it says against how often that is right."""
    figure, axes = _figure()
    axes.plot([0, 1], [0, 1], color=_SOFT, linestyle=(0, (4, 3)), linewidth=1)
    axes.text(0.02, 0.09, "as sure as it should be", color=_SOFT, rotation=0, fontsize=8)
    for one in bins:
        axes.plot([one.said] * 2, one.interval, color=_ACCENT, linewidth=2, alpha=0.6)
        axes.plot(one.said, one.right, "o", color=_ACCENT, markersize=6)
    _percents(axes.xaxis)
    _percents(axes.yaxis)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel="how sure it says it is")
    axes.set_ylabel("how often it is right")
    return svg(figure, "How sure it says it is, against how often it is right")


def _figure() -> tuple[Figure, Axes]:
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(4.6, 3.2), layout="constrained")
        axes = figure.subplots()
        axes.grid(visible=True, linewidth=0.6)
        axes.set_axisbelow(True)
    return figure, axes


def _percents(axis: mpl.axis.Axis) -> None:
    axis.set_major_formatter(lambda value, _: f"{value:.0%}")


def svg(figure: Figure, title: str) -> Markup:
    """A figure as part of a page, with its title for those who hear it."""
    buffer = io.StringIO()
    with mpl.rc_context({**_STYLE, "svg.hashsalt": title}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    found = re.sub(r"^.*?(?=<svg)", "", buffer.getvalue(), flags=re.DOTALL)
    found = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", found, flags=re.DOTALL)
    found = re.sub(r' id="[a-z0-9.]+_\d+"| (width|height)="[\d.]+pt"', "", found)
    for colour, name in _PAGE.items():
        found = found.replace(colour, f"var({name})")
    named = Markup('<svg role="img" aria-label="{}" ').format(title)  # noqa: S704  a format escapes
    return named + Markup(found.removeprefix("<svg "))  # noqa: S704  drawn here, of no user's words
