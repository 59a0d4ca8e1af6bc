from collections.abc import Callable
from typing import Any

import numpy as np

from tests.training.inspection.drawn_evidence import (
    clouds,
    evidence_of,
    properties_of,
    with_properties,
)
from training.inspection.evidence import Evidence
from training.inspection.shortcut import find_shortcuts, leaning

_LABELS = [0] * 60 + [1] * 60
_VARIED = ("brightness", "contrast", "sharpness", "bottom_right_saturation")


def _evidence(change: Callable[[int, int], dict[str, Any]]) -> Evidence:
    """Pictures that vary by chance, and as `change` says of a row and its label."""
    random = np.random.default_rng(0)
    varied = random.uniform(0.2, 0.6, (len(_LABELS), len(_VARIED)))
    properties = [
        properties_of(**{**dict(zip(_VARIED, values, strict=True)), **change(row, label)})
        for row, (values, label) in enumerate(zip(varied.tolist(), _LABELS, strict=True))
    ]
    return with_properties(evidence_of(_LABELS), properties)


def test_pictures_that_vary_by_chance_are_known_by_no_simple_rule() -> None:
    assert not find_shortcuts(_evidence(lambda _row, _label: {}))


def test_a_class_that_is_saved_in_a_format_of_its_own_is_known_by_that() -> None:
    saved = ("PNG", "JPEG")
    evidence = _evidence(
        lambda _row, label: {
            "format": saved[label], "file_bytes": (900_000, 90_000)[label],
            "jpeg_quality": (0, 90)[label],
        }
    )  # fmt: skip

    (found,) = find_shortcuts(evidence)

    assert "PNG" in found.rule
    assert found.properties[0].startswith("format=")
    assert found.fidelity > 0.95
    assert found.shuffled is not None
    assert found.shuffled < 0.7
    assert found.leans == "unknown"


def test_a_mark_in_the_corner_of_a_third_of_a_class_is_a_telltale() -> None:
    evidence = _evidence(lambda row, _label: {"bottom_right_saturation": 0.9} if row < 20 else {})

    (found,) = find_shortcuts(evidence)

    assert "strength of colours in the bottom right corner above" in found.rule
    assert found.label == "cat"
    assert {f"cat/{row}.png" for row in range(20)} <= set(found.files)
    assert found.gain > 0.25
    assert "bottom right" in found.as_finding().sentence


def test_a_class_that_is_brighter_is_known_by_that() -> None:
    evidence = _evidence(
        lambda row, label: {"brightness": 0.4 + 0.3 * label + (row % 10 - 5) * 0.04}
    )

    (found,) = find_shortcuts(evidence)

    assert found.rule.startswith("brightness ")
    assert found.gain > 0.5


def test_what_a_network_leans_on_is_told_from_what_only_lies_beside_it() -> None:
    random = np.random.default_rng(0)
    sureness = random.uniform(0.6, 0.9, 80).astype(np.float32)
    holds, labels = np.arange(80) % 2 == 0, np.repeat([0, 1], 40)

    assert leaning(holds, sureness, labels) == "no"
    assert leaning(holds, sureness + 0.1 * holds, labels) == "yes"
    assert leaning(labels == 0, sureness, labels) == "unknown"


def test_of_several_classes_each_is_asked_about() -> None:
    labels = [label for label in range(3) for _ in range(40)]
    properties = [properties_of(sharpness=(20.0, 20.0, 8.0)[label]) for label in labels]
    evidence = evidence_of(labels, ("cat", "dog", "emu"), clouds(labels))

    (found,) = find_shortcuts(with_properties(evidence, properties))

    assert found.label == "emu"
    assert found.rule.endswith("sharpness below 14")


def test_of_so_many_classes_that_each_has_few_answers_nothing_is_told() -> None:
    labels = [*range(30)] * 4
    classes = tuple(f"class {number:02}" for number in range(30))

    assert find_shortcuts(evidence_of(labels, classes, clouds(labels, width=30))) == ()
