"""How a run was made, and how it is made again."""

import shlex
from dataclasses import replace
from typing import Any

from models.session import Session
from training.report.making import making_of
from training.report.record import Record
from training.settings import TrainingSettings


def command(record: Record, session: Session, *, is_private: bool = False, **given: Any) -> str:
    told = replace(record, settings={**record.settings, **given})
    return making_of(told, session.metadata, is_private=is_private).command


def test_the_command_that_makes_it_again_can_be_pasted(record: Record, session: Session) -> None:
    given: dict[str, Any] = {
        "data": ["my pets", "more/b"],
        "finetune": True,
        "seed": 7,
        "out": "runs",
    }

    words = shlex.split(command(record, session, **given))

    assert words == [
        *("train-transfer", "--data", "my pets", "--data", "more/b"),
        *("--seed", "7", "--finetune"),
    ]


def test_what_is_as_by_default_is_not_said(record: Record, session: Session) -> None:
    unnamed: dict[str, Any] = {one: None for one in record.settings if one != "data"}

    assert command(record, session, **unnamed, data=["pets"]) == "train-transfer --data pets"
    assert set(record.settings) >= set(TrainingSettings.__dataclass_fields__)


def test_places_are_left_out_where_they_may_name_people(record: Record, session: Session) -> None:
    given: dict[str, Any] = {
        "data": ["Smith"],
        "weights": "of/Smith.pth",
        "learning_rate": 0.1,
        "out": "runs",
    }

    found = command(record, session, is_private=True, **given)

    assert found == "train-transfer --data … --weights … --learning-rate 0.1"


def test_a_result_is_called_as_it_was_asked_for(record: Record, session: Session) -> None:
    named = replace(record, settings={**record.settings, "name": "a name"})

    assert making_of(named, session.metadata).name == "a name"
    assert making_of(record, session.metadata).name == "pets"
    assert making_of(record, session.metadata).created == "2026-01-01 00:00:00"
