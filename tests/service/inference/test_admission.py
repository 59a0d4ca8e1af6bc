import pytest

from models.errors import OverloadedError
from service.inference.admission import Admission


def test_admission_counts_pictures_in_and_out() -> None:
    admission = Admission(3, max_bytes=1)

    with admission.admit(2), admission.admit(1):
        with (
            pytest.raises(OverloadedError, match="of 3 places 3 are taken and 1 more wanted"),
            admission.admit(1),
        ):
            pass
        assert admission.pictures == 3

    assert admission.pictures == 0


def test_admission_counts_out_whoever_fails_inside() -> None:
    admission = Admission(1, max_bytes=1)

    with pytest.raises(KeyError, match="inside"), admission.admit(1):
        raise KeyError("inside")

    assert admission.pictures == 0


def test_bytes_are_counted_as_they_arrive_and_out_with_the_request() -> None:
    admission = Admission(1, max_bytes=10)

    with admission.body() as first, admission.body() as second:
        first(4)
        second(6)
        with pytest.raises(OverloadedError, match="may hold 10 bytes here"):
            first(1)
        with pytest.raises(OverloadedError, match="10 bytes"):
            admission.check()
        assert admission.bytes == 10

    assert admission.bytes == 0
    admission.check()


def test_what_one_picture_costs_more_is_counted_and_fits_into_an_empty_queue() -> None:
    admission = Admission(20, max_bytes=1)

    with admission.admit(1), admission.admit_work(49):
        assert admission.pictures == 20
        with pytest.raises(OverloadedError, match="20 are taken"), admission.admit(1):
            pass
    with admission.admit(1), admission.admit_work(0):
        assert admission.pictures == 1

    assert admission.pictures == 0


def test_what_one_picture_costs_more_counts_for_the_name_that_asked() -> None:
    admission = Admission(20, max_bytes=1, most_by_name=8)

    with admission.admit(1, "camera"), admission.admit_work(49, "camera"):
        assert admission.pictures == 8
        with pytest.raises(OverloadedError, match="keys of camera"):
            admission.check("camera")
        admission.check("other")
