"""The two sentences for people who read no more."""

from dataclasses import replace

import numpy as np
import pytest

from models.bundle import JudgedBy
from training.evaluation import Evaluation, evaluate
from training.inspection.finding import Finding, Kind
from training.inspection.inspection import Inspection, Leaning, Shortcut
from training.report.verdict import in_sentence, judge

NOTHING = Inspection(())


def evaluation(right: int, wrong: int) -> Evaluation:
    """Of two classes of one size, each with so many right and wrong answers."""
    labels = np.repeat([0, 1], right + wrong)
    answers = np.concatenate([np.repeat([0, 1], [right, wrong]), np.repeat([1, 0], [right, wrong])])
    return evaluate(np.eye(2, dtype=np.float32)[answers], labels, ("cat", "dog"))


@pytest.mark.parametrize(
    ("right", "wrong", "level"),
    [(400, 4, "good"), (400, 100, "fair"), (18, 2, "uncertain"), (200, 200, "useless")],
)
def test_a_verdict_goes_by_what_is_sure(right: int, wrong: int, level: str) -> None:
    assert judge(evaluation(right, wrong), NOTHING).level == level


@pytest.mark.parametrize(
    ("judged_by", "who"),
    [
        ("cross-validation", "Networks made like it recognise 99.0% of 808 pictures that they had"),
        ("test part", "It recognises 99.0% of 808 pictures that it had not seen"),
    ],
)
def test_it_is_not_said_to_be_judged_by_what_it_has_learned_from(
    judged_by: JudgedBy, who: str
) -> None:
    found = replace(evaluation(400, 4), judged_by=judged_by)

    assert judge(found, NOTHING).judgement.startswith(who)


def test_no_better_than_the_commonest_class_is_said_plainly() -> None:
    verdict = judge(evaluation(50, 50), NOTHING)

    assert verdict.headline == "Not better than guessing the commonest class"
    assert "always answering \u2068cat\u2069 would be right in 50.0%" in verdict.judgement


@pytest.mark.parametrize(
    ("kinds", "place"),
    [
        (["suspect_label", "leak"], "twins"),
        (["tiny", "suspect_label"], "labels"),
        (["tiny"], "mistakes"),
    ],
)
def test_what_makes_the_accuracy_wrong_is_looked_at_first(kinds: list[Kind], place: str) -> None:
    found = Inspection(tuple(Finding(kind, ("a.png",), 1.0, "") for kind in kinds))

    assert judge(evaluation(95, 5), found).place == place


@pytest.mark.parametrize(
    ("leans", "place"), [("yes", "shortcuts"), ("unknown", "shortcuts"), ("no", "mistakes")]
)
def test_a_shortcut_is_looked_at_first_where_the_network_may_live_by_it(
    leans: Leaning, place: str
) -> None:
    rule = Shortcut("a PNG", ("format",), "cat", 0.9, 0.5, 0.5, 0.9, 0.9, leans, ("a.png",))
    found = Inspection((rule.as_finding(),), (rule,))

    assert judge(evaluation(95, 5), found).place == place


def test_a_class_that_is_recognised_less_is_named() -> None:
    labels = np.array([0] * 100 + [1] * 100)
    answers = np.array([0] * 100 + [1] * 60 + [0] * 40)
    found = evaluate(np.eye(2, dtype=np.float32)[answers], labels, ("cat", "dog"))

    verdict = judge(found, NOTHING)

    assert verdict.advice == "Look first at \u2068dog\u2069, of which only 60% are recognised."
    assert verdict.place == "classes"


def test_a_class_of_few_pictures_is_not_blamed_for_chance() -> None:
    labels = np.array([0] * 100 + [1] * 3)
    answers = np.array([0] * 95 + [1] * 5 + [1, 1, 0])
    found = evaluate(np.eye(2, dtype=np.float32)[answers], labels, ("cat", "dog"))

    assert judge(found, NOTHING).place == "mistakes"


def test_without_a_mistake_the_hardest_pictures_are_looked_at() -> None:
    assert judge(evaluation(50, 0), NOTHING).place == "classes"


def test_a_long_name_is_short_in_a_sentence() -> None:
    assert in_sentence("x" * 300) == f"\u2068{'x' * 59}…\u2069"
