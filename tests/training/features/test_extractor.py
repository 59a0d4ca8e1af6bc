"""The one pass: every picture once, in its order, whatever its neighbours are."""

import json
import logging
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.preprocessing import read_pixels
from models.signature import feature_maps_of
from tests.training.conftest import ROOT, backbone_of, draw, properties_of
from training.data.example import Example
from training.data.folder import scan_folder
from training.data.pictures import Pictures
from training.features.extractor import Extractor
from training.features.known import KnownFeatures
from training.group import Group, member_of

pytestmark = pytest.mark.usefixtures("no_cache")


@pytest.fixture
def examples(class_folder: Path) -> tuple[Example, ...]:
    return scan_folder(class_folder).examples


def alone(extractor: Extractor, example: Example) -> np.ndarray:
    """What network and graph give for one picture, without an extractor."""
    pixels = read_pixels(example.path.read_bytes(), extractor.preprocessing)[None]
    features = extractor.network.features(feature_maps_of(extractor.graph.session, pixels))
    found: np.ndarray = features[0]
    return found


def test_a_table_holds_what_each_picture_gives_alone(
    extractor: Extractor, examples: tuple[Example, ...]
) -> None:
    table = extractor.read(examples, Pictures())

    expected = np.stack([alone(extractor, example) for example in examples])
    np.testing.assert_allclose(table.features, expected, rtol=1e-4, atol=1e-5)
    assert table.examples == examples
    assert table.left_out == ()


def test_neighbours_and_their_order_change_nothing(
    extractor: Extractor, examples: tuple[Example, ...]
) -> None:
    whole = extractor.read(examples, Pictures())

    turned = extractor.read(examples[::-1], Pictures())
    some = extractor.read(examples[3:5], Pictures())

    assert turned.examples == examples[::-1]
    assert turned.data_digest == whole.data_digest
    np.testing.assert_allclose(turned.features[::-1], whole.features, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(some.features, whole.features[3:5], rtol=1e-4, atol=1e-5)


def test_what_cannot_be_read_is_left_out_with_a_reason(
    extractor: Extractor, examples: tuple[Example, ...]
) -> None:
    examples[2].path.write_bytes(b"no picture")
    examples[20].path.unlink()

    table = extractor.read(examples, Pictures())

    assert [file.name for file in table.left_out] == [examples[2].name, examples[20].name]
    assert [file.kind for file in table.left_out] == [
        "this is text, not a picture",
        "the file cannot be opened",
    ]
    assert len(table.features) == len(table.digests) == len(table.examples) == 22
    np.testing.assert_allclose(table.features[2], alone(extractor, examples[3]), rtol=1e-4)


def test_ten_that_were_left_out_are_named_and_the_rest_counted_by_kind(
    extractor: Extractor,
    examples: tuple[Example, ...],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for example in examples[:11]:
        example.path.write_bytes(b"no picture")
    for example in examples[11:14]:
        example.path.write_bytes(b"")

    table = extractor.read_all(examples, Pictures(), (), tmp_path)

    assert len(table.left_out) == 14
    assert sum(message.startswith("left out: ") for message in caplog.messages) == 10
    more = "4 more: the file is empty (3), this is text, not a picture (1)"
    assert more in caplog.text


def test_those_that_were_asked_come_first_and_stand_in_their_place(
    extractor: Extractor,
    examples: tuple[Example, ...],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What was read a moment ago is not told as known from an earlier run."""
    caplog.set_level(logging.INFO)
    first = examples[5::7]

    table = extractor.read_all(examples, Pictures(), first, tmp_path)

    assert table.examples == examples
    expected = extractor.read(first, Pictures())
    np.testing.assert_array_equal(table.features[5::7], expected.features)
    assert "reading pictures: 24 of 24" in caplog.text
    assert "were known" not in caplog.text


def test_what_is_known_is_not_shown_to_the_network_again(
    extractor: Extractor, examples: tuple[Example, ...], tmp_path: Path
) -> None:
    """It is told by features that no network has made."""
    pictures = Pictures()
    marked = np.full((1, extractor.network.facts.num_features), 7, np.float32)
    known = KnownFeatures(extractor.key())
    like = [properties_of(draw("cat", 4))]
    known.keep_in(tmp_path, [pictures.digest(examples[4])], marked, like)

    found = extractor.read_all(examples, pictures, (), tmp_path).features

    np.testing.assert_array_equal(found[4], marked[0])
    assert not np.any(np.all(found[5:] == 7, axis=1))


def test_what_a_run_has_read_is_known_to_it_without_a_cache(
    extractor: Extractor,
    examples: tuple[Example, ...],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    table = extractor.read_all(examples, Pictures(), (), tmp_path)

    again = extractor.read_all(examples, Pictures(), examples[::3], tmp_path)

    np.testing.assert_array_equal(again.features, table.features)
    assert [p.as_numbers() for p in again.properties] == [p.as_numbers() for p in table.properties]
    assert "16 pictures were known from an earlier run" in caplog.text
    extractor.framed("squash").read_all(examples, Pictures(), (), tmp_path)
    assert "all pictures are read again" in caplog.text


def test_a_second_run_reads_only_what_has_changed(
    extractor: Extractor,
    examples: tuple[Example, ...],
    tmp_path: Path,
    own_cache: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    before = extractor.read_all(examples, Pictures(), (), tmp_path / "one")
    draw("dog", 77).save(examples[-1].path)

    after = extractor.read_all(examples, Pictures(), (), tmp_path / "other")

    assert own_cache.is_dir()
    assert "23 pictures were known from an earlier run" in caplog.text
    assert after.data_digest != before.data_digest
    np.testing.assert_array_equal(after.features[:-1], before.features[:-1])
    assert not np.array_equal(after.features[-1], before.features[-1])


@pytest.mark.parametrize(("precision", "near"), [("int8", 0.25), ("fp16", 0.01)])
def test_a_graph_with_fewer_bits_reads_nearly_the_same(
    extractor: Extractor, examples: tuple[Example, ...], precision: str, near: float
) -> None:
    shown = extractor.preprocessing
    pixels = np.stack([read_pixels(e.path.read_bytes(), shown) for e in examples[::3]])
    fewer = extractor.in_int8(pixels) if precision == "int8" else extractor.in_fp16()

    tables = [reader.read(examples, Pictures()) for reader in (extractor, fewer)]

    assert fewer.graph.precision == precision
    difference = np.abs(tables[1].features - tables[0].features).max()
    assert 0 < difference < near * np.abs(tables[0].features).max()


def test_another_way_of_reading_changes_nobody(
    extractor: Extractor, examples: tuple[Example, ...]
) -> None:
    before = backbone_of(extractor).state_dict()
    held = {name: value.clone() for name, value in before.items()}
    shown, graph = extractor.preprocessing, extractor.graph.digest

    squashed = extractor.framed("squash")
    squashed.read(examples[:3], Pictures())

    assert squashed.preprocessing == replace(shown, framing="squash")
    assert (extractor.preprocessing, extractor.graph.digest) == (shown, graph)
    assert extractor.network.facts.preprocessing.framing == shown.framing
    assert all((held[name] == value).all() for name, value in before.items())


def test_several_processes_read_a_share_each_and_have_the_whole(
    extractor: Extractor, examples: tuple[Example, ...]
) -> None:
    others = extractor.read(examples[::2], Pictures())

    with member_of(Group(1, 2, 1, 2), lambda mine: [others, mine]):
        table = extractor.read_shared(examples, Pictures())

    assert table.examples == examples
    np.testing.assert_array_equal(table.features[::2], others.features)
    np.testing.assert_allclose(table.features[1], alone(extractor, examples[1]), rtol=1e-4)


def test_a_run_whose_graphs_are_known_can_do_without_torch() -> None:
    """Rooms that compute with arrays import none, not even through others."""
    rooms = ("data", "features", "head", "report", "selection")
    folders = [ROOT / "training" / room for room in rooms]
    files = [f for folder in folders for f in folder.glob("*.py") if f.name != "__init__.py"]
    names = [f"training.{file.parent.name}.{file.stem}" for file in files]
    code = f"import json, sys, {', '.join(names)}, training.recipes.probe, training.run.story; "

    found = subprocess.run(
        [sys.executable, "-c", code + "print(json.dumps(sorted(sys.modules)))"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip

    loaded = {name.partition(".")[0] for name in json.loads(found)}
    assert len(names) > 15
    assert not loaded & {"torch", "timm", "torchvision", "lightning"}
