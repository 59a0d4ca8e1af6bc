"""What a run found, as a person reads it in a terminal."""

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from models.terminal import PatientConsole
from training.data.example import ImageFolder
from training.evaluation import CONFIDENCE, Evaluation
from training.inspection.inspection import Inspection
from training.run_folder import INSPECTION_FILE

log = logging.getLogger(__name__)

#: What there is to say of folders; of more, the first of them stand for all.
_MOST_REMARKS: Final = 10

#: Of a matrix that is wider than the terminal, so many of its mistakes are shown.
_MOST_MISTAKES: Final = 10

#: Of a kind of finding.
_MOST_FINDINGS: Final = 10

#: Columns of the tables in a log.
_WIDTH_IN_LOG: Final = 160

#: Wider than any terminal.
_ENDLESS: Final = 100_000


def print_evaluation(evaluation: Evaluation) -> None:
    """Prints accuracy with its interval, each class, and the confusion matrix.

    Where that is too wide, the commonest mistakes in its place; the whole is in `summary.json`.
    Class names are the user's: nothing in them is markup, and what the console's code page lacks
    comes out as its number.
    """
    _print(evaluation, PatientConsole(highlight=False))


def print_place(report: Path) -> None:
    """Prints, as the last line of a run, where all of it is told with pictures."""
    PatientConsole(highlight=False).print(f"report: {report}", markup=False, soft_wrap=True)


def log_findings(inspection: Inspection) -> None:
    """Says what there is to look at: of each kind how many, and the first of them."""
    for kind, count in inspection.counts.items():
        first = inspection.of_kind(kind)[0]
        more = f" ({count} such in {INSPECTION_FILE})" if count > 1 else ""
        log.warning("%s: %s%s", kind.replace("_", " "), first.sentence, more)
    if inspection.learning_curve:
        log.info("%s", inspection.learning_curve.sentence)


def log_folder(folder: ImageFolder) -> None:
    """Says what lies there, what of it is not used, and what may be meant otherwise."""
    counts = Counter((e.part, e.class_index) for e in folder.examples)
    log.info("%s: %s", folder.place, folder.layout)
    for part in sorted({e.part for e in folder.examples}, key=str):
        shown = ", ".join(f"{c} ({counts[part, i]})" for i, c in enumerate(folder.classes))
        log.info("  %s: %s", part or "classes", shown)
    for unused in folder.unused:
        more = ", …" if len(unused.shown) > 10 else ""
        names = ", ".join(unused.shown[:10])
        count = f" ({len(unused.files):,} files)" if len(unused.files) > 1 else ""
        log.info("  not used, %s: %s%s%s", unused.reason, names, more, count)
    for remark in folder.remarks[:_MOST_REMARKS]:
        log.warning("%s", remark)
    if len(folder.remarks) > _MOST_REMARKS:
        log.warning("and %d remarks more like these", len(folder.remarks) - _MOST_REMARKS)


def print_findings(inspection: Inspection) -> None:
    """Prints what there is to look at: of each kind ten at most, and whether more would help."""
    console = PatientConsole(highlight=False)
    for kind, count in inspection.counts.items():
        console.print(f"\n{kind.replace('_', ' ')}: {count}", markup=False, soft_wrap=True)
        for finding in inspection.of_kind(kind)[:_MOST_FINDINGS]:
            console.print(f"  {finding.sentence}", markup=False, soft_wrap=True)
        if count > _MOST_FINDINGS:
            console.print(f"  … all of them in {INSPECTION_FILE}", markup=False)
    if not inspection.findings:
        console.print("\nnothing to look at was found", markup=False)
    if inspection.learning_curve:
        console.print(f"\n{inspection.learning_curve.sentence}", markup=False, soft_wrap=True)


def append_evaluation(path: Path, evaluation: Evaluation) -> None:
    """Writes the same at the end of a log."""
    with path.open("a", encoding="utf-8") as file:
        _print(evaluation, Console(file=file, width=_WIDTH_IN_LOG, highlight=False))


def _print(evaluation: Evaluation, console: Console) -> None:
    encoding = console.encoding
    # Here, although the console would: else columns lose their width.
    names = [n.encode(encoding, "backslashreplace").decode(encoding) for n in evaluation.classes]
    console.print(f"\n{sentence(evaluation)}", markup=False, soft_wrap=True)
    console.print(_class_table(evaluation, names))
    matrix = _confusion_table(evaluation, names)
    wide = console.options.update(width=_ENDLESS)
    if Measurement.get(console, wide, matrix).maximum <= console.width:
        console.print(matrix)
    elif evaluation.accuracy < 1:
        console.print(_mistakes_table(evaluation, names))


def sentence(evaluation: Evaluation) -> str:
    """The accuracy, how sure that is, and what it is to be held against."""
    low, high = evaluation.accuracy_interval
    measured = (
        f"by five-fold cross-validation over all {evaluation.count} pictures"
        if evaluation.judged_by == "cross-validation"
        else f"on {evaluation.count} held-out pictures"
    )
    return (
        f"accuracy {evaluation.accuracy:.1%} {measured} "
        f"({CONFIDENCE:.0%} interval {low:.1%} to {high:.1%}); "
        f"always answering {evaluation.commonest} would reach {evaluation.commonest_accuracy:.1%}"
    )


def _class_table(evaluation: Evaluation, names: Sequence[str]) -> Table:
    table = Table("class")
    for column in ("recall", "precision", "pictures"):
        table.add_column(column, justify="right")
    for name, result in zip(names, evaluation.classes.values(), strict=True):
        table.add_row(
            Text(name), _percent(result.recall), _percent(result.precision), str(result.count)
        )
    return table


def _confusion_table(evaluation: Evaluation, names: Sequence[str]) -> Table:
    table = Table("true \\ answered")
    for name in names:
        table.add_column(Text(name), justify="right")
    for name, row in zip(names, evaluation.confusion, strict=True):
        table.add_row(Text(name), *(str(count) for count in row))
    return table


def _mistakes_table(evaluation: Evaluation, names: Sequence[str]) -> Table:
    """The pairs of classes that are confused most often."""
    table = Table("true", "answered")
    table.add_column("pictures", justify="right")
    mistakes = evaluation.confusion * (1 - np.eye(len(names), dtype=np.int64))
    for place in np.argsort(-mistakes, axis=None, kind="stable")[:_MOST_MISTAKES]:
        true, answered = np.unravel_index(place, mistakes.shape)
        if count := mistakes[true, answered]:
            table.add_row(Text(names[true]), Text(names[answered]), str(count))
    return table


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
