"""The model card that travels with a bundle."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from models.bundle import BundleMetadata
from models.session import Session
from tests.training.report.drawn_told import HOSTILE, judged_of
from training.report.card import plain, write_card
from training.report.record import Record


def card(tmp_path: Path, record: Record, metadata: BundleMetadata) -> tuple[Any, str]:
    """Its head and its text."""
    write_card(tmp_path / "MODEL_CARD.md", record, metadata)
    _, head, text = (tmp_path / "MODEL_CARD.md").read_text("utf-8").split("---\n", 2)
    return yaml.safe_load(head), text


def test_a_hub_reads_licence_base_model_and_accuracy(
    record: Record, session: Session, tmp_path: Path
) -> None:
    metadata = session.metadata.model_copy(update={"licence": "apache-2.0"})

    head, _ = card(tmp_path, record, metadata)

    assert head["license"] == "apache-2.0"
    assert head["base_model"] == "timm/test_resnet.r160_in1k"
    (result,) = head["model-index"][0]["results"]
    assert result["metrics"][0]["value"] == round(record.judged.evaluation.accuracy, 4)
    assert "95% interval" in result["metrics"][0]["config"]


def test_a_licence_that_hubs_do_not_know_is_another(
    record: Record, session: Session, tmp_path: Path
) -> None:
    head, text = card(tmp_path, record, session.metadata)

    assert (head["license"], head["license_name"]) == ("other", "the-user's-own")
    assert "under `the user's own`" in text


def test_a_card_names_no_place_of_this_machine(
    record: Record, session: Session, tmp_path: Path
) -> None:
    _, text = card(tmp_path, record, session.metadata)

    assert str(record.settings["data"]) not in text
    assert str(tmp_path) not in text


def test_names_in_a_card_are_text(record: Record, session: Session, tmp_path: Path) -> None:
    examples = [record.judged.examples[0]] * 2
    hostile = judged_of(examples, record.judged.probabilities[:2], HOSTILE[:2])

    _, text = card(tmp_path, replace(record, judged=hostile), session.metadata)

    assert "<script>" not in text.replace("\\<script\\>", "")
    assert plain("a|b\n# *c*") == "a\\|b \\# \\*c\\*"
