"""Damaged files of every format through a running service: no 5xx, and it goes on."""

import pytest

from tests.property.hostile_files import damaged, written_files
from tests.service.conftest import Served

#: Beside a good one in one request; the service takes 32.
OTHERS = 31


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in written_files() if name.endswith(("RGB", "-1"))])
def test_no_damaged_file_of_any_format_makes_an_error_of_ours(
    served: Served, png: bytes, name: str
) -> None:
    files = list(damaged(written_files()[name]))

    for start in range(0, len(files), OTHERS):
        form = [("image", data) for data in [png, *files[start : start + OTHERS]]]
        response = served.client.post("/classify", files=form)

        assert response.status_code == 200
        good, *others = response.json()["predictions"]
        assert "label" in good
        assert {answer.get("status", 200) for answer in others} <= {200, 400, 413}
