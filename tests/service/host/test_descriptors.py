"""As many connections as the process may have files, but for those that it needs for itself."""

import subprocess
import sys

import pytest

pytest.importorskip("resource", reason="this system has no such limits")

PROGRAM = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, tuple(map(int, sys.argv[1:])))
from service.host.descriptors import most_connections
print(most_connections(), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


@pytest.mark.parametrize(
    ("soft", "hard", "most", "raised"), [(512, 2000, 1024, 1280), (300, 600, 344, 600)]
)
def test_the_soft_limit_is_raised_and_the_hard_one_bounds(
    soft: int, hard: int, most: int, raised: int
) -> None:
    command = [sys.executable, "-c", PROGRAM, str(soft), str(hard)]

    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout

    assert said.split() == [str(most), str(raised)]
