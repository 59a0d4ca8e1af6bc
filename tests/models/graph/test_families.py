"""Every family by name: it learns, and its ONNX file answers as torch with autograd does.

Random weights, lively BatchNorm statistics, logits of order one; the smallest members.
"""

from dataclasses import replace

import numpy as np
import onnxruntime as ort
import pytest
import torch
from torch import nn

from models.backbones.catalogue import check_backbone
from models.graph.agreement import check_agreement
from models.graph.assembly import join_head
from models.graph.classifier import Classifier
from models.graph.export import export_backbone
from models.signature import answers_of
from tests.conftest import noise_pictures, with_lively_head
from tests.models.graph.families import FAMILIES, MEMBERS, SMALLEST, TOKENS, small_backbone
from tests.models.graph.reference import by_autograd

CLASSES = 3

#: What is as exact as float32 allows; a map behind ReLUs may jump (`models.graph.agreement`).
TRANSFORMERS = {
    member.name
    for family, members in SMALLEST.items()
    for member in members
    if family in TOKENS or family.startswith("Swin")
}

#: Not marked slow: a map, and tokens.
QUICK = ("baseline", "vit_tiny_patch16_224")


def train_one_step(classifier: Classifier) -> set[str]:
    """One step of gradient descent on all parameters, BatchNorm's statistics kept.

    Returns:
        The names of the parameters that the loss reaches.
    """
    classifier.train()
    for module in classifier.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    pixels = torch.from_numpy(noise_pictures(classifier.backbone.preprocessing, CLASSES, seed=5))
    loss = nn.functional.cross_entropy(classifier(pixels), torch.arange(CLASSES))
    loss.backward()
    reached = {n for n, p in classifier.named_parameters() if p.grad is not None and p.grad.any()}
    nn.utils.clip_grad_norm_(classifier.parameters(), 1.0)
    torch.optim.SGD(classifier.parameters(), lr=0.01).step()
    classifier.zero_grad()
    classifier.eval()
    return reached


def assert_learns(classifier: Classifier) -> None:
    before = {name: tensor.clone() for name, tensor in classifier.state_dict().items()}

    reached = train_one_step(classifier)

    parameters = dict(classifier.named_parameters())
    assert all(tensor.isfinite().all() for tensor in classifier.state_dict().values())
    changed = {name for name in parameters if not torch.equal(parameters[name], before[name])}
    assert next(iter(parameters)) in changed
    assert "linear.weight" in changed
    # Not `changed`: a clipped step is below float32's resolution in some of ResNet-200's tensors.
    assert len(reached) > 0.9 * len(parameters)
    unlearned = before.keys() - parameters.keys()
    assert all(torch.equal(classifier.state_dict()[name], before[name]) for name in unlearned)


def assert_answers_as_torch_does(
    classifier: Classifier, probabilities: float = 1e-4, heatmap: float = 1e-3
) -> None:
    """At batch sizes 1 and 3, for the predicted class and for those that are asked for."""
    model = join_head(export_backbone(classifier.backbone), classifier)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    pixels = noise_pictures(classifier.backbone.preprocessing, 3)

    found = check_agreement(session, classifier, pixels)

    assert found.probabilities <= probabilities
    assert found.heatmap <= heatmap
    asked = np.arange(CLASSES)
    answers = answers_of(session, pixels, asked)
    assert answers.heatmap.max() == 1, "all maps are empty: that they agree says nothing"
    expected = by_autograd(classifier, pixels, asked)
    for ours, one in zip(answers[:2], expected[:2], strict=True):
        assert ours == pytest.approx(one, abs=heatmap)
    assert answers.heatmap_peak == pytest.approx(expected[2], rel=1e-3)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in QUICK else pytest.mark.slow) for n in MEMBERS]
)
def test_a_family_learns_and_its_file_answers_as_torch_does(name: str) -> None:
    classifier = with_lively_head(small_backbone(MEMBERS[name]), CLASSES)

    assert_learns(classifier)
    assert_answers_as_torch_does(classifier, *((1e-5, 1e-4) if name in TRANSFORMERS else ()))


def test_no_family_is_forgotten_and_all_their_members_are_taken() -> None:
    assert SMALLEST.keys() == FAMILIES.keys()

    for members in FAMILIES.values():
        for name in members:
            check_backbone(name)


@pytest.mark.slow
@pytest.mark.parametrize("size", [96, 288])
def test_a_head_that_pools_to_a_fixed_size_takes_maps_of_any(size: int) -> None:
    """AlexNet's: windows that overlap, and windows that repeat."""
    backbone = small_backbone(replace(MEMBERS["alexnet"], size=size))

    assert_answers_as_torch_does(with_lively_head(backbone, CLASSES))
