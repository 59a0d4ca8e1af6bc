"""What TensorBoard shows of a run, so that many can be compared side by side.

Fine-tuning writes its curves while it learns; here is what stands at the end: the settings as
hyper-parameters with the accuracy, the confusion matrix, and a grid of held-out pictures with
where the exported network looked, the wrong answers first.
"""

import shlex
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from sklearn.metrics import ConfusionMatrixDisplay
from torch.utils.tensorboard import SummaryWriter

from models.bundle import Bundle
from models.heatmap import overlay
from models.preprocessing import decode_image, read_pixels
from models.session import Prediction, Session
from training.data.folder import Example, printable
from training.evaluation import Evaluation, Probabilities
from training.settings import TrainingSettings

#: Held-out pictures in the grid, at most so many of them wrongly answered.
_SHOWN: Final = 12
_MOST_WRONG: Final = 6
_COLUMNS: Final = 4

#: Pixels of the longer side of one of them.
_DRAWN: Final = 600

#: More classes than this make a matrix that nobody can read.
_MOST_CLASSES: Final = 40


@dataclass(frozen=True)
class Judged:
    """What was asked of the network, and what it answered.

    Attributes:
        examples: the held-out examples.
        probabilities: float32 (N, K), its answers.
        evaluation: their comparison with the truth.
    """

    examples: Sequence[Example]
    probabilities: Probabilities
    evaluation: Evaluation


def log_to_tensorboard(
    folder: Path, settings: TrainingSettings, recipe: str, judged: Judged, bundle: Bundle
) -> None:
    """Writes events into a run folder.

    Args:
        folder: of the run.
        settings: what was asked for.
        recipe: what was exported.
        judged: how it did.
        bundle: what was exported, for the heatmaps.
    """
    evaluation = judged.evaluation
    low, high = evaluation.accuracy_interval
    metrics = {"accuracy": evaluation.accuracy, "interval/low": low, "interval/high": high}
    given = {k: "" if v is None else v for k, v in settings.as_json().items()}
    shown = {k: printable(v) if isinstance(v, str) else v for k, v in given.items()}
    with SummaryWriter(str(folder)) as writer:
        writer.add_hparams({**shown, "recipe": recipe}, metrics, run_name=".")
        if len(evaluation.classes) <= _MOST_CLASSES:
            add_figure(writer, "confusion", _confusion(evaluation))
        add_figure(writer, "heatmaps", _heatmaps(judged, Session(bundle, "cpu")))


def add_figure(writer: SummaryWriter, name: str, figure: Figure) -> None:
    """Draws a figure; letters that matplotlib's font lacks become boxes, without a word."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        writer.add_figure(name, figure)


def how_to_open(out: Path) -> str:
    """The command that shows all runs below a folder."""
    return f"tensorboard --logdir {shlex.quote(str(out))}"


def _confusion(evaluation: Evaluation) -> Figure:
    count = len(evaluation.classes)
    side = 3 + 0.4 * count
    figure = Figure(figsize=(side, side), layout="constrained")
    names = [_plain(name) for name in evaluation.classes]
    display = ConfusionMatrixDisplay(evaluation.confusion, display_labels=names)
    display.plot(ax=figure.subplots(), colorbar=False, cmap="Blues", xticks_rotation="vertical")
    display.ax_.set(xlabel="answered", ylabel="true")
    return figure


def _heatmaps(judged: Judged, session: Session) -> Figure:
    chosen = chosen_examples(judged)
    rows = -(-len(chosen) // _COLUMNS)
    figure = Figure(figsize=(3 * _COLUMNS, 3.4 * rows), layout="constrained")
    for axes in figure.subplots(rows, _COLUMNS, squeeze=False).flat:
        axes.set_axis_off()
    for axes, example in zip(figure.axes, chosen, strict=False):
        data = example.path.read_bytes()
        pixels = read_pixels(data, session.metadata.preprocessing)
        (answer,) = session.predict(pixels[np.newaxis])
        # As large as it is drawn: a dozen photographs of a phone took gigabytes.
        picture = decode_image(data)
        picture.thumbnail((_DRAWN, _DRAWN))
        axes.imshow(overlay(picture, answer.heatmap, session.metadata.preprocessing))
        axes.set_title(_title(answer, session.classes[example.class_index]), fontsize=9)
    return figure


def chosen_examples(judged: Judged) -> list[Example]:
    """Some wrong answers, the surest first, and then right ones, spread over the classes."""
    labels = np.array([example.class_index for example in judged.examples])
    answers = judged.probabilities.argmax(axis=1)
    wrong = np.flatnonzero(answers != labels)
    surest = wrong[np.argsort(-judged.probabilities[wrong].max(axis=1), kind="stable")]
    right = np.flatnonzero(answers == labels)
    rest = _spread(right, labels[right])
    chosen = [*surest[:_MOST_WRONG], *rest][:_SHOWN]
    return [judged.examples[row] for row in chosen]


def _spread(rows: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]) -> list[int]:
    """The rows so that each class comes once, then each a second time, and so on."""
    turns = np.zeros(len(rows), dtype=np.int64)
    for label in np.unique(labels):
        turns[labels == label] = np.arange((labels == label).sum())
    return [int(row) for row in rows[np.lexsort((labels, turns))]]


def _title(answer: Prediction, true: str) -> str:
    said = f"{_plain(answer.label)} {answer.probability:.0%}"
    return said if answer.label == true else f"{said}, in truth {_plain(true)}"


def _plain(name: str) -> str:
    """A class name is the user's: a dollar in it begins no formula; and it may be long."""
    return name.replace("$", r"\$")[:40]
