import inspect
import re

import pytest

from models import errors

CLASSES = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if kind is not None]
ERRORS = [kind for kind in CLASSES if issubclass(kind, Exception)]


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_stands_in_the_tree_of_the_docstring(kind: type[Exception]) -> None:
    assert re.search(rf"\b{kind.__name__}\b", errors.__doc__ or "")


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_is_one_of_ours_and_knows_how_it_leaves_the_program(
    kind: type[errors.TransferError],
) -> None:
    assert issubclass(kind, errors.TransferError)
    assert kind.exit_code in {1, 2}
    assert 400 <= kind.http_status <= 599


@pytest.mark.parametrize(
    ("kind", "exit_code", "http_status"),
    [
        (errors.TransferError, 1, 500),
        (errors.UsageError, 2, 500),
        (errors.WeightsError, 2, 500),
        (errors.ImageError, 1, 400),
        (errors.ImageTooLargeError, 1, 413),
        (errors.MediaTypeError, 1, 415),
        (errors.UnknownClassError, 1, 422),
        (errors.OverloadedError, 1, 503),
    ],
)
def test_the_ways_out_are_those_of_the_tree(
    kind: type[errors.TransferError], exit_code: int, http_status: int
) -> None:
    assert (kind.exit_code, kind.http_status) == (exit_code, http_status)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("one\ntwo"), "one"),
        (ValueError("\n"), "ValueError"),
        (OSError(), "OSError"),
        (ValueError(400 * "x"), 300 * "x"),
    ],
)
def test_of_another_library_s_error_the_first_line_is_told(error: Exception, said: str) -> None:
    assert errors.first_line(error) == said
