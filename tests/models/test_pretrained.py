"""Where weights are looked for on this machine, without torch and without a network."""

import threading
from pathlib import Path

import pytest

from models.pretrained import cached_file, hub_files, in_time, is_bundled, torch_cache_path

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


@pytest.mark.parametrize(
    ("name", "expected"),
    [("mobilenetv2_100", True), ("mobilenetv2_100.ra_in1k", True), ("mobilenetv2_110d", False)],
)
def test_the_bundled_network_is_known_with_and_without_timm_s_tag(
    name: str, expected: bool
) -> None:
    assert is_bundled(name) == expected
