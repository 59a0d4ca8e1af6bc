"""The story of a run, from a folder of pictures to a bundle in the store, top to bottom."""

import logging
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from models import store
from models.bundle import TrainingSummary, write_bundle
from models.graph.backbones import check_backbone, load_backbone
from models.graph.classifier import Classifier
from models.graph.export import Description, export_backbone, export_bundle
from models.preprocessing import Pixels, Preprocessing, read_pixels
from training.features import FeatureTable, read_features
from training.frozen import Learned, learn_head
from training.image_folder import Example, ImageFolder, check_counts, scan_folder
from training.report import evaluation_as_json, left_out_as_json, print_evaluation
from training.run_folder import (
    BUNDLE_FILE,
    log_to,
    log_to_tensorboard,
    make_run_folder,
    package_versions,
    write_json,
    write_rows,
)
from training.settings import TrainingSettings

log = logging.getLogger(__name__)

#: Real pictures that torch and the exported file are compared on.
_COMPARED: Final = 8


def run(settings: TrainingSettings) -> dict[str, Any]:
    """Trains, judges, exports and stores; prints the result.

    Returns:
        The content of `summary.json`.

    Raises:
        TransferError: with a sentence for the user, and `exit_code`.
    """
    begun = time.monotonic()
    torch.manual_seed(settings.seed)
    check_backbone(settings.backbone)
    folder = scan_folder(settings.data)
    check_counts(folder, folder.examples)
    _log_folder(folder)
    backbone = load_backbone(settings.backbone, settings.weights)
    run_folder = make_run_folder(settings.out, settings.run_name)
    handler = log_to(run_folder)
    try:
        write_json(run_folder / "settings.json", settings.as_json())
        graph = export_backbone(backbone)
        table = read_features(folder.examples, backbone, graph)
        learned = learn_head(folder, table, settings.seed)
        print_evaluation(learned.evaluation)

        log.info("exporting, and comparing with torch")
        data, agreement = export_bundle(
            Classifier(backbone, learned.fitted.head),
            graph,
            _description(settings, folder, table, learned),
            _compared_pixels(learned.held_out, backbone.preprocessing),
        )
        write_bundle(data, run_folder / BUNDLE_FILE)
        stored = store.put(data, settings.run_name)

        summary = {
            **evaluation_as_json(learned.evaluation),
            "held_out_part": learned.held_out[0].part,
            "trained_on": len(learned.trained_on),
            "model": stored.tag,
            "bundle": str(run_folder / BUNDLE_FILE),
            "seconds": round(time.monotonic() - begun, 2),
            "layout": folder.layout,
            "left_out": left_out_as_json(table.left_out),
            "backbone": backbone.name,
            "weights": backbone.weights,
            "regularisation": learned.fitted.as_json(),
            "agreement_with_torch": agreement.as_json(),
            "data_digest": table.data_digest,
            "settings": settings.as_json(),
            "versions": package_versions(),
        }
        _write_results(run_folder, settings, folder.classes, learned)
        write_json(run_folder / "summary.json", summary)
    finally:
        logging.getLogger().removeHandler(handler)
        handler.close()
    log.info("run folder: %s", run_folder)
    log.info("bundle: %s, in the model store as %s", summary["bundle"], summary["model"])
    return summary


def _log_folder(folder: ImageFolder) -> None:
    counts = Counter((e.part, e.class_index) for e in folder.examples)
    log.info("%s: %s", folder.root, folder.layout)
    for part in sorted({e.part for e in folder.examples}, key=str):
        shown = ", ".join(f"{c} ({counts[part, i]})" for i, c in enumerate(folder.classes))
        log.info("  %s: %s", part or "classes", shown)
    if folder.stray:
        more = ", …" if len(folder.stray) > 10 else ""
        log.info("  not used, as they lie in no class: %s%s", ", ".join(folder.stray[:10]), more)


def _description(
    settings: TrainingSettings, folder: ImageFolder, table: FeatureTable, learned: Learned
) -> Description:
    training = TrainingSummary(
        recipe="frozen",
        seed=settings.seed,
        accuracy=learned.evaluation.accuracy,
        accuracy_interval=learned.evaluation.accuracy_interval,
        held_out=learned.evaluation.count,
        trained_on=len(learned.trained_on),
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )
    return Description(folder.classes, training, table.data_digest)


def _compared_pixels(held_out: Sequence[Example], preprocessing: Preprocessing) -> Pixels:
    """A few held-out pictures, spread over the classes."""
    chosen = held_out[:: max(1, len(held_out) // _COMPARED)][:_COMPARED]
    return np.stack([read_pixels(e.path.read_bytes(), preprocessing) for e in chosen])


def _write_results(
    run_folder: Path, settings: TrainingSettings, classes: tuple[str, ...], learned: Learned
) -> None:
    """Writes every held-out picture's answer, and what TensorBoard shows."""
    write_rows(
        run_folder / "predictions.csv",
        ("file", "true", "answered", *classes),
        [
            (e.name, classes[e.class_index], classes[int(row.argmax())], *row.round(6).tolist())
            for e, row in zip(learned.held_out, learned.probabilities, strict=True)
        ],
    )
    low, high = learned.evaluation.accuracy_interval
    metrics = {"accuracy": learned.evaluation.accuracy, "interval/low": low, "interval/high": high}
    log_to_tensorboard(run_folder, settings, metrics)
