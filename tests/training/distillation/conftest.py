"""A small teacher that has learned something, and pictures without labels."""

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from tests.conftest import TINY_BACKBONE, lively_backbone
from tests.training.conftest import draw
from training.distillation.settings import DistillationSettings

#: One that has another shape than the teacher.
OTHER_BACKBONE = "test_efficientnet"

#: The same for a command in a process of its own.
ONE_THREAD = {"OMP_NUM_THREADS": "1"}

Make = Callable[..., DistillationSettings]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Networks this small are slower on several, and on busy cores far slower."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def teacher_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("teacher") / "teacher.safetensors"
    save_file(dict(lively_backbone(TINY_BACKBONE).model.state_dict()), path)
    return path


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 pictures in two folders."""
    root = tmp_path_factory.mktemp("pictures") / "mine"
    for label in ("cat", "dog"):
        (root / label).mkdir(parents=True)
        for number in range(100):
            draw(label, number).save(root / label / f"{number}.jpg")
    return root


@pytest.fixture
def archive(folder: Path, tmp_path: Path) -> Path:
    """A zip with 40 pictures, and with what lies in zips besides."""
    path = tmp_path / "pictures.zip"
    with zipfile.ZipFile(path, "w") as opened:
        for file in sorted(folder.rglob("*.jpg"))[::5]:
            opened.write(file, str(file.relative_to(folder)))
        opened.writestr("index.tsv", "name\tclass\n")
        opened.writestr("cat/broken.jpg", b"\xff\xd8\xff\xe0 half a picture")
        opened.writestr("empty.png", b"")
        opened.writestr("__MACOSX/._0.jpg", b"resource")
        opened.mkdir("dog/empty")
    return path


@pytest.fixture
def make_settings(teacher_weights: Path, folder: Path, tmp_path: Path) -> Make:
    def _make(**options: Any) -> DistillationSettings:
        chosen: dict[str, Any] = {
            "data": folder, "teacher": TINY_BACKBONE, "teacher_weights": str(teacher_weights),
            "student": TINY_BACKBONE, "pictures": 160, "batch_size": 8, "crop": 32,
            "last_crop": 64, "out": tmp_path / "runs",
        }  # fmt: skip
        return DistillationSettings(**{**chosen, **options})

    return _make
