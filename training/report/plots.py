"""Figures of a report as SVG, which follow the page from light to dark; the same for the same run.

Letters stay letters, so that the reader's own fonts draw them; names of users are never drawn here.
"""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator
from scipy.stats import binomtest

from training.evaluation import CONFIDENCE, Probabilities
from training.inspection.inspection import LearningCurve

#: Colours that stand for those of the page.
_SOFT: Final = "#020202"
_ACCENT: Final = "#040404"
_PAGE: Final = {"#010101": "--ink", _SOFT: "--soft", "#030303": "--line", _ACCENT: "--accent"}

_STYLE: Final = Path(__file__).parent / "page" / "plots.mplstyle"

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


@mpl.rc_context(fname=_STYLE)
def draw_reliability(bins: Sequence[Bin]) -> Markup:
    """What it says against how often that is right."""
    figure = Figure(figsize=(4.6, 3.2), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=_SOFT, linestyle=(0, (4, 3)), linewidth=1)
    for one in bins:
        axes.plot([one.said] * 2, one.interval, color=_ACCENT, linewidth=2, alpha=0.6)
        axes.plot(one.said, one.right, "o", color=_ACCENT, markersize=6)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(_percent)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.set(xlabel="how sure it says it is", ylabel="how often it is right")
    return svg(figure, "How sure it says it is, against how often it is right")


@mpl.rc_context(fname=_STYLE)
def draw_curve(curve: LearningCurve) -> Markup:
    """The accuracy at fewer pictures, at those that there are, and at more."""
    figure = Figure(figsize=(4.6, 3.2), layout="constrained")
    axes = figure.subplots()
    last, further = curve.measured[-1], curve.carried_on
    sizes = [one.pictures for one in (*curve.measured, further)]
    measured = [one.accuracy for one in curve.measured]
    axes.plot(sizes[:-1], measured, color=_ACCENT, linewidth=1)
    axes.plot(sizes[-2:], [last.accuracy, further.accuracy], ":", color=_ACCENT, linewidth=1.5)
    for one in (*curve.measured, further):
        is_measured = one is not further
        axes.plot([one.pictures] * 2, one.interval, color=_ACCENT, linewidth=2, alpha=0.6)
        axes.plot(one.pictures, one.accuracy, "o", color=_ACCENT, markersize=6,
                  fillstyle="full" if is_measured else "none")  # fmt: skip
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(sizes))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(_percent)
    axes.set(xlabel="pictures that it learned from", ylabel="recognised")
    return svg(figure, "How much it recognises by the number of pictures")


def _percent(value: float, _: float) -> str:
    return f"{round(100 * value, 1):g}%"


def svg(figure: Figure, title: str) -> Markup:
    """A figure as part of a page, with its title for those who hear it."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    found = re.sub(r"^.*?(?=<svg)", "", buffer.getvalue(), flags=re.DOTALL)
    found = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", found, flags=re.DOTALL)
    found = re.sub(r' id="[a-z0-9.]+_\d+"| (width|height)="[\d.]+pt"', "", found)
    for colour, name in _PAGE.items():
        found = found.replace(colour, f"var({name})")
    named = Markup('<svg role="img" aria-label="{}" ').format(title)
    return named + Markup(found.removeprefix("<svg "))  # noqa: S704  drawn here, of no user's words
