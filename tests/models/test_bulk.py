"""Many files → a row each, in their order, whatever they hold."""

import threading
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.bulk import Row, answer_files, classify
from models.bundle import Bundle, parse_bundle
from models.decoding.workers import PictureWorkers
from models.errors import UsageError
from models.places import Listing, PictureFile
from models.preprocessing import read_pixels
from models.session import Session
from tests.conftest import encoded
from tests.models.decoding.harmed_worker import ENDS, LASTS
from tests.property.hostile_files import damaged, written_files


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Whole and damaged files of every format, all called like pictures."""
    folder = tmp_path_factory.mktemp("hostile")
    for kind, data in written_files().items():
        (folder / f"{kind}.0.jpg").write_bytes(data)
        for number, harm in enumerate(list(damaged(data))[::60], start=1):
            (folder / f"{kind}.{number}.jpg").write_bytes(harm)
    return folder


@pytest.fixture(scope="module")
def rows(hostile: Path, bundle_data: bytes) -> list[Row]:
    session = Session(parse_bundle(bundle_data, "drawn"), "cpu")
    return list(answer_files(session, Listing([str(hostile)])))


def test_hostile_files_have_a_row_each_in_their_order(rows: list[Row], hostile: Path) -> None:
    assert [row.file for row in rows] == sorted(path.name for path in hostile.iterdir())
    assert all((row.prediction is None) == bool(row.error) for row in rows)
    assert any(row.error for row in rows)


def test_a_row_is_what_the_session_answers(rows: list[Row], bundle: Bundle) -> None:
    session = Session(bundle, "cpu")
    answered = [row for row in rows if row.prediction][:20]

    for row in answered:
        pixels = read_pixels(row.source.read(), session.metadata.preprocessing)
        (expected,) = session.predict(pixels[None])
        assert row.prediction
        assert row.label == expected.label
        assert np.abs(row.prediction.probabilities - expected.probabilities).max() < 1e-6


def test_who_has_seen_enough_ends_the_work(rows: list[Row], bundle: Bundle) -> None:
    files = [row.source for row in rows if row.prediction]
    asked = count()

    def endless() -> Iterator[PictureFile]:
        while True:
            yield files[next(asked) % len(files)]

    answers = answer_files(Session(bundle, "cpu"), endless())
    next(answers)
    answers.close()  # type: ignore[attr-defined]  # it is a generator

    assert next(asked) < 5000
    assert "bulk" not in {thread.name for thread in threading.enumerate()}


def test_what_harms_a_process_costs_none_of_the_pictures_that_are_decoded_with_it(
    tmp_path: Path, bundle: Bundle, picture: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, data in {"a": encoded(picture), "b": LASTS, "c": ENDS, "d": encoded(picture)}.items():
        (tmp_path / f"{name}.jpg").write_bytes(data)
    harmed = partial(PictureWorkers, program="tests.models.decoding.harmed_worker")
    monkeypatch.setattr("models.bulk.PictureWorkers", harmed)
    monkeypatch.setattr("models.bulk.DECODE_SECONDS", 1.0)

    a, b, c, d = answer_files(Session(bundle, "cpu"), Listing([str(tmp_path)]))

    assert a.prediction
    assert b.error == "the picture takes more than 1 seconds to decode or draw"
    assert c.error == "the picture is broken: decoding it failed badly"
    assert d.prediction
    assert np.array_equal(a.prediction.probabilities, d.prediction.probabilities)


def test_a_listing_that_fails_is_told(bundle: Bundle) -> None:
    def failing() -> Iterator[PictureFile]:
        raise UsageError("the bucket is gone")
        yield

    with pytest.raises(UsageError, match="the bucket is gone"):
        list(answer_files(Session(bundle, "cpu"), failing()))


def test_a_place_and_a_bundle_file_are_all_that_python_needs(
    tmp_path: Path, bundle_data: bytes, picture: Image.Image
) -> None:
    (tmp_path / "drawn.onnx").write_bytes(bundle_data)
    (tmp_path / "one.png").write_bytes(encoded(picture))

    (row,) = classify(tmp_path / "one.png", tmp_path / "drawn.onnx")

    assert row.label in {"nuts", "screws", "Bäume & Co"}
    assert row.probability > 1 / 3
