"""Other ways to probabilities and a map, each as its documentation shows it.

The three libraries of torch get normalised pictures in torch's ordinary channels-first layout, a
network whose parameters keep their gradients, and the last layer of the feature map. What they
share with us, from uint8 pictures on, is in their time; making overlays is in nobody's.

OpenVINO XAI asks for NumPy 1 and OpenVINO 2024.4, so it is in no extra of ours. It runs with the
last OpenVINO that has the module `openvino.runtime`, and with NumPy 2:

    pip install --no-deps openvino==2025.4.1 openvino-xai==1.1.0
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import onnx
import torch
from _measure import version_of
from _networks import LAST_LAYER
from torch import Tensor, nn

from models.graph.classifier import Classifier
from models.preprocessing import Pixels

Answer = tuple[np.ndarray, np.ndarray]

#: uint8 (N, H, W, 3) → probabilities (N, K), and a map (N, h, w) of the predicted class of each.
Explain = Callable[[Pixels], Answer]


@dataclass(frozen=True)
class Explained:
    """What is to be explained.

    Attributes:
        classifier: for torch.
        graph: the same from `image` to `probabilities`, for OpenVINO.
        threads: how many each may use; torch has been told.
    """

    classifier: Classifier
    graph: onnx.ModelProto
    threads: int


class _Ordinary(nn.Module):
    """The network as users of these libraries have it: normalised pictures → logits."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, images: Tensor) -> Tensor:
        backbone = self.classifier.backbone
        return self.classifier.logits(backbone.trunk(images))

    def images(self, pixels: Pixels) -> Tensor:
        return self.classifier.normalise(torch.from_numpy(pixels)).contiguous()

    @property
    def last_layer(self) -> Any:
        backbone = self.classifier.backbone
        return getattr(backbone.model, LAST_LAYER[backbone.name])[-1]


def by_pytorch_grad_cam(explained: Explained) -> Explain:
    """Its README: `targets=None` is the predicted class; its maps are of the picture's size."""
    model = _Ordinary(explained.classifier)
    library = import_module("pytorch_grad_cam").GradCAM(
        model=model, target_layers=[model.last_layer]
    )

    def explain(pixels: Pixels) -> Answer:
        maps = library(input_tensor=model.images(pixels), targets=None)
        return library.outputs.softmax(1).detach().numpy(), maps

    return explain


def by_torchcam(explained: Explained) -> Explain:
    """Its README: the extractor hooks the model, and is asked with classes and scores."""
    model = _Ordinary(explained.classifier)
    extractor = import_module("torchcam.methods").GradCAM(model, target_layer=model.last_layer)

    def explain(pixels: Pixels) -> Answer:
        scores = model(model.images(pixels))
        (maps,) = extractor(scores.argmax(1).tolist(), scores)
        return scores.softmax(1).detach().numpy(), maps.numpy()

    return explain


def by_captum(explained: Explained) -> Explain:
    """Its API reference: `attribute` must be told the class, so the network runs before it."""
    model = _Ordinary(explained.classifier)
    library = import_module("captum.attr").LayerGradCam(model, model.last_layer)

    def explain(pixels: Pixels) -> Answer:
        images = model.images(pixels)
        with torch.no_grad():
            probabilities = model(images).softmax(1)
        found = library.attribute(images, probabilities.argmax(1), relu_attributions=True)
        return probabilities.numpy(), found[:, 0].detach().numpy()

    return explain


def by_recipro_cam(explained: Explained) -> Explain:
    """Its user guide, "XAI insertion": a branch in the graph, maps of all classes, one picture.

    Several pictures go through OpenVINO's own queue, compiled for throughput. fp32 by name: where
    the processor has bfloat16, OpenVINO would take that.
    """
    openvino, xai = import_module("openvino"), import_module("openvino_xai")
    # Importing it sets this to INFO.
    logging.getLogger("openvino_xai").setLevel(logging.WARNING)
    core = openvino.Core()
    model = core.read_model(explained.graph.SerializeToString())
    model.reshape([1, *list(model.input(0).partial_shape)[1:]])
    model = xai.insert_xai(
        model,
        task=xai.Task.CLASSIFICATION,
        explain_method=xai.Method.RECIPROCAM,
        target_layer=_last_layer(model),
    )
    options = {"INFERENCE_NUM_THREADS": explained.threads, "INFERENCE_PRECISION_HINT": "f32"}
    alone, many = (
        core.compile_model(model, "CPU", {**options, "PERFORMANCE_HINT": hint})
        for hint in ("LATENCY", "THROUGHPUT")
    )
    queue = openvino.AsyncInferQueue(many)

    def explain(pixels: Pixels) -> Answer:
        if len(pixels) == 1:
            return _of_predicted([dict(enumerate(alone(pixels).values()))])
        answers: list[Any] = [None] * len(pixels)

        def keep(request: Any, place: int) -> None:
            answers[place] = {i: request.get_output_tensor(i).data.copy() for i in (0, 1)}

        queue.set_callback(keep)
        for place in range(len(pixels)):
            queue.start_async({0: pixels[place : place + 1]}, place)
        queue.wait_all()
        return _of_predicted(answers)

    return explain


def _last_layer(model: Any) -> str:
    """What makes our feature map; its own search takes VGG's of 14 x 14: 196 masks, not 49."""
    (name,) = (
        node.get_friendly_name()
        for node in model.get_ordered_ops()
        if any("feature_map" in output.get_names() for output in node.outputs())
    )
    return str(name)


def _of_predicted(answers: list[dict[int, np.ndarray]]) -> Answer:
    probabilities = np.concatenate([answer[0] for answer in answers])
    best = probabilities.argmax(1)
    return probabilities, np.stack([a[1][0, k] for a, k in zip(answers, best, strict=True)])


#: By the name to show: the package that must be there, and the way.
TORCH_RIVALS: dict[str, tuple[str, Callable[[Explained], Explain]]] = {
    "pytorch-grad-cam": ("grad-cam", by_pytorch_grad_cam),
    "torchcam": ("torchcam", by_torchcam),
    "Captum": ("captum", by_captum),
}
RECIPRO_CAM = "Recipro-CAM"
RIVALS = {**TORCH_RIVALS, RECIPRO_CAM: ("openvino-xai", by_recipro_cam)}


def there() -> dict[str, Callable[[Explained], Explain]]:
    """The rivals that are installed; the others are named."""
    for name, (package, _) in RIVALS.items():
        if version_of(package) is None:
            print(f"{name} is left out: {package} is not installed")
    return {name: way for name, (package, way) in RIVALS.items() if version_of(package)}
