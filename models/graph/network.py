"""A backbone for those who compute with arrays: torch stays behind it."""

import copy
import threading
from collections.abc import Callable
from functools import cached_property

import numpy as np
import numpy.typing as npt
import onnx
import torch
from torch import nn

from models.backbones.backbone import Backbone
from models.bundle import Description
from models.cores import granted_cores
from models.graph.agreement import Agreement, check_agreement
from models.graph.assembly import assemble_bundle, join_head
from models.graph.classifier import Classifier, Normalise
from models.graph.export import export_backbone, export_head
from models.graph.facts import Facts
from models.graph.gradcam import explain_activations
from models.graph.joining import some_of
from models.graph.network_facts import facts_of
from models.head import Floats, LinearHead
from models.preprocessing import Pixels
from models.providers import open_graph


class Network:
    """A pretrained network without its last layer; nothing here changes its backbone."""

    def __init__(self, backbone: Backbone) -> None:
        self.backbone = backbone

    @cached_property
    def facts(self) -> Facts:
        """What there is to know of it beside its graphs."""
        return facts_of(self.backbone)

    def graph(self) -> onnx.ModelProto:
        """Its first part, see `export_backbone`."""
        return export_backbone(self.backbone)

    def head_graph(self) -> onnx.ModelProto:
        """What comes after it, for any head; raises as `graph`."""
        return export_head(self.backbone)

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
        return assemble_bundle(classifier, graphs[0], description, pictures, graphs[1], self.facts)

    def agreement(
        self, graphs: tuple[onnx.ModelProto, onnx.ModelProto], head: LinearHead, pictures: Pixels
    ) -> Agreement:
        """How near torch `graph` and `head_graph` are, both in fp32; arguments as of `bundle`.

        Raises:
            ExportError: not near enough.
        """
        classifier = Classifier(self.backbone, head)
        joined = join_head(graphs[0], classifier, graphs[1])
        session = open_graph(joined.SerializeToString(), "cpu", granted_cores())
        return check_agreement(session, classifier, some_of(pictures))

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
