from typing import Any

import numpy as np
import pytest
import timm
import torch

from models.backbones.backbone import Backbone
from models.graph.classifier import Classifier
from models.graph.gradcam import GradCamHead, explain_by_autograd, heatmap_of
from models.head import LinearHead
from tests.conftest import noise_pictures, with_lively_head
from tests.models.graph.families import MEMBERS, small_backbone
from tests.models.graph.reference import by_autograd, opposed, opposed_classifier

#: timm's own small test networks, one of each family.
FAMILIES = timm.list_models("test_*")

#: A norm, a channels-last map, an activation before pooling.
QUICK = ["test_convnext", "test_mambaout", "test_nfnet"]

#: Heads of other kinds: inner layers, convolutions, norms, channels last.
HEADS = [
    *(name for name in FAMILIES if name not in QUICK),
    "alexnet",
    "vgg11",
    "vgg11_bn",
    "mobilenetv3_small_100",
    "convnext_atto",
    "swin_tiny_patch4_window7_224",
    "inception_v3",
]


def answer(classifier: Classifier, pixels: Any, class_index: list[int]) -> tuple[Any, Any]:
    """What the traced head says, run by torch."""
    with torch.no_grad():
        activations = classifier.activations(torch.from_numpy(pixels))
        head = GradCamHead(classifier, activations)
        learned = classifier.linear.weight, classifier.linear.bias
        probabilities, heatmap, *_ = head(activations, torch.tensor(class_index), *learned)
    return probabilities.numpy(), heatmap.numpy()


def assert_is_gradcam(name: str) -> None:
    member = MEMBERS.get(name)
    small = member and opposed(with_lively_head(small_backbone(member), 3))
    classifier = small or opposed_classifier(name)
    pixels = noise_pictures(classifier.backbone.preprocessing, 4, seed=1)
    asked = [-1, 0, 1, 2]

    probabilities, heatmap = answer(classifier, pixels, asked)

    expected = by_autograd(classifier, pixels, asked)
    assert expected[1].max() == 1
    assert probabilities == pytest.approx(expected[0], abs=1e-5)
    assert heatmap == pytest.approx(expected[1], abs=1e-4)


@pytest.mark.parametrize("name", QUICK)
def test_the_traced_head_computes_gradcam(name: str) -> None:
    assert_is_gradcam(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", HEADS)
def test_the_traced_head_computes_gradcam_whatever_the_head(name: str) -> None:
    assert_is_gradcam(name)


@pytest.mark.parametrize("classes", [2, 17, 96])
def test_no_number_of_classes_is_taken_for_the_batch_size(
    tiny_backbone: Backbone, classes: int
) -> None:
    """The head is traced with a batch of 17, and of 19 where 17 means something else."""
    classifier = with_lively_head(tiny_backbone, classes)
    pixels = noise_pictures(tiny_backbone.preprocessing, 19)

    for count in (1, 2, 17, 19):
        probabilities, heatmap = answer(classifier, pixels[:count], [-1] * count)

        assert probabilities.shape == (count, classes)
        assert len(heatmap) == count


def test_the_reference_of_an_export_is_gradcam_too(tiny_classifier: Classifier) -> None:
    pixels = noise_pictures(tiny_classifier.backbone.preprocessing, 4)
    asked = torch.tensor([-1, 0, 1, 2])

    found = explain_by_autograd(tiny_classifier, torch.from_numpy(pixels), asked)

    for ours, expected in zip(found[:3], by_autograd(tiny_classifier, pixels, asked), strict=True):
        assert ours.detach().numpy() == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_a_pooled_and_linear_head_gives_the_class_s_row_as_weights(
    tiny_classifier: Classifier,
) -> None:
    """Zhou's class activation map, which Grad-CAM generalises."""
    pixels = noise_pictures(tiny_classifier.backbone.preprocessing, 1)
    with torch.no_grad():
        activations = tiny_classifier.activations(torch.from_numpy(pixels))
        (feature_map,) = tiny_classifier.backbone.map_of(activations).numpy()
    rows = tiny_classifier.linear.weight.detach().numpy()

    for index in range(3):
        _, heatmap = answer(tiny_classifier, pixels, [index])

        cam = np.maximum(np.einsum("c,chw->hw", rows[index], feature_map), 0)
        assert heatmap[0] == pytest.approx(cam / cam.max(), abs=1e-4)


@pytest.fixture(scope="module")
def one_sided(tiny_backbone: Backbone) -> Classifier:
    """Everything speaks for class 0, nothing for class 1; the map is never negative."""
    weight = np.ones((2, tiny_backbone.num_features), np.float32)
    weight[1] = -1
    return Classifier(tiny_backbone, LinearHead(weight, np.zeros(2, np.float32)))


def test_where_nothing_speaks_for_a_class_its_heatmap_is_exactly_zero(
    one_sided: Classifier,
) -> None:
    pixels = noise_pictures(one_sided.backbone.preprocessing, 3)

    _, heatmap = answer(one_sided, pixels, [1, 0, 1])

    assert (heatmap[[0, 2]] == 0).all()
    assert heatmap[1].max() == 1


def test_the_brightest_place_is_exactly_one(tiny_classifier: Classifier) -> None:
    pixels = noise_pictures(tiny_classifier.backbone.preprocessing, 8)

    _, heatmap = answer(tiny_classifier, pixels, [0, 1, 2, -1] * 2)

    assert heatmap.min() >= 0
    assert set(heatmap.max((1, 2)).tolist()) <= {0.0, 1.0}


def test_what_rounding_leaves_over_is_not_shown_as_evidence() -> None:
    """Two channels that cancel out, but for the last bit."""
    feature_map = torch.full((1, 2, 3, 3), 1000.0)
    feature_map[0, 1, 1, 1] -= 1e-4
    gradient = torch.stack([torch.ones(3, 3), -torch.ones(3, 3)])[None]

    heatmap, peak = heatmap_of(feature_map, gradient)

    assert (heatmap == 0).all()
    assert peak.tolist() == [0]


@pytest.mark.parametrize("scale", [1e-20, 1.0, 1e20])
def test_a_heatmap_does_not_depend_on_the_scale_of_the_logits(scale: float) -> None:
    generator = torch.Generator().manual_seed(0)
    feature_map, gradient = torch.randn((2, 3, 5, 4, 4), generator=generator)

    (found, peak), (expected, plain) = (
        heatmap_of(feature_map, each) for each in (gradient * scale, gradient)
    )

    assert found.numpy() == pytest.approx(expected.numpy(), abs=1e-5)
    assert (peak / scale).numpy() == pytest.approx(plain.numpy(), rel=1e-4)


def test_a_heatmap_follows_the_two_equations() -> None:
    feature_map = torch.tensor([[[[1.0, 0.0]], [[0.0, 2.0]]]])
    gradient = torch.tensor([[[[1.0, 3.0]], [[0.0, 1.0]]]])

    # alpha = (2, 0.5), cam = (2, 1), divided by 2.
    heatmap, peak = heatmap_of(feature_map, gradient)

    assert heatmap.tolist() == [[[1.0, 0.5]]]
    assert peak.tolist() == [2.0]
