"""Which networks `--backbone auto` chooses among: weights on this machine, and a short list.

The same names everywhere, so that the same command asks the same networks wherever they can be had:
whatever else lies in a cache of the hub is nobody's choice.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from huggingface_hub import constants as hub_constants

from models.backbones.catalogue import check_backbone
from models.backbones.hub import problem_fetching, source_of
from models.backbones.packaged import packaged_file
from models.backbones.weights import File, Hub, Packaged, Random, Weights
from models.errors import BackboneError, UsageError, WeightsError
from models.pretrained import WHEELS, cached_file, problem_reaching
from models.which_weights import FROM_SCRATCH

log = logging.getLogger(__name__)

#: From the hub, and why these: docs/decisions/0026. A test holds that each is Apache or MIT.
LISTED: Final = (
    "mobilenetv4_conv_medium.e500_r256_in1k",
    "tiny_vit_5m_224.dist_in22k_ft_in1k",
    "convnext_nano.in12k_ft_in1k",
)

_SUFFIXES: Final = frozenset({".safetensors", ".pth", ".pt", ".bin"})

Found = tuple[str, Weights]


def at_hand(asked: Weights | None) -> list[Found]:
    """Networks and their weights, all of them on this machine when this returns.

    Args:
        asked: None: wheels and the short list; `Packaged`, `Hub`: one of the two; a `File`, or a
            folder of files, each called like its network: those beside both.

    Raises:
        UsageError: random weights, which nothing can be chosen by.
        WeightsError: no weights at all; or a file that is called like no network.
    """
    if isinstance(asked, Random):
        raise UsageError(
            "--backbone auto chooses among networks that have learned something: leave --weights "
            "none out, or name a network with --backbone"
        )
    found = _in_files(asked.path) if isinstance(asked, File) else []
    found += [] if isinstance(asked, Hub) else _in_wheels()
    found += [] if isinstance(asked, Packaged) else _from_hub()
    if not found:
        raise WeightsError(
            "--backbone auto: there are no weights to choose among. Leave --weights out, give a "
            "folder of files with --weights, or name a network with --backbone"
        )
    return found


def _in_files(path: Path) -> list[Found]:
    """Those of the user's own; of a folder, all that are called like a network."""
    if not path.is_dir():
        if problem := _problem_with_name(path):
            raise WeightsError(problem)
        return [(path.stem, File(path))]
    files = sorted(file for file in path.iterdir() if file.suffix in _SUFFIXES)
    problems = {file: _problem_with_name(file) for file in files}
    for problem in filter(None, problems.values()):
        log.warning("not asked: %s", problem)
    return [(file.stem, File(file)) for file, problem in problems.items() if not problem]


def _problem_with_name(file: Path) -> str:
    """Why it cannot be known which network a file's weights are of; empty where it is."""
    try:
        check_backbone(file.stem)
    except BackboneError as error:
        return (
            f"{file}: beside --backbone auto, weights are in files called like their network "
            f"(resnet18.safetensors), and {error}"
        )
    is_trained = file.stem not in FROM_SCRATCH
    return "" if is_trained else f"{file}: {file.stem} is always trained from scratch"


def _in_wheels() -> list[Found]:
    found: list[Found] = []
    for name in (name for name, wheel in WHEELS.items() if wheel.locate()):
        try:
            packaged_file(name)
        except WeightsError as error:
            log.warning("not asked: %s", error)
        else:
            found.append((name, Packaged()))
    return found


def _from_hub() -> list[Found]:
    """Those of the short list that are here or arrive; asking for one that does not is enough."""
    sources = {name: source_of(name) or "" for name in LISTED}
    missing = [name for name, source in sources.items() if not cached_file(source)]
    if missing and (problem := problem_reaching(hub_constants.ENDPOINT)):
        _say_what_is_missing(missing, problem)
        sources = {name: source for name, source in sources.items() if name not in missing}
    found: list[Found] = []
    for name, source in sources.items():
        if problem := problem_fetching(name, source):
            log.warning("not asked: %s", problem)
        else:
            found.append((name, Hub()))
    return found


def _say_what_is_missing(names: Sequence[str], problem: str) -> None:
    log.warning(
        "not asked, because their weights are not on this machine: %s (%s)",
        ", ".join(names), problem,
    )  # fmt: skip
