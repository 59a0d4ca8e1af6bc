"""Under which licence a network's weights are.

What timm says of them (`pretrained_cfg`) is believed. A file of the user's is the user's own
affair, and so is what was trained from random numbers.
"""

from typing import assert_never

import timm

from models.backbones.hub import source_of
from models.backbones.weights import File, Hub, Packaged, Random, Weights
from models.licences import OWN, UNKNOWN, check_allowed

__all__ = ["OWN", "check_licence", "licence_of", "weights_of"]


def licence_of(name: str, weights: Weights) -> str:
    """As timm and the list of backbones have it, in SPDX's words where it has some."""
    match weights:
        case Hub():
            config = timm.get_pretrained_cfg(name)
            return (config and config.license) or UNKNOWN
        case Packaged():
            return "apache-2.0"
        case File() | Random():
            return OWN
        case _:
            assert_never(weights)


def weights_of(name: str) -> tuple[str, str, str]:
    """Of a network without a tag: source and licence of its usual weights, and all of its tags.

    Those are separated by commas, the usual first; where a tag's licence is another, it stands
    behind it in brackets. Empty where there are no weights.
    """
    config, source = timm.get_pretrained_cfg(name), source_of(name)
    if config is None or source is None:
        return "", "", ""
    usual = config.tag
    tagged = timm.list_pretrained(f"{name}.*")
    tags = sorted((one.partition(".")[2] for one in tagged), key=lambda tag: (tag != usual, tag))
    licence = licence_of(name, Hub())
    others = {tag: licence_of(f"{name}.{tag}", Hub()) for tag in tags}
    shown = [tag if others[tag] == licence else f"{tag} ({others[tag]})" for tag in tags]
    return source, licence, ", ".join(shown)


def check_licence(name: str, weights: Weights, accepted: str | None) -> None:
    """Refuses weights that are not free for any use, unless their licence was accepted by name.

    Raises:
        WeightsError: it was not; nothing has been downloaded yet.
    """
    check_allowed(name, licence_of(name, weights), accepted)
