"""What TensorBoard shows of a run, so that many can be compared side by side.

Fine-tuning writes its curves while it learns; here is what stands at the end: the settings as
hyper-parameters with the accuracy, the confusion matrix, and a grid of pictures that judge with
where the exported network looked, the wrong answers first.
"""

import io
import logging
import re
import shlex
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from PIL import Image, ImageOps
from sklearn.metrics import ConfusionMatrixDisplay
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2
from tensorboard.plugins.hparams.summary_v2 import (
    HParam,
    Metric,
    hparams_config_pb,
    hparams_pb,
)
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from models.errors import ImageError
from models.file_names import printable
from models.heatmap import overlay
from models.session import Session
from training.data.example import Example
from training.data.pictures import Pictures
from training.evaluation import Evaluation
from training.report.record import Judged, Record

log = logging.getLogger(__name__)

#: Held-out pictures in the grid, at most so many of them wrongly answered.
_SHOWN: Final = 12
_MOST_WRONG: Final = 6
_COLUMNS: Final = 4

#: Pixels of one of them with its title and the gap to the next; and those of an inch.
_WIDE, _HIGH, _TITLE, _GAP = 300, 340, 35, 10
_DPI: Final = 100

#: Letters of a name that a figure has room for.
_LONGEST_NAME: Final = 40

#: Classes that a line in the log names.
_NAMED: Final = 10

#: More classes than this make a matrix that nobody can read.
_MOST_CLASSES: Final = 40


def log_to_tensorboard(folder: Path, record: Record, session: Session, pictures: Pictures) -> None:
    """Writes events into a run folder, by TensorBoard's own writer: torch's would import torch.

    Args:
        folder: of the run.
        record: of the run.
        session: the exported network, for the heatmaps.
        pictures: opens their files.
    """
    evaluation = record.judged.evaluation
    low, high = evaluation.accuracy_interval
    metrics = {"accuracy": evaluation.accuracy, "interval/low": low, "interval/high": high}
    how = {"recipe": record.learned.recipe, "judged_by": evaluation.judged_by}
    shown = {name: _shown(value) for name, value in record.settings.items()}
    writer = EventFileWriter(str(folder))
    try:
        for summary in _parameters({**shown, **how}, metrics):
            _add(writer, summary)
        names = dict(zip(evaluation.classes, drawn_names(list(evaluation.classes)), strict=True))
        if len(evaluation.classes) <= _MOST_CLASSES:
            _add(writer, drawn("confusion", _confusion(evaluation, list(names.values()))))
        heatmaps = _heatmaps(record.judged, session, pictures, names)
        _add(writer, drawn("heatmaps", heatmaps))
    finally:
        writer.close()


def _parameters(given: Mapping[str, str | float], metrics: Mapping[str, float]) -> list[Summary]:
    """Settings as hyper-parameters, beside what came of them."""
    known = [HParam(name) for name in given]
    values = [Summary.Value(tag=name, simple_value=value) for name, value in metrics.items()]
    return [
        hparams_config_pb(hparams=known, metrics=[Metric(name) for name in metrics]),
        hparams_pb(dict(given), start_time_secs=time.time()),
        _end_of_session(),
        Summary(value=values),
    ]


def _end_of_session() -> Summary:
    """That the run has ended well; TensorBoard's own function for this asks for TensorFlow."""
    ended = plugin_data_pb2.SessionEndInfo(status=api_pb2.STATUS_SUCCESS)
    data = plugin_data_pb2.HParamsPluginData(session_end_info=ended)
    described = metadata.create_summary_metadata(data)
    return Summary(value=[Summary.Value(tag=metadata.SESSION_END_INFO_TAG, metadata=described)])


def _shown(value: str | float | list[str] | None) -> str | float:
    if isinstance(value, list):
        return printable(" ".join(value))
    return printable(value or "") if isinstance(value, str | None) else value


def _add(writer: EventFileWriter, summary: Summary) -> None:
    writer.add_event(Event(wall_time=time.time(), step=0, summary=summary))


def drawn(name: str, figure: Figure) -> Summary:
    """A figure as an image; letters that matplotlib's font lacks become boxes: `drawn_names`."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        # Packed a little larger, in a quarter of the time.
        figure.savefig(buffer, format="png", dpi=_DPI, pil_kwargs={"compress_level": 1})
    width, height = figure.canvas.get_width_height()
    image = Summary.Image(
        height=height, width=width, colorspace=3, encoded_image_string=buffer.getvalue()
    )
    return Summary(value=[Summary.Value(tag=name, image=image)])


def how_to_open(out: Path) -> str:
    """The command that shows all runs below a folder."""
    return f"tensorboard --logdir {shlex.quote(str(out))}"


def drawn_names(classes: Sequence[str]) -> list[str]:
    """Names of classes as figures show them; where letters are missing, behind a number each.

    A class name is the user's: a dollar in it begins no formula; and it may be long.
    """
    plain = [name.replace("$", r"\$")[:_LONGEST_NAME] for name in classes]
    missing = missing_letters("".join(classes))
    lacking = [number for number, name in enumerate(plain, 1) if missing & set(name)]
    if not lacking:
        return plain
    shown = ", ".join(f"{number} is {classes[number - 1]}" for number in lacking[:_NAMED])
    log.warning(
        "TensorBoard's figures lack letters, so classes have numbers there (%s%s). To see the "
        "letters, install a font that has them and name it in a file matplotlibrc: "
        "font.family: Noto Sans CJK SC, DejaVu Sans",
        shown, ", …" if len(lacking) > _NAMED else "",
    )  # fmt: skip
    return [f"{number} {name}" for number, name in enumerate(plain, 1)]


def missing_letters(text: str) -> set[str]:
    """The letters that matplotlib's fonts, as they are set, draw as boxes; no plain Latin ones."""
    if text.isascii():
        return set()  # asking costs a drawing
    figure = Figure(figsize=(1, 1))
    figure.text(0, 0, "".join(set(text) - {"$", "\\"}))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        figure.savefig(io.BytesIO(), format="png", dpi=10)
    found = (re.match(r"Glyph (\d+) ", str(one.message)) for one in said)
    return {chr(int(one[1])) for one in found if one}


def _confusion(evaluation: Evaluation, names: Sequence[str]) -> Figure:
    count = len(evaluation.classes)
    side = 3 + 0.4 * count
    figure = Figure(figsize=(side, side), layout="constrained")
    display = ConfusionMatrixDisplay(evaluation.confusion, display_labels=names)
    display.plot(ax=figure.subplots(), colorbar=False, cmap="Blues", xticks_rotation="vertical")
    display.ax_.set(xlabel="answered", ylabel="true")
    return figure


def _heatmaps(
    judged: Judged, session: Session, pictures: Pictures, names: Mapping[str, str]
) -> Figure:
    chosen, places = chosen_examples(judged), {e: row for row, e in enumerate(judged.examples)}
    height = _HIGH * -(-len(chosen) // _COLUMNS)
    figure = Figure(figsize=(_WIDE * _COLUMNS / _DPI, height / _DPI), dpi=_DPI)
    for place, example in enumerate(chosen):
        row, column = divmod(place, _COLUMNS)
        answers = judged.probabilities[places[example]]
        try:
            picture = _explained(example, int(answers.argmax()), session, pictures)
        except ImageError as error:
            log.warning("%s is not shown in TensorBoard: %s", example.name, error)
            continue
        # As they are, for axes around each took longer than all else: of the figure's pixels these
        # count from the left and from below.
        left, top = column * _WIDE + (_WIDE - picture.width) // 2, height - row * _HIGH - _TITLE
        figure.figimage(np.asarray(picture), left, top - picture.height)
        title = _title(answers, example, judged.classes, names)
        figure.text(
            (column + 0.5) / _COLUMNS, (top + _TITLE / 4) / height, title, ha="center", fontsize=9
        )
    return figure


def _explained(
    example: Example, class_index: int, session: Session, pictures: Pictures
) -> Image.Image:
    """A picture with where the network looked for a class.

    For the one that was answered when it had not seen the picture: it may have learned from it
    since, and then looks for another.

    Raises:
        ImageError: it cannot be read any more.
    """
    preprocessing, geometry = session.metadata.preprocessing, session.metadata.map_geometry
    image = pictures.open(example).small_image(preprocessing)
    (answer,) = session.predict(preprocessing.pixels(image)[np.newaxis], np.array([class_index]))
    # As large as it is drawn: a dozen photographs of a phone took gigabytes.
    image = ImageOps.contain(image, (_WIDE - _GAP, _HIGH - _GAP - _TITLE))
    return overlay(image, answer.heatmap, preprocessing, geometry)


def chosen_examples(judged: Judged) -> list[Example]:
    """Some wrong answers, the surest first, and then right ones, spread over the classes."""
    labels = np.array([example.class_index for example in judged.examples])
    answers = judged.answers
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


def _title(
    answers: np.ndarray, example: Example, classes: Sequence[str], names: Mapping[str, str]
) -> str:
    answered, true = classes[int(answers.argmax())], classes[example.class_index]
    said = f"{names.get(answered, answered)} {answers.max():.0%}"
    return said if answered == true else f"{said}, in truth {names.get(true, true)}"
