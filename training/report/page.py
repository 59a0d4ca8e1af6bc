"""`report.html`: a run as one page that opens anywhere, offline, without a script.

Everything is inside of the file, and its Content-Security-Policy lets nothing be fetched and no
script run. All names are the user's, so jinja2 escapes them, and each is a unit of its own in
direction (`<bdi>`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from models.files import output_file
from models.session import Session
from training.data.pictures import Pictures
from training.features.table import FeatureTable
from training.report.album import draw_mean
from training.report.choice import surest_mistakes
from training.report.confusions import confusions_of
from training.report.findings import PLACES, groups_of
from training.report.gallery import Gallery, Material, make_gallery
from training.report.making import making_of
from training.report.plots import draw_curve, draw_reliability, reliability
from training.report.record import Answers, Judged, Record
from training.report.verdict import judge

#: Mistakes that are named by their line where they are not shown.
_MISTAKES: Final = 100

#: Up to so many classes, all of their pictures are seen at once.
_OPEN: Final = 6


#: Of fewer pictures the mean is of the pictures and not of the class.
_FEWEST_IN_A_MEAN: Final = 5


@dataclass(frozen=True)
class Told:
    """All that a report is made of.

    Attributes:
        record: of the run.
        table: every picture with its features.
        pictures: opens their files.
        session: the exported network.
    """

    record: Record
    table: FeatureTable
    pictures: Pictures
    session: Session


def write_report(path: Path, told: Told, *, with_pictures: bool) -> None:
    """Writes the page.

    Args:
        path: where it goes.
        told: what there is to tell.
        with_pictures: whether pictures and names of files go in, or neither.

    Raises:
        OutputError: the file cannot be written.
    """
    page = _page(told, _gallery(told) if with_pictures else None)
    with output_file(path) as file:
        file.write(page.encode("utf-8", "backslashreplace"))


def _gallery(told: Told) -> Gallery:
    record = told.record
    return make_gallery(
        Material(
            record.judged,
            record.answers,
            told.table,
            told.pictures,
            told.session,
            record.inspection.findings,
        )
    )


def _page(told: Told, gallery: Gallery | None) -> str:
    judged = told.record.judged
    findings, curve = told.record.inspection.findings, told.record.inspection.learning_curve
    bins = reliability(judged.probabilities, judged.labels)
    return _environment().get_template("report.html").render(
        evaluation=judged.evaluation,
        judged=judged,
        verdict=judge(judged.evaluation, told.record.inspection),
        confusions=confusions_of(judged.evaluation),
        gallery=gallery,
        judged_how=_how(judged),
        wrong=int((judged.answers != judged.labels).sum()),
        mistakes=_lines_of_mistakes(judged, told.record.answers),
        opened=len(judged.classes) <= _OPEN,
        groups={place: groups_of(place, findings, gallery) for place in PLACES},
        means=_means(told),
        difference=told.record.difference,
        maps=told.record.map_quality,
        curve=curve,
        curve_drawn=draw_curve(curve) if curve else None,
        bins=bins,
        reliability=draw_reliability(bins),
        calibration=told.record.learned.calibration,
        chosen=told.record.learned.operating_point,
        making=making_of(told.record, told.session.metadata, is_private=gallery is None),
        left_out=told.record.left_out,
    )  # fmt: skip


def _means(told: Told) -> Sequence[Mapping[str, Any]]:
    """The mean maps of few enough pictures to be one of a class."""
    metadata = told.session.metadata
    return [
        {"label": m.label, "count": m.pictures, "picture": draw_mean(m.heatmap, metadata)}
        for m in told.record.inspection.mean_maps
        if m.pictures >= _FEWEST_IN_A_MEAN
    ]


def _how(judged: Judged) -> str:
    """How the accuracy was measured, in words."""
    judged_by, count = judged.evaluation.judged_by, len(judged.examples)
    if judged_by == "cross-validation":
        return (
            f"All {count:,} pictures judge, by five-fold cross-validation: each was answered by a "
            "network that had learned from the other four fifths, and from none of its copies."
        )
    return f"{count:,} pictures were held out ({judged_by}); the network learned nothing from them."


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = _percent
    return environment


def _percent(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{value:.{digits}%}"


def _lines_of_mistakes(judged: Judged, answers: Answers) -> Sequence[Mapping[str, Any]]:
    """Wrong answers without the names of files: where they stand in `predictions.csv`."""
    # People count from one, and the first line is the header.
    lines = {example: line for line, example in enumerate(answers.examples, 2)}
    return [
        {
            "line": lines[judged.examples[place]],
            "label": judged.classes[judged.labels[place]],
            "answered": judged.classes[judged.answers[place]],
            "probability": float(judged.probabilities[place].max()),
        }
        for place in surest_mistakes(judged.probabilities, judged.labels, _MISTAKES)
    ]
