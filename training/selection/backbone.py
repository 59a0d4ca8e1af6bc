"""Which backbone, of several whose weights are at hand, suits a sample of the training part.

Each is asked in fp32 and with as much of the pictures as is shown before a framing is chosen;
precision and framing are then decided for the one that is taken (docs/decisions/0026).
"""

import logging
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Final

import numpy as np
from pydantic import TypeAdapter

from models.choices import Levels
from models.errors import BackboneError
from models.preprocessing import Pixels
from models.pretrained import DEFAULT_BACKBONE
from models.signature import feature_maps_of
from models.terminal import working
from training.data.example import ImageFolder
from training.data.pictures import Pictures, readable_pixels
from training.data.sample import SIZE, Sample, draw_sample
from training.features.cache import digest_of, remembered
from training.features.extractor import Extractor
from training.features.table import FeatureTable
from training.head.cross_validation import CrossValidation, cross_validate, gain
from training.selection.framing import first_asked
from training.selection.greys import choose_greys
from training.settings import WantedFraming

log = logging.getLogger(__name__)

#: What `--backbone` says where this is to be asked.
AUTO: Final = "auto"

#: More pictures of the training part are not asked.
_MOST: Final = 500

#: So many runs of the fastest may be spent on asking, so that all takes three times as long as one.
_RUNS: Final = 2

#: What a run does beside reading takes as long as reading so many pictures, and more: exporting,
#: comparing, fitting (29 s of CPU time beside 10 ms a picture).
_BESIDE: Final = 1000

#: A network is faster than another where it takes less than this part of its time: what is measured
#: twice is never quite the same, and a choice should be.
_FASTER: Final = 0.8

#: Of the standard error: a gain below it does not make up for time.
_CHANCE: Final = 0.5

#: Pictures that are timed at once, and how often.
_TIMED: Final = 8
_TIMES: Final = 3


@dataclass(frozen=True)
class Candidate:
    """A network that may be chosen.

    Attributes:
        backbone: its name.
        weights: what `--weights` calls its parameters.
        load: builds it, in fp32; `BackboneError` where it does not take what it would be shown.
    """

    backbone: str
    weights: str
    load: Callable[[], Extractor]


@dataclass(frozen=True)
class AskedBackbone:
    """What was found of a candidate.

    Attributes:
        backbone: its name.
        weights: what `--weights` calls its parameters.
        log_loss: mean over the sample, cross-validated.
        accuracy: top-1, in [0, 1].
        milliseconds: of a picture in fp32, on one thread of this machine, or its GPU.
    """

    backbone: str
    weights: str
    log_loss: float
    accuracy: float
    milliseconds: float


@dataclass(frozen=True)
class BackboneChoice:
    """A backbone, and why.

    Attributes:
        backbone: its name.
        weights: what `--weights` calls its parameters.
        chosen_by: in a few words.
        sample: how many pictures were asked.
        asked: what was found of each candidate, the fastest first.
    """

    backbone: str
    weights: str
    chosen_by: str
    sample: int
    asked: tuple[AskedBackbone, ...]

    def as_json(self) -> dict[str, Any]:
        """The choice, for `backbone.json` and `summary.json`."""
        return asdict(self)


@dataclass(frozen=True)
class _Timed:
    """A candidate that can be asked, and the milliseconds that a picture takes it."""

    candidate: Candidate
    extractor: Extractor
    milliseconds: float


def choose_backbone(
    candidates: Sequence[Candidate],
    framing: WantedFraming,
    grey_range: Levels | None,
    folder: ImageFolder,
    pictures: Pictures,
) -> BackboneChoice:
    """Takes the candidate that loses least on a sample, or a faster one that is as good.

    Args:
        candidates: at least one.
        framing: that is wanted.
        grey_range: of black and white, that is wanted; None: to be found.
        folder: whose training part is asked.
        pictures: opens its files.

    Raises:
        BackboneError: no candidate takes pictures of the size that was asked for.
        WeightsError: the weights of one are not its own.
    """
    sample = draw_sample(folder, pictures)
    greys = choose_greys(grey_range, sample, pictures)
    timed = []
    for candidate in candidates:
        extractor = _loaded(candidate)
        if extractor is not None:
            shown = extractor.framed(first_asked(framing))
            shown = shown.with_greys(greys.grey_range, greys.held)
            timed.append(_Timed(candidate, shown, _measured(shown, sample, pictures)))
    if not timed:
        raise BackboneError("--backbone auto: none of the networks at hand takes such pictures")
    timed.sort(key=lambda one: (one.milliseconds, one.candidate.backbone))
    count = _affordable([one.milliseconds for one in timed], len(folder.examples))
    return _said(_chosen(timed, draw_sample(folder, pictures, count), pictures))


def _loaded(candidate: Candidate) -> Extractor | None:
    try:
        return candidate.load()
    except BackboneError as error:
        log.warning("not asked: %s", error)
        return None


def _affordable(milliseconds: Sequence[float], pictures: int) -> int:
    """How many pictures each of some candidates may be asked, of a folder with so many."""
    found = _RUNS * (pictures + _BESIDE) * min(milliseconds) / sum(milliseconds)
    return int(min(max(found, SIZE), _MOST))


def _measured(extractor: Extractor, sample: Sample, pictures: Pictures) -> float:
    """Milliseconds a picture, measured now or by an earlier run on this machine."""
    key = digest_of(extractor.graph.digest, f"{extractor.preprocessing} {platform.node()}")

    def ask() -> bytes:
        asked = sample.examples[:_TIMED]
        _, pixels = readable_pixels(pictures, asked, extractor.preprocessing)
        return TypeAdapter(float).dump_json(_time(extractor, pixels))

    return TypeAdapter(float).validate_json(remembered("milliseconds", key, ask))


def _time(extractor: Extractor, pixels: Pixels) -> float:
    shape = extractor.preprocessing
    filled = np.zeros((_TIMED, shape.height, shape.width, 3), np.uint8)
    filled[: len(pixels)] = pixels
    on_gpu = extractor.network.read_on_gpu()
    # On a CPU in time of this process: what else runs here would tell lies.
    clock = time.perf_counter if on_gpu else time.process_time
    seconds = []
    for _ in range(1 + _TIMES):  # the first one warms up
        begun = clock()
        _ = on_gpu(filled) if on_gpu else feature_maps_of(extractor.graph.session, filled)
        seconds.append(clock() - begun)
    return round(1000 * median(seconds[1:]) / _TIMED, 1)


def _chosen(timed: Sequence[_Timed], sample: Sample, pictures: Pictures) -> BackboneChoice:
    count = len(sample.examples)
    answers = _asked(timed, sample, pictures) if len(timed) > 1 else None
    if answers is None:
        usual = [one for one in timed if one.candidate.backbone == DEFAULT_BACKBONE] or timed
        few = "there are too few pictures to ask" if len(timed) > 1 else "no others are at hand"
        return BackboneChoice(usual[0].candidate.backbone, usual[0].candidate.weights, few, 0, ())
    asked = tuple(
        AskedBackbone(
            one.candidate.backbone, one.candidate.weights,
            answer.log_loss, answer.accuracy, one.milliseconds,
        )
        for one, answer in zip(timed, answers, strict=True)
    )  # fmt: skip
    taken = asked[preferred(answers, [one.milliseconds for one in timed])]
    reason = f"cross-validation on {count} pictures of the training part"
    return BackboneChoice(taken.backbone, taken.weights, reason, count, asked)


def _asked(
    timed: Sequence[_Timed], sample: Sample, pictures: Pictures
) -> list[CrossValidation] | None:
    """What each answers of the same pictures; None where there are too few."""
    tables = [
        one.extractor.read(sample.examples, pictures, f"a sample, {one.candidate.backbone}")
        for one in timed
    ]
    both = frozenset.intersection(*(frozenset(table.digests) for table in tables))
    found = []
    for one, table in zip(timed, tables, strict=True):
        with working(f"judging {one.candidate.backbone} by the sample"):
            answer = _cross_validated(table, both)
        if answer is None:
            return None
        found.append(answer)
    return found


def _cross_validated(table: FeatureTable, digests: frozenset[str]) -> CrossValidation | None:
    rows = [row for row, digest in enumerate(table.digests) if digest in digests]
    return cross_validate(table.features[rows], table.labels[rows])


def preferred(answers: Sequence[CrossValidation], milliseconds: Sequence[float]) -> int:
    """The place of the best, or of the fastest that the best's gain over may be chance."""
    best = min(range(len(answers)), key=lambda place: answers[place].log_loss)

    def is_as_good(place: int) -> bool:
        less = gain(answers[place], answers[best])
        return less.mean <= _CHANCE * less.error

    faster = [
        place
        for place in range(len(answers))
        if milliseconds[place] < _FASTER * milliseconds[best] and is_as_good(place)
    ]
    return min(faster, key=lambda place: milliseconds[place], default=best)


def _said(choice: BackboneChoice) -> BackboneChoice:
    """Says what was found and chosen."""
    for one in choice.asked:
        log.info(
            "  %s, %s: log loss %.4f, %.1f %% right, %.1f ms a picture",
            one.backbone, one.weights, one.log_loss, 100 * one.accuracy, one.milliseconds,
        )  # fmt: skip
    best = min(choice.asked, key=lambda one: one.log_loss, default=choice)
    is_best = (best.backbone, best.weights) == (choice.backbone, choice.weights)
    chance = "" if is_best else f"; that {best.backbone} is better may be chance, and it is slower"
    log.info("backbone: %s, %s (%s%s)", choice.backbone, choice.weights, choice.chosen_by, chance)
    return choice
