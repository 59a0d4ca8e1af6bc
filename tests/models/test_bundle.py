import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from models.bundle import (
    Bundle,
    BundleMetadata,
    _seal,
    bundle_bytes,
    parse_bundle,
    read_bundle,
    read_metadata,
    write_bundle,
)
from models.errors import BundleError, OutputError
from tests.conftest import operating_point, resealed


def small_model(**options: Any) -> onnx.ModelProto:
    """The smallest graph with a weight."""
    weight = numpy_helper.from_array(np.ones(400, np.float32), "weight")
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [400]) for name in "xy"]
    node = helper.make_node("Add", ["x", "weight"], ["y"])
    graph = helper.make_graph([node], "small", value[:1], value[1:], [weight])
    return helper.make_model(graph, **options)


def sealed(document: str, model: onnx.ModelProto | None = None) -> bytes:
    """A whole bundle file with any metadata at all."""
    model = model or small_model()
    model.metadata_props.add(key="train_transfer", value=document)
    body: bytes = model.SerializeToString()
    return body + _seal(hashlib.sha256(body).hexdigest())


def altered(bundle: Bundle, **changes: Any) -> bytes:
    """A whole bundle file whose metadata has other values under the given keys; None: no value."""
    document = {**json.loads(bundle.metadata.model_dump_json()), **changes}
    return sealed(json.dumps({k: v for k, v in document.items() if v is not None}))


def test_metadata_survives_being_written(bundle: Bundle, tmp_path: Path) -> None:
    write_bundle(bundle.data, tmp_path / "bundle.onnx")

    found = read_bundle(tmp_path / "bundle.onnx")

    assert found.metadata == bundle.metadata
    assert found.digest == bundle.digest
    assert found.data == bundle.data
    assert found.source == str(tmp_path / "bundle.onnx")


def test_a_bundle_says_what_it_is_and_how_it_was_made(bundle: Bundle) -> None:
    found = bundle.metadata

    assert found.format_version == 2
    assert found.classes == ("nuts", "screws", "Bäume & Co")
    assert found.backbone == "test_resnet"
    assert found.weights == "none (random)"
    assert found.training.accuracy_interval == (0.4, 0.6)
    assert len(found.self_check) == 3


def test_a_bundle_holds_an_operating_point_only_where_one_was_asked_for(bundle: Bundle) -> None:
    point = operating_point("nuts", 0.1)

    assert resealed(bundle, operating_point=point).metadata.operating_point == point
    assert b"operating_point" not in bundle.data


def test_an_operating_point_of_no_class_is_refused(bundle: Bundle) -> None:
    with pytest.raises(BundleError, match="operating point is for a class that it does not have"):
        resealed(bundle, operating_point=operating_point("bolts", 0.1))


def test_onnx_and_onnx_runtime_take_a_bundle_for_an_ordinary_file(
    bundle_data: bytes, tmp_path: Path
) -> None:
    write_bundle(bundle_data, tmp_path / "bundle.onnx")

    onnx.checker.check_model(tmp_path / "bundle.onnx", full_check=True)
    session = ort.InferenceSession(tmp_path / "bundle.onnx", providers=["CPUExecutionProvider"])

    assert [value.name for value in session.get_inputs()] == ["image", "class_index"]
    assert [value.name for value in session.get_outputs()] == [
        "probabilities",
        "heatmap",
        "heatmap_peak",
        "familiarity",
        "prediction_set",
    ]
    assert "train_transfer" in session.get_modelmeta().custom_metadata_map


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "is not an ONNX file: it holds no graph"),
        (b"PK\x03\x04 a zip file", "is not an ONNX file"),
        (b"just text", "is not an ONNX file"),
        (small_model().SerializeToString(), "an ONNX file without class names and preprocessing"),
    ],
)
def test_what_is_no_bundle_is_refused_by_name(data: bytes, sentence: str) -> None:
    with pytest.raises(BundleError, match=f"^things.onnx {sentence}|things.onnx is {sentence}"):
        parse_bundle(data, "things.onnx")


def test_a_file_that_cannot_be_read_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"absent\.onnx cannot be read: No such file"):
        read_bundle(tmp_path / "absent.onnx")
    with pytest.raises(BundleError, match="cannot be read: Is a directory"):
        read_bundle(tmp_path)


@pytest.mark.parametrize("version", [0, 1, 3, "1.5"])
def test_a_bundle_of_another_format_is_refused_by_name(bundle: Bundle, version: Any) -> None:
    data = altered(bundle, format_version=version, something_new=1)

    with pytest.raises(
        BundleError, match=r"new.onnx is of format .+; this program reads 2\..* --data"
    ):
        parse_bundle(data, "new.onnx")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"classes": None}, r"its metadata has no classes\. Make it anew .* --data FOLDER"),
        ({"classes": []}, "metadata classes: .* at least 2 items"),
        ({"classes": ["one"]}, "metadata classes: .* at least 2 items"),
        ({"classes": ["one", "two", "one"]}, "metadata classes: .*a class name stands there twice"),
        ({"classes": ["one", " \t"]}, "metadata classes: .*a class name is empty"),
        ({"classes": ["one", 2]}, r"metadata classes\.1: Input should be a valid string"),
        ({"preprocessing": None}, "its metadata has no preprocessing"),
        (
            {"preprocessing": {"height": 0, "width": 1}},
            "metadata preprocessing: .*1 x 0 pixels is not supported",
        ),
        (
            {"preprocessing": {"height": 9, "width": 9, "framing": "odd"}},
            r"metadata preprocessing\.framing: Input should be 'crop'",
        ),
        ({"self_check": []}, "metadata self_check: .* at least 1 item"),
        (
            {"self_check": [{"picture": "", "probabilities": [1], "heatmap": [[0], [0, 1]]}]},
            r"metadata self_check\.0\.heatmap: .*its rows are not equally long",
        ),
        (
            {"self_check": [{"picture": "a", "probabilities": [1], "heatmap": [[0]]}]},
            r"metadata self_check\.0\.picture: Base64",
        ),
        ({"surprise": 1}, "metadata surprise: Extra inputs are not permitted"),
        ({"data_digest": None}, "its metadata has no data_digest"),
        ({"map_geometry": None}, "its metadata has no map_geometry. Make it anew"),
        (
            {"map_geometry": {"offset_x": 0, "offset_y": 0, "step_x": 0.001, "step_y": 32}},
            "metadata map_geometry: .*too close together",
        ),
        (
            {"map_geometry": {"offset_x": 1e6, "offset_y": 0, "step_x": 32, "step_y": 32}},
            "metadata map_geometry: .*far outside",
        ),
    ],
)
def test_metadata_that_do_not_fit_are_refused_with_the_key(
    bundle: Bundle, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(BundleError, match=sentence):
        parse_bundle(altered(bundle, **changes), "odd.onnx")


@pytest.mark.parametrize(
    "document", ["", "{", "null", "[]", "3", '"text"', "\0", r'{"a": "\ud800"}']
)
def test_metadata_that_are_no_document_are_refused(document: str) -> None:
    with pytest.raises(BundleError, match=r"odd\.onnx: metadata the document: "):
        parse_bundle(sealed(document), "odd.onnx")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda data: data[:-1], id="a byte less"),
        pytest.param(lambda data: data[: len(data) // 2], id="half"),
        pytest.param(lambda data: data + b"\0", id="a byte more"),
        pytest.param(lambda data: data.replace(b"screws", b"crewss"), id="another class name"),
        pytest.param(
            lambda data: data.replace("ä".encode(), b"\xff\xff"), id="a class name in no encoding"
        ),
    ],
)
def test_a_bundle_that_is_not_as_it_was_written_is_refused(bundle_data: bytes, change: Any) -> None:
    changed = change(bundle_data)
    assert changed != bundle_data

    with pytest.raises(BundleError, match=r"^torn\.onnx is"):
        parse_bundle(changed, "torn.onnx")


def test_a_bundle_saved_again_by_another_program_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    onnx.save_model(onnx.load_model_from_string(bundle.data), tmp_path / "again.onnx")
    model = onnx.load(tmp_path / "again.onnx")
    model.producer_name = "another program"

    with pytest.raises(BundleError, match="its SHA-256 does not fit"):
        parse_bundle(model.SerializeToString(), "again.onnx")


def external_graph(folder: Path) -> onnx.ModelProto:
    onnx.save_model(small_model(), folder / "m.onnx", save_as_external_data=True, size_threshold=0)
    return onnx.load(folder / "m.onnx", load_external_data=False)


def external_constant(folder: Path) -> onnx.NodeProto:
    tensor = external_graph(folder).graph.initializer[0]
    return helper.make_node("Constant", [], ["c"], value=tensor)


def with_external_sparse_weights(folder: Path) -> onnx.ModelProto:
    model = small_model()
    sparse = model.graph.sparse_initializer.add()
    sparse.values.CopyFrom(external_graph(folder).graph.initializer[0])
    return model


def with_external_constant_in_a_branch(folder: Path) -> onnx.ModelProto:
    output = helper.make_tensor_value_info("c", TensorProto.FLOAT, [400])
    branch = helper.make_graph([external_constant(folder)], "branch", [], [output])
    model = small_model()
    model.graph.node.append(
        helper.make_node("If", ["x"], ["z"], then_branch=branch, else_branch=branch)
    )
    return model


def with_external_constant_in_a_function(folder: Path) -> onnx.ModelProto:
    function = helper.make_function(
        "ours", "Weights", [], ["c"], [external_constant(folder)], [helper.make_opsetid("", 20)]
    )
    return small_model(functions=[function])


@pytest.mark.parametrize(
    "build",
    [
        external_graph,
        with_external_sparse_weights,
        with_external_constant_in_a_branch,
        with_external_constant_in_a_function,
    ],
)
def test_a_bundle_that_points_outside_is_refused(
    bundle: Bundle, tmp_path: Path, build: Any
) -> None:
    data = bundle_bytes(build(tmp_path), bundle.metadata)

    with pytest.raises(BundleError, match="points to data outside the file"):
        parse_bundle(data, "spread.onnx")


def test_metadata_of_whoever_made_the_graph_are_not_kept(bundle: Bundle) -> None:
    model = small_model()
    model.metadata_props.add(key="train_transfer", value="something else")

    found = parse_bundle(bundle_bytes(model, bundle.metadata), "ours.onnx")

    assert found.metadata == bundle.metadata
    assert model.metadata_props[0].value == "something else"


@pytest.mark.parametrize("classes", [("a",), ("a", "a"), ("a", ""), ("a", "\n")])
def test_metadata_without_proper_class_names_cannot_be_made(
    bundle: Bundle, classes: tuple[str, ...]
) -> None:
    fields = dict(bundle.metadata)

    with pytest.raises(ValueError, match="class"):
        BundleMetadata(**{**fields, "classes": classes})


def test_a_bundle_can_be_remade_with_other_words(bundle: Bundle) -> None:
    found = resealed(bundle, weights="a friend's")

    assert found.metadata.weights == "a friend's"
    assert found.digest != bundle.digest


def a_file_as_folder(folder: Path) -> Path:
    (folder / "file").write_bytes(b"")
    return folder / "file" / "bundle.onnx"


def a_missing_folder(folder: Path) -> Path:
    return folder / "missing" / "bundle.onnx"


def a_folder_in_its_place(folder: Path) -> Path:
    (folder / "bundle.onnx" / "full").mkdir(parents=True)
    return folder / "bundle.onnx"


@pytest.mark.parametrize("place", [a_file_as_folder, a_missing_folder, a_folder_in_its_place])
def test_a_place_that_cannot_be_written_is_a_sentence_and_stays_as_it_was(
    tmp_path: Path, place: Any
) -> None:
    path = place(tmp_path)
    before = sorted(tmp_path.rglob("*"))

    with pytest.raises(OutputError, match=r"the bundle cannot be written to .*bundle\.onnx: \w"):
        write_bundle(b"anything", path)

    assert sorted(tmp_path.rglob("*")) == before


def test_a_bundle_takes_the_place_of_an_older_one(tmp_path: Path) -> None:
    (tmp_path / "bundle.onnx").write_bytes(b"older")

    write_bundle(b"newer", tmp_path / "bundle.onnx")

    assert [p.name for p in tmp_path.iterdir()] == ["bundle.onnx"]
    assert (tmp_path / "bundle.onnx").read_bytes() == b"newer"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_a_bundle_may_be_read_by_whoever_may_read_other_files(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"")

    write_bundle(b"anything", tmp_path / "bundle.onnx")

    modes = {path.stat().st_mode for path in tmp_path.iterdir()}
    assert len(modes) == 1


def test_what_a_bundle_says_of_itself_is_read_without_the_rest(
    bundle: Bundle, tmp_path: Path
) -> None:
    path = tmp_path / "bundle.onnx"
    path.write_bytes(bundle.data)

    assert read_metadata(path) == bundle.metadata


@pytest.mark.parametrize(
    "data", [b"", b"no bundle", b"\xff" * 20, b"\x3a\x80", onnx.ModelProto(ir_version=8)]
)
def test_what_says_nothing_of_itself_is_refused(data: object, tmp_path: Path) -> None:
    path = tmp_path / "bundle.onnx"
    path.write_bytes(data if isinstance(data, bytes) else data.SerializeToString())  # type: ignore[attr-defined]

    with pytest.raises(BundleError, match=r"bundle\.onnx"):
        read_metadata(path)
