"""Rules so simple that a person can say them, fitted to what a network answers.

An explanation by a simpler model: a tree of a few questions about named properties of a picture and
its file (`training.data.properties`). How far it imitates the network is asked of pictures that it
was not fitted on, and of answers that were shuffled.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.tree import DecisionTreeClassifier

from training.data.properties import WORDS, Properties

Truths = npt.NDArray[np.bool_]
Splits = Sequence[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]

#: What asks for the format of a file is called like this.
FORMAT: Final = "format="

#: What is yes or no.
_YES: Final = {
    "is_turned": ("turned by its file", "not turned by its file"),
    "names_camera": ("from a camera that its file names", "without a camera in its file"),
}

_FOLDS: Final = 5

#: How often answers are shuffled to see what chance makes of a rule.
_SHUFFLES: Final = 5

#: A leaf holds so much of all pictures, and so many, at least.
_SMALLEST_SHARE, _SMALLEST = 0.01, 5

#: How much worse a wrong yes is than a wrong no, to a rule that is silent on most.
_CAREFUL: Final = 20


@dataclass(frozen=True)
class Asked:
    """What rules are fitted to.

    Attributes:
        names: P properties.
        values: float64 (N, P).
        splits: of the N pictures into what is fitted on and what is asked; twins are not parted.
    """

    names: tuple[str, ...]
    values: npt.NDArray[np.float64]
    splits: Splits

    def only(self, beginning: str) -> "Asked":
        """The same with those properties alone that are called so."""
        chosen = [i for i, name in enumerate(self.names) if name.startswith(beginning)]
        return Asked(tuple(self.names[i] for i in chosen), self.values[:, chosen], self.splits)


@dataclass(frozen=True)
class Shape:
    """What kind of rule is meant.

    Attributes:
        depth: how many questions are asked of a picture.
        is_careful: it says yes only where it is nearly always right, and is silent on the rest.
    """

    depth: int
    is_careful: bool = False


@dataclass(frozen=True)
class Rule:
    """A tree of a few questions that says yes or no.

    Attributes:
        says: bool (N,), of each picture by a tree that was not fitted on it.
        holds: bool (N,), the same by a tree that was fitted on all; the sentence is of that.
        properties: that it asks for, the first question first.
        sentence: what it says yes to, in words.
    """

    says: Truths
    holds: Truths
    properties: tuple[str, ...]
    sentence: str


def asked_of(
    properties: Sequence[Properties], answered: npt.NDArray[np.int64], groups: npt.NDArray[np.int64]
) -> Asked:
    """What rules about pictures may ask.

    Args:
        properties: of N pictures.
        answered: int64 (N,), by the network; each fold has about as many of each class.
        groups: int64 (N,), what is not parted.
    """
    columns = _columns(properties)
    values = np.array(list(columns.values())).T
    count = min(_FOLDS, len(np.unique(groups)))
    folds = StratifiedGroupKFold(count, shuffle=True, random_state=0)
    with warnings.catch_warnings():
        # Of a class with fewer answers than folds no rule is asked.
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        splits = list(folds.split(values, answered, groups))
    return Asked(tuple(columns), values, splits)


def _columns(properties: Sequence[Properties]) -> dict[str, npt.NDArray[np.float64]]:
    """Numbers by the names of properties; where there are several formats, a column for each."""
    told = [one.as_numbers() for one in properties]
    found = {
        name: np.array([float(one[name]) for one in told]) for name in WORDS if name != "format"
    }
    # What is no JPEG has no quality as one, and must not be known by that.
    quality = found["jpeg_quality"]
    if (quality > 0).any():
        quality[quality == 0] = np.median(quality[quality > 0])
    formats = np.array([one["format"] for one in told])
    if len(known := np.unique(formats)) > 1:
        found |= {f"{FORMAT}{one}": (formats == one).astype(float) for one in known}
    return found


def fit_rule(asked: Asked, answers: Truths, shape: Shape) -> Rule:
    """A rule that says of each picture whether the network's answer is yes.

    Args:
        asked: what it may ask.
        answers: bool (N,), of the network; some are yes and some are no in every fold.
        shape: what kind of rule.
    """
    tree = _tree(len(answers), shape)
    says = cross_val_predict(tree, asked.values, answers, cv=asked.splits)
    tree.fit(asked.values, answers)
    holds, names = (
        tree.predict(asked.values),
        [asked.names[i] for i in tree.tree_.feature if i >= 0],
    )
    return Rule(says, holds, tuple(dict.fromkeys(names)), _in_words(tree, asked.names))


def fitted_says(asked: Asked, answers: Truths, shape: Shape) -> Truths:
    """What a rule says of the very pictures that it was fitted on: it looks better than it is."""
    found: Truths = _tree(len(answers), shape).fit(asked.values, answers).predict(asked.values)
    return found


def shuffled_fidelity(asked: Asked, answers: Truths, shape: Shape) -> float:
    """How often a rule agrees with shuffled answers: what chance alone makes of it."""
    random = np.random.default_rng(0)
    shuffled = [random.permutation(answers) for _ in range(_SHUFFLES)]
    return float(np.mean([np.mean(fit_rule(asked, one, shape).says == one) for one in shuffled]))


def _tree(count: int, shape: Shape) -> DecisionTreeClassifier:
    return DecisionTreeClassifier(
        max_depth=shape.depth,
        min_samples_leaf=max(_SMALLEST, round(_SMALLEST_SHARE * count)),
        class_weight={True: 1, False: _CAREFUL} if shape.is_careful else None,
        random_state=0,
    )


def _in_words(fitted: DecisionTreeClassifier, names: Sequence[str]) -> str:
    """Where a tree says yes, by the way to the leaf in which most of that is."""
    tree = fitted.tree_
    best, conditions = 0.0, ""
    ways: list[tuple[int, tuple[str, ...]]] = [(0, ())]
    while ways:
        node, way = ways.pop()
        below, above = tree.children_left[node], tree.children_right[node]
        if below >= 0:
            name, threshold = names[tree.feature[node]], float(tree.threshold[node])
            ways.append((below, (*way, in_words(name, threshold, is_above=False))))
            ways.append((above, (*way, in_words(name, threshold, is_above=True))))
            continue
        no, yes = tree.value[node, 0] * tree.weighted_n_node_samples[node]
        if yes > max(no, best):
            best, conditions = float(yes), " and ".join(way)
    return conditions


def in_words(name: str, threshold: float, *, is_above: bool) -> str:
    """One side of a question as a person says it.

    Args:
        name: of the property.
        threshold: between the two sides.
        is_above: which side is meant.
    """
    if name.startswith(FORMAT):
        return f"{'' if is_above else 'not '}saved as {name.removeprefix(FORMAT)}"
    if name in _YES:
        return _YES[name][0 if is_above else 1]
    shown = f"{threshold:,.0f}" if abs(threshold) >= 100 else f"{threshold:.2g}"
    return f"{WORDS[name]} {'above' if is_above else 'below'} {shown}"
