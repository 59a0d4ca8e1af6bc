import numpy as np
import pytest
import torch
from torchvision.transforms.v2.functional import normalize

from models.backbones.backbone import Backbone
from models.graph.classifier import Classifier, Normalise
from models.head import LinearHead
from tests.conftest import noise_pictures


def test_pictures_are_normalised_as_torchvision_does(tiny_backbone: Backbone) -> None:
    pixels = torch.from_numpy(noise_pictures(tiny_backbone.preprocessing, 2))

    found = Normalise(tiny_backbone)(pixels)

    normalisation = tiny_backbone.normalisation
    scaled = pixels.permute(0, 3, 1, 2) / 255
    expected = normalize(scaled, list(normalisation.mean), list(normalisation.std))
    assert found.numpy() == pytest.approx(expected.numpy(), abs=1e-5)


@torch.inference_mode()
def test_logits_are_the_head_applied_to_the_features(tiny_backbone: Backbone) -> None:
    rng = np.random.default_rng(0)
    weight = rng.normal(size=(3, tiny_backbone.num_features)).astype(np.float32)
    head = LinearHead(weight, np.array([1, 2, 3], np.float32))
    classifier = Classifier(tiny_backbone, head)
    pixels = torch.from_numpy(noise_pictures(tiny_backbone.preprocessing, 2))

    found = classifier(pixels)

    features = tiny_backbone(classifier.normalise(pixels)).numpy()
    assert found.numpy() == pytest.approx(features @ head.weight.T + head.bias, abs=1e-4)


@torch.inference_mode()
def test_activations_and_logits_are_the_whole_classifier(tiny_classifier: Classifier) -> None:
    pixels = torch.from_numpy(noise_pictures(tiny_classifier.backbone.preprocessing, 2))

    found = tiny_classifier.logits(tiny_classifier.activations(pixels))

    assert torch.equal(found, tiny_classifier(pixels))


def test_a_head_is_copied_not_shared(tiny_backbone: Backbone) -> None:
    head = LinearHead(np.ones((2, tiny_backbone.num_features), np.float32), np.zeros(2, np.float32))
    classifier = Classifier(tiny_backbone, head)

    head.weight[:] = 0

    assert bool((classifier.linear.weight == 1).all())
