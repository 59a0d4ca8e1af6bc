"""Where a backbone's parameters come from: a cache, the hub (or torchvision's), a file, or chance.

Guarantees that a backbone is never quietly half random: a parameter that a file lacks, has too many
of, or has in another shape is an error that names it. Files are read as data (`safetensors`, or
`torch.load` with `weights_only`), never as code. Nothing waits longer than `HUB_PATIENCE_S`
for a server that does not answer, nor than `STALL_PATIENCE_S` for one that stops in the middle.
"""

import logging
import re
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

import timm
import torch
from huggingface_hub import constants as hub_constants
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import EntryNotFoundError
from safetensors import SafetensorError
from torch import nn

from models.backbones.course_networks import FROM_SCRATCH
from models.errors import WeightsError, first_line
from models.pretrained import cached_file, hub_files, problem_reaching, torch_cache_path

log = logging.getLogger(__name__)

#: How long a download may stand still, seconds. (The hub's own library has its own such limit.)
STALL_PATIENCE_S: Final = 30.0

_COUNTER: Final = "num_batches_tracked"

_WAYS_OUT: Final = (
    "Ways on: connect to the hub once, on any machine, and copy its cache folder ({home}) here; "
    "give a file with --weights FILE; --weights bundled, without --backbone, for the small network "
    "in this package; or --weights none for random weights, which teaches little."
)

#: Eight or more hexadecimal digits before the suffix: the start of the file's SHA-256.
_DIGEST_IN_NAME: Final = re.compile(r"-([0-9a-f]{8,})\.")


@dataclass(frozen=True)
class Hub:
    """Those that timm or torchvision have for a network, learned on ImageNet.

    Of all kinds of weights, `word` is what `--weights` takes and `origin` what a bundle says.
    """

    word: ClassVar[str] = "imagenet"
    origin: ClassVar[str] = "imagenet"


@dataclass(frozen=True)
class Bundled:
    """Those of the one network in this package."""

    word: ClassVar[str] = "bundled"
    origin: ClassVar[str] = "bundled"


@dataclass(frozen=True)
class File:
    """Those in a file of the user's."""

    path: Path

    @property
    def word(self) -> str:
        """The path."""
        return str(self.path)

    @property
    def origin(self) -> str:
        """The file's name: a folder's may tell of its owner."""
        return self.path.name


@dataclass(frozen=True)
class Random:
    """None: numbers drawn by chance."""

    word: ClassVar[str] = "none"
    origin: ClassVar[str] = "none (random)"


Weights = Hub | Bundled | File | Random


def parse_weights(word: str) -> Weights | None:
    """What `--weights` means; None for `auto`, which `bundled_backbone.decide_weights` decides."""
    named: dict[str, Weights | None] = {kind.word: kind for kind in (Hub(), Bundled(), Random())}
    return named.get(word, File(Path(word))) if word != "auto" else None


def usual_weights(name: str) -> Weights:
    """Those of a network that nothing was said about: the hub's, where it can have any."""
    return Random() if name in FROM_SCRATCH else Hub()


def source_of(name: str) -> str | None:
    """Where a model's ImageNet weights can be had, as `models.pretrained` takes it, if any."""
    config = timm.get_pretrained_cfg(name)
    if config is None or not config.has_weights:
        return None
    if config.hf_hub_id:
        return f"{config.hf_hub_id}{f'#{config.hf_hub_filename}' if config.hf_hub_filename else ''}"
    return config.url if isinstance(config.url, str) else str(config.url and config.url[0])


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


def problem_fetching(name: str, source: str) -> str | None:
    """Downloads weights that are not on this machine; says why they cannot be had, if so."""
    if cached := cached_file(source):
        log.info("weights: %s from the cache (%s)", name, cached)
        return None
    by_url = "://" in source
    place = "{0.scheme}://{0.netloc}".format(urlsplit(source)) if by_url else hub_constants.ENDPOINT
    if problem := problem_reaching(place):
        return f"the ImageNet weights of {name} are not on this machine, and {problem}"
    log.info("weights: downloading %s from %s, once", name, place)
    try:
        download(source) if by_url else _download_from_hub(source)
    # Proxies, full disks, servers that break off: many libraries' errors, one sentence.
    except Exception as error:  # noqa: BLE001
        return f"downloading the weights of {name} failed: {first_line(error)}"
    return None


def load_from_file(name: str, path: Path, **options: Any) -> nn.Module:
    """Builds timm's model without a classifier, its parameters from a file.

    That is a `.safetensors` file, or a checkpoint of torch (`.pth`, `.pt`, `.bin`). What belongs to
    its classifier is left out, so its number of classes does not matter.

    Raises:
        WeightsError: the file cannot be read or does not fit; names what is missing or unexpected.
    """
    model = _create(name, pretrained=False, **options)
    state = _without_classifier(_converted(_read_state(path), model), model)
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


def download(url: str) -> Path:
    """Fetches a file of weights into torch's cache, whole and with the digest in its name.

    Raises:
        OSError: the server or the disk fails; or it stands still for `STALL_PATIENCE_S`.
        RuntimeError: the file's digest is another.
    """
    file = torch_cache_path(url)
    file.parent.mkdir(parents=True, exist_ok=True)
    digest = _DIGEST_IN_NAME.search(file.name)
    # `urllib`, which torch downloads with, waits for ever unless told otherwise.
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(STALL_PATIENCE_S)
    try:
        torch.hub.download_url_to_file(
            url, str(file), digest and digest.group(1), progress=sys.stderr.isatty()
        )
    finally:
        socket.setdefaulttimeout(before)
    return file


def _download_from_hub(source: str) -> None:
    """Fetches the first of a repository's usual files that it has into the hub's cache."""
    repository, revision, names = hub_files(source)
    for name in names[:-1]:
        try:
            hf_hub_download(repository, name, revision=revision)
        except EntryNotFoundError:
            continue
        return
    hf_hub_download(repository, names[-1], revision=revision)


def _read_state(path: Path) -> dict[str, torch.Tensor]:
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


def _converted(state: dict[str, torch.Tensor], model: nn.Module) -> dict[str, torch.Tensor]:
    """Renames parameters of older checkpoints as timm itself would, where the names do not fit."""
    if {k for k in model.state_dict() if not k.endswith(_COUNTER)} <= state.keys():
        return state
    module = sys.modules[type(model).__module__]
    convert = getattr(module, "checkpoint_filter_fn", None) or getattr(module, "_filter_fn", None)
    try:
        return dict(convert(state, model)) if convert else state
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError):
        return state  # not a checkpoint of this family at all: the names will tell


def _without_classifier(
    state: dict[str, torch.Tensor], model: nn.Module
) -> dict[str, torch.Tensor]:
    config: Any = model.pretrained_cfg
    names = config.get("classifier") or ()
    prefixes = tuple(f"{n}." for n in ((names,) if isinstance(names, str) else names))
    own = model.state_dict().keys()
    return {k: v for k, v in state.items() if k in own or not k.startswith(prefixes)}


def _told(what: str, names: list[str]) -> str:
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return f"{len(names)} {what} ({', '.join(names[:10])}{more})"
