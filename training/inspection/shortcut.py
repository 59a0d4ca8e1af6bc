"""Finds properties of files and pictures that stand in for a class: a mark, a format, the light.

Two kinds of rule count. One imitates the network: it foretells most of its answers. The other is a
telltale: where it holds the network nearly always answers the same class, as with a mark that a
part of its pictures bear. A rule may hold in the folder without the network living by it. So it is
asked, too, whether among pictures of one class those for which it holds are answered more surely.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest, mannwhitneyu

from training.inspection.corner_mark import corner_rules
from training.inspection.evidence import Evidence
from training.inspection.inspection import IMITATES, Leaning, Shortcut
from training.inspection.simple_rule import (
    FORMAT,
    Asked,
    Rule,
    Shape,
    Truths,
    asked_of,
    fit_rule,
    fitted_says,
    shuffled_fidelity,
)

#: Of the way from always the commonest answer to all answers several questions go so far at least;
#: one goes as far as `IMITATES`.
_BY_SEVERAL: Final = 0.5

#: A telltale is right so often, and holds for such a share of what is answered so.
_PRECISE, _COVERS = 0.95, 0.2

#: What a mark in a corner tells is told of fewer: a forest misses some of them.
_COVERS_IN_A_CORNER: Final = 0.1

#: So often at least, whatever chance made of these pictures.
_SURELY, _SURE = 0.8, 0.99

#: Three questions at most. A telltale asks one: with more, some of a class always stand out.
_IMITATIONS: Final = (Shape(1), Shape(2), Shape(3))
_TELLTALES: Final = (Shape(1, is_careful=True),)

#: What is plain to everybody, and what a question more, or about something else, must bring.
_PLAIN, _HARDLY = (FORMAT, "brightness"), 0.05

#: More pictures than this teach a rule nothing.
_MOST: Final = 2000

#: Fewer pictures on either side do not tell anything apart.
_FEWEST: Final = 10

#: Of two pictures of one class the one for which a rule holds is the surer one so often (chance:
#: a half), and that by chance no more often than this.
_SURER, _BY_CHANCE = 0.6, 0.01


def find_shortcuts(evidence: Evidence) -> tuple[Shortcut, ...]:
    """The simple rules that do much of what the network does, the one that does most first."""
    rows = np.unique(np.linspace(0, len(evidence.labels) - 1, _MOST).astype(np.int64))
    answered = evidence.answered[rows]
    if np.bincount(answered).max() < _FEWEST:
        return ()
    properties = [evidence.table.properties[row] for row in rows]
    asked = asked_of(properties, answered, evidence.groups[rows])
    found = [
        _shortcut(evidence, rows, int(index), *best)
        for index in np.unique(answered)
        for shapes in (_IMITATIONS, _TELLTALES)
        for best in _best_rule(asked, answered == index, shapes)
    ]
    for index, rule in corner_rules(properties, answered):
        if _tells(rule.says, answered == index, _COVERS_IN_A_CORNER):
            found.append(_shortcut(evidence, rows, index, rule, None))
    ranked = sorted(found, key=lambda one: (-round(one.gain, 2), one.rule.startswith("not ")))
    # Of two classes a rule for the one is a rule for the other.
    return tuple(
        one
        for place, one in enumerate(ranked)
        if not any(set(one.properties) & set(better.properties) for better in ranked[:place])
    )


def _best_rule(
    asked: Asked, answers: Truths, shapes: Sequence[Shape]
) -> Sequence[tuple[Rule, float]]:
    """The best rule that is worth a word, if there is one, and how often chance agrees so."""
    if min(answers.sum(), (~answers).sum()) < _FEWEST:
        return ()
    found: list[tuple[float, Rule, Asked, Shape]] = []
    for view, credit in (*((asked.only(name), _HARDLY) for name in _PLAIN), (asked, 0.0)):
        for shape in shapes if view.names else ():
            if not _counts(fitted_says(view, answers, shape), answers, shape):
                continue  # on other pictures it is no better
            rule = fit_rule(view, answers, shape)
            if _counts(rule.says, answers, shape):
                better = _gain(rule.says, answers) + credit - _HARDLY * shape.depth
                found.append((better, rule, view, shape))
    if not found:
        return ()
    _, rule, view, shape = max(found, key=lambda one: one[0])
    chance = shuffled_fidelity(view, answers, shape)
    return [(rule, chance)] if _surely(rule.says == answers) > chance else ()


def _counts(says: Truths, answers: Truths, shape: Shape) -> bool:
    """Whether what a rule says is worth a word."""
    if shape.is_careful:
        return _tells(says, answers, _COVERS)
    enough = IMITATES if shape.depth == 1 else _BY_SEVERAL
    commonest = max(answers.mean(), 1 - answers.mean())
    return _gain(says, answers) >= enough and _surely(says == answers) > commonest


def _tells(says: Truths, answers: Truths, enough: float) -> bool:
    precision, coverage = _precision(says, answers)
    return precision >= _PRECISE and coverage >= enough and _surely(answers[says]) >= _SURELY


def _surely(right: Truths) -> float:
    """How often at least something is right, whatever chance made of these pictures."""
    found = binomtest(int(right.sum()), len(right)).proportion_ci(_SURE, method="wilson")
    return float(found.low)


def _gain(says: Truths, answers: Truths) -> float:
    commonest = max(answers.mean(), 1 - answers.mean())
    return float((np.mean(says == answers) - commonest) / (1 - commonest))


def _precision(says: Truths, answers: Truths) -> tuple[float, float]:
    """Precision and coverage (0 where nothing is said)."""
    both = int((says & answers).sum())
    return both / max(1, int(says.sum())), both / max(1, int(answers.sum()))


def _shortcut(
    evidence: Evidence, rows: npt.NDArray[np.int64], index: int, rule: Rule, shuffled: float | None
) -> Shortcut:
    answers = evidence.answered[rows] == index
    precision, coverage = _precision(rule.says, answers)
    sureness = evidence.answers[rows, index]
    return Shortcut(
        rule=rule.sentence,
        properties=rule.properties,
        label=evidence.classes[index],
        fidelity=float(np.mean(rule.says == answers)),
        commonest=float(max(answers.mean(), 1 - answers.mean())),
        shuffled=shuffled,
        precision=precision,
        coverage=coverage,
        leans=leaning(rule.holds, sureness, evidence.labels[rows]),
        files=evidence.names(rows[rule.holds & answers]),
    )


def leaning(
    holds: Truths, sureness: npt.NDArray[np.float32], labels: npt.NDArray[np.int64]
) -> Leaning:
    """Whether a network is surer of a class where a rule holds, among pictures of one class.

    Args:
        holds: bool (N,), of each picture.
        sureness: float32 (N,), the probability of the class that the rule speaks of.
        labels: int64 (N,), the class by the folder.
    """
    said: list[Leaning] = []
    for label in np.unique(labels):
        inside, outside = (sureness[(labels == label) & side] for side in (holds, ~holds))
        if min(len(inside), len(outside)) >= _FEWEST:
            test = mannwhitneyu(inside, outside, alternative="greater")
            surer = test.statistic / (len(inside) * len(outside))
            said.append("yes" if surer >= _SURER and test.pvalue < _BY_CHANCE else "no")
    return "unknown" if not said else "yes" if "yes" in said else "no"
