"""Whatever a bundle file holds: what was written, or a `BundleError`."""

import json
from typing import Any

import bentoml
from hypothesis import given
from hypothesis import strategies as st

from models.bundle import Bundle, bundle_bytes, parse_bundle
from models.errors import BundleError
from models.store import store_name
from tests.models.test_bundle import sealed, small_model
from tests.property.strategies import (
    class_names,
    damaged_documents,
    json_values,
    mutations,
    preprocessings,
)


def refused_or_whole(data: bytes) -> Bundle | None:
    try:
        return parse_bundle(data, "hostile.onnx")
    except BundleError as refusal:
        sentence = str(refusal)
    assert sentence.startswith("hostile.onnx")
    return None


@given(class_names(), preprocessings(), st.text(), st.text())
def test_metadata_survive_with_any_names(
    bundle: Bundle, classes: tuple[str, ...], preprocessing: Any, backbone: str, weights: str
) -> None:
    metadata = bundle.metadata.model_copy(
        update={
            "classes": classes,
            "preprocessing": preprocessing,
            "backbone": backbone,
            "weights": weights,
        }
    )

    found = parse_bundle(bundle_bytes(small_model(), metadata), "any.onnx")

    assert found.metadata == metadata


@given(st.data())
def test_a_bundle_with_any_byte_changed_is_refused(bundle_data: bytes, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(bundle_data) - 1) | st.integers(-2000, -1))
    changed = bytearray(bundle_data)
    changed[position] ^= data.draw(st.integers(1, 255))

    assert refused_or_whole(bytes(changed)) is None


@given(st.data())
def test_a_bundle_cut_off_anywhere_is_refused(bundle_data: bytes, data: st.DataObject) -> None:
    length = data.draw(st.integers(0, len(bundle_data) - 1) | st.integers(-2000, -1))

    assert refused_or_whole(bundle_data[:length]) is None


@given(st.data())
def test_a_small_bundle_damaged_in_any_way_is_refused(bundle: Bundle, data: st.DataObject) -> None:
    whole = bundle_bytes(small_model(), bundle.metadata)
    changed = data.draw(mutations(whole))

    assert changed == whole or refused_or_whole(changed) is None


@given(st.binary())
def test_any_bytes_are_refused(data: bytes) -> None:
    assert refused_or_whole(data) is None


@given(st.text())
def test_any_text_as_metadata_is_refused(document: str) -> None:
    assert refused_or_whole(sealed(document)) is None


@given(json_values())
def test_any_document_as_metadata_is_refused(document: Any) -> None:
    assert refused_or_whole(sealed(json.dumps(document))) is None


@given(st.data())
def test_damaged_metadata_are_refused_or_can_be_written_again(
    bundle: Bundle, data: st.DataObject
) -> None:
    original = json.loads(bundle.metadata.model_dump_json(exclude={"self_check"}))
    original["self_check"] = [{"picture": "AAAA", "probabilities": [0.5], "heatmap": [[1.0]]}]
    document = data.draw(damaged_documents(original))

    found = refused_or_whole(sealed(json.dumps(document)))

    if found is not None:
        assert parse_bundle(bundle_bytes(small_model(), found.metadata), "again").metadata == (
            found.metadata
        )
        assert len(found.metadata.classes) >= 2


@given(st.text())
def test_any_text_becomes_a_name_that_the_store_accepts(text: str) -> None:
    name = store_name(text)

    assert bentoml.Tag(name, None).name == name
    assert store_name(name) == name
