import os
from pathlib import Path

import pytest

from models import cores


def test_at_least_one_core_is_granted_and_no_more_than_there_are() -> None:
    assert 1 <= cores.granted_cores() <= (os.cpu_count() or 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("150000 100000\n", 2),
        ("400000 100000\n", 4),
        ("50000 100000\n", 0),
        ("max 100000\n", 8),
        ("", 8),
        ("nonsense\n", 8),
    ],
)
def test_a_container_s_quota_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, expected: int
) -> None:
    file = tmp_path / "cpu.max"
    file.write_text(text)
    monkeypatch.setattr(cores, "_CPU_MAX", file)

    assert cores._quota(otherwise=8) == expected
    assert cores.granted_cores() >= 1


def test_without_control_groups_there_is_no_quota(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cores, "_CPU_MAX", tmp_path / "absent")

    assert cores._quota(otherwise=8) == 8


def test_processes_that_were_started_together_share_the_cores(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    alone = cores.granted_cores()

    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(alone))

    assert cores.granted_cores() == 1
