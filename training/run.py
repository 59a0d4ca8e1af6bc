"""The story of a run, from a folder of pictures to a bundle in the store, top to bottom."""

import hashlib
import logging
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from models import store
from models.bundle import TrainingSummary, write_bundle
from models.graph.backbones import Backbone, check_backbone, load_backbone
from models.graph.classifier import Classifier
from models.graph.export import export_bundle
from models.preprocessing import Pixels, read_pixels
from training.evaluation import Evaluation, evaluate
from training.features import FeatureTable, read_features
from training.head import FittedHead, fit_head, probabilities_of
from training.image_folder import (
    Example,
    ImageFolder,
    check_counts,
    held_out_part,
    scan_folder,
    split,
)
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


@dataclass(frozen=True)
class Learned:
    """What the training part taught, and how the held-out part judges it.

    Attributes:
        fitted: the head.
        examples: every readable example, with its part.
        held_out: positions of the held-out ones.
        probabilities: float32 (N held out, K), the answers to those.
        evaluation: their comparison with the truth.
        trained_on: how many pictures the head was fitted on.
    """

    fitted: FittedHead
    examples: tuple[Example, ...]
    held_out: tuple[int, ...]
    probabilities: np.ndarray[Any, np.dtype[np.float32]]
    evaluation: Evaluation
    trained_on: int


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
        table = read_features(folder.examples, backbone)
        learned = _learn(folder, table, settings.seed)
        print_evaluation(learned.evaluation)
        summary = _export(settings, run_folder, folder, backbone, table, learned)
        summary["seconds"] = round(time.monotonic() - begun, 2)
        _write_results(run_folder, settings, folder, learned, summary)
    finally:
        logging.getLogger().removeHandler(handler)
        handler.close()
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


def _learn(folder: ImageFolder, table: FeatureTable, seed: int) -> Learned:
    """Splits what could be read, fits the head on the training part, judges it on the other."""
    check_counts(folder, table.examples)
    examples = split(table.examples, table.digests, seed)
    _warn_of_shared_pictures(examples, table.digests)
    judged = held_out_part(examples)
    trained = [i for i, e in enumerate(examples) if e.part == "train"]
    held_out = [i for i, e in enumerate(examples) if e.part == judged]
    labels = np.array([e.class_index for e in examples])
    log.info("fitting the head on %d pictures; %d are held out", len(trained), len(held_out))
    fitted = fit_head(table.features[trained], labels[trained], len(folder.classes), seed)
    probabilities = probabilities_of(fitted.head, table.features[held_out])
    return Learned(
        fitted,
        tuple(examples),
        tuple(held_out),
        probabilities,
        evaluate(probabilities, labels[held_out], folder.classes),
        len(trained),
    )


def _warn_of_shared_pictures(examples: Sequence[Example], digests: Sequence[str]) -> None:
    taught = {d for e, d in zip(examples, digests, strict=True) if e.part == "train"}
    shared = [
        e.name for e, d in zip(examples, digests, strict=True) if e.part != "train" and d in taught
    ]
    if shared:
        log.warning(
            "%d held-out pictures are byte for byte in train/ too (%s, …): "
            "the accuracy will look better than it is",
            len(shared),
            shared[0],
        )


def _export(
    settings: TrainingSettings,
    run_folder: Path,
    folder: ImageFolder,
    backbone: Backbone,
    table: FeatureTable,
    learned: Learned,
) -> dict[str, Any]:
    """Writes the bundle to the run folder and the store; returns the summary so far."""
    digest = _data_digest(table)
    log.info("exporting, and comparing with torch")
    data, agreement = export_bundle(
        Classifier(backbone, learned.fitted.head),
        folder.classes,
        TrainingSummary(
            recipe="frozen",
            seed=settings.seed,
            accuracy=learned.evaluation.accuracy,
            accuracy_interval=learned.evaluation.accuracy_interval,
            held_out=learned.evaluation.count,
            trained_on=learned.trained_on,
            created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        ),
        digest,
        _compared_pixels(learned, backbone),
    )
    write_bundle(data, run_folder / BUNDLE_FILE)
    stored = store.put(data, settings.run_name)
    return {
        **evaluation_as_json(learned.evaluation),
        "held_out_part": learned.examples[learned.held_out[0]].part,
        "trained_on": learned.trained_on,
        "model": stored.tag,
        "bundle": str(run_folder / BUNDLE_FILE),
        "layout": folder.layout,
        "left_out": left_out_as_json(table.left_out),
        "backbone": backbone.name,
        "weights": backbone.weights,
        "regularisation": {
            "C": learned.fitted.strength,
            "log_loss": learned.fitted.log_loss,
        },
        "agreement_with_torch": {
            "probabilities": agreement.probabilities,
            "heatmap": agreement.heatmap,
        },
        "data_digest": digest,
        "settings": settings.as_json(),
        "versions": package_versions(),
    }


def _data_digest(table: FeatureTable) -> str:
    """SHA-256 over names and digests of all pictures used: changes with any of them."""
    lines = sorted(f"{d} {e.name}\n" for e, d in zip(table.examples, table.digests, strict=True))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _compared_pixels(learned: Learned, backbone: Backbone) -> Pixels:
    """A few held-out pictures, spread over the classes."""
    chosen = learned.held_out[:: max(1, len(learned.held_out) // _COMPARED)][:_COMPARED]
    paths = [learned.examples[i].path for i in chosen]
    return np.stack([read_pixels(path.read_bytes(), backbone.preprocessing) for path in paths])


def _write_results(
    run_folder: Path,
    settings: TrainingSettings,
    folder: ImageFolder,
    learned: Learned,
    summary: dict[str, Any],
) -> None:
    held_out = [learned.examples[i] for i in learned.held_out]
    write_rows(
        run_folder / "predictions.csv",
        ("file", "true", "answered", *folder.classes),
        [
            (e.name, folder.classes[e.class_index], folder.classes[int(row.argmax())], *row)
            for e, row in zip(held_out, learned.probabilities.round(6).tolist(), strict=True)
            for row in [np.asarray(row)]
        ],
    )
    low, high = learned.evaluation.accuracy_interval
    metrics = {"accuracy": learned.evaluation.accuracy, "interval/low": low, "interval/high": high}
    log_to_tensorboard(run_folder, settings, metrics)
    write_json(run_folder / "summary.json", summary)
    log.info("run folder: %s", run_folder)
    log.info("bundle: %s, in the model store as %s", summary["bundle"], summary["model"])
