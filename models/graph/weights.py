"""Where a backbone's parameters come from: the hub's cache, the hub, a file, or chance.

Guarantees that a backbone is never quietly half random: a parameter that a file lacks, has too many
of, or has in another shape is an error that names it. Files are read as data (`safetensors`, or
`torch.load` with `weights_only`), never as code. Nothing waits longer than `HUB_PATIENCE_S` for a
hub that does not answer.
"""

import logging
import pickle
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import huggingface_hub
import timm
import torch
from huggingface_hub import constants as hub_constants
from huggingface_hub.utils import get_session
from safetensors import SafetensorError
from torch import nn

from models.errors import WeightsError

log = logging.getLogger(__name__)

#: How long a hub may take to say anything at all, seconds.
HUB_PATIENCE_S: Final = 5.0

#: The names under which timm's repositories on the hub keep their weights, the preferred first.
_HUB_FILES: Final = ("model.safetensors", "pytorch_model.bin")

_COUNTER: Final = "num_batches_tracked"

_WAYS_OUT: Final = (
    "Ways on: connect to the hub once, on any machine, and copy its cache folder (HF_HOME) here; "
    "give a file with --weights FILE; or --weights none for random weights, which teaches little."
)


def hub_file(name: str) -> Path | None:
    """The file of timm's ImageNet weights in this machine's hub cache; None if it is not there."""
    config = timm.get_pretrained_cfg(name)
    if config is None or not config.hf_hub_id:
        return None
    repository, _, revision = config.hf_hub_id.partition("@")
    for filename in (config.hf_hub_filename,) if config.hf_hub_filename else _HUB_FILES:
        found = huggingface_hub.try_to_load_from_cache(
            repository, filename, revision=revision or None
        )
        if isinstance(found, str):
            return Path(found)
    return None


def load_from_hub(name: str) -> nn.Module:
    """Builds timm's model with its ImageNet weights and no classifier, from the cache if possible.

    Raises:
        WeightsError: there are none for this model, or they are not here and the hub is not
            reached within `HUB_PATIENCE_S` (or `HF_HUB_OFFLINE` is set).
    """
    config = timm.get_pretrained_cfg(name)
    if config is None or not config.has_weights:
        raise WeightsError(
            f"timm has no pretrained weights for {name}: choose another backbone, "
            "give a file with --weights FILE, or --weights none for random ones"
        )
    if cached := hub_file(name):
        log.info("weights: %s from the hub cache (%s)", name, cached)
        return _create(name, pretrained=True, pretrained_cfg_overlay={"file": str(cached)})
    _check_hub_answers(name)
    log.info("weights: downloading %s from the hub, once", name)
    try:
        return _create(name, pretrained=True)
    # Proxies, full disks, hubs that break off: many libraries' errors, one sentence.
    except Exception as error:
        raise WeightsError(
            f"downloading the weights of {name} failed: {_first_line(error)}. {_WAYS_OUT}"
        ) from error


def load_from_file(name: str, path: Path) -> nn.Module:
    """Builds timm's model without a classifier, its parameters from a file; random where none.

    Args:
        name: timm's name of the model.
        path: a `.safetensors` file, or a checkpoint of torch (`.pth`, `.pt`, `.bin`). What belongs
            to its classifier is left out, so its number of classes does not matter.

    Raises:
        WeightsError: the file cannot be read or does not fit; names what is missing or unexpected.
    """
    model = _create(name, pretrained=False)
    state = _without_classifier(_converted(_read_state(path), model), model)
    # Counters of training steps say nothing about what a network computes; many files lack them.
    expected = {k: v for k, v in model.state_dict().items() if not k.endswith(_COUNTER)}
    state = {k: v for k, v in state.items() if not k.endswith(_COUNTER)}
    problems = [
        *_named("missing", expected.keys() - state.keys()),
        *_named("unexpected", state.keys() - expected.keys()),
        *_named(
            "of another shape",
            (k for k in expected.keys() & state.keys() if expected[k].shape != state[k].shape),
        ),
    ]
    if problems:
        raise WeightsError(
            f"the weights in {path} do not fit {name}: {'; '.join(problems)}. "
            "Is --backbone the network that this file was made for?"
        )
    model.load_state_dict(state, strict=False)
    return model


def random_start(name: str) -> nn.Module:
    """Builds timm's model without a classifier, with random parameters, and says so loudly."""
    log.warning(
        "weights: NONE. %s starts from random numbers; it has never seen a picture, and its "
        "accuracy says nothing about what a pretrained network would reach",
        name,
    )
    return _create(name, pretrained=False)


def _create(name: str, **options: Any) -> nn.Module:
    model: nn.Module = timm.create_model(name, num_classes=0, **options)
    return model.eval()


def _check_hub_answers(name: str) -> None:
    place = hub_constants.ENDPOINT
    if hub_constants.HF_HUB_OFFLINE:
        raise WeightsError(
            f"the ImageNet weights of {name} are not on this machine, and HF_HUB_OFFLINE forbids "
            f"asking {place}. {_WAYS_OUT}"
        )
    try:
        get_session().head(place, timeout=HUB_PATIENCE_S)
    # Whatever the network, a proxy or a certificate raises: the hub is not to be had.
    except Exception as error:
        raise WeightsError(
            f"the ImageNet weights of {name} are not on this machine, and {place} could not be "
            f"reached within {HUB_PATIENCE_S:.0f} s ({_first_line(error)}). {_WAYS_OUT}"
        ) from error


def _read_state(path: Path) -> dict[str, torch.Tensor]:
    if not path.is_file():
        raise WeightsError(f"--weights: there is no file {path}")
    try:
        state = timm.models.load_state_dict(str(path), weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path} holds more than tensors, and loading it could run code from it; "
            "save its state_dict alone, best as .safetensors"
        ) from error
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, SafetensorError) as error:
        raise WeightsError(f"{path} is not a file of weights: {_first_line(error)}") from error
    if not isinstance(state, Mapping) or not all(torch.is_tensor(v) for v in state.values()):
        raise WeightsError(f"{path} holds no state_dict: names with tensors were expected")
    return dict(state)


def _converted(state: dict[str, torch.Tensor], model: nn.Module) -> dict[str, torch.Tensor]:
    """Renames parameters of older checkpoints as timm itself would, where the names do not fit."""
    if {k for k in model.state_dict() if not k.endswith(_COUNTER)} <= state.keys():
        return state
    module = sys.modules[type(model).__module__]
    for filter_name in ("checkpoint_filter_fn", "_filter_fn"):
        if convert := getattr(module, filter_name, None):
            try:
                return dict(convert(state, model))
            except (AttributeError, KeyError, RuntimeError, TypeError, ValueError):
                return state  # not a checkpoint of this family at all: the names will tell
    return state


def _without_classifier(
    state: Mapping[str, torch.Tensor], model: nn.Module
) -> dict[str, torch.Tensor]:
    config: Any = model.pretrained_cfg
    names = config.get("classifier") or ()
    prefixes = tuple(f"{n}." for n in ((names,) if isinstance(names, str) else names))
    own = model.state_dict().keys()
    return {k: v for k, v in state.items() if k in own or not k.startswith(prefixes)}


def _named(what: str, names: Iterable[str]) -> list[str]:
    found = sorted(names)
    if not found:
        return []
    more = f" and {len(found) - 10} more" if len(found) > 10 else ""
    return [f"{len(found)} {what} ({', '.join(found[:10])}{more})"]


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]
