"""Which names `--backbone` takes, and which of those models can show where they looked.

A backbone is usable if its last feature map is spatial. The model itself is asked, built on torch's
`meta` device, so that the answer costs neither memory nor a download, but 0.3 s.
"""

import difflib
from dataclasses import dataclass
from typing import Any

import timm
import timm.data
import timm.models
import torch

# For what it registers: the course's networks that timm does not have.
import models.backbones.course_networks  # noqa: F401
from models.errors import BackboneError


@dataclass(frozen=True)
class Measured:
    """What building a backbone without its last layer tells.

    It is usable if its last feature map is spatial, and one row of features comes of it. Height and
    width are those of the pictures that it takes unless told otherwise, pixels.
    """

    parameters: int
    usable: bool
    height: int
    width: int


def check_backbone(name: str) -> None:
    """Refuses a name that nobody knows, and a model that has no spatial feature map.

    Raises:
        BackboneError: with the nearest names, or the reason.
    """
    # With a dot, some of a model's weights are named.
    if name not in timm.list_models(include_tags="." in name):
        raise BackboneError(f"there is no backbone named {name!r}.{_hint(name)}")
    if not measure(name).usable:
        raise BackboneError(
            f"{name} has no spatial feature map as its last layer, so it cannot show where it "
            "looked (Grad-CAM). Choose a convolutional network, or one such as "
            "swin_tiny_patch4_window7_224"
        )


def measure(name: str) -> Measured:
    """Asks the model itself, without memory for its parameters."""
    with torch.device("meta"), torch.inference_mode():
        model: Any = timm.create_model(name, num_classes=0).eval()
        size = timm.data.resolve_data_config(model=model)["input_size"]
        try:
            feature_map = model.forward_features(torch.zeros(1, *size))
            usable = _has_rank(feature_map, 4) and _has_rank(
                model.forward_head(feature_map, pre_logits=True), 2
            )
        # A model that computes with numbers while it runs has none on `meta`.
        except (NotImplementedError, RuntimeError, AttributeError, TypeError):
            usable = False
    return Measured(sum(p.numel() for p in model.parameters()), usable, *size[1:])


def _hint(name: str) -> str:
    if new_name := timm.models.get_deprecated_models().get(name):
        return f" It is called {new_name} now."
    plain, _, tag = name.partition(".")
    tagged = timm.list_models(f"{plain}.*", include_tags=True) if tag else []
    known = tagged or timm.list_models()
    near = difflib.get_close_matches(name, known, n=3) or [n for n in known if name in n][:3]
    return f" Did you mean {' or '.join(near)}?" if near else ""


def _has_rank(found: object, rank: int) -> bool:
    return isinstance(found, torch.Tensor) and found.ndim == rank
