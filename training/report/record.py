"""All that there is to tell of a run, in one typed record; every writer reads it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import TypeAdapter

from models.map_quality import MapQuality
from training.data.example import Example
from training.evaluation import ClassResult, Evaluation, Interval, Probabilities
from training.features.table import LeftOut
from training.inspection.inspection import Inspection
from training.run_folder import package_versions

if TYPE_CHECKING:
    from training.head.fit import FittedHead
    from training.head.operating_point import ChosenPoint


@dataclass(frozen=True)
class Judged:
    """What was asked of the network that is exported, and what it answered.

    Attributes:
        examples: N, those that judge.
        probabilities: float32 (N, K), the answers to them, none by what had seen the picture.
        evaluation: their comparison with the truth.
    """

    examples: tuple[Example, ...]
    probabilities: Probabilities
    evaluation: Evaluation

    @property
    def classes(self) -> tuple[str, ...]:
        """K names."""
        return tuple(self.evaluation.classes)

    @property
    def answers(self) -> np.ndarray:
        """The class of each answer, int64 (N,)."""
        found: np.ndarray = self.probabilities.argmax(axis=1)
        return found

    @property
    def by_name(self) -> dict[str, tuple[str, str]]:
        """Label and answer of each example, by its name."""
        pairs = zip(self.examples, self.answers, strict=True)
        return {e.name: (self.classes[e.class_index], self.classes[a]) for e, a in pairs}

    @property
    def labels(self) -> np.ndarray:
        """The class of each example, int64 (N,)."""
        return np.array([example.class_index for example in self.examples], dtype=np.int64)


@dataclass(frozen=True)
class Answers:
    """An answer to every picture that could be read, none by a head that had learned from it.

    Attributes:
        examples: N.
        probabilities: float32 (N, K).
        parts: N names: the fold, or the part, that each was in when it was asked about.
    """

    examples: tuple[Example, ...]
    probabilities: Probabilities
    parts: tuple[str, ...]


@dataclass(frozen=True)
class Learned:
    """What was learned, by which recipe, from what.

    Attributes:
        backbone: name of the network.
        weights: where its parameters came from.
        base_model: where anybody gets those, as `models.pretrained` takes it; empty for own ones.
        recipe: how it was learned.
        trained_on: from how many pictures.
        trained_parameters: how many numbers.
        regularisation: of the probe's head.
        fine_tuning: how it went; empty where there was none.
        precision: what the network computes with, and why.
        agreement_with_torch: the largest differences between the file and torch.
        calibration: how far its answers are to be believed.
        operating_point: where one was asked for.
    """

    backbone: str
    weights: str
    base_model: str
    recipe: str
    trained_on: int
    trained_parameters: int
    regularisation: "FittedHead"
    fine_tuning: Mapping[str, Any]
    precision: Mapping[str, Any]
    agreement_with_torch: Mapping[str, float]
    calibration: Mapping[str, Any] = field(default_factory=dict)
    operating_point: "ChosenPoint | None" = None


@dataclass(frozen=True)
class Difference:
    """One run against an earlier one.

    Attributes:
        run: the folder of the earlier one.
        accuracy_told: what that one told, by its own labels.
        pictures: how many both answered that have the same label in both.
        relabelled: how many both answered that have another one now.
        accuracy: of the answers of now to those pictures.
        accuracy_before: of the earlier answers to them.
        gain: the difference of the two.
        gain_interval: of that, at 95 %.
        other_settings: names of settings that were others.
    """

    run: Path
    accuracy_told: float
    pictures: int
    relabelled: int
    accuracy: float
    accuracy_before: float
    gain: float
    gain_interval: Interval
    other_settings: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """The same for people."""
        also = f"; other settings, too: {', '.join(self.other_settings)}"
        return (
            f"the run in {self.run} told {self.accuracy_told:.1%} by its labels. Of "
            f"{self.pictures:,} pictures with the same label in both, {self.accuracy:.1%} "
            f"are right now and {self.accuracy_before:.1%} were then: {self._gain_in_words}. "
            f"{self.relabelled:,} with another label are not compared"
            f"{also if self.other_settings else ''}"
        )

    @property
    def _gain_in_words(self) -> str:
        low, high = (100 * edge for edge in self.gain_interval)
        if low == high:
            return "the same ones"
        chance = ", which may be chance" if low <= 0 <= high else ""
        return f"{100 * self.gain:+.1f} points (95% interval {low:+.1f} to {high:+.1f}{chance})"

    def as_json(self) -> dict[str, Any]:
        """What `summary.json` says of it."""
        told = {**asdict(self), "run": str(self.run), "sentence": self.sentence}
        return {name: list(v) if isinstance(v, tuple) else v for name, v in told.items()}


@dataclass(frozen=True)
class Record:
    """All that there is to tell.

    Attributes:
        settings: what was asked for, as JSON.
        layout: of the folder, in words.
        left_out: files that could not be read, or are of no use.
        one_colour: names of pictures that show nothing.
        data_digest: of names and contents of all pictures used.
        view: how pictures were shown, and why.
        learned: what was learned from them.
        judged: how good it is.
        answers: to every picture.
        inspection: what there is to look at in the folder.
        model: its tag in the store.
        bundle: its file in the run's folder.
        seconds: that it took.
        backbone_choice: what `--backbone auto` found; empty where nothing was asked.
        difference: from the run whose labels were put right; None where there was none.
        map_quality: how good heatmaps are on pictures that were not seen; None of too few.
    """

    settings: Mapping[str, str | int | float | list[str] | None]
    layout: str
    left_out: Sequence[LeftOut]
    one_colour: Sequence[str]
    data_digest: str
    view: Mapping[str, Any]
    learned: Learned
    judged: Judged
    answers: Answers
    inspection: Inspection
    model: str
    bundle: Path
    seconds: float
    backbone_choice: Mapping[str, Any] = field(default_factory=dict)
    difference: Difference | None = None
    map_quality: MapQuality | None = None

    def as_json(self) -> dict[str, Any]:
        """The content of `summary.json`."""
        learned = self.learned
        return {
            **_evaluation_as_json(self.judged.evaluation),
            "trained_on": learned.trained_on,
            "model": self.model,
            "bundle": str(self.bundle),
            "layout": self.layout,
            "left_out": _left_out_as_json(self.left_out),
            "one_colour": list(self.one_colour),
            "backbone": learned.backbone,
            "backbone_choice": dict(self.backbone_choice),
            "weights": learned.weights,
            "recipe": learned.recipe,
            "difference": self.difference.as_json() if self.difference else None,
            "findings": dict(self.inspection.counts),
            "trained_parameters": learned.trained_parameters,
            "regularisation": learned.regularisation.as_json(),
            "fine_tuning": dict(learned.fine_tuning),
            "agreement_with_torch": dict(learned.agreement_with_torch),
            "calibration": dict(learned.calibration),
            "operating_point": learned.operating_point and learned.operating_point.as_json(),
            "map_quality": TypeAdapter(MapQuality | None).dump_python(
                self.map_quality, mode="json"
            ),
            "data_digest": self.data_digest,
            "settings": dict(self.settings),
            "versions": package_versions(),
            "image_size": self.view["image_size"],
            "framing": self.view["framing"],
            "greys": self.view["greys"],
            "graph_digest": self.view["graph_digest"],
            "precision": dict(learned.precision),
            "seconds": self.seconds,
        }


def _evaluation_as_json(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "judged_by": evaluation.judged_by,
        "accuracy": evaluation.accuracy,
        "accuracy_interval": list(evaluation.accuracy_interval),
        "mean_confidence": evaluation.mean_confidence,
        "calibration_error": evaluation.calibration_error,
        "roc_auc": evaluation.roc_auc,
        "held_out": evaluation.count,
        "commonest_class": {
            "label": evaluation.commonest,
            "accuracy": evaluation.commonest_accuracy,
        },
        "classes": {name: _class_as_json(result) for name, result in evaluation.classes.items()},
        "confusion": evaluation.confusion.tolist(),
    }


def _class_as_json(result: ClassResult) -> dict[str, Any]:
    """What became of a class, its intervals as lists, as JSON has them."""
    told = asdict(result).items()
    return {key: list(value) if isinstance(value, tuple) else value for key, value in told}


def _left_out_as_json(left_out: Sequence[LeftOut]) -> dict[str, Any]:
    """The files that were left out, counted by kind."""
    return {
        "count": len(left_out),
        "by_kind": dict(Counter(file.kind for file in left_out).most_common()),
        "files": [{"file": file.name, "reason": file.reason} for file in left_out],
    }
