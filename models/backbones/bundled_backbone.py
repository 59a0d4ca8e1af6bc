"""The small backbone in this package, and when it takes the place of one that cannot be had.

It was distilled by this project (`distill-backbone`; its card lies beside it). With it transfer
learning works on a machine that reaches no model hub: `auto` decides, before any picture is read
and within a bounded time, whether the hub's weights can be had, and says what it decided.
"""

import logging
import queue
import threading
from typing import Any, Final

from torch import nn

from models.backbones.weights import (
    Bundled,
    Weights,
    load_from_file,
    problem_fetching,
    source_of,
    usual_weights,
)
from models.errors import WeightsError
from models.pretrained import BUNDLED_BACKBONE, bundled_file

log = logging.getLogger(__name__)

#: What is taken where nothing was asked for and the hub, or its cache, has it.
PREFERRED_BACKBONE: Final = "resnet18"

#: How long a download may keep `auto` waiting, seconds; 45 MB come in this time at 6 Mbit/s.
PATIENCE_S = 60.0


def load_bundled(name: str, **options: Any) -> nn.Module:
    """Builds the bundled network, without a classifier; its name may carry timm's tag.

    Raises:
        WeightsError: they are for another network, or are not in this copy of the package.
    """
    if not _fits(name):
        raise WeightsError(
            f"the bundled weights are those of a {BUNDLED_BACKBONE} and do not fit {name}: "
            "leave --backbone out, or take --weights imagenet or a file"
        )
    if not (file := bundled_file()):
        raise WeightsError(
            "the bundled weights are missing from this copy of the program: "
            "install it again, or take --weights imagenet, a file, or none"
        )
    log.info("weights: bundled, %s", name)
    return load_from_file(name, file, **options)


def decide_weights(backbone: str | None, asked: Weights | None) -> tuple[str, Weights]:
    """Turns what was asked for into a backbone and weights that are on this machine.

    Nothing asked for (`auto`) is the preferred backbone with the hub's weights, or the bundled one
    where those are not here within `PATIENCE_S`.
    """
    if isinstance(asked, Bundled):
        return backbone or BUNDLED_BACKBONE, asked
    name = backbone or PREFERRED_BACKBONE
    if asked is not None:
        return name, asked
    usual, source = usual_weights(name), source_of(name)
    if source is None or not (backbone is None or _fits(name)) or not bundled_file():
        return name, usual  # whose loading says what is wrong, if anything is
    if not (problem := _problem_in_time(name, source)):
        return name, usual
    log.warning(
        "weights: %s. The bundled %s is taken instead, which is small. For a larger network: "
        "connect to the hub once, or give --backbone NAME --weights FILE",
        problem, BUNDLED_BACKBONE,
    )  # fmt: skip
    return backbone or BUNDLED_BACKBONE, Bundled()


def _fits(name: str) -> bool:
    return name.partition(".")[0] == BUNDLED_BACKBONE


def _problem_in_time(name: str, source: str) -> str | None:
    """As `problem_fetching`, but no longer than `PATIENCE_S`; a download goes on behind."""
    answers: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    threading.Thread(
        target=lambda: answers.put(problem_fetching(name, source)), daemon=True
    ).start()
    try:
        return answers.get(timeout=PATIENCE_S)
    except queue.Empty:
        return f"the ImageNet weights of {name} were not here within {PATIENCE_S:.0f} s"
