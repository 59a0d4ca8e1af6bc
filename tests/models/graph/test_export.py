import copy
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from torch import Tensor, nn

from models.backbones.backbone import Backbone
from models.bundle import parse_bundle
from models.errors import ExportError
from models.graph.agreement import Agreement, check_agreement
from models.graph.assembly import join_head
from models.graph.classifier import Classifier
from models.graph.export import export_backbone
from models.head import LinearHead
from models.preprocessing import Pixels
from models.providers import open_graph
from models.session import Session
from models.signature import INPUTS, OUTPUTS, answers_of
from tests.conftest import (
    TINY_BACKBONE,
    drawn_calibration,
    lively_backbone,
    lively_classifier,
    make_bundle,
    noise_pictures,
    with_lively_head,
)
from tests.models.graph.reference import by_autograd, by_pytorch_grad_cam, opposed_classifier

#: timm's own small ones, of many families; those that have a name are in `test_families`.
NETWORKS = [
    "test_byobnet",
    "test_coatnet",
    "test_convnext",
    "test_efficientnet",
    "test_mambaout",
    "test_maxvit",
    "test_nfnet",
]


def opened(model: onnx.ModelProto) -> ort.InferenceSession:
    return ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


def run(session: ort.InferenceSession, pixels: Any, class_index: list[int]) -> tuple[Any, ...]:
    return answers_of(session, pixels, np.array(class_index, np.int64))[:3]


def exported(classifier: Classifier) -> onnx.ModelProto:
    return join_head(export_backbone(classifier.backbone), classifier)


@pytest.fixture(scope="module")
def tiny_graph(
    tiny_classifier: Classifier, tiny_backbone_graph: onnx.ModelProto
) -> onnx.ModelProto:
    return join_head(tiny_backbone_graph, tiny_classifier)


@pytest.fixture(scope="module")
def resnet() -> tuple[Classifier, onnx.ModelProto]:
    classifier = with_lively_head(lively_backbone("resnet18", image_size=64), 3)
    return classifier, exported(classifier)


def assert_agrees(classifier: Classifier, model: onnx.ModelProto) -> None:
    """ONNX Runtime's answers are those of torch with autograd, whatever the batch size."""
    session = opened(model)
    pixels = noise_pictures(classifier.backbone.preprocessing, 8, seed=3)
    asked = [-1, 0, 1, 2, -1, 2, 1, 0]
    expected = by_autograd(classifier, pixels, asked)
    assert expected[1].max() == 1

    for count in (1, 3, 8):
        probabilities, heatmap, peak = run(session, pixels[:count], asked[:count])

        assert probabilities == pytest.approx(expected[0][:count], abs=1e-4)
        assert heatmap == pytest.approx(expected[1][:count], abs=1e-3)
        assert peak == pytest.approx(expected[2][:count], rel=1e-3)


def test_a_small_network_answers_as_torch_does(
    tiny_classifier: Classifier, tiny_graph: onnx.ModelProto
) -> None:
    assert_agrees(tiny_classifier, tiny_graph)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_every_family_of_networks_answers_as_torch_does(name: str) -> None:
    classifier = opposed_classifier(name)

    assert_agrees(classifier, exported(classifier))


@pytest.mark.slow
def test_the_heatmap_is_that_of_pytorch_grad_cam(
    resnet: tuple[Classifier, onnx.ModelProto],
) -> None:
    classifier, model = resnet
    pixels = noise_pictures(classifier.backbone.preprocessing, 3)

    found = run(opened(model), pixels, [0, 1, 2])[:2]

    for ours, theirs in zip(found, by_pytorch_grad_cam(classifier, pixels, [0, 1, 2]), strict=True):
        assert ours == pytest.approx(theirs, abs=1e-3)


def test_where_nothing_speaks_for_a_class_the_exported_heatmap_is_exactly_zero(
    tiny_backbone: Backbone, tiny_backbone_graph: onnx.ModelProto
) -> None:
    weight = np.ones((2, tiny_backbone.num_features), np.float32)
    weight[1] = -1
    one_sided = Classifier(tiny_backbone, LinearHead(weight, np.zeros(2, np.float32)))
    session = opened(join_head(tiny_backbone_graph, one_sided))
    pixels = noise_pictures(tiny_backbone.preprocessing, 3)

    _, heatmap, _ = run(session, pixels, [1, 0, 1])

    assert (heatmap[[0, 2]] == 0).all()
    assert heatmap[1].max() == 1


def test_the_graph_takes_any_batch_and_says_so(tiny_graph: onnx.ModelProto) -> None:
    batches = {
        value.name: value.type.tensor_type.shape.dim[0]
        for value in (*tiny_graph.graph.input, *tiny_graph.graph.output)
    }

    assert set(batches) == {value.name for value in (*INPUTS, *OUTPUTS)}
    assert all(dim.dim_param and not dim.HasField("dim_value") for dim in batches.values())


def _is_large_weight(tensor: onnx.TensorProto) -> bool:
    return tensor.data_type == onnx.TensorProto.FLOAT and len(tensor.raw_data) > 10_000


def test_no_weight_is_stored_twice(
    tiny_backbone: Backbone, tiny_backbone_graph: onnx.ModelProto
) -> None:
    """A head of some 600 kB beside a backbone of 1.5 MB: a second copy would stand out."""
    weight = np.random.default_rng(0).normal(size=(1500, tiny_backbone.num_features))
    head = LinearHead(weight.astype(np.float32), np.zeros(1500, np.float32))
    classifier = Classifier(tiny_backbone, head)
    parameters = 4 * sum(p.numel() for p in classifier.parameters())

    model = join_head(tiny_backbone_graph, classifier)

    stored = [(t.dims, t.raw_data) for t in model.graph.initializer if _is_large_weight(t)]
    assert len({data for _, data in stored}) == len(stored)
    assert sum(len(t.raw_data) for t in model.graph.initializer) <= 1.05 * parameters


@pytest.mark.parametrize("trace", ["site-packages", "gradcam.py", str(Path(__file__).parents[3])])
def test_a_bundle_does_not_tell_where_it_was_made(bundle_data: bytes, trace: str) -> None:
    assert trace.encode() not in bundle_data


@pytest.mark.slow
def test_a_file_is_as_large_as_its_parameters(resnet: tuple[Classifier, onnx.ModelProto]) -> None:
    classifier, model = resnet

    assert model.ByteSize() <= 1.03 * 4 * sum(p.numel() for p in classifier.parameters())


def agreement_of(
    bundle_data: bytes, exported: Classifier, asked: Classifier, examples: Pixels
) -> Agreement:
    """How a bundle of one classifier agrees with another."""
    session, calibration = open_graph(bundle_data, "cpu", threads=1), drawn_calibration(exported)
    return check_agreement(session, asked, examples, calibration=calibration)


def test_an_export_that_agrees_says_how_well(
    tiny_classifier: Classifier, bundle_data: bytes
) -> None:
    examples = noise_pictures(tiny_classifier.backbone.preprocessing, 4)

    found = agreement_of(bundle_data, tiny_classifier, tiny_classifier, examples)

    assert 0 <= found.probabilities <= 1e-4
    assert 0 <= found.heatmap <= 1e-3
    assert 0 <= found.heatmap_peak <= 1e-3
    assert 0 <= found.familiarity <= 1e-4
    assert set(found.as_json()) == {"probabilities", "heatmap", "heatmap_peak", "familiarity"}


def with_another_bias(classifier: Classifier) -> None:
    classifier.linear.bias[0] += 0.01


def with_another_row(classifier: Classifier) -> None:
    classifier.linear.weight[1, :20] += 0.05


def with_a_parameter_that_is_no_number(classifier: Classifier) -> None:
    classifier.linear.weight[0, 0] = float("nan")


def that_asks_another_norm(classifier: Classifier) -> None:
    norm: Any = next(m for m in classifier.modules() if isinstance(m, nn.BatchNorm2d))
    norm.running_mean += 0.2


@pytest.mark.parametrize(
    "change",
    [
        with_another_bias,
        with_another_row,
        with_a_parameter_that_is_no_number,
        that_asks_another_norm,
    ],
)
def test_an_export_that_does_not_agree_fails_with_figures(
    tiny_classifier: Classifier, bundle_data: bytes, change: Callable[[Classifier], None]
) -> None:
    examples = noise_pictures(tiny_classifier.backbone.preprocessing, 4)
    other = copy.deepcopy(tiny_classifier)
    with torch.no_grad():
        change(other)

    with pytest.raises(
        ExportError,
        match=r"test_resnet does not answer as torch does: probabilities differ by \S+ "
        r"\(allowed 0\.0001\), heatmaps by \S+ and their peaks by \S+ "
        r"\(allowed 0\.001\)",
    ):
        agreement_of(bundle_data, tiny_classifier, other, examples)


def test_an_export_with_other_classes_fails_with_both_shapes(
    tiny_classifier: Classifier, tiny_backbone: Backbone, bundle_data: bytes
) -> None:
    weight = np.ones((4, tiny_backbone.num_features), np.float32)
    other = Classifier(tiny_backbone, LinearHead(weight, np.zeros(4, np.float32)))
    examples = noise_pictures(tiny_backbone.preprocessing, 4)

    with pytest.raises(ExportError, match=r"with shape \(1, 3\); torch with \(1, 4\)"):
        agreement_of(bundle_data, tiny_classifier, other, examples)


class Undecided(nn.Module):
    """Goes another way for each picture, which no graph can."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward_features(self, images: Tensor) -> Tensor:
        turned = images.flip(-1) if images.mean().item() > 0 else images
        found: Tensor = self.model.forward_features(turned)  # type: ignore[operator]
        return found


def test_a_network_that_cannot_be_exported_is_a_sentence(tiny_backbone: Backbone) -> None:
    backbone = copy.deepcopy(tiny_backbone)
    backbone.model = Undecided(backbone.model)

    with pytest.raises(ExportError, match=r"torch cannot export .*: .+\. Choose another backbone"):
        export_backbone(backbone)


@pytest.mark.slow
def test_the_same_network_gives_the_same_bundle(bundle_data: bytes) -> None:
    classifier = lively_classifier(TINY_BACKBONE, 3)
    graph = export_backbone(classifier.backbone)

    assert make_bundle(classifier, graph, ("nuts", "screws", "Bäume & Co")) == bundle_data


def test_a_bundle_made_here_is_taken_by_a_session(
    bundle_data: bytes, tiny_classifier: Classifier
) -> None:
    session = Session(parse_bundle(bundle_data, "ours"), provider="cpu")
    pixels = noise_pictures(tiny_classifier.backbone.preprocessing, 2)

    found = session.predict(pixels)

    expected = zip(*by_autograd(tiny_classifier, pixels, [-1, -1]), strict=True)
    for prediction, (row, heatmap, peak) in zip(found, expected, strict=True):
        assert prediction.probabilities == pytest.approx(row, abs=1e-4)
        assert prediction.heatmap == pytest.approx(heatmap, abs=1e-3)
        assert prediction.heatmap_peak == pytest.approx(peak, rel=1e-3)


@pytest.mark.slow
def test_exporting_changes_nothing_and_says_nothing(
    tiny_classifier: Classifier, capfd: pytest.CaptureFixture[str]
) -> None:
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    parameters = {name: tensor.clone() for name, tensor in tiny_classifier.state_dict().items()}

    exported(tiny_classifier)

    assert capfd.readouterr() == ("", "")
    assert [logger.level for logger in loggers] == levels
    assert not any(module.training for module in tiny_classifier.modules())
    after = tiny_classifier.state_dict()
    assert all(torch.equal(tensor, after[name]) for name, tensor in parameters.items())


def test_a_gelu_is_written_in_the_order_that_onnx_runtime_makes_one_step_of(tmp_path: Path) -> None:
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    graph = export_backbone(lively_backbone("test_vit", image_size=32))

    ort.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])

    kinds = {node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node}
    assert kinds & {"Gelu", "BiasGelu"}
    assert "Erf" not in kinds


def test_a_bundle_s_graph_names_what_it_needs_once(tiny_graph: onnx.ModelProto) -> None:
    assert [(needed.domain, needed.version) for needed in tiny_graph.opset_import] == [("", 18)]
    assert tiny_graph.ir_version == 8
