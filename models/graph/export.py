"""From torch to ONNX: the graph of a backbone, and that of what follows it.

Two parts, because the backbone's is the larger one and slow to export, and the same for every head.
"""

from collections.abc import Mapping
from typing import Any, Final

import onnx
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from models.backbones.backbone import Backbone
from models.errors import ExportError, first_line
from models.graph.classifier import Classifier, Normalise
from models.graph.familiarity import CalibratedHead, example_calibration
from models.graph.gradcam import GradCamHead
from models.graph.joining import state_needs
from models.head import LinearHead
from models.quiet import quiet
from models.signature import (
    CLASS_INDEX,
    FEATURE_MAP,
    FEATURES,
    IMAGE,
    LEARNED,
    OUTPUTS,
    PREDICTED_CLASS,
    Value,
)

#: As old as our graphs allow.
_OPSET: Final = 18

#: While a head is traced: equal to no other size of it, or the two would be one for ever.
_CLASSES: Final = 1009


def export_backbone(backbone: Backbone) -> onnx.ModelProto:
    """The larger part, and the slower to export: uint8 `image` (N, H, W, 3) → `feature_map`.

    Raises:
        ExportError: torch's exporter cannot write this network down.
    """
    return _export(_Trunk(backbone), {IMAGE: _example_images(backbone)}, (FEATURE_MAP,))


def export_head(backbone: Backbone) -> onnx.ModelProto:
    """What comes after it, of which `LEARNED` is an input and no part; raises the same.

    It serves every head of two classes or more: no number of classes stands in it.
    """
    last_layer = torch.zeros(_CLASSES, backbone.num_features), torch.zeros(_CLASSES)
    classifier = Classifier(backbone, LinearHead(*(part.numpy() for part in last_layer)))
    with torch.no_grad():
        activations = classifier.activations(_example_images(backbone))
    learned = (*last_layer, *example_calibration(_CLASSES, backbone.num_features))
    return _export(
        CalibratedHead(GradCamHead(classifier, activations)),
        {
            FEATURE_MAP: activations,
            CLASS_INDEX: torch.tensor([PREDICTED_CLASS, 0, 1]),
            **dict(zip(LEARNED, learned, strict=True)),
        },
        (*OUTPUTS, FEATURES),
    )


class _Trunk(nn.Module):
    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.normalise = Normalise(backbone)
        self.backbone = backbone

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.backbone.trunk(self.normalise(image))


def _example_images(backbone: Backbone) -> torch.Tensor:
    size = (3, backbone.preprocessing.height, backbone.preprocessing.width, 3)
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, size, dtype=torch.uint8, generator=generator)


def _export(
    module: nn.Module, inputs: dict[Value, torch.Tensor], outputs: tuple[Value, ...]
) -> onnx.ModelProto:
    sizes = {size: torch.export.Dim(size) for size in ("N", "M", "K")}
    shapes = {v: {0: sizes[v.shape[0]]} if v.shape[0] in sizes else None for v in inputs}
    try:
        # Fused attention claims a memory layout that it does not have: MaxViT's export breaks.
        with quiet("torch.onnx", "onnxscript", "onnx_ir"), sdpa_kernel(SDPBackend.MATH):
            program: Any = torch.onnx.export(
                module.eval(),
                _with_learned_as_one(inputs),
                input_names=[value.name for value in inputs],
                output_names=[value.name for value in outputs],
                dynamic_shapes=_with_learned_as_one(shapes),
                dynamo=True,
                external_data=False,
                opset_version=_OPSET,
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        raise ExportError(
            f"torch cannot export this network to ONNX: {first_line(error.__cause__ or error)}. "
            "Choose another backbone"
        ) from error
    # The exporter has left an inner module in train mode once; what is compared must not be.
    module.eval()
    model: onnx.ModelProto = program.model_proto
    _forget_origin(model)
    _let_gelus_fuse(model)
    state_needs(model)
    onnx.checker.check_model(model)
    return model


def _with_learned_as_one(of_inputs: Mapping[Value, Any]) -> tuple[Any, ...]:
    """What a module's `forward` is given: all that was learned is one tuple, and comes last."""
    learned = tuple(of_inputs[value] for value in of_inputs if value in LEARNED)
    others = (of_inputs[value] for value in of_inputs if value not in LEARNED)
    return (*others, learned) if learned else tuple(others)


def _let_gelus_fuse(model: onnx.ModelProto) -> None:
    """Turns x (½ (1 + erf)) into ½ (x (1 + erf)), which ONNX Runtime makes one step of.

    The result is the same to the last bit; a ViT-S/16 takes 3 to 8 % less time.
    """
    makers = {output: node.op_type for node in model.graph.node for output in node.output}
    users: dict[str, list[onnx.NodeProto]] = {}
    for node in model.graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node)
    for node in model.graph.node:
        if node.op_type == "Add" and any(makers.get(name) == "Erf" for name in node.input):
            _exchange_factors(node.output[0], users)


def _exchange_factors(cdf: str, users: dict[str, list[onnx.NodeProto]]) -> None:
    half = _only_product(users, cdf)
    whole = half and _only_product(users, half.output[0])
    if half and whole:
        (constant,) = set(half.input) - {cdf}
        (x,) = set(whole.input) - {half.output[0]}
        half.input[:], whole.input[:] = [x, cdf], [half.output[0], constant]


def _only_product(users: dict[str, list[onnx.NodeProto]], name: str) -> onnx.NodeProto | None:
    """The product that alone uses a value, with another one."""
    found = users.get(name, [])
    is_one = len(found) == 1 and found[0].op_type == "Mul" and len(set(found[0].input)) == 2
    return found[0] if is_one else None


def _forget_origin(model: onnx.ModelProto) -> None:
    """Drops the stack traces of the exporter: paths of this machine, and others at every run."""
    graph = model.graph
    for part in (*graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    graph.ClearField("metadata_props")
