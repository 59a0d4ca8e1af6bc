from dataclasses import replace
from pathlib import Path

import pytest

from models.bulk import Row, classify
from models.decision import Decision
from service.batch.record import record_of


@pytest.fixture(scope="module")
def answered(photos: Path, bundle_file: Path) -> Row:
    return next(row for row in classify(str(photos), model=bundle_file) if row.prediction)


@pytest.mark.parametrize(
    ("is_familiar", "prediction_set", "decided"),
    [(True, ("a",), "a"), (True, ("a", "b"), ""), (False, ("a",), "")],
)
def test_without_an_operating_point_a_stranger_and_a_doubt_are_for_a_person(
    answered: Row, *, is_familiar: bool, prediction_set: tuple[str, ...], decided: str
) -> None:
    assert answered.prediction
    prediction = replace(
        answered.prediction, label="a", is_familiar=is_familiar, prediction_set=prediction_set
    )

    assert record_of(replace(answered, prediction=prediction), with_map=False).decision == decided


@pytest.mark.parametrize(("label", "decided"), [("b", "b"), (None, "")])
def test_an_operating_point_decides_where_there_is_one(
    answered: Row, label: str | None, decided: str
) -> None:
    assert answered.prediction
    prediction = replace(answered.prediction, decision=Decision(label, "operating_point"))

    assert record_of(replace(answered, prediction=prediction), with_map=False).decision == decided
