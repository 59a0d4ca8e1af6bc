"""What int8 must have shown to be taken, and how that is asked."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from models.signature import feature_maps_of
from tests.training.conftest import draw_pets
from tests.training.selection.conftest import Asked
from training.data.folder import scan_folder
from training.data.pictures import Pictures
from training.data.sample import draw_sample
from training.features.extractor import Extractor
from training.selection.int8_against_fp32 import (
    AGREEMENT,
    CORRELATION,
    SPEEDUP,
    Calibration,
    Compared,
    Earned,
    compare_with_fp32,
    look,
    rank_correlation,
)
from training.selection.precision import calibration_of


def earned(
    speedup: float = 3.0,
    agreement: float = AGREEMENT,
    correlation: float = CORRELATION,
    int8_log_loss: float = 0.3,
) -> Earned:
    log_loss = (0.3, int8_log_loss)
    return Earned(speedup, Compared(agreement, log_loss, 0.01, (0.9, 0.9), correlation))


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (earned(SPEEDUP), ""),
        (earned(SPEEDUP - 0.01), "only 1.19 times as fast"),
        (Earned(3.0), "too few pictures"),
        (earned(agreement=0.962), "only 96.2 % of a sample alike"),
        (earned(correlation=0.71), "rank correlation 0.71"),
        (earned(int8_log_loss=0.305), ""),
        (earned(int8_log_loss=0.2), ""),
        (earned(int8_log_loss=0.32), "log loss on a sample is higher (0.320, fp32's 0.300)"),
    ],
)
def test_what_has_not_earned_its_place_is_refused_with_the_figure(
    found: Earned, words: str
) -> None:
    assert words in found.objection
    assert bool(found.objection) == bool(words)


def test_rank_correlation_of_heatmaps() -> None:
    rng = np.random.default_rng(0)
    maps = rng.random((5, 7, 7)).astype(np.float32)
    zero = np.zeros_like(maps)

    assert rank_correlation(maps, maps**3) == pytest.approx(1)
    assert rank_correlation(maps, 1 - maps) == pytest.approx(-1)
    assert abs(rank_correlation(maps, rng.random(maps.shape).astype(np.float32))) < 0.4
    assert rank_correlation(zero, zero) == 1
    assert rank_correlation(zero, maps) == 0


@pytest.fixture
def calibration(extractor: Extractor, enough: Asked) -> Calibration:
    return calibration_of(extractor, *enough)


def test_a_network_beside_itself_answers_and_looks_alike(
    extractor: Extractor, calibration: Calibration, enough: Asked
) -> None:
    found = compare_with_fp32(extractor, extractor, calibration, *enough, speedup=2.0)

    assert found.speedup == 2
    assert found.compared is not None
    assert (found.compared.agreement, found.compared.log_loss_error) == (1, 0)
    assert found.compared.log_loss[0] == found.compared.log_loss[1]
    assert found.compared.heatmap_correlation == pytest.approx(1)
    assert not found.objection


def test_int8_is_compared_with_fp32_picture_by_picture(
    extractor: Extractor, calibration: Calibration, enough: Asked
) -> None:
    int8 = extractor.in_int8(calibration.pixels)

    found = compare_with_fp32(extractor, int8, calibration, *enough, speedup=2.0).compared

    assert found is not None
    assert 0.5 < found.agreement <= 1
    assert found.log_loss[0] != found.log_loss[1]
    assert found.log_loss_error > 0
    assert 0.5 < found.heatmap_correlation < 1
    assert all(accuracy > 0.7 for accuracy in found.accuracy)


def test_what_is_too_slow_is_not_compared(
    extractor: Extractor, calibration: Calibration, enough: Asked
) -> None:
    found = compare_with_fp32(extractor, extractor, calibration, *enough, speedup=1.0)

    assert found == Earned(1.0, None)


def test_a_sample_that_is_too_small_says_nothing(extractor: Extractor, few: Asked) -> None:
    calibration = calibration_of(extractor, *few)

    found = compare_with_fp32(extractor, extractor, calibration, *few, speedup=2.0)

    assert found == Earned(2.0, None)
    assert "too few pictures" in found.objection


@pytest.mark.usefixtures("own_cache")
def test_what_was_found_on_this_machine_is_not_asked_again(
    extractor: Extractor, calibration: Calibration, tmp_path: Path
) -> None:
    """The second time nothing can be read any more."""
    root = draw_pets(tmp_path / "pets", 24)
    pictures = Pictures(keep_bytes=0)
    sample = draw_sample(scan_folder(root), pictures)
    asked = extractor, extractor, calibration, sample, pictures
    found = compare_with_fp32(*asked)
    shutil.rmtree(root)

    assert compare_with_fp32(*asked) == found


def test_both_are_timed_on_the_calibration_s_pictures_and_what_they_made_of_them_is_kept(
    extractor: Extractor, calibration: Calibration
) -> None:
    int8 = extractor.in_int8(calibration.pixels)

    found = look(extractor, int8, calibration)

    assert found.speedup > 0
    for one, maps in zip((extractor, int8), found.feature_maps, strict=True):
        last = feature_maps_of(one.graph.session, calibration.pixels[-1:])
        np.testing.assert_allclose(maps[-1:], last, rtol=1e-5, atol=1e-5)
        assert len(maps) == len(calibration.pixels)
