"""Which part of a picture the network is shown.

ImageNet's habit, the middle of the picture, discards a quarter of its area and cuts objects; others
squeeze the whole picture into a square. What suits the user's pictures is asked of a bounded sample
of the training part, by cross-validation (docs/decisions/0007 has the figures). Where the sample
cannot tell, the network is shown the most.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from models.errors import ImageError
from models.preprocessing import Framing, Preprocessing
from models.terminal import working
from training.data.pictures import Pictures
from training.data.sample import Sample
from training.features.extractor import Extractor
from training.head.cross_validation import CrossValidation, cross_validate, gain
from training.settings import WantedFraming

log = logging.getLogger(__name__)

#: From the one that shows most of a picture to the one that shows least.
FRAMINGS: Final[tuple[Framing, ...]] = ("squash", "short-side", "crop")

#: Framings whose areas differ by less than this part of a picture show the same.
_SAME_AREA: Final = 0.01


@dataclass(frozen=True)
class AskedFraming:
    """What cross-validation says of a framing.

    Attributes:
        log_loss: mean over the sample.
        accuracy: top-1, in [0, 1].
        area_discarded: the part of the pictures' area that is not shown, mean over the sample.
    """

    log_loss: float
    accuracy: float
    area_discarded: float


@dataclass(frozen=True)
class FramingChoice:
    """How pictures are framed, and why.

    Attributes:
        framing: the chosen one.
        chosen_by: cross-validation on how many pictures, or why none were asked.
        sample: how many pictures there are to be asked.
        area_discarded: the part of the pictures' area that is not shown, mean over the sample.
        asked: what was found of each framing.
    """

    framing: Framing
    chosen_by: str
    sample: int
    area_discarded: float
    asked: dict[Framing, AskedFraming]


def first_asked(wanted: WantedFraming) -> Framing:
    """How pictures are shown before a framing is chosen: as was asked for, else with the most."""
    return FRAMINGS[0] if wanted == "auto" else wanted


def choose_framing(
    wanted: WantedFraming, extractor: Extractor, sample: Sample, pictures: Pictures
) -> FramingChoice:
    """Takes the framing that was asked for, or finds the one that suits the sample.

    Args:
        wanted: what was asked for.
        extractor: what is to read all pictures.
        sample: what to ask.
        pictures: opens its files.
    """
    discarded = _areas_discarded(extractor, _sizes(sample, pictures))
    count = len(sample.examples)
    if reason := _reason_not_to_ask(wanted, extractor, discarded):
        framing = first_asked(wanted)
        return _said(FramingChoice(framing, reason, count, discarded[framing], {}))
    answers = {}
    for framing in _different(discarded):
        shown = extractor.framed(framing)
        table = shown.read(sample.examples, pictures, f"a sample, framing {framing}")
        with working(f"judging framing {framing} by the sample"):
            answer = cross_validate(table.features, table.labels)
        if answer:
            answers[framing] = answer
    return _said(_chosen(answers, discarded, count))


def _chosen(
    answers: Mapping[Framing, CrossValidation], discarded: Mapping[Framing, float], count: int
) -> FramingChoice:
    if not answers:
        reason = "there are too few pictures to ask"
        return FramingChoice(FRAMINGS[0], reason, count, discarded[FRAMINGS[0]], {})
    asked = {
        framing: AskedFraming(answer.log_loss, answer.accuracy, discarded[framing])
        for framing, answer in answers.items()
    }
    framing = preferred(answers)
    reason = f"cross-validation on {count} pictures of the training part"
    return FramingChoice(framing, reason, count, discarded[framing], asked)


def preferred(answers: Mapping[Framing, CrossValidation]) -> Framing:
    """The best framing, or one that shows more where the difference may be chance."""
    best = min(answers, key=lambda framing: answers[framing].log_loss)
    return next(
        framing
        for framing in FRAMINGS
        if framing in answers
        and (framing == best or not gain(answers[framing], answers[best]).is_real)
    )


def _reason_not_to_ask(
    wanted: WantedFraming, extractor: Extractor, discarded: Mapping[Framing, float]
) -> str:
    """Why the framing is known without asking; empty where it is not."""
    if wanted != "auto":
        return "--framing"
    if extractor.network.facts.is_random:
        return "random weights have no preference"
    if len(_different(discarded)) == 1:
        return "all framings show the same of these pictures"
    return ""


def _different(discarded: Mapping[Framing, float]) -> list[Framing]:
    """Of the framings that show the same, the first one only."""
    found = [FRAMINGS[0]]
    for framing in FRAMINGS[1:]:
        if discarded[framing] - discarded[found[-1]] >= _SAME_AREA:
            found.append(framing)
    return found


def _areas_discarded(
    extractor: Extractor, sizes: Sequence[tuple[int, int]]
) -> dict[Framing, float]:
    return {f: _area_discarded(extractor.framed(f).preprocessing, sizes) for f in FRAMINGS}


def _area_discarded(preprocessing: Preprocessing, sizes: Sequence[tuple[int, int]]) -> float:
    """The part of the pictures' area that is not shown, mean; 0 without pictures."""
    shown = []
    for width, height in sizes:
        left, top, right, bottom = preprocessing.box(width, height)
        shown.append((right - left) * (bottom - top) / (width * height))
    return float(1 - np.mean(shown)) if shown else 0.0


def _sizes(sample: Sample, pictures: Pictures) -> list[tuple[int, int]]:
    """Width and height of each picture that has a header; the pass names the others."""
    found = []
    for example in sample.examples:
        try:
            found.append(pictures.open(example).size)
        except ImageError:
            continue
    return found


def _said(choice: FramingChoice) -> FramingChoice:
    """Says what was found and chosen."""
    for framing, asked in choice.asked.items():
        log.info(
            "  %s: log loss %.4f, %.1f %% right, %.0f %% of the area discarded",
            framing, asked.log_loss, 100 * asked.accuracy, 100 * asked.area_discarded,
        )  # fmt: skip
    best = min(choice.asked, key=lambda f: choice.asked[f].log_loss, default=choice.framing)
    log.info(
        "framing: %s (%s%s); it discards %.0f %% of the pictures' area",
        choice.framing, choice.chosen_by,
        "" if best == choice.framing else f"; that {best} is better may be chance",
        100 * choice.area_discarded,
    )  # fmt: skip
    return choice
