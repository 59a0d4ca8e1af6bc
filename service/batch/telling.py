"""What a person is told of answers: a table of few, counts of many."""

from collections.abc import Sequence
from typing import Final

from models.terminal import print_table
from service.batch.record import Record
from service.batch.tally import Tally, wilson_interval

#: A table of more is nothing that a person reads.
FEW: Final = 40

#: Classes of a confusion matrix; of more, only the commonest pairs are told.
_MATRIX: Final = 8
_PAIRS: Final = 10


def tell_few(records: Sequence[Record]) -> None:
    """Prints a table, a row for each picture."""
    rows = [
        (r.file, r.label or "", "" if r.probability is None else f"{r.probability:.3f}", _remark(r))
        for r in records
    ]
    print_table(("file", "label", "probability", "remark"), rows)


def _remark(record: Record) -> str:
    if record.error:
        return record.error
    if not record.familiar:
        return "unlike all that the model learned from"
    return f"could be {', '.join(record.prediction_set)}" if record.prediction_set[1:] else ""


def tell_many(tally: Tally) -> None:
    """Prints counts, and where folders are called like classes how many are right."""
    print_table(
        ("answer", "pictures"),
        [(name, f"{tally.labels[name]:,}") for name in tally.classes if tally.labels[name]]
        + [("could not be read", f"{tally.unreadable:,}")] * bool(tally.unreadable),
    )
    if tally.unfamiliar:
        print(f"{tally.unfamiliar:,} of {tally.answered:,} are unlike all that it learned from")
    if tally.judged:
        _tell_accuracy(tally)


def _tell_accuracy(tally: Tally) -> None:
    low, high = wilson_interval(tally.right, tally.judged)
    print(
        f"{tally.judged:,} lie in folders that are called like classes: "
        f"{tally.right / tally.judged:.1%} are answered so (95% interval {low:.1%} to {high:.1%})"
    )
    if tally.right == tally.judged:
        return
    trues = [name for name in tally.classes if any(true == name for true, _ in tally.pairs)]
    if len(tally.classes) <= _MATRIX:
        rows = [(t, *(f"{tally.pairs[t, name]:,}" for name in tally.classes)) for t in trues]
        print_table(("folder \\ answer", *tally.classes), rows)
        return
    wrong = [(pair, n) for pair, n in tally.pairs.most_common() if pair[0] != pair[1]]
    print_table(("folder", "answer", "pictures"), [(*p, f"{n:,}") for p, n in wrong[:_PAIRS]])
