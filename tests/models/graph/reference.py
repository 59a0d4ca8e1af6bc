"""Grad-CAM written down once more, and a peer's, to hold ours against."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

from models.graph.classifier import Classifier
from models.preprocessing import Pixels
from tests.conftest import lively_classifier

Answer = tuple[npt.NDArray[np.float32], ...]

#: Where pytorch-grad-cam has to listen: what makes timm's last feature map.
LAST_LAYER = {
    "inception_v3": "Mixed_7c",
    "resnet18": "layer4",
    "resnet50": "layer4",
    "vgg16": "features",
}


def opposed_classifier(name: str) -> Classifier:
    """Three classes, the last two opposites: what speaks against one speaks for the other."""
    return opposed(lively_classifier(name, classes=3))


def opposed(classifier: Classifier) -> Classifier:
    """The same with a last row that is the opposite of the one before."""
    with torch.no_grad():
        classifier.linear.weight[2] = -classifier.linear.weight[1]
    return classifier


def by_autograd(classifier: Classifier, pixels: Pixels, class_index: Any) -> Answer:
    """Probabilities (N, K), heatmaps (N, h, w), peaks (N,): the paper's equations, one by one."""
    found = [_one(classifier, *pair) for pair in zip(pixels, class_index, strict=True)]
    return tuple(np.stack(each) for each in zip(*found, strict=True))


def _one(classifier: Classifier, pixels: Pixels, index: int) -> Answer:
    activations = classifier.activations(torch.from_numpy(pixels[None])).detach().requires_grad_()
    logits = classifier.logits(activations)[0]
    logits[index if index >= 0 else int(logits.argmax())].backward()
    assert activations.grad is not None
    map_of = classifier.backbone.map_of
    alpha = map_of(activations.grad)[0].mean((1, 2)).numpy()
    cam = np.maximum(np.einsum("c,chw->hw", alpha, map_of(activations.detach())[0].numpy()), 0)
    peak = cam.max()
    return logits.softmax(0).detach().numpy(), cam / peak if peak > 0 else cam, peak


def by_pytorch_grad_cam(classifier: Classifier, pixels: Pixels, class_index: Any) -> Answer:
    """What the library of that name computes, before it stretches its maps by min and max."""
    layer: Any = getattr(classifier.backbone.model, LAST_LAYER[classifier.backbone.name])
    targets = [ClassifierOutputTarget(int(index)) for index in class_index]
    with GradCAM(model=classifier, target_layers=[layer]) as library:
        library(input_tensor=torch.from_numpy(pixels), targets=targets)
        probabilities = library.outputs.softmax(1).detach().numpy()
        kept = library.activations_and_grads
        # Its own sum of weighted activations: negative parts and scale are still there.
        raw = library.get_cam_image(
            None, layer, targets, kept.activations[0].numpy(), kept.gradients[0].numpy()
        )
    cam = np.maximum(raw, 0)
    peak = cam.max((1, 2), keepdims=True)
    return probabilities, np.divide(cam, peak, out=np.zeros_like(cam), where=peak > 0)
