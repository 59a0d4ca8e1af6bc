"""One record of a run that nobody has trained for it."""

from pathlib import Path

import pytest

from models.bundle import Bundle
from models.session import Session
from training.features.table import LeftOut
from training.head.fit import FittedHead
from training.inspection.finding import Finding
from training.inspection.inspection import Inspection
from training.recipes.material import Material
from training.recipes.outcome import Outcome
from training.report.record import Learned, Record
from training.selection.framing import FramingChoice
from training.selection.select import View
from training.settings import TrainingSettings

LEFT_OUT = (
    LeftOut("cat/1.png", "the picture is broken: no chunk"),
    LeftOut("cat/2.png", "the file is empty"),
    LeftOut("dog/3.png", "the picture is broken: cut off"),
)

BLANK = Finding("blank", ("cat/black.png",), 0.9, "cat/black.png shows nothing")


@pytest.fixture
def record(probed: Outcome, material: Material, pets: Path, tmp_path: Path) -> Record:
    """What there is to tell of the probe."""
    framing = FramingChoice("squash", "--framing", 12, 0.0, {})
    return Record(
        settings=TrainingSettings((pets,), out=tmp_path).as_json(),
        layout="a folder per class",
        left_out=LEFT_OUT,
        one_colour=("cat/black.png",),
        data_digest=material.table.data_digest,
        view=View(160, framing, probed.precision, "0" * 64).as_json(),
        learned=learned_by(probed),
        judged=probed.judged,
        inspection=Inspection((BLANK,)),
        answers=probed.answers,
        model="pets:v1",
        bundle=tmp_path / "bundle.onnx",
        seconds=1.5,
    )


@pytest.fixture
def session(bundle: Bundle) -> Session:
    """The exported network."""
    return Session(bundle, "cpu")


def learned_by(outcome: Outcome) -> Learned:
    return Learned(
        backbone="test_resnet",
        weights="a file",
        base_model="timm/test_resnet.r160_in1k",
        recipe=outcome.recipe,
        trained_on=outcome.trained_on,
        trained_parameters=outcome.trained_parameters,
        regularisation=FittedHead(outcome.head, 0.01, 0.25),
        fine_tuning={"epochs": 2},
        precision={"precision": "fp32", "chosen_by": "--precision", "earned": None},
        agreement_with_torch={"probabilities": 1e-7},
    )
