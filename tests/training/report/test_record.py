"""`summary.json` is the record's dump; programs of others read its keys."""

import json

from training.report.record import Record

KEYS = {
    "accuracy", "accuracy_interval", "agreement_with_torch", "backbone",
    "backbone_choice", "bundle", "calibration", "calibration_error", "map_quality", "classes",
    "commonest_class", "confusion", "data_digest", "difference", "findings", "fine_tuning",
    "framing", "graph_digest", "greys", "one_colour",
    "held_out", "image_size", "judged_by", "layout", "left_out", "mean_confidence", "model",
    "operating_point",
    "precision", "recipe", "regularisation", "roc_auc", "seconds", "settings", "trained_on",
    "trained_parameters", "versions", "weights",
}  # fmt: skip


def test_a_summary_has_the_keys_that_it_has_always_had(record: Record) -> None:
    assert set(record.as_json()) == KEYS


def test_a_summary_is_read_as_it_was_written(record: Record) -> None:
    told = record.as_json()

    assert json.loads(json.dumps(told)) == told


def test_a_summary_tells_how_good_it_is(record: Record) -> None:
    told, evaluation = record.as_json(), record.judged.evaluation

    assert told["accuracy"] == evaluation.accuracy
    assert told["held_out"] == 24
    assert told["judged_by"] == "cross-validation"
    assert told["mean_confidence"] == evaluation.mean_confidence
    assert told["roc_auc"] == evaluation.roc_auc
    assert told["commonest_class"]["label"] in record.judged.classes
    cat = evaluation.classes["cat"]
    assert told["classes"]["cat"]["recall"] == cat.recall
    assert told["classes"]["cat"]["recall_interval"] == list(cat.recall_interval or ())
    assert told["confusion"] == evaluation.confusion.tolist()


def test_a_summary_counts_what_was_left_out_by_kind(record: Record) -> None:
    left_out = record.as_json()["left_out"]

    assert left_out["count"] == 3
    assert left_out["by_kind"] == {"the picture is broken": 2, "the file is empty": 1}
    broken = {"file": "cat/1.png", "reason": "the picture is broken: no chunk"}
    assert left_out["files"][0] == broken


def test_a_summary_tells_what_was_learned_and_by_what(record: Record) -> None:
    told = record.as_json()

    assert told["regularisation"] == {"C": 0.01, "log_loss": 0.25}
    assert told["fine_tuning"] == {"epochs": 2}
    assert told["image_size"] == 160
    assert told["framing"]["framing"] == "squash"
    assert told["settings"]["framing"] == "auto"
    assert {"python", "torch", "numpy"} <= set(told["versions"])
