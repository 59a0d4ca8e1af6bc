"""The story of a run, from a folder of pictures to a bundle in the store, top to bottom."""

import logging
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from models import store
from models.bundle import TrainingSummary, write_bundle
from models.errors import DataFolderError
from models.graph.backbones import load_backbone
from models.graph.bundled_backbone import decide_weights
from models.graph.catalogue import check_backbone
from models.graph.export import Description, export_bundle
from models.preprocessing import Pixels, Preprocessing, read_pixels
from training.feature_file import load_features, save_features
from training.features import FeatureTable, read_features
from training.frozen import Learned, learn_head
from training.image_folder import Example, ImageFolder, check_counts, scan_folder
from training.recipes import Outcome, fine_tuned_outcome, frozen_outcome
from training.report import evaluation_as_json, left_out_as_json, print_evaluation
from training.run_folder import (
    BUNDLE_FILE,
    FEATURES_FILE,
    SETTINGS_FILE,
    SUMMARY_FILE,
    log_to,
    log_to_tensorboard,
    make_run_folder,
    package_versions,
    write_json,
    write_rows,
)
from training.sample import draw_sample
from training.settings import TrainingSettings
from training.view import Viewer, decide_view

log = logging.getLogger(__name__)

#: Real pictures that torch and the exported file are compared on.
_COMPARED: Final = 8


def run(settings: TrainingSettings, resumed: Path | None = None) -> dict[str, Any]:
    """Trains, judges, exports and stores; prints the result.

    Args:
        settings: what to do.
        resumed: the folder of a run that was cut off; it goes on there.

    Returns:
        The content of `summary.json`.

    Raises:
        TransferError: with a sentence for the user, and `exit_code`.
    """
    begun = time.monotonic()
    torch.manual_seed(settings.seed)
    if settings.backbone is not None:
        check_backbone(settings.backbone)
    folder = scan_folder(settings.data)
    check_counts(folder, folder.examples)
    _log_folder(folder)
    name, weights = decide_weights(settings.backbone, settings.weights)
    settings = replace(settings, backbone=name, weights=weights)
    backbone = load_backbone(name, weights, settings.given_size)
    run_folder = resumed or make_run_folder(settings.out, settings.run_name)
    handler = log_to(run_folder)
    try:
        write_json(run_folder / SETTINGS_FILE, settings.as_json())
        sample = draw_sample(folder, settings.seed)
        viewer = decide_view(settings, backbone, sample, len(folder.examples), run_folder)
        table = _features(run_folder, folder, viewer, is_resumed=resumed is not None)
        learned = learn_head(folder, table, settings.seed, sample.taught)
        outcome = frozen_outcome(learned, viewer.backbone, viewer.graph)
        if settings.finetune:
            outcome = fine_tuned_outcome(outcome, table, learned, settings, run_folder)
        summary = _export(settings, run_folder, (folder, table), learned, outcome)
        summary.update(viewer.view.as_json())
        summary["seconds"] = round(time.monotonic() - begun, 2)
        _write_results(run_folder, settings, learned.held_out, outcome)
        write_json(run_folder / SUMMARY_FILE, summary)
    finally:
        logging.getLogger().removeHandler(handler)
        handler.close()
    log.info("run folder: %s", run_folder)
    log.info("bundle: %s, in the model store as %s", summary["bundle"], summary["model"])
    # Last: whoever pipes this into `head` closes the pipe, and must not lose the run by it.
    print_evaluation(outcome.evaluation)
    return summary


def _features(
    run_folder: Path, folder: ImageFolder, viewer: Viewer, *, is_resumed: bool
) -> FeatureTable:
    """The pass over the pictures, or what it found before the run was cut off."""
    kept = run_folder / FEATURES_FILE
    if is_resumed and kept.exists():
        before = load_features(kept, folder.examples)
        if before is None:
            raise DataFolderError(
                f"--resume: the pictures in {folder.root} have changed since this run began; "
                "begin a new one"
            )
        log.info("the pictures have been read before and are the same")
        return before
    table = read_features(folder.examples, viewer.backbone, viewer.graph, viewer.known)
    save_features(table, kept)
    return table


def _export(
    settings: TrainingSettings,
    run_folder: Path,
    data: tuple[ImageFolder, FeatureTable],
    learned: Learned,
    outcome: Outcome,
) -> dict[str, Any]:
    """Writes the bundle to the run folder and the store; returns the summary."""
    folder, table = data
    backbone = outcome.classifier.backbone
    training = TrainingSummary(
        recipe=outcome.recipe,
        seed=settings.seed,
        accuracy=outcome.evaluation.accuracy,
        accuracy_interval=outcome.evaluation.accuracy_interval,
        held_out=outcome.evaluation.count,
        trained_on=len(learned.trained_on),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    log.info("exporting, and comparing with torch")
    bundle, agreement = export_bundle(
        outcome.classifier,
        outcome.backbone_graph,
        Description(folder.classes, training, table.data_digest),
        _compared_pixels(learned.held_out, backbone.preprocessing),
    )
    write_bundle(bundle, run_folder / BUNDLE_FILE)
    stored = store.put(bundle, settings.run_name)
    return {
        **evaluation_as_json(outcome.evaluation),
        "held_out_part": learned.held_out[0].part,
        "trained_on": len(learned.trained_on),
        "model": stored.tag,
        "bundle": str(run_folder / BUNDLE_FILE),
        "layout": folder.layout,
        "left_out": left_out_as_json(table.left_out),
        "backbone": backbone.name,
        "weights": backbone.weights,
        "recipe": outcome.recipe,
        "regularisation": learned.fitted.as_json(),
        "fine_tuning": outcome.details,
        "agreement_with_torch": agreement.as_json(),
        "data_digest": table.data_digest,
        "settings": settings.as_json(),
        "versions": package_versions(),
    }


def _log_folder(folder: ImageFolder) -> None:
    counts = Counter((e.part, e.class_index) for e in folder.examples)
    log.info("%s: %s", folder.root, folder.layout)
    for part in sorted({e.part for e in folder.examples}, key=str):
        shown = ", ".join(f"{c} ({counts[part, i]})" for i, c in enumerate(folder.classes))
        log.info("  %s: %s", part or "classes", shown)
    if folder.stray:
        more = ", …" if len(folder.stray) > 10 else ""
        log.info("  not used, as they lie in no class: %s%s", ", ".join(folder.stray[:10]), more)


def _compared_pixels(held_out: Sequence[Example], preprocessing: Preprocessing) -> Pixels:
    """A few held-out pictures, spread over the classes."""
    chosen = held_out[:: max(1, len(held_out) // _COMPARED)][:_COMPARED]
    return np.stack([read_pixels(e.path.read_bytes(), preprocessing) for e in chosen])


def _write_results(
    run_folder: Path,
    settings: TrainingSettings,
    held_out: Sequence[Example],
    outcome: Outcome,
) -> None:
    """Writes every held-out picture's answer, and what TensorBoard shows."""
    evaluation, classes = outcome.evaluation, tuple(outcome.evaluation.classes)
    write_rows(
        run_folder / "predictions.csv",
        ("file", "true", "answered", *classes),
        [
            (e.name, classes[e.class_index], classes[int(row.argmax())], *row.round(6).tolist())
            for e, row in zip(held_out, outcome.probabilities, strict=True)
        ],
    )
    low, high = evaluation.accuracy_interval
    metrics = {"accuracy": evaluation.accuracy, "interval/low": low, "interval/high": high}
    log_to_tensorboard(run_folder, settings, metrics)
