"""What is kept of a network answers as torch does, and is never taken for another one's."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.backbones.weights import File, Random, Weights
from models.bundle import Description, TrainingSummary, parse_bundle
from models.calibration import nothing_known
from models.errors import ExportError
from models.graph.known_network import KnownNetwork
from models.graph.network import Network
from models.head import LinearHead
from models.session import Session
from models.signature import feature_maps_of
from tests.conftest import TINY_BACKBONE, noise_pictures
from training.features.cache import cache_folder
from training.features.extractor import Extractor
from training.features.graphs import graph_of, head_graph_of
from training.features.kept_networks import keep_network, known_network


@pytest.fixture(scope="module")
def head(extractor: Extractor) -> LinearHead:
    """Of four classes, as no other head of the tests."""
    rng = np.random.default_rng(0)
    weight = rng.normal(size=(4, extractor.network.facts.num_features)).astype(np.float32)
    return LinearHead(weight / np.float32(4), np.zeros(4, np.float32))


@pytest.fixture(scope="module")
def known(extractor: Extractor, head: LinearHead, learned_weights: Path) -> KnownNetwork:
    network = extractor.network
    assert isinstance(network, Network)
    graphs = graph_of(network).model, head_graph_of(network)
    agreement = network.agreement(graphs, head, noise_pictures(extractor.preprocessing, 4))
    assert keep_network(network.facts, File(learned_weights), None, agreement)
    found = known_network(TINY_BACKBONE, File(learned_weights), None)
    assert found is not None
    return found


def test_what_is_kept_sees_and_shows_what_torch_does(
    extractor: Extractor, known: KnownNetwork, head: LinearHead
) -> None:
    pixels = noise_pictures(extractor.preprocessing, 5)
    maps, asked = feature_maps_of(extractor.graph.session, pixels), np.array([-1, 0, 1, 2, 3])

    found = known.features(maps), known.heatmaps(head, maps, asked)

    torch_says = extractor.network.features(maps), extractor.network.heatmaps(head, maps, asked)
    assert known.facts == extractor.network.facts
    for ours, reference in zip(found, torch_says, strict=True):
        assert ours == pytest.approx(reference, abs=1e-5)


def test_it_makes_the_bundle_that_torch_makes(
    extractor: Extractor, known: KnownNetwork, head: LinearHead
) -> None:
    pixels, graphs = noise_pictures(extractor.preprocessing, 4), (known.graph(), known.head_graph())

    made = [
        n.bundle(head, graphs, described(extractor), pixels) for n in (known, extractor.network)
    ]

    ours, torch_s = (parse_bundle(data, "the test's bundle") for data, _ in made)
    assert ours.metadata.map_geometry == torch_s.metadata.map_geometry
    assert made[0][1].is_close
    answers = [Session(one, "cpu").predict(pixels) for one in (ours, torch_s)]
    for one, other in zip(*answers, strict=True):
        assert one.probability == pytest.approx(other.probability, abs=1e-6)
        assert one.heatmap == pytest.approx(other.heatmap, abs=1e-5)


def described(extractor: Extractor) -> Description:
    summary = TrainingSummary(
        recipe="frozen", seed=0, accuracy=0.5, accuracy_interval=(0.4, 0.6), held_out=1,
        trained_on=1, created="2026-01-01T00:00:00+00:00",
    )  # fmt: skip
    calibration = nothing_known(4, extractor.network.facts.num_features)
    classes = ("ant", "bee", "cat", "dog")
    return Description(classes, summary, "0" * 64, extractor.preprocessing, calibration)


def test_a_file_that_answers_as_another_head_is_no_bundle(
    extractor: Extractor, known: KnownNetwork, head: LinearHead
) -> None:
    pixels, graph = noise_pictures(extractor.preprocessing, 4), known.head_graph()
    wrong = type(graph)()
    wrong.CopyFrom(graph)
    softmax = next(node for node in wrong.graph.node if node.op_type == "Softmax")
    softmax.op_type = "Hardmax"

    with pytest.raises(ExportError, match="does not answer as its graphs"):
        known.bundle(head, (known.graph(), wrong), described(extractor), pixels)


@pytest.mark.usefixtures("known")
def test_another_network_is_not_known(learned_weights: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    other.write_bytes(learned_weights.read_bytes() + b" ")
    asked: list[tuple[str, Weights, int | None]] = [
        ("test_vit", File(learned_weights), None),
        (TINY_BACKBONE, File(learned_weights), 416),
        (TINY_BACKBONE, File(other), None),
        (TINY_BACKBONE, File(tmp_path / "missing.pth"), None),
        (TINY_BACKBONE, Random(), None),
    ]

    assert [known_network(*one) for one in asked] == [None] * len(asked)


def test_a_file_that_was_moved_is_known_by_its_new_name(
    known: KnownNetwork, learned_weights: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "moved.safetensors"
    shutil.copy(learned_weights, moved)

    found = known_network(TINY_BACKBONE, File(moved), None)

    assert found is not None
    told = replace(known.facts, weights=str(moved), origin="moved.safetensors")
    assert found.facts == told


def test_other_numbers_in_a_file_of_the_same_name_are_not_known(
    known: KnownNetwork, learned_weights: Path, tmp_path: Path
) -> None:
    path = tmp_path / "mine.safetensors"
    shutil.copy(learned_weights, path)
    assert keep_network(known.facts, File(path), None, known.agreement)
    assert known_network(TINY_BACKBONE, File(path), None) is not None

    path.write_bytes(path.read_bytes() + b" ")

    assert known_network(TINY_BACKBONE, File(path), None) is None


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("kind", ["network", "backbone", "head"])
def test_what_is_damaged_or_gone_is_not_known(
    kind: str, learned_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(cache_folder(), tmp_path / "cache")
    monkeypatch.setenv("TRAIN_TRANSFER_CACHE", str(tmp_path / "cache"))
    assert known_network(TINY_BACKBONE, File(learned_weights), None) is not None

    for path in (tmp_path / "cache").glob(f"{kind}-*"):
        path.write_bytes(path.read_bytes()[:-1] + b"\0")

    assert known_network(TINY_BACKBONE, File(learned_weights), None) is None
