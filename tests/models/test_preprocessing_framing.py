"""Which part of a picture the network sees, and that it is timm's."""

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import models.backbones  # noqa: F401  makes torchvision importable
from models.preprocessing import Preprocessing

# After models.backbones: timm imports torchvision.
from timm.data import create_transform  # isort: skip


@pytest.mark.parametrize(
    ("preprocessing", "size", "box"),
    [
        (Preprocessing(224, 224, "squash"), (640, 480), (0, 0, 640, 480)),
        (Preprocessing(224, 224, "squash"), (480, 640), (0, 0, 480, 640)),
        (Preprocessing(224, 224, "short-side"), (640, 480), (80, 0, 560, 480)),
        (Preprocessing(224, 224, "short-side"), (480, 640), (0, 80, 480, 560)),
        (Preprocessing(224, 224, "crop", 0.875), (640, 480), (110, 30, 530, 450)),
        (Preprocessing(224, 224, "crop", 0.875), (480, 640), (30, 110, 450, 530)),
        (Preprocessing(224, 224, "crop", 1.0), (480, 480), (0, 0, 480, 480)),
        (Preprocessing(100, 200, "short-side"), (400, 400), (0, 100, 400, 300)),
        (Preprocessing(200, 100, "short-side"), (400, 400), (100, 0, 300, 400)),
        (Preprocessing(100, 200, "crop", 0.5), (400, 400), (100, 150, 300, 250)),
    ],
)
def test_the_network_sees_the_middle_with_its_own_aspect_ratio(
    preprocessing: Preprocessing, size: tuple[int, int], box: tuple[float, ...]
) -> None:
    assert preprocessing.box(*size) == pytest.approx(box)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize("size", [(640, 480), (480, 640), (500, 333), (300, 300)])
@pytest.mark.parametrize(("side", "fraction"), [(224, 0.875), (160, 0.95), (96, 1.0)])
def test_the_crop_is_that_of_timm(
    picture: Image.Image, interpolation: Any, size: tuple[int, int], side: int, fraction: float
) -> None:
    image = picture.resize(size, Image.Resampling.BICUBIC)
    preprocessing = Preprocessing(side, side, "crop", fraction, interpolation)
    transform: Any = create_transform(
        (3, side, side),
        interpolation=interpolation,
        crop_pct=fraction,
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
    )

    expected = transform(image).mul(255).round().to(torch.int).permute(1, 2, 0).numpy()

    # timm rounds to whole pixels twice, which moves the picture by up to half a pixel.
    difference = np.abs(preprocessing.pixels(image) - expected)
    assert difference.mean() <= 2
    assert difference.max() <= 16


def test_squash_is_that_of_torchvision(picture: Image.Image) -> None:
    found = Preprocessing(40, 50, "squash").pixels(picture)

    assert np.array_equal(found, np.asarray(picture.resize((50, 40), Image.Resampling.BILINEAR)))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"height": 0}, "an input of 32 x 0 pixels is not supported"),
        ({"width": 5000}, "an input of 5000 x 32 pixels"),
        ({"crop_fraction": 0.0}, "crop_fraction is 0.0; it lies in 0.01 to 1"),
        ({"crop_fraction": 1.5}, "crop_fraction is 1.5"),
        ({"crop_fraction": float("nan")}, "crop_fraction is nan"),
    ],
)
def test_an_impossible_preprocessing_is_refused(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Preprocessing(**{"height": 32, "width": 32, **arguments})
