"""Parameters from a file into a network: all of them and no others, or a sentence.

Files are read as data (`safetensors`, or `torch.load` with `weights_only`), never as code.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import timm
import torch
from safetensors import SafetensorError
from torch import nn

from models.errors import WeightsError, first_line
from models.quiet import quiet

State = Mapping[str, torch.Tensor]

_COUNTER: Final = "num_batches_tracked"

#: What of a transformer has a row for each place.
_POSITIONS: Final = ("pos_embed", "relative_position_bias_table")


def read_state(path: Path) -> State:
    """Tensors by name, from a `.safetensors` file or a checkpoint of torch (`WeightsError`)."""
    if not path.is_file():
        raise WeightsError(f"--weights: there is no file {path}")
    try:
        state = timm.models.load_state_dict(str(path), weights_only=True)
    # Bytes that are no weights make the unpickler raise nearly anything (KeyError for a text).
    except Exception as error:
        # Said by torch alone; timm gives the same error for code and for a broken file.
        if "Unsupported global" in f"{error} {error.__cause__}":
            raise WeightsError(
                f"{path} holds more than tensors, and loading it could run code from it; "
                "save its state_dict alone, best as .safetensors"
            ) from error
        reason = f" ({first_line(error)})" if isinstance(error, OSError | SafetensorError) else ""
        raise WeightsError(
            f"{path} is not a file of weights{reason}: "
            "a .safetensors file or a state_dict saved by torch was expected"
        ) from error
    if not isinstance(state, Mapping) or not all(torch.is_tensor(v) for v in state.values()):
        raise WeightsError(f"{path} holds no state_dict: names with tensors were expected")
    return dict(state)


def fill(model: nn.Module, found: State, name: str, path: Path) -> None:
    """Gives a model its parameters; what belongs to a classifier that it lacks is left out.

    Args:
        model: to be filled.
        found: the parameters.
        name: of the model, for messages.
        path: where they were found, likewise.

    Raises:
        WeightsError: names what is missing, unexpected or of another shape.
    """
    state = _without_classifier(found, model)
    # Counters of training steps say nothing about what a network computes; many files lack them.
    expected = {k: v for k, v in model.state_dict().items() if not k.endswith(_COUNTER)}
    state = {k: v for k, v in state.items() if not k.endswith(_COUNTER)}
    both = expected.keys() & state.keys()
    problems = {
        "missing": expected.keys() - both,
        "unexpected": state.keys() - both,
        "of another shape": {k for k in both if expected[k].shape != state[k].shape},
    }
    if told := [_told(what, sorted(names)) for what, names in problems.items() if names]:
        raise WeightsError(
            f"the weights in {path} do not fit {name}: {'; '.join(told)}. "
            f"Name the network that this file was made for with --backbone; here it is {name}"
        )
    model.load_state_dict(state, strict=False)


def converted(state: State, model: nn.Module) -> State:
    """What timm itself would make of a checkpoint that is older, or for pictures of another size.

    The former has other names, the latter as many positions as there are patches: those are
    interpolated. Nothing else that has another shape is touched: it is another network's.
    """
    own = {k: v.shape for k, v in model.state_dict().items() if not k.endswith(_COUNTER)}
    others = {k for k in own.keys() & state.keys() if own[k] != state[k].shape}
    if own.keys() <= state.keys() and not (others and all(k.endswith(_POSITIONS) for k in others)):
        return state
    module = sys.modules[type(model).__module__]
    convert = getattr(module, "checkpoint_filter_fn", None) or getattr(module, "_filter_fn", None)
    try:
        with quiet():  # BEiT's interpolation warns of its own speed
            return dict(convert(state, model)) if convert else state
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError):
        return state  # not a checkpoint of this family at all: the names will tell


def _without_classifier(state: State, model: nn.Module) -> State:
    config: Any = model.pretrained_cfg
    names = config.get("classifier") or ()
    prefixes = tuple(f"{n}." for n in ((names,) if isinstance(names, str) else names))
    own = model.state_dict().keys()
    return {k: v for k, v in state.items() if k in own or not k.startswith(prefixes)}


def _told(what: str, names: list[str]) -> str:
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return f"{len(names)} {what} ({', '.join(names[:10])}{more})"
