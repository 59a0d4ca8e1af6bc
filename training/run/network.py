"""Which network a run works with: the one that was asked for, or the one that suits a sample."""

import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from models.errors import UsageError
from models.graph.known_network import KnownNetwork
from models.licences import check_allowed
from models.terminal import working
from models.which_weights import FROM_SCRATCH, Weights, decide_weights, parse_weights
from training.data.example import ImageFolder
from training.data.pictures import Pictures
from training.features.extractor import Extractor
from training.features.kept_networks import known_network
from training.group import first_says
from training.selection.backbone import AUTO, Candidate, choose_backbone
from training.settings import TrainingSettings

log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from models.graph.network import Network


def decide_backbone(
    settings: TrainingSettings, folder: ImageFolder, pictures: Pictures
) -> tuple[TrainingSettings, dict[str, Any]]:
    """With `--backbone auto` the network that suits a sample, and why; else what was asked for."""
    if settings.backbone != AUTO:
        return settings, {}
    if not settings.finetune:
        _check_that_options_have_an_effect(settings)
    found = first_says(lambda: _choice(settings, folder, pictures))
    return replace(settings, backbone=found["backbone"], weights=found["weights"]), found


def _choice(settings: TrainingSettings, folder: ImageFolder, pictures: Pictures) -> dict[str, Any]:
    # Late: torch takes seconds, and what stands above need not wait for it.
    from models.backbones.at_hand import at_hand  # noqa: PLC0415
    from models.backbones.backbone import load_backbone  # noqa: PLC0415
    from models.graph.network import Network  # noqa: PLC0415

    def load(name: str, weights: Weights) -> Extractor:
        with working(f"loading {name}"):
            network = Network(load_backbone(name, weights, settings.image_size))
        return Extractor.of(network)

    with working("looking for weights"):
        found = at_hand(parse_weights(settings.weights))
    candidates = [Candidate(name, kind.word, partial(load, name, kind)) for name, kind in found]
    return choose_backbone(candidates, settings.framing, settings.greys, folder, pictures).as_json()


def find_network(settings: TrainingSettings) -> tuple[TrainingSettings, KnownNetwork] | None:
    """The network that was asked for, where an earlier run has made all that a run needs of it.

    Returns:
        As `load_network`; None where torch is needed.

    Raises:
        TransferError: as `load_network`.
    """
    if settings.backbone == AUTO or settings.finetune:
        return None
    name, weights = decide_weights(settings.backbone, parse_weights(settings.weights))
    if (found := known_network(name, weights, settings.image_size)) is None:
        return None
    _check_that_options_have_an_effect(settings)
    check_allowed(name, found.facts.licence, settings.accept_licence)
    log.info("%s (%s) is known from an earlier run: torch is not needed", name, weights.word)
    return replace(settings, backbone=name, weights=weights.word), found


def load_network(settings: TrainingSettings) -> tuple[TrainingSettings, "Network"]:
    """The network that was asked for, and the settings with its name and weights in them."""
    with working("loading the network"):
        return _loaded(settings)


def _loaded(settings: TrainingSettings) -> tuple[TrainingSettings, "Network"]:
    # Late, as above.
    import torch  # noqa: PLC0415

    from models.backbones.backbone import load_backbone  # noqa: PLC0415
    from models.backbones.licences import check_licence  # noqa: PLC0415
    from models.graph.network import Network  # noqa: PLC0415

    name, weights = first_says(
        lambda: decide_weights(settings.backbone, parse_weights(settings.weights))
    )
    if not settings.finetune and name not in FROM_SCRATCH:
        _check_that_options_have_an_effect(settings)
    first_says(lambda: check_licence(name, weights, settings.accept_licence))
    torch.manual_seed(settings.seed)
    network = Network(load_backbone(name, weights, settings.image_size))
    return replace(settings, backbone=name, weights=weights.word), network


def _check_that_options_have_an_effect(settings: TrainingSettings) -> None:
    """Refuses what only fine-tuning would heed, where there is none.

    Raises:
        UsageError: names the option.
    """
    given = {
        "--epochs": settings.epochs,
        "--learning-rate": settings.learning_rate,
        "--batch-size": settings.batch_size,
    }
    named = [option for option, value in given.items() if value is not None]
    if named:
        raise UsageError(f"{' and '.join(named)}: no effect without --finetune")
