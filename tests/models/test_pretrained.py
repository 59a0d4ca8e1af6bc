"""Where weights are looked for on this machine, without torch and without a network."""

from pathlib import Path

import pytest

from models.pretrained import cached_file, hub_files, torch_cache_path

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
