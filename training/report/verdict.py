"""Is it any good, and what to look at first: two sentences for people who read no more."""

from dataclasses import dataclass
from typing import Final, Literal

from scipy.stats import binomtest

from training.evaluation import CONFIDENCE, Evaluation
from training.inspection.finding import Kind
from training.inspection.inspection import Inspection

Level = Literal["good", "fair", "uncertain", "useless"]

#: Of the way from always answering the commonest class to never being wrong, what is surely gone.
_GOOD: Final = 0.8

#: An interval wider than this decides little.
_WIDE: Final = 0.1

#: Letters of a name in a sentence.
_LONGEST_NAME: Final = 60

#: What is looked at before anything else, in this order, with where it is told in the page.
_FIRST: Final[dict[Kind, tuple[str, str]]] = {
    "leak": (
        "the pictures that are on both sides of the split ({count}): they flatter the accuracy",
        "twins",
    ),
    "shortcut": (
        "the shortcut: a rule that has nothing to do with your classes tells many answers",
        "shortcuts",
    ),
    "suspect_label": ("the labels that look wrong ({count})", "labels"),
}


@dataclass(frozen=True)
class Verdict:
    """What there is to say first.

    Attributes:
        level: of it.
        headline: the same in a word or two.
        judgement: the first sentence.
        advice: the second: what to look at first.
        place: where in the page that is told, as an anchor.
    """

    level: Level
    headline: str
    judgement: str
    advice: str
    place: str


def judge(evaluation: Evaluation, inspection: Inspection) -> Verdict:
    """Says how good the answers are, and what to look at first."""
    advice, place = _advice(evaluation, inspection)
    level = _level(evaluation)
    headline, judgement = _judgement(evaluation, level)
    return Verdict(level, headline, judgement, f"Look first at {advice}.", place)


def in_sentence(name: str) -> str:
    """A name in a sentence: short, and from right to left only inside of itself."""
    short = name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
    return f"\u2068{short}\u2069"


def _level(evaluation: Evaluation) -> Level:
    (low, high), base = evaluation.accuracy_interval, evaluation.commonest_accuracy
    if low <= base:
        return "useless" if evaluation.accuracy <= base or high - low <= _WIDE else "uncertain"
    if high - low > _WIDE:
        return "uncertain"
    return "good" if low - base >= _GOOD * (1 - base) else "fair"


def _judgement(evaluation: Evaluation, level: Level) -> tuple[str, str]:
    """A headline, and the sentence that says why."""
    low, high = evaluation.accuracy_interval
    # What is exported has learned from all of them, where every picture judges.
    is_shared = evaluation.judged_by == "cross-validation"
    who, they = (
        ("Networks made like it recognise", "they") if is_shared else ("It recognises", "it")
    )
    right = (
        f"{who} {evaluation.accuracy:.1%} of {evaluation.count:,} pictures that {they} had not seen"
    )
    sure = f"{low:.1%} and {high:.1%}"
    base = f"always answering {in_sentence(evaluation.commonest)} would be right in"
    base += f" {evaluation.commonest_accuracy:.1%}"
    match level:
        case "good":
            return "Good", f"{right}; on other such pictures between {sure}."
        case "fair":
            often = round(1 / max(1 - evaluation.accuracy, 1e-9))
            return (
                "Useful, with mistakes",
                f"{right}: about one answer in {often} is wrong; {base}.",
            )
        case "uncertain":
            return (
                "Uncertain: too few pictures to tell",
                f"{right}, but so few allow anything between {sure}; {base}.",
            )
        case "useless":
            return (
                "Not better than guessing the commonest class",
                f"{right} (between {sure}); {base}.",
            )


def _advice(evaluation: Evaluation, inspection: Inspection) -> tuple[str, str]:
    counts = dict(inspection.counts)
    if all(one.leans == "no" for one in inspection.shortcuts):
        counts.pop("shortcut", None)  # the classes differ in it, and the network does not care
    for kind, (words, place) in _FIRST.items():
        if kind in counts:
            return words.format(count=f"{counts[kind]:,}"), place
    if evaluation.accuracy == 1:
        return "the hardest pictures of each class: there was no mistake", "classes"
    if below := _below_the_rest(evaluation):
        name, recall = below
        return f"{in_sentence(name)}, of which only {recall:.0%} are recognised", "classes"
    return "the mistakes that it is surest of", "mistakes"


def _below_the_rest(evaluation: Evaluation) -> tuple[str, float] | None:
    """The class that is recognised less than all, surest, and its recall; None by chance alone."""
    found = []
    for name, one in evaluation.classes.items():
        if one.recall is not None:
            right = round(one.recall * one.count)
            test = binomtest(right, one.count, evaluation.accuracy, alternative="less")
            found.append((float(test.pvalue), name, one.recall))
    chance, name, recall = min(found)
    # Among many classes one always looks bad.
    return (name, recall) if chance < (1 - CONFIDENCE) / len(found) else None
