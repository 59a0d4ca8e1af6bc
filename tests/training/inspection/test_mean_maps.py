from dataclasses import replace
from pathlib import Path

import numpy as np

from models.bundle import Bundle
from models.session import Session
from tests.training.conftest import draw_pets
from tests.training.inspection.drawn_evidence import evidence_of
from training.data.folder import scan_folder
from training.data.pictures import Pictures, readable_pixels
from training.inspection.evidence import Evidence
from training.inspection.mean_maps import mean_maps


def _evidence(folder: Path) -> Evidence:
    examples = scan_folder(folder).examples
    evidence = evidence_of([example.class_index for example in examples])
    table = replace(evidence.table, examples=examples)
    return replace(evidence, table=table, answers=np.eye(2, dtype=np.float32)[table.labels])


def test_a_class_is_shown_by_the_mean_of_its_heatmaps(bundle: Bundle, tmp_path: Path) -> None:
    evidence = _evidence(draw_pets(tmp_path / "pets", count=6))
    session, pictures = Session(bundle, "cpu"), Pictures()

    found = mean_maps(evidence, session, pictures)

    assert [one.label for one in found] == ["cat", "dog"]
    cats = [e for e in evidence.table.examples if e.class_index == 0]
    _, pixels = readable_pixels(pictures, cats, session.metadata.preprocessing)
    expected = np.mean([answer.heatmap for answer in session.predict(pixels)], axis=0)
    np.testing.assert_allclose(found[0].heatmap, expected, atol=1e-5)
    assert found[0].pictures == 6


def test_of_pictures_that_are_gone_no_map_is_made(bundle: Bundle, tmp_path: Path) -> None:
    evidence = _evidence(draw_pets(tmp_path / "pets", count=6))
    for path in (tmp_path / "pets" / "cat").iterdir():
        path.unlink()

    found = mean_maps(evidence, Session(bundle, "cpu"), Pictures())

    assert [one.label for one in found] == ["dog"]
