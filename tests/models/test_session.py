import json
import threading
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import helper

from models.bundle import Bundle, SelfCheck, bundle_bytes, parse_bundle
from models.decision import Decision
from models.errors import BundleError, ProviderError
from models.preprocessing import Pixels, Preprocessing
from models.providers import cuda_problem
from models.session import Prediction, Session
from tests.conftest import noise_pictures, operating_point, resealed


@pytest.fixture(scope="module")
def session(bundle: Bundle) -> Session:
    return Session(bundle, provider="cpu")


@pytest.fixture(scope="module")
def pixels(bundle: Bundle) -> Pixels:
    return noise_pictures(bundle.metadata.preprocessing, 6, seed=7)


def assert_same(one: Prediction, other: Prediction, tolerance: float) -> None:
    assert one.label == other.label
    assert one.probabilities == pytest.approx(other.probabilities, abs=tolerance)
    assert one.heatmap == pytest.approx(other.heatmap, abs=tolerance)


def test_a_prediction_holds_together(session: Session, pixels: Pixels) -> None:
    found = session.predict(pixels)

    assert len(found) == len(pixels)
    for prediction in found:
        assert prediction.label in session.classes
        assert prediction.probability == prediction.probabilities.max()
        assert prediction.probabilities.sum() == pytest.approx(1, abs=1e-5)
        assert prediction.label == session.classes[prediction.probabilities.argmax()]
        assert prediction.heatmap.ndim == 2
        assert prediction.heatmap.min() >= 0
        assert prediction.heatmap.max() in {0.0, 1.0}


@pytest.mark.parametrize("count", [2, 3, 5])
def test_pictures_that_are_parted_among_threads_are_answered_as_alone(
    bundle: Bundle, pixels: Pixels, count: int
) -> None:
    asked = np.array([0, 1, 0, 1, 0][:count])

    whole = Session(bundle, "cpu", threads=1).predict(pixels[:count], asked)
    parted = Session(bundle, "cpu", threads=2).predict(pixels[:count], asked)

    assert len(parted) == count
    for one, other in zip(whole, parted, strict=True):
        assert_same(one, other, 1e-5)


def test_a_batch_that_is_parted_can_be_cut_off(bundle: Bundle, pixels: Pixels) -> None:
    options = ort.RunOptions()
    options.terminate = True

    with pytest.raises(Exception, match="terminate"):
        Session(bundle, "cpu", threads=2).predict(pixels[:4], None, options)


def test_an_answer_is_decided_on_where_the_bundle_has_an_operating_point(
    session: Session, bundle: Bundle, pixels: Pixels
) -> None:
    least = min(float(one.probabilities[1]) for one in session.predict(pixels))
    point = operating_point("screws", least)

    found = Session(resealed(bundle, operating_point=point), "cpu").predict(pixels)

    assert {one.decision for one in session.predict(pixels)} == {None}
    assert {one.decision for one in found} == {Decision("screws", "operating_point")}


def test_the_same_pictures_get_the_same_answers(session: Session, pixels: Pixels) -> None:
    for first, second in zip(session.predict(pixels), session.predict(pixels), strict=True):
        assert_same(first, second, tolerance=0)


def test_another_session_gives_the_same_answers(
    session: Session, bundle: Bundle, pixels: Pixels
) -> None:
    other = Session(bundle, provider="cpu", threads=1)

    for first, second in zip(session.predict(pixels), other.predict(pixels), strict=True):
        assert_same(first, second, tolerance=1e-4)


def test_an_answer_does_not_depend_on_the_neighbours(session: Session, pixels: Pixels) -> None:
    together = session.predict(pixels)
    reversed_ = session.predict(pixels[::-1].copy())[::-1]

    for number, prediction in enumerate(together):
        (alone,) = session.predict(pixels[number : number + 1])
        assert_same(prediction, alone, tolerance=1e-4)
        assert_same(prediction, reversed_[number], tolerance=1e-4)


def test_without_a_class_the_heatmap_is_the_predicted_class_s(
    session: Session, pixels: Pixels
) -> None:
    unasked = session.predict(pixels)
    best = np.array([session.classes.index(p.label) for p in unasked])

    for asked in (session.predict(pixels, best), session.predict(pixels, np.full(len(pixels), -1))):
        for first, second in zip(unasked, asked, strict=True):
            assert_same(first, second, tolerance=1e-6)


def test_each_picture_of_a_batch_may_be_asked_for_another_class(
    session: Session, pixels: Pixels
) -> None:
    same = np.repeat(pixels[:1], 3, axis=0)

    found = session.predict(same, np.arange(3))

    assert len({prediction.label for prediction in found}) == 1
    assert not np.array_equal(found[0].heatmap, found[1].heatmap)
    for number, prediction in enumerate(found):
        (alone,) = session.predict(same[:1], np.array([number]))
        assert_same(prediction, alone, tolerance=1e-4)


def test_no_pictures_get_no_answers(session: Session, pixels: Pixels) -> None:
    assert session.predict(pixels[:0]) == []


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 6])
def test_a_batch_that_is_filled_up_gets_the_same_answers(
    bundle: Bundle, session: Session, pixels: Pixels, count: int
) -> None:
    """As on a GPU, where only a few sizes are warm; one above the largest runs as it is."""
    filled = Session(bundle, provider="cpu")
    filled.batch_sizes = (1, 4)
    asked = np.arange(count) % len(session.classes)

    found = filled.predict(pixels[:count], asked)

    assert len(found) == count
    for first, second in zip(found, session.predict(pixels[:count], asked), strict=True):
        assert_same(first, second, tolerance=1e-4)


def test_on_a_processor_no_batch_is_filled_up(bundle: Bundle) -> None:
    session = Session(bundle, provider="cpu")

    session.warm_up(4)

    assert session.batch_sizes == ()


def test_several_threads_get_the_same_answers(session: Session, pixels: Pixels) -> None:
    expected = session.predict(pixels)
    found: list[list[Prediction]] = []
    threads = [
        threading.Thread(target=lambda: found.append(session.predict(pixels))) for _ in range(6)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 6
    for answers in found:
        for first, second in zip(answers, expected, strict=True):
            assert_same(first, second, tolerance=1e-5)


def test_a_session_says_what_it_serves(session: Session, bundle: Bundle) -> None:
    assert session.classes == ("nuts", "screws", "Bäume & Co")
    assert session.digest == bundle.digest
    assert session.provider == "cpu"


def test_by_itself_a_session_runs_on_what_is_there(bundle: Bundle) -> None:
    assert Session(bundle).provider == ("cuda" if cuda_problem() is None else "cpu")


@pytest.mark.skipif(cuda_problem() is None, reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_an_error_with_the_reason(bundle: Bundle) -> None:
    with pytest.raises(
        ProviderError, match=r"CUDA was asked for, and cannot be had: .*(driver|built without CUDA)"
    ):
        Session(bundle, provider="cuda")


@pytest.mark.skipif(cuda_problem() is not None, reason="this machine has no GPU")
def test_a_gpu_answers_as_the_processor_does(
    bundle: Bundle, session: Session, pixels: Pixels
) -> None:
    gpu = Session(bundle, provider="cuda")
    gpu.warm_up(4)

    assert gpu.provider == "cuda"
    assert gpu.batch_sizes == (1, 2, 4)
    for first, second in zip(gpu.predict(pixels), session.predict(pixels), strict=True):
        assert first.probabilities == pytest.approx(second.probabilities, abs=2e-3)
        assert first.heatmap == pytest.approx(second.heatmap, abs=2e-2)


def with_check(bundle: Bundle, number: int, **changes: Any) -> Bundle:
    """The bundle with other expectations of one of its own pictures."""
    checks = list(bundle.metadata.self_check)
    document = {**json.loads(checks[number].model_dump_json()), **changes}
    checks[number] = SelfCheck.model_validate_json(json.dumps(document))
    return resealed(bundle, self_check=tuple(checks))


def hotter(bundle: Bundle) -> list[list[float]]:
    heatmap = [list(row) for row in bundle.metadata.self_check[2].heatmap]
    heatmap[0][0] = 1 - heatmap[0][0] / 2
    return heatmap


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_bundle_that_answers_otherwise_than_it_was_made_is_refused(
    bundle: Bundle, number: int
) -> None:
    expected = bundle.metadata.self_check[number].probabilities
    wrong = with_check(bundle, number, probabilities=[expected[0] + 0.01, *expected[1:]])

    with pytest.raises(
        BundleError,
        match=rf"fails its self-check on cpu: probabilities of picture {number + 1} differ by 0\.0",
    ):
        Session(wrong, provider="cpu")


def test_a_bundle_that_looks_elsewhere_than_when_it_was_made_is_refused(bundle: Bundle) -> None:
    wrong = with_check(bundle, 2, heatmap=hotter(bundle))

    with pytest.raises(BundleError, match="self-check on cpu: heatmap of picture 3 differ by"):
        Session(wrong, provider="cpu")


def test_a_rounding_error_in_the_self_check_is_allowed(bundle: Bundle) -> None:
    expected = bundle.metadata.self_check[0].probabilities
    near = with_check(bundle, 0, probabilities=[expected[0] + 1e-3, *expected[1:]])

    assert Session(near, provider="cpu").provider == "cpu"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"probabilities": []}, id="no probabilities"),
        pytest.param({"probabilities": [0.5]}, id="one probability"),
        pytest.param({"heatmap": []}, id="no heatmap"),
        pytest.param({"heatmap": [[0.0]]}, id="a small heatmap"),
        pytest.param({"picture": "bm8gcGljdHVyZQ=="}, id="no picture"),
        pytest.param({"picture": ""}, id="an empty picture"),
    ],
)
def test_a_self_check_that_makes_no_sense_is_refused(
    bundle: Bundle, changes: dict[str, Any]
) -> None:
    with pytest.raises(BundleError, match=r"the test's bundle fails its self-check"):
        Session(with_check(bundle, 0, **changes), provider="cpu")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"preprocessing": Preprocessing(96, 128)},
            r"image is of shape \(N, \*\[160, 160, 3\]\), but its metadata says \(N, \*\[96, 128",
        ),
        ({"classes": ("nuts", "screws")}, r"probabilities is of shape .*\[3\]\), but .*\[2\]\)"),
        ({"classes": tuple("abcd")}, r"but its metadata says \(N, \*\[4\]\)"),
    ],
)
def test_metadata_that_do_not_fit_the_graph_are_refused(
    bundle: Bundle, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(BundleError, match=sentence):
        Session(resealed(bundle, **changes), provider="cpu")


def another_graph(bundle: Bundle, change: Any) -> Bundle:
    model = onnx.load_model_from_string(bundle.data)
    change(model.graph)
    return parse_bundle(bundle_bytes(model, bundle.metadata), "changed.onnx")


def without_heatmap(graph: onnx.GraphProto) -> None:
    del graph.output[1]


def with_an_unknown_operator(graph: onnx.GraphProto) -> None:
    graph.node.append(helper.make_node("Guess", ["image"], ["guessed"]))


def with_one_picture_at_a_time(graph: onnx.GraphProto) -> None:
    for value in graph.input:
        value.type.tensor_type.shape.dim[0].dim_value = 1


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (without_heatmap, "its graph has no heatmap of type tensor"),
        (with_an_unknown_operator, "ONNX Runtime refuses it: .*Guess"),
        (with_one_picture_at_a_time, "fails its self-check on cpu: "),
    ],
)
def test_a_graph_that_is_no_bundle_s_is_refused(bundle: Bundle, change: Any, sentence: str) -> None:
    with pytest.raises(BundleError, match=rf"^changed\.onnx.*{sentence}"):
        Session(another_graph(bundle, change), provider="cpu")
