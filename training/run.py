"""The story of a run, from a folder of pictures to a bundle in the store, top to bottom."""

import logging
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from models import store
from models.backbones.backbone import Backbone, load_backbone
from models.backbones.bundled_backbone import decide_weights
from models.backbones.catalogue import check_backbone
from models.backbones.course_networks import FROM_SCRATCH
from models.backbones.weights import parse_weights
from models.bundle import TrainingSummary, parse_bundle, write_bundle
from models.errors import DataFolderError, UsageError
from models.graph.assembly import Description, assemble_bundle
from models.preprocessing import Pixels, Preprocessing, read_pixels
from training.data.folder import Example, ImageFolder, check_counts, printable, scan_folder
from training.data.sample import draw_sample
from training.features.extractor import FeatureTable, read_features
from training.features.feature_file import load_features, save_features
from training.features.graphs import exported_head
from training.group import check_devices, first_says, is_first, joined
from training.recipes.outcome import Outcome
from training.recipes.probe import Learned, frozen_outcome, learn_head
from training.report.tensorboard import Judged, how_to_open, log_to_tensorboard
from training.report.terminal import evaluation_as_json, left_out_as_json, print_evaluation
from training.run_folder import (
    BUNDLE_FILE,
    FEATURES_FILE,
    SETTINGS_FILE,
    SUMMARY_FILE,
    logged_to,
    make_run_folder,
    package_versions,
    write_json,
    write_rows,
)
from training.selection.select import View, Viewer, decide_view
from training.settings import TrainingSettings
from training.terminal import be_quiet, console

log = logging.getLogger(__name__)

#: Real pictures that torch and the exported file are compared on.
_COMPARED: Final = 8


def run(settings: TrainingSettings, resumed: Path | None = None) -> dict[str, Any]:
    """Trains, judges, exports and stores; prints the result.

    Where several processes train together, all of them come here; the first one decides, writes
    and exports.

    Args:
        settings: what to do.
        resumed: the folder of a run that was cut off; it goes on there.

    Returns:
        The content of `summary.json`.

    Raises:
        TransferError: with a sentence for the user, and `exit_code`.
    """
    begun = time.monotonic()
    check_devices(settings.devices)
    with joined(settings.devices, settings.nodes):
        if not is_first():
            be_quiet()
        torch.manual_seed(settings.seed)
        if settings.backbone is not None:
            check_backbone(settings.backbone)
        folder = scan_folder(settings.data)
        check_counts(folder, folder.examples)
        _log_folder(folder)
        name, weights = first_says(
            lambda: decide_weights(settings.backbone, parse_weights(settings.weights))
        )
        settings = replace(settings, backbone=name, weights=weights.word)
        _check_that_options_have_an_effect(settings)
        backbone = load_backbone(name, weights, settings.given_size)
        make = partial(make_run_folder, settings.out, printable(settings.run_name))
        run_folder = resumed or first_says(make)
        with logged_to(run_folder):
            first_says(lambda: write_json(run_folder / SETTINGS_FILE, settings.as_json()))
            is_resumed = resumed is not None
            trained = _trained(settings, folder, backbone, run_folder, is_resumed=is_resumed)
            summary = first_says(lambda: _exported(settings, run_folder, trained, begun))
    log.info("run folder: %s", run_folder)
    log.info("bundle: %s, in the model store as %s", summary["bundle"], summary["model"])
    log.info("to compare runs: %s", how_to_open(settings.out))
    # Last: whoever pipes this into `head` closes the pipe, and must not lose the run by it.
    if not console.quiet:
        print_evaluation(trained.outcome.evaluation)
    return summary


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
    if named and not settings.finetune and settings.backbone not in FROM_SCRATCH:
        raise UsageError(f"{' and '.join(named)}: no effect without --finetune")


@dataclass(frozen=True)
class _Trained:
    """All that there is to tell of a run before it is exported."""

    folder: ImageFolder
    table: FeatureTable
    view: View
    learned: Learned
    outcome: Outcome


def _trained(
    settings: TrainingSettings,
    folder: ImageFolder,
    backbone: Backbone,
    run_folder: Path,
    *,
    is_resumed: bool,
) -> _Trained:
    sample = draw_sample(folder)
    viewer = decide_view(settings, backbone, sample, len(folder.examples), run_folder)
    table = _features(run_folder, folder, viewer, is_resumed=is_resumed)
    learned = learn_head(folder, table, settings.seed, sample.taught)
    outcome = frozen_outcome(learned, viewer)
    if settings.finetune or backbone.name in FROM_SCRATCH:
        # Late, because Lightning takes a second that the frozen recipe need not wait for.
        from training.recipes.finetune import fine_tuned_outcome  # noqa: PLC0415

        outcome = fine_tuned_outcome(outcome, table, learned, settings, run_folder, sample)
    return _Trained(folder, table, viewer.view, learned, outcome)


def _features(
    run_folder: Path, folder: ImageFolder, viewer: Viewer, *, is_resumed: bool
) -> FeatureTable:
    """The pass over the pictures, or what it found before the run was cut off."""
    kept = run_folder / FEATURES_FILE
    if is_resumed and not viewer.is_as_before:
        log.info(
            "this machine computes with another graph than before: all pictures are read again"
        )
    elif is_resumed and kept.exists():
        before = load_features(kept, folder.examples)
        if before is None:
            raise DataFolderError(
                f"--resume: the pictures in {folder.root} have changed since this run began; "
                "begin a new one"
            )
        log.info("the pictures have been read before and are the same")
        return before
    table = read_features(
        folder.examples, viewer.backbone, viewer.graph, viewer.preprocessing, viewer.known
    )
    first_says(lambda: save_features(table, kept))
    return table


def _exported(
    settings: TrainingSettings, run_folder: Path, trained: _Trained, begun: float
) -> dict[str, Any]:
    """Writes the bundle to the run folder and the store, and what is known of it beside it."""
    outcome, evaluation = trained.outcome, trained.outcome.evaluation
    log.info("exporting, and comparing with torch")
    data, agreement = assemble_bundle(
        outcome.classifier,
        outcome.backbone_graph,
        _description(settings, trained),
        _compared_pixels(trained.learned.held_out, outcome.preprocessing),
        exported_head(outcome.classifier),
    )
    path = run_folder / BUNDLE_FILE
    write_bundle(data, path)
    stored = store.put(data, settings.run_name)
    judged = Judged(trained.learned.held_out, outcome.probabilities, evaluation)
    _write_predictions(run_folder, judged)
    bundle = parse_bundle(data, str(path))
    log_to_tensorboard(run_folder, settings, outcome.recipe, judged, bundle)
    summary = {
        **evaluation_as_json(evaluation),
        "held_out_part": trained.learned.held_out[0].part,
        "trained_on": outcome.trained_on,
        "model": stored.tag,
        "bundle": str(path),
        "layout": trained.folder.layout,
        "left_out": left_out_as_json(trained.table.left_out),
        "backbone": outcome.classifier.backbone.name,
        "weights": outcome.classifier.backbone.weights.origin,
        "recipe": outcome.recipe,
        "trained_parameters": outcome.trained_parameters,
        "regularisation": trained.learned.fitted.as_json(),
        "fine_tuning": outcome.details,
        "agreement_with_torch": agreement.as_json(),
        "data_digest": trained.table.data_digest,
        "settings": settings.as_json(),
        "versions": package_versions(),
        **trained.view.as_json(),
        "precision": asdict(outcome.precision),
        "seconds": round(time.monotonic() - begun, 2),
    }
    write_json(run_folder / SUMMARY_FILE, summary)  # last: that it is there says "complete"
    return summary


def _description(settings: TrainingSettings, trained: _Trained) -> Description:
    evaluation = trained.outcome.evaluation
    summary = TrainingSummary(
        recipe=trained.outcome.recipe,
        seed=settings.seed,
        accuracy=evaluation.accuracy,
        accuracy_interval=evaluation.accuracy_interval,
        held_out=evaluation.count,
        trained_on=trained.outcome.trained_on,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    return Description(
        trained.folder.classes, summary, trained.table.data_digest, trained.outcome.preprocessing
    )


def _log_folder(folder: ImageFolder) -> None:
    counts = Counter((e.part, e.class_index) for e in folder.examples)
    log.info("%s: %s", folder.root, folder.layout)
    for part in sorted({e.part for e in folder.examples}, key=str):
        shown = ", ".join(f"{c} ({counts[part, i]})" for i, c in enumerate(folder.classes))
        log.info("  %s: %s", part or "classes", shown)
    if folder.stray:
        more = ", …" if len(folder.stray) > 10 else ""
        log.info("  not used, in no class or empty: %s%s", ", ".join(folder.stray[:10]), more)


def _compared_pixels(held_out: Sequence[Example], preprocessing: Preprocessing) -> Pixels:
    """A few held-out pictures, spread over the classes."""
    chosen = held_out[:: max(1, len(held_out) // _COMPARED)][:_COMPARED]
    return np.stack([read_pixels(e.path.read_bytes(), preprocessing) for e in chosen])


def _write_predictions(run_folder: Path, judged: Judged) -> None:
    """Writes every held-out picture's answer."""
    classes = tuple(judged.evaluation.classes)
    write_rows(
        run_folder / "predictions.csv",
        ("file", "true", "answered", *classes),
        [
            (e.name, classes[e.class_index], classes[int(row.argmax())], *row.round(6).tolist())
            for e, row in zip(judged.examples, judged.probabilities, strict=True)
        ],
    )
