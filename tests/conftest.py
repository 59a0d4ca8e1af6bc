"""Small real things that many tests share: a network, a bundle, pictures. No mocks."""

import io
import os
import tempfile
from pathlib import Path

# Before anything is imported: no test touches the model store or the cache of whoever runs it.
os.environ["BENTOML_HOME"] = tempfile.mkdtemp(prefix="bentoml-")
os.environ["TRAIN_TRANSFER_CACHE"] = tempfile.mkdtemp(prefix="cache-")

import numpy as np
import onnx
import pytest
import torch
from hypothesis import settings
from PIL import Image

from models.backbones.backbone import Backbone, load_backbone
from models.backbones.weights import Random
from models.bundle import (
    Bundle,
    Description,
    OperatingPoint,
    TrainingSummary,
    bundle_bytes,
    parse_bundle,
)
from models.calibration import Calibration
from models.graph.assembly import assemble_bundle
from models.graph.classifier import Classifier, Normalise
from models.graph.export import export_backbone
from models.head import LinearHead
from models.preprocessing import Preprocessing

#: The smallest of timm's that has all that matters: BatchNorm, residual branches, a linear head.
TINY_BACKBONE = "test_resnet"

# No deadlines: a machine may be busy. The same inputs each time, so that a change is judged by what
# it changed; new ones, and many more, by `make fuzz`.
settings.register_profile("house", settings.default, deadline=None, derandomize=True)
settings.register_profile(
    "fuzz", settings.default, deadline=None, max_examples=3000, print_blob=True
)
settings.load_profile("house")

SHARED = Path(__file__).parents[2] / "shared"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real photographs beside the checkout; nothing of them belongs to the project."""
    if not (SHARED / "data").is_dir():
        pytest.skip("the real photographs (../shared/data) are not on this machine")
    return SHARED / "data"


@pytest.fixture(scope="session")
def shared_weights() -> Path:
    if not (SHARED / "weights").is_dir():
        pytest.skip("the pretrained weights (../shared/weights) are not on this machine")
    return SHARED / "weights"


def enliven(backbone: Backbone, seed: int = 0) -> None:
    """Gives BatchNorm layers weights and statistics that do something.

    timm starts the last BatchNorm of residual blocks at zero: without this the branches are off,
    and a test could not see an error in them. Statistics are near those of pictures, as after
    training: else signals die out in a deep network (Inception v4's features then differ by 1e-8
    between pictures, and torch's answers by 0.25 between batch sizes).
    """
    generator = torch.Generator().manual_seed(seed)
    norms = [m for m in backbone.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.weight.data.uniform_(0.5, 1.5, generator=generator)
        # Around zero, each ReLU would blow rounding up by a fifth: torch's float32 then misses its
        # own float64 by 9e-3 in ResNet-200's heatmap, and by 7e-5 with these.
        norm.bias.data.uniform_(0.2, 0.8, generator=generator)
        norm.train()
        norm.momentum = 1.0
    pixels = torch.from_numpy(noise_pictures(backbone.preprocessing, 4, seed))
    with torch.no_grad():
        backbone(Normalise(backbone)(pixels))
    for norm in norms:
        norm.eval()
        assert norm.running_mean is not None
        assert norm.running_var is not None
        shift = torch.empty_like(norm.running_mean).uniform_(-0.2, 0.2, generator=generator)
        norm.running_mean += shift * norm.running_var.sqrt()
        norm.running_var *= shift.uniform_(0.8, 1.25, generator=generator)
        # A channel that says nothing must not be blown up until it says rounding errors.
        norm.running_var.clamp_(min=0.1 * float(norm.running_var.mean()))


def lively_classifier(name: str, classes: int, seed: int = 0) -> Classifier:
    """A classifier with random weights whose logits are of order one.

    A saturated softmax would hide any error.
    """
    return with_lively_head(lively_backbone(name, seed), classes, seed)


def lively_backbone(name: str, seed: int = 0, image_size: int | None = None) -> Backbone:
    torch.manual_seed(seed)
    backbone = load_backbone(name, Random(), image_size)
    enliven(backbone, seed)
    return backbone


def with_lively_head(backbone: Backbone, classes: int, seed: int = 0) -> Classifier:
    rng = np.random.default_rng(seed)
    width = backbone.num_features
    weight = rng.normal(size=(classes, width)).astype(np.float32) / width**0.5
    classifier = Classifier(backbone, LinearHead(weight, np.zeros(classes, np.float32)))
    with torch.no_grad():
        logits = classifier(torch.from_numpy(noise_pictures(backbone.preprocessing, 4)))
        middle, largest = logits.mean(0), (logits - logits.mean(0)).abs().max()
        classifier.linear.weight /= largest
        classifier.linear.bias.sub_(middle / largest)
    return classifier


def noise_pictures(preprocessing: Preprocessing, count: int, seed: int = 0) -> np.ndarray:
    """Blurred colour noise, uint8 (N, H, W, 3)."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
    size = (preprocessing.width, preprocessing.height)
    return np.stack([np.asarray(Image.fromarray(s).resize(size)) for s in small])


@pytest.fixture(scope="session")
def tiny_backbone() -> Backbone:
    return lively_backbone(TINY_BACKBONE)


@pytest.fixture(scope="session")
def tiny_backbone_graph(tiny_backbone: Backbone) -> onnx.ModelProto:
    """The backbone exported: the slow part of every export, done once."""
    return export_backbone(tiny_backbone)


@pytest.fixture(scope="session")
def tiny_classifier(tiny_backbone: Backbone) -> Classifier:
    return with_lively_head(tiny_backbone, classes=3)


def drawn_calibration(classifier: Classifier) -> Calibration:
    """To it blurred colour noise is familiar, and black and white pictures are not."""
    backbone = classifier.backbone
    pixels = torch.from_numpy(noise_pictures(backbone.preprocessing, 4))
    with torch.no_grad():
        features = backbone(Normalise(backbone)(pixels)).numpy()
    centre = (features / np.linalg.norm(features, axis=1, keepdims=True)).mean(0, keepdims=True)
    return Calibration(
        centres=(centre / np.linalg.norm(centre)).astype(np.float16),
        scaling=np.array([50, -45], np.float32),
        set_thresholds=np.full(classifier.linear.out_features, 0.3, np.float32),
        coverage=0.9,
        temperature=1.0,
    )


def make_bundle(
    classifier: Classifier, backbone_graph: onnx.ModelProto, classes: tuple[str, ...]
) -> bytes:
    summary = TrainingSummary(
        recipe="frozen",
        seed=0,
        accuracy=0.5,
        accuracy_interval=(0.4, 0.6),
        held_out=100,
        trained_on=400,
        created="2026-01-01T00:00:00+00:00",
    )
    preprocessing = classifier.backbone.preprocessing
    examples = noise_pictures(preprocessing, 4)
    calibration = drawn_calibration(classifier)
    description = Description(classes, summary, "0" * 64, preprocessing, calibration)
    data, _ = assemble_bundle(classifier, backbone_graph, description, examples)
    return data


@pytest.fixture(scope="session")
def bundle_data(tiny_classifier: Classifier, tiny_backbone_graph: onnx.ModelProto) -> bytes:
    """The bytes of a small real bundle with three classes."""
    return make_bundle(tiny_classifier, tiny_backbone_graph, ("nuts", "screws", "Bäume & Co"))


@pytest.fixture(scope="session")
def bundle(bundle_data: bytes) -> Bundle:
    return parse_bundle(bundle_data, "the test's bundle")


def resealed(bundle: Bundle, **changes: object) -> Bundle:
    """A whole bundle with the same network that says other things of itself."""
    model = onnx.load_model_from_string(bundle.data)
    metadata = bundle.metadata.model_copy(update=changes)
    return parse_bundle(bundle_bytes(model, metadata), bundle.source)


def operating_point(label: str, threshold: float | None) -> OperatingPoint:
    """That a run could have chosen for a class."""
    return OperatingPoint(
        label=label,
        measure="recall",
        at_least=0.98,
        threshold=threshold,
        recall=0.985,
        recall_interval=(0.96, 0.995),
        precision=0.75,
        precision_interval=(0.7, 0.8),
        specificity=0.9,
        specificity_interval=(0.87, 0.93),
    )


@pytest.fixture
def picture() -> Image.Image:
    """A drawn picture that is unlike itself however it is turned."""
    rng = np.random.default_rng(1)
    small = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((96, 72), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """A picture as the bytes of a file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
