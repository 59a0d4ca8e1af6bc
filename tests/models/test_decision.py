import pytest

from models.decision import Decision, decide
from tests.conftest import operating_point


@pytest.mark.parametrize(
    ("probability", "possible", "expected"),
    [
        (0.3, ("defect",), Decision("defect", "operating_point")),
        (0.3, ("good", "defect"), Decision("defect", "operating_point")),
        (0.9, ("good", "refer"), Decision("defect", "operating_point")),
        (0.2, ("good",), Decision("good", "prediction_set")),
        (0.2, ("refer",), Decision("refer", "prediction_set")),
        (0.2, ("good", "refer"), Decision(None, "prediction_set")),
        (0.2, ("good", "defect"), Decision(None, "prediction_set")),
        (0.2, ("defect",), Decision(None, "operating_point")),
    ],
)
def test_the_point_decides_on_its_class_and_the_set_on_the_others(
    probability: float, possible: tuple[str, ...], expected: Decision
) -> None:
    point = operating_point("defect", 0.3)

    found = decide(point, probability, is_familiar=True, prediction_set=possible)

    assert found == expected
    assert found.refer == (expected.label is None)


def test_a_stranger_is_referred_whatever_its_probability() -> None:
    found = decide(
        operating_point("defect", 0.3), 0.99, is_familiar=False, prediction_set=("defect",)
    )

    assert found == Decision(None, "familiarity")


def test_a_class_that_no_probability_is_enough_for_is_referred() -> None:
    point = operating_point("defect", None)

    assert decide(point, 1.0, is_familiar=True, prediction_set=("defect",)).refer
