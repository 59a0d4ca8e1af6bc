import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch

from models.calibration import Calibration
from models.errors import ExportError
from models.graph.agreement import check_agreement
from models.graph.assembly import join_head
from models.graph.classifier import Classifier, Normalise
from models.graph.export import export_head
from models.head import Floats
from models.preprocessing import Pixels
from models.providers import open_graph
from models.signature import CENTRES, answers_of
from tests.conftest import drawn_calibration, noise_pictures

SEEN = np.array([-1, 0, 1, 2, -1])


@pytest.fixture(scope="module")
def head(tiny_classifier: Classifier) -> onnx.ModelProto:
    return export_head(tiny_classifier.backbone)


@pytest.fixture(scope="module")
def pixels(tiny_classifier: Classifier) -> Pixels:
    """Blurred noise, as the drawn calibration knows it, and a black picture."""
    found = noise_pictures(tiny_classifier.backbone.preprocessing, 5)
    found[4] = 0
    return found


@pytest.fixture(scope="module")
def features(tiny_classifier: Classifier, pixels: Pixels) -> Floats:
    backbone = tiny_classifier.backbone
    with torch.no_grad():
        found: Floats = backbone(Normalise(backbone)(torch.from_numpy(pixels))).numpy()
    return found


@pytest.mark.parametrize("centres", [1, 2, 3, 64])
def test_the_graph_s_doubts_are_those_of_the_calibration(
    tiny_classifier: Classifier,
    tiny_backbone_graph: onnx.ModelProto,
    head: onnx.ModelProto,
    pixels: Pixels,
    features: Floats,
    centres: int,
) -> None:
    calibration = with_centres(drawn_calibration(tiny_classifier), centres)
    model = join_head(tiny_backbone_graph, tiny_classifier, head, calibration)

    found = answers_of(opened(model), pixels, SEEN)

    assert found.familiarity == pytest.approx(calibration.familiarity(features), abs=1e-4)
    assert np.array_equal(found.prediction_set, calibration.prediction_sets(found.probabilities))


def test_what_the_network_never_saw_is_less_familiar(
    tiny_classifier: Classifier,
    tiny_backbone_graph: onnx.ModelProto,
    head: onnx.ModelProto,
    pixels: Pixels,
) -> None:
    calibration = drawn_calibration(tiny_classifier)
    model = join_head(tiny_backbone_graph, tiny_classifier, head, calibration)

    found = answers_of(opened(model), pixels, SEEN)

    assert (found.familiarity >= 0.5).tolist() == [True, True, True, True, False]


def test_centres_take_half_as_many_bytes_in_the_file(
    tiny_classifier: Classifier, tiny_backbone_graph: onnx.ModelProto, head: onnx.ModelProto
) -> None:
    calibration = with_centres(drawn_calibration(tiny_classifier), 64)

    model = join_head(tiny_backbone_graph, tiny_classifier, head, calibration)

    (stored,) = (one for one in model.graph.initializer if CENTRES.name in one.name)
    assert len(stored.raw_data) == calibration.centres.nbytes == 2 * calibration.centres.size


def test_a_graph_with_other_centres_than_it_should_have_is_no_bundle(
    tiny_classifier: Classifier,
    tiny_backbone_graph: onnx.ModelProto,
    head: onnx.ModelProto,
    pixels: Pixels,
) -> None:
    calibration = drawn_calibration(tiny_classifier)
    other = with_centres(calibration, 1, seed=1)
    session = opened(join_head(tiny_backbone_graph, tiny_classifier, head, other))

    with pytest.raises(ExportError, match="familiarity by 0"):
        check_agreement(session, tiny_classifier, pixels, calibration=calibration)


def with_centres(calibration: Calibration, count: int, seed: int = 0) -> Calibration:
    """The same with so many centres of directions around its own."""
    noise = np.random.default_rng(seed).normal(0, 0.1, (count, calibration.centres.shape[1]))
    centres = calibration.centres + noise / calibration.centres.shape[1] ** 0.5
    return Calibration(
        centres.astype(np.float16),
        calibration.scaling,
        calibration.set_thresholds,
        calibration.coverage,
        calibration.temperature,
    )


def opened(model: onnx.ModelProto) -> ort.InferenceSession:
    return open_graph(model.SerializeToString(), "cpu", threads=1)
