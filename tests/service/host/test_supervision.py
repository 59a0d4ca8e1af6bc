import subprocess
import sys
from pathlib import Path

import pytest

from service.host.supervision import kills_for_memory
from tests.service.conftest import wait_until

#: BentoML's supervisor over one worker that ends as soon as it has begun.
SHORT_LIVED = """
import sys
from service.host import supervision
supervision._PAUSE_SECONDS = 0.5
supervision.watch_over_workers()
from bentoml._internal.utils.circus import create_standalone_arbiter
from bentoml.serving import create_watcher
begins = ["-c", f"open({sys.argv[1]!r}, 'a').write('x')"]
worker = create_watcher(
    name="w", cmd=sys.executable, args=begins, numprocesses=1, working_dir="."
)
create_standalone_arbiter([worker]).start()
"""


@pytest.mark.parametrize(
    ("ours", "file", "text"),
    [
        ("0::/pods/a\n", "pods/a/memory.events", "low 0\noom 9\noom_kill 3\n"),
        ("0::/\n", "memory.events", "oom_kill 3\n"),
        ("4:memory:/docker/a\n0::/\n", "memory/docker/a/memory.oom_control", "oom_kill 3\n"),
        ("4:memory:/docker/a\n0::/\n", "memory/memory.oom_control", "under_oom 0\noom_kill 3\n"),
        ("0::/pods/a\n", "pods/b/memory.events", None),
        ("2:cpu:/\n", "memory.events", None),
    ],
)
def test_what_the_kernel_killed_for_want_of_memory_is_found(
    tmp_path: Path, ours: str, file: str, text: str | None
) -> None:
    (tmp_path / "ours").write_text(ours, encoding="utf-8")
    told = tmp_path / "groups" / file
    told.parent.mkdir(parents=True)
    told.write_text(text or "oom_kill 7\n", encoding="utf-8")

    found = kills_for_memory(tmp_path / "ours", tmp_path / "groups")

    assert found == (3 if text else 0)


def test_where_nobody_tells_nothing_was_killed(tmp_path: Path) -> None:
    assert kills_for_memory(tmp_path / "nothing", tmp_path) == 0


def test_workers_that_end_again_and_again_are_replaced_for_ever(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    begun.touch()

    with subprocess.Popen([sys.executable, "-c", SHORT_LIVED, begun]) as supervisor:
        wait_until(lambda: len(begun.read_text("ascii")) > 6 or supervisor.poll() is not None)
        supervisor.terminate()

    assert len(begun.read_text("ascii")) > 6
