"""When the small backbone in this package takes the place of one that cannot be had.

That was distilled by this project (`distill-backbone`; its card lies beside it). With it transfer
learning works on a machine that reaches no model hub: `auto` decides, before any picture is read
and within a bounded time, whether the hub's weights can be had, and says what it decided.
"""

import logging
from typing import Final

from models.backbones.weights import Bundled, Weights, problem_fetching, source_of, usual_weights
from models.pretrained import BUNDLED_BACKBONE, bundled_file, in_time, is_bundled

log = logging.getLogger(__name__)

#: What is taken where nothing was asked for and the hub, or its cache, has it.
PREFERRED_BACKBONE: Final = "resnet18"

#: How long a download may keep `auto` waiting, seconds; 45 MB come in this time at 6 Mbit/s.
PATIENCE_S = 60.0


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
    if source is None or not (backbone is None or is_bundled(name)) or not bundled_file():
        return name, usual  # whose loading says what is wrong, if anything is
    late = f"the ImageNet weights of {name} were not here within {PATIENCE_S:.0f} s"
    problem = in_time(PATIENCE_S, lambda: problem_fetching(name, source), late)
    if problem is None:
        return name, usual
    log.warning(
        "weights: %s. The bundled %s is taken instead, which is small. For a larger network: "
        "connect to the hub once, or give --backbone NAME --weights FILE",
        problem, BUNDLED_BACKBONE,
    )  # fmt: skip
    return backbone or BUNDLED_BACKBONE, Bundled()
