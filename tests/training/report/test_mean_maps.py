"""Where the network looks for each class."""

import numpy as np

from models.session import Session
from tests.training.report.drawn_told import judged_of, told_of
from training.data.pictures import Pictures
from training.report.mean_maps import mean_maps
from training.report.record import Record


def test_each_class_has_the_mean_of_its_right_answers(record: Record, session: Session) -> None:
    told = told_of(record, session, 60)

    found = mean_maps(told.record.judged, told.pictures, session)

    assert [one.label for one in found] == list(session.classes)
    assert all(5 <= one.count <= 24 for one in found)
    assert len({one.picture for one in found}) == len(found)


def test_pictures_that_are_gone_and_few_ones_make_no_mean(record: Record, session: Session) -> None:
    few = told_of(record, session, 9)

    assert mean_maps(few.record.judged, few.pictures, session) == ()
    many = told_of(record, session, 60)
    assert mean_maps(many.record.judged, Pictures(), session) == ()


def test_of_many_classes_there_are_no_means(record: Record, session: Session) -> None:
    told = told_of(record, session, 30)
    classes = [f"class {number}" for number in range(30)]
    judged = judged_of(told.record.judged.examples, np.eye(30, dtype=np.float32), classes)

    assert mean_maps(judged, told.pictures, session) == ()
