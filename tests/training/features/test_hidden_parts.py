"""No pixels are shown to the network twice, nor by the next run over the same pictures."""

import numpy as np
import onnxruntime as ort
import pytest

from models.signature import feature_maps_of
from tests.conftest import noise_pictures
from training.features.extractor import Extractor
from training.features.hidden_parts import FeaturesOfParts


@pytest.mark.usefixtures("own_cache")
def test_what_a_run_asked_of_pixels_the_next_one_knows(
    extractor: Extractor, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = noise_pictures(extractor.preprocessing, 10)
    first = FeaturesOfParts(extractor, "these pictures")
    found = first(pixels)
    first.keep()
    shown: list[int] = []

    def counted(session: ort.InferenceSession, some: np.ndarray) -> np.ndarray:
        shown.append(len(some))
        return feature_maps_of(session, some)

    monkeypatch.setattr("training.features.hidden_parts.feature_maps_of", counted)
    again = FeaturesOfParts(extractor, "these pictures")(np.concatenate([pixels[::-1], pixels]))
    other = FeaturesOfParts(extractor, "others")(pixels[:3])

    np.testing.assert_array_equal(again, np.concatenate([found[::-1], found]))
    np.testing.assert_allclose(other, found[:3], rtol=1e-4, atol=1e-5)
    assert shown == [3]


@pytest.mark.usefixtures("own_cache")
def test_only_what_was_asked_last_is_kept(extractor: Extractor) -> None:
    pixels = noise_pictures(extractor.preprocessing, 4)
    for some in (pixels[:3], pixels[2:]):
        one = FeaturesOfParts(extractor, "these pictures")
        one(some)
        one.keep()

    kept = FeaturesOfParts(extractor, "these pictures")

    assert len(kept._before) == 2
