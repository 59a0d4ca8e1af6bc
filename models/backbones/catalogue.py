"""Which names `--backbone` takes, and which of those models can show where they looked.

A backbone is usable if its last activations have a place: a map's or patch tokens'. The model
itself is asked, built on torch's `meta` device, so that the answer costs neither memory nor a
download, but 0.3 s.
"""

import difflib
from dataclasses import dataclass
from typing import Any, Final

import timm
import timm.data
import timm.models
import torch

# For what it registers: the course's networks that timm does not have.
import models.backbones.course_networks  # noqa: F401
from models.backbones.activations import FeatureMap, activations_of
from models.errors import BackboneError

#: Why a network of this name is refused.
NO_PLACE: Final = (
    "{name} ends in nothing that has a place in the picture, so it cannot show where it looked "
    "(Grad-CAM). Choose another network, see --list-backbones"
)


@dataclass(frozen=True)
class Measured:
    """What building a backbone without its last layer tells.

    It is usable if its last activations have a place, and one row of features comes of them. Height
    and width are those of the pictures that it takes unless told otherwise, pixels.
    """

    parameters: int
    usable: bool
    height: int
    width: int


def check_backbone(name: str) -> None:
    """Refuses (`BackboneError`) an unknown name, and a model that ends in nothing with a place."""
    # With a dot, some of a model's weights are named.
    if name not in timm.list_models(include_tags="." in name):
        raise BackboneError(f"there is no backbone named {name!r}.{_hint(name)}")
    if not measure(name).usable:
        raise BackboneError(NO_PLACE.format(name=name))


def measure(name: str) -> Measured:
    """Asks the model itself, without memory for its parameters."""
    with torch.device("meta"), torch.inference_mode():
        model: Any = timm.create_model(name, num_classes=0).eval()
        size = timm.data.resolve_data_config(model=model)["input_size"]
        try:
            usable = _has_a_place(model, torch.zeros(1, *size))
        # A model that computes with numbers has none on `meta`; some take no plain pictures.
        except (NotImplementedError, RuntimeError, AttributeError, TypeError, AssertionError):
            usable = False
    return Measured(sum(p.numel() for p in model.parameters()), usable, *size[1:])


def _has_a_place(model: Any, images: torch.Tensor) -> bool:
    found = activations_of(model, images)
    if found is None or isinstance(found, FeatureMap):
        return found is not None
    return found.features(model, found.trunk(model, images)).ndim == 2


def _hint(name: str) -> str:
    if new_name := timm.models.get_deprecated_models().get(name):
        return f" It is called {new_name} now."
    plain, _, tag = name.partition(".")
    tagged = timm.list_models(f"{plain}.*", include_tags=True) if tag else []
    known = tagged or timm.list_models()
    near = difflib.get_close_matches(name, known, n=3) or [n for n in known if name in n][:3]
    return f" Did you mean {' or '.join(near)}?" if near else ""
