import math

import pytest
import torch

from models.graph.agreement import Agreement
from models.graph.classifier import Classifier
from models.graph.gradcam import explain_activations, explain_by_autograd
from tests.conftest import noise_pictures


@pytest.mark.parametrize(
    ("differences", "is_close"),
    [
        ((0.0, 0.0, 0.0, 0.0), True),
        ((1e-4, 1e-3, 1e-3, 1e-3), True),
        ((2e-4, 0.0, 0.0, 0.0), False),
        ((0.0, 2e-3, 0.0, 0.0), False),
        ((0.0, 0.0, 2e-3, 0.0), False),
        ((0.0, 0.0, 0.0, 2e-3), False),
        ((math.nan, 0.0, 0.0, 0.0), False),
        ((0.0, math.nan, 0.0, 0.0), False),
        ((0.0, 0.0, math.nan, 0.0), False),
        ((0.0, 0.0, 0.0, math.nan), False),
    ],
)
def test_all_differences_must_be_small_and_numbers(
    differences: tuple[float, float, float, float], is_close: bool
) -> None:
    assert Agreement(*differences).is_close == is_close


def test_torch_answers_the_same_from_its_own_activations_on(tiny_classifier: Classifier) -> None:
    pixels = torch.from_numpy(noise_pictures(tiny_classifier.backbone.preprocessing, 3))
    asked = torch.tensor([-1, 0, 2])
    with torch.no_grad():
        activations = tiny_classifier.activations(pixels)

    found = explain_activations(tiny_classifier, activations, asked)

    expected = explain_by_autograd(tiny_classifier, pixels, asked)
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))
