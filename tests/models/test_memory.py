"""What control groups grant is known, in containers and outside, by both of their versions."""

from pathlib import Path

import pytest

from models.memory import granted_memory

GRANTS = {
    "memory.max": "0::/\n",
    "a/b/memory.max": "0::/a/b\n",
    "memory/memory.limit_in_bytes": "3:cpu,cpuacct:/\n2:memory:/\n",
    "memory/a/memory.limit_in_bytes": "3:cpu,cpuacct:/\n2:memory:/a\n",
}


@pytest.mark.parametrize(("file", "own"), GRANTS.items())
def test_what_a_group_grants_is_known(tmp_path: Path, file: str, own: str) -> None:
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(f"{2**29}\n")
    (tmp_path / "own").write_text(own)

    assert granted_memory(tmp_path, tmp_path / "own") == 2**29


def test_without_a_limit_it_is_the_machines(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("max\n")

    found = granted_memory(tmp_path, tmp_path / "none")

    assert found is None or found > 2**29
