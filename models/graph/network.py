"""A backbone for those who compute with arrays: torch stays behind it."""

import copy
import hashlib
import threading
from collections.abc import Callable
from functools import cached_property

import numpy as np
import numpy.typing as npt
import onnx
import torch
from torch import nn

from models.backbones.backbone import Backbone
from models.backbones.course_networks import FROM_SCRATCH
from models.backbones.hub import source_of
from models.backbones.weights import Hub, Packaged
from models.bundle import Description
from models.graph.agreement import Agreement
from models.graph.assembly import assemble_bundle
from models.graph.classifier import Classifier, Normalise
from models.graph.export import export_backbone, export_head
from models.graph.gradcam import explain_activations
from models.head import Floats, LinearHead
from models.preprocessing import Pixels


class Network:
    """A pretrained network without its last layer; nothing here changes its backbone."""

    def __init__(self, backbone: Backbone) -> None:
        self.backbone = backbone

    @property
    def learns_from_scratch(self) -> bool:
        """Whether it is made to be trained from scratch."""
        return self.backbone.name in FROM_SCRATCH

    @property
    def base_model(self) -> str:
        """Where anybody gets the weights that it began with; empty where those are the user's."""
        is_public = isinstance(self.backbone.weights, Hub | Packaged)
        return (source_of(self.backbone.name) or "") if is_public else ""

    @cached_property
    def key(self) -> str:
        """SHA-256 of all that its graphs depend on."""
        found, shape = hashlib.sha256(), self.backbone.preprocessing
        size = f"{self.backbone.name} {shape.height} {shape.width} {self.backbone.normalisation}"
        found.update(size.encode())
        for name, value in self.backbone.state_dict().items():
            found.update(name.encode() + value.numpy().tobytes())
        return found.hexdigest()

    def graph(self) -> onnx.ModelProto:
        """Its first part, see `export_backbone`."""
        return export_backbone(self.backbone)

    def head_graph(self, head: LinearHead) -> onnx.ModelProto:
        """What comes after it, for any head with as many classes; raises as `graph`."""
        return export_head(Classifier(self.backbone, head))

    @torch.inference_mode()
    def features(self, activations: Floats) -> Floats:
        """Its second part: what the graph gives, (N, …) → (N, C)."""
        found: Floats = self.backbone.features(torch.from_numpy(activations)).numpy()
        return found

    def heatmaps(
        self, head: LinearHead, activations: Floats, class_index: npt.NDArray[np.int64]
    ) -> Floats:
        """Where it looks for a class: (N, …), int64 (N,) → (N, h, w) in [0, 1]."""
        classifier = Classifier(self.backbone, head)
        asked = torch.from_numpy(activations), torch.from_numpy(class_index)
        found: Floats = explain_activations(classifier, *asked)[1].detach().numpy()
        return found

    def bundle(
        self,
        head: LinearHead,
        graphs: tuple[onnx.ModelProto, onnx.ModelProto],
        description: Description,
        pictures: Pixels,
    ) -> tuple[bytes, Agreement]:
        """Network and head as one file, once it answers as torch does.

        The graphs are `graph`, in the precision that is to be served, and `head_graph`; pictures
        to compare on uint8 (N, H, W, 3), N >= 2.

        Raises:
            ExportError: it does not.
        """
        classifier = Classifier(self.backbone, head)
        return assemble_bundle(classifier, graphs[0], description, pictures, graphs[1])

    def read_on_gpu(self) -> Callable[[Pixels], Floats] | None:
        """Both parts by torch: uint8 (N, H, W, 3) → (N, C); None where there is no GPU."""
        return self._read_on_gpu if torch.cuda.is_available() else None

    @cached_property
    def _read_on_gpu(self) -> Callable[[Pixels], Floats]:
        # A copy: what is exported stays on the CPU and in its own memory layout.
        module: nn.Module = copy.deepcopy(nn.Sequential(Normalise(self.backbone), self.backbone))
        # Asked here: the threads that read know nothing of the device that this process was given.
        device = torch.device("cuda", torch.cuda.current_device())
        module = module.eval().to(device)
        module = module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        one_at_a_time = threading.Lock()

        def read(pixels: Pixels) -> Floats:
            with one_at_a_time, torch.inference_mode():
                found: Floats = module(torch.from_numpy(pixels).to(device)).cpu().numpy()
                return found

        return read
