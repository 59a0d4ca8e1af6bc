"""Folders of drawn pictures in the layouts that train-transfer understands."""

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from models.backbones.backbone import Backbone, load_backbone
from models.backbones.weights import File
from models.graph.network import Network
from models.preprocessing import Preprocessing
from tests.conftest import TINY_BACKBONE
from training.data.folder import scan_folder
from training.data.parts import make_parts
from training.data.pictures import Picture, Pictures
from training.data.properties import Properties
from training.data.sample import draw_sample
from training.features.cache import cache_folder
from training.features.extractor import Extractor
from training.features.graphs import Graph
from training.recipes.material import Material
from training.recipes.outcome import Outcome
from training.recipes.probe import Probe, probe
from training.run.story import run
from training.selection.int8_against_fp32 import PrecisionChoice
from training.settings import TrainingSettings

ROOT = Path(__file__).parents[2]

# Steps this small are waited for by threads that have nothing to do: on two cores with other work
# on them a backward step of 18 ms took a second. Here, and in the processes that tests start.
torch.set_num_threads(1)
os.environ["OMP_NUM_THREADS"] = "1"

MakeFolder = Callable[..., Path]
Run = Callable[..., dict[str, Any]]

_COLOURS = {"cat": (200, 120, 60), "dog": (60, 120, 200), "emu": (90, 190, 90)}


def draw(label: str, number: int, size: tuple[int, int] = (48, 40)) -> Image.Image:
    """A noisy picture whose colour tells its class."""
    rng = np.random.default_rng([number, *label.encode()])
    noise = rng.integers(-60, 60, (6, 6, 3)) + np.array(_COLOURS[label])
    return Image.fromarray(noise.clip(0, 255).astype(np.uint8)).resize(size)


def properties_of(image: Image.Image, save_as: str = "PNG", **saved: Any) -> Properties:
    """What the pass over a folder finds of a picture that was saved so, shown at 32 pixels."""
    file = io.BytesIO()
    image.save(file, save_as, **saved)
    return Picture(file.getvalue()).seen(Preprocessing(32, 32, "squash"))[1]


def fill(folder: Path, label: str, numbers: range) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        draw(label, number).save(folder / f"{label}_{number:02}.png")


def draw_pets(root: Path, count: int = 12) -> Path:
    """A folder per class, with so many pictures in each."""
    for label in ("cat", "dog"):
        fill(root / label, label, range(count))
    return root


def backbone_of(extractor: Extractor) -> Backbone:
    """That of a network that torch has loaded."""
    assert isinstance(extractor.network, Network)
    return extractor.network.backbone


@pytest.fixture
def class_folder(tmp_path: Path) -> Path:
    """A folder per class: 12 cats, 12 dogs."""
    return draw_pets(tmp_path / "pets")


@pytest.fixture(scope="session")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, for those who change nothing in it."""
    return draw_pets(tmp_path_factory.mktemp("drawn") / "pets")


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that holds nothing yet."""
    monkeypatch.setenv("TRAIN_TRANSFER_CACHE", str(tmp_path / "caches"))
    return cache_folder()


@pytest.fixture
def no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As where a home cannot be written."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("TRAIN_TRANSFER_CACHE", str(tmp_path / "file" / "cache"))
    return cache_folder()


@pytest.fixture
def course_folder(tmp_path: Path) -> Path:
    """train/ and test/ with the class in the file name."""
    root = tmp_path / "course"
    for part, numbers in (("train", range(8)), ("test", range(8, 12))):
        (root / part).mkdir(parents=True)
        for label in ("cat", "dog"):
            for number in numbers:
                draw(label, number).save(root / part / f"{label}.{number}.jpg")
    return root


def trainer(out: Path) -> Run:
    """A whole run with a tiny network, as the command does it."""

    def _train(data: Path, **options: Any) -> dict[str, Any]:
        chosen = {"backbone": TINY_BACKBONE, "weights": "none", "out": out}
        return run(TrainingSettings((data,), **{**chosen, **options}))

    return _train


@pytest.fixture
def train(tmp_path: Path) -> Run:
    """A whole run of one test's own."""
    return trainer(tmp_path / "runs")


@pytest.fixture(scope="session")
def run_apart(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A whole run at whose result several tests look."""
    return trainer(tmp_path_factory.mktemp("whole") / "runs")


@pytest.fixture(scope="session")
def learned_weights(tiny_backbone: Backbone, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of weights: to the command, a network that has learned something."""
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_file(dict(tiny_backbone.model.state_dict()), path)
    return path


@pytest.fixture(scope="session")
def extractor(learned_weights: Path, tiny_backbone_graph: onnx.ModelProto) -> Extractor:
    """The tiny network, as one that has learned something, in fp32."""
    backbone = load_backbone(TINY_BACKBONE, File(learned_weights))
    return Extractor(Network(backbone), Graph(tiny_backbone_graph), backbone.preprocessing)


@pytest.fixture(scope="session")
def random_extractor(tiny_backbone: Backbone, tiny_backbone_graph: onnx.ModelProto) -> Extractor:
    """The same, as one that has never learned anything."""
    shown = tiny_backbone.preprocessing
    return Extractor(Network(tiny_backbone), Graph(tiny_backbone_graph), shown)


def material_of(folder: Path, extractor: Extractor) -> Material:
    """What one pass over a folder finds, divided as a run divides it."""
    found, pictures = scan_folder(folder), Pictures()
    sample = draw_sample(found, pictures)
    table = extractor.read(found.examples, pictures)
    parts = make_parts(found, table.examples, table.digests)
    return Material(table, parts, found.classes, sample, pictures, seed=0)


@pytest.fixture(scope="session")
def material(pets: Path, extractor: Extractor) -> Material:
    """What a recipe learns from: 24 pictures, all of them kept in memory."""
    return material_of(pets, extractor)


@pytest.fixture(scope="session")
def begun(extractor: Extractor, material: Material) -> Probe:
    """What a run begins with: a head on frozen features, and how it came about."""
    return probe(extractor, PrecisionChoice("fp32", "--precision", None), material)


@pytest.fixture(scope="session")
def probed(begun: Probe) -> Outcome:
    """What the frozen recipe ends in, as fine-tuning and reports take it."""
    return begun.outcome


def best_weights(out: Path) -> dict[str, torch.Tensor]:
    """What fine-tuning kept, of the one run below a folder."""
    (path,) = out.glob("*/*/checkpoints/best.ckpt")
    found: dict[str, torch.Tensor] = torch.load(path, weights_only=True)["state_dict"]
    return found
