"""Where the network looks for each class, as the report shows it."""

import numpy as np
import pytest

from models.session import Session
from training.inspection.inspection import MeanMap
from training.report.mean_maps import draw_mean_maps


def means(*pictures: int) -> list[MeanMap]:
    found = np.eye(7, dtype=np.float32)
    return [
        MeanMap(f"class {i}", found * np.float32((i + 1) / 40), count)
        for i, count in enumerate(pictures)
    ]


def test_each_class_is_drawn_at_full_strength(session: Session) -> None:
    found = draw_mean_maps(means(24, 24), session)

    assert [(one.label, one.count) for one in found] == [("class 0", 24), ("class 1", 24)]
    assert found[0].picture == found[1].picture


@pytest.mark.parametrize("pictures", [(4, 4), (24,) * 13])
def test_few_pictures_and_many_classes_are_not_drawn(
    session: Session, pictures: tuple[int, ...]
) -> None:
    assert draw_mean_maps(means(*pictures), session) == ()
