"""The torch side of a run: a pretrained network, its graphs, and its way into a bundle.

Imported where a run begins to need torch, and by nobody before.
"""

import copy
import hashlib
import threading
from dataclasses import asdict
from functools import cached_property

import numpy as np
import numpy.typing as npt
import onnx
import torch
from torch import nn

from models.backbones.backbone import Backbone, load_backbone
from models.backbones.course_networks import FROM_SCRATCH
from models.backbones.weights import Weights
from models.bundle import Description
from models.graph.assembly import assemble_bundle
from models.graph.classifier import Classifier, Normalise
from models.graph.export import export_backbone, export_head
from models.graph.gradcam import explain_activations
from models.head import LinearHead
from models.preprocessing import Pixels, Preprocessing
from training.features.cache import digest_of
from training.features.graphs import remembered_graph
from training.features.network import Floats, Read


class TorchNetwork:
    """A backbone as `training.features.network.Network` wants it.

    Attributes:
        backbone: in inference mode; nothing here changes it.
    """

    def __init__(self, backbone: Backbone) -> None:
        self.backbone = backbone

    @property
    def name(self) -> str:
        """What `--backbone` calls it."""
        return self.backbone.name

    @property
    def weights(self) -> str:
        """Where its parameters came from, as a person would say it."""
        return self.backbone.weights.origin

    @property
    def is_random(self) -> bool:
        """Whether it has never learned anything."""
        return self.backbone.is_random

    @property
    def learns_from_scratch(self) -> bool:
        """Whether it is made to be trained from scratch."""
        return self.backbone.name in FROM_SCRATCH

    @property
    def preprocessing(self) -> Preprocessing:
        """How it is evaluated by those who trained it."""
        return self.backbone.preprocessing

    @property
    def num_features(self) -> int:
        """C of what enters the last layer."""
        return self.backbone.num_features

    @property
    def parameters(self) -> int:
        """How many numbers training could change."""
        return sum(parameter.numel() for parameter in self.backbone.parameters())

    def graph(self) -> onnx.ModelProto:
        """Its first part, as `export_backbone` makes it."""
        return remembered_graph("backbone", self._key, lambda: export_backbone(self.backbone)).model

    @torch.inference_mode()
    def features(self, feature_map: Floats) -> Floats:
        """Its second part: what the graph gives, (N, …) → (N, C)."""
        found: Floats = self.backbone.features(torch.from_numpy(feature_map)).numpy()
        return found

    def read_on_gpu(self) -> Read | None:
        """Both parts by torch on a GPU; None where there is none."""
        return self._read_on_gpu if torch.cuda.is_available() else None

    def heatmaps(
        self, head: LinearHead, feature_map: Floats, class_index: npt.NDArray[np.int64]
    ) -> Floats:
        """Where it looks for a class: (N, …), int64 (N,) → (N, h, w) in [0, 1]."""
        classifier = Classifier(self.backbone, head)
        _, found = explain_activations(
            classifier, torch.from_numpy(feature_map), torch.from_numpy(class_index)
        )
        heatmaps: Floats = found.detach().numpy()
        return heatmaps

    def bundle(
        self, head: LinearHead, graph: onnx.ModelProto, description: Description, pictures: Pixels
    ) -> tuple[bytes, dict[str, float]]:
        """Network and head as one file, once it answers as torch does."""
        classifier = Classifier(self.backbone, head)
        key = digest_of(self._key, f"{len(head.bias)}")
        head_graph = remembered_graph("head", key, lambda: export_head(classifier)).model
        data, agreement = assemble_bundle(classifier, graph, description, pictures, head_graph)
        return data, asdict(agreement)

    @cached_property
    def _key(self) -> str:
        """Of all that its graphs depend on."""
        parameters = hashlib.sha256()
        for name, value in self.backbone.state_dict().items():
            parameters.update(name.encode() + value.numpy().tobytes())
        shape = self.backbone.preprocessing
        size = f"{shape.height} {shape.width} {self.backbone.normalisation}"
        return digest_of(self.backbone.name, size, parameters.digest())

    @cached_property
    def _read_on_gpu(self) -> Read:
        # A copy: what is exported stays on the CPU and in its own memory layout.
        whole = nn.Sequential(Normalise(self.backbone), self.backbone)
        module: nn.Module = copy.deepcopy(whole).eval()
        # Asked here: the threads that read know nothing of the device that this process was given.
        device = torch.device("cuda", torch.cuda.current_device())
        module = module.to(device)
        module = module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        one_at_a_time = threading.Lock()

        def read(pixels: Pixels) -> Floats:
            with one_at_a_time, torch.inference_mode():
                found: Floats = module(torch.from_numpy(pixels).to(device)).cpu().numpy()
                return found

        return read


def load_network(name: str, weights: Weights, image_size: int | None, seed: int) -> TorchNetwork:
    """Builds a network with its weights.

    Args:
        name: of the backbone.
        weights: where its parameters come from.
        image_size: H and W of its input, pixels; None: its own.
        seed: of random weights.

    Raises:
        BackboneError: unknown, without a spatial feature map, or not for pictures of this size.
        WeightsError: the weights cannot be had or do not fit.
    """
    torch.manual_seed(seed)
    return TorchNetwork(load_backbone(name, weights, image_size))
