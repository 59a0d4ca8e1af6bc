import logging
import warnings

import pytest

from models.quiet import quiet, quiet_root


def test_what_is_quiet_says_errors_alone_and_only_for_a_while(
    caplog: pytest.LogCaptureFixture,
) -> None:
    adviser = logging.getLogger("adviser")
    adviser.setLevel(logging.INFO)

    with quiet("adviser"):
        warnings.warn("you could do better", stacklevel=1)
        adviser.warning("advice")
        adviser.error("trouble")
    adviser.info("afterwards")

    assert [record.getMessage() for record in caplog.records] == ["trouble", "afterwards"]


def test_all_is_as_it_was_after_an_error_too() -> None:
    adviser = logging.getLogger("adviser")
    adviser.setLevel(logging.DEBUG)

    with pytest.raises(ZeroDivisionError, match="zero"), quiet("adviser"):
        1 / 0  # noqa: B018

    assert adviser.level == logging.DEBUG
    with pytest.warns(UserWarning, match="again"):
        warnings.warn("again", stacklevel=1)


def test_who_logs_under_no_name_is_quiet_and_others_are_heard(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with quiet_root():
        logging.warning("hundreds of these")  # noqa: LOG015
        logging.getLogger("ours").warning("still at it")
    logging.warning("afterwards")  # noqa: LOG015

    assert [record.getMessage() for record in caplog.records] == ["still at it", "afterwards"]
