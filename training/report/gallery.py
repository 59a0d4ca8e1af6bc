"""The pictures of a report, each with all that is said below it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from models.session import Session
from training.data.example import Example
from training.data.pictures import Pictures
from training.features.table import FeatureTable
from training.inspection.finding import Finding
from training.report.album import Album, Shot, Wanted
from training.report.choice import Rows, cross_section, nearest, similarity, surest_mistakes
from training.report.record import Answers, Judged

#: At most so many, whatever the folder: of mistakes, of pictures beside one, of pictures of all
#: classes and of one, of classes.
_MISTAKES: Final = 24
_NEIGHBOURS: Final = 3
_IN_ALL_CLASSES: Final = 240
_IN_A_CLASS: Final = 12
_CLASSES: Final = 120

#: Findings of a kind that are shown with pictures, and pictures of one finding.
_FINDINGS: Final = 24
_IN_A_FINDING: Final = 4

#: Of other kinds the answers are not what there is to see.
_EXPLAINED: Final = frozenset({"suspect_label", "shortcut"})


@dataclass(frozen=True)
class Material:
    """What a gallery is made from.

    Attributes:
        judged: by what the accuracy was measured.
        answers: to every picture.
        table: all of them with their features, in the same order.
        pictures: opens their files.
        session: the exported network, for the heatmaps.
        findings: of the inspection.
    """

    judged: Judged
    answers: Answers
    table: FeatureTable
    pictures: Pictures
    session: Session
    findings: Sequence[Finding]

    @cached_property
    def rows(self) -> dict[Example, int]:
        """Where an example stands in the table, and among the answers."""
        return {example: row for row, example in enumerate(self.table.examples)}

    def answered(self, example: Example) -> int:
        """The class that it was answered with, by what had not learned from it."""
        return int(self.answers.probabilities[self.rows[example]].argmax())


@dataclass(frozen=True)
class Neighbour:
    """A picture that the network had learned from, beside one that it was asked about."""

    name: str
    label: str
    similarity: float
    is_same_file: bool
    shot: Shot


@dataclass(frozen=True)
class Tile:
    """A picture with what is said below it.

    Attributes:
        name: of its file.
        label: of its folder.
        answered: the class that it was answered with.
        probability: of that answer.
        shot: the picture itself.
        neighbours: those most like it.
    """

    name: str
    label: str
    answered: str
    probability: float
    shot: Shot
    neighbours: tuple[Neighbour, ...] = ()


@dataclass(frozen=True)
class Gallery:
    """All pictures of a report.

    Attributes:
        mistakes: the surest first.
        classes: by class index, from the hardest to the easiest.
        findings: those with something to look at.
        count: how many pictures there are in all, the small ones too.
    """

    mistakes: tuple[Tile, ...]
    classes: Mapping[int, tuple[Tile, ...]]
    findings: Mapping[Finding, tuple[Tile, ...]]
    count: int


def make_gallery(material: Material) -> Gallery:
    """Chooses the pictures, opens them, and sets them beside those that are like them."""
    judged = material.judged
    mistakes = _examples(judged, surest_mistakes(judged.probabilities, judged.labels, _MISTAKES))
    classes = _of_classes(judged)
    by_name = {example.name: example for example in material.table.examples}
    found = {
        finding: [by_name[file] for file in finding.files[:_IN_A_FINDING] if file in by_name]
        for finding in _first_of_each_kind(material.findings)
    }
    asked = list(dict.fromkeys((*mistakes, *(e for several in classes.values() for e in several))))
    beside = _neighbours(material, asked)
    wanted = [
        *_wanted(material, mistakes, beside),
        *(_large(material, e, finding) for finding, several in found.items() for e in several),
        *_wanted(material, asked, beside),
    ]
    album = Album(wanted, material.pictures, material.session)
    hang = _Hanging(material, album, beside)
    return Gallery(
        hang.tiles(mistakes),
        {index: hang.tiles(examples) for index, examples in classes.items()},
        {finding: hang.tiles(examples, finding) for finding, examples in found.items()},
        album.count,
    )


@dataclass(frozen=True)
class _Hanging:
    material: Material
    album: Album
    beside: Mapping[Example, Sequence[Example]]

    def tiles(
        self, examples: Iterable[Example], finding: Finding | None = None
    ) -> tuple[Tile, ...]:
        return tuple(self._tile(example, finding) for example in examples)

    def _tile(self, example: Example, finding: Finding | None) -> Tile:
        material = self.material
        classes, answer = material.judged.classes, material.answered(example)
        return Tile(
            name=example.name,
            label=classes[example.class_index],
            answered=classes[answer],
            probability=float(material.answers.probabilities[material.rows[example]].max()),
            shot=self.album.shot(_large(material, example, finding)),
            neighbours=() if finding else self._neighbours(example),
        )

    def _neighbours(self, example: Example) -> tuple[Neighbour, ...]:
        table, rows = self.material.table, self.material.rows
        return tuple(
            Neighbour(
                other.name,
                self.material.judged.classes[other.class_index],
                similarity(table.features, rows[example], rows[other]),
                table.digests[rows[example]] == table.digests[rows[other]],
                self.album.shot(Wanted(other, is_large=False)),
            )
            for other in self.beside.get(example, ())
        )


def _examples(judged: Judged, places: Iterable[int]) -> list[Example]:
    return [judged.examples[place] for place in places]


def _of_classes(judged: Judged) -> dict[int, list[Example]]:
    """Of each class some; of many classes those that are recognised least."""
    results = list(judged.evaluation.classes.values())
    worst = sorted(range(len(results)), key=lambda i: (results[i].recall or 0.0, i))[:_CLASSES]
    each = max(1, min(_IN_A_CLASS, _IN_ALL_CLASSES // len(worst)))
    answers = judged.probabilities, judged.labels
    return {i: _examples(judged, cross_section(*answers, i, each)) for i in sorted(worst)}


def _first_of_each_kind(findings: Sequence[Finding]) -> list[Finding]:
    kinds = dict.fromkeys(finding.kind for finding in findings)
    return [
        finding for kind in kinds for finding in [f for f in findings if f.kind == kind][:_FINDINGS]
    ]


def _neighbours(material: Material, examples: Sequence[Example]) -> dict[Example, list[Example]]:
    rows = [material.rows[example] for example in examples]
    found = nearest(material.table.features, rows, _sides(material.answers), _NEIGHBOURS)
    return {
        example: [material.table.examples[row] for row in near]
        for example, near in zip(examples, found, strict=True)
    }


def _sides(answers: Answers) -> Rows:
    """What was asked about together, as `choice.nearest` takes it."""
    never_taught = {"validation": "test"}
    return np.unique([never_taught.get(p, p) for p in answers.parts], return_inverse=True)[1]


def _wanted(
    material: Material,
    examples: Iterable[Example],
    beside: Mapping[Example, Sequence[Example]],
) -> list[Wanted]:
    wanted = []
    for example in examples:
        wanted.append(_large(material, example, None))
        wanted += [Wanted(other, is_large=False) for other in beside.get(example, ())]
    return wanted


def _large(material: Material, example: Example, finding: Finding | None) -> Wanted:
    """Without a heatmap where the picture itself is to be looked at."""
    is_explained = finding is None or finding.kind in _EXPLAINED
    heat_of = material.answered(example) if is_explained else None
    return Wanted(example, is_large=True, heat_of=heat_of)
