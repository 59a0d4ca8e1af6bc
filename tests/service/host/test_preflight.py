"""Would the service start? Each bundle is asked in a process of its own."""

import logging
import os
import tempfile
from pathlib import Path

import click
import pytest

from models import store
from models.errors import StoreError, UsageError
from models.providers import cuda_problem
from service.host.bento import ServedBundle, keep_files_where_they_are
from service.host.preflight import (
    check_temporary_files,
    is_this_machine_only,
    load_once,
    not_started_on_error,
    warn_if_strangers_reach_it,
)
from service.inference.registry import find_bundles
from service.settings import Settings

HOSTS = {
    **dict.fromkeys(("127.0.0.1", "127.1.2.3", "::1", "localhost"), True),
    **dict.fromkeys(("0.0.0.0", "::", "10.0.0.7", "example.org"), False),  # noqa: S104
}


pytestmark = pytest.mark.usefixtures("empty_store")


def settings(model: str | None = None, provider: str = "cpu") -> Settings:
    return Settings.model_validate({"model": model, "provider": provider, "threads": 1})


def test_an_error_of_ours_ends_the_start_with_its_sentence() -> None:
    with pytest.raises(SystemExit, match=r"^not started: no such thing$"), not_started_on_error():
        raise UsageError("no such thing")


@pytest.mark.parametrize(
    ("model", "sentence"), [(None, "holds no bundle yet"), ("bolts", "has no bolts")]
)
def test_a_store_without_the_bundle_ends_the_start(model: str | None, sentence: str) -> None:
    with pytest.raises(StoreError, match=sentence):
        load_once(settings(model))


def test_a_damaged_bundle_ends_the_start_by_name(
    bundle_data: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    damaged = bytearray(bundle_data)
    damaged[len(damaged) // 2] ^= 1
    store.put(bytes(damaged), "a")

    with pytest.raises(SystemExit, match="1"):
        load_once(settings())
    said = capfd.readouterr().err
    assert said.startswith("not started: ")
    assert "bundle.onnx is not as it was written: its SHA-256 does not fit" in said


def test_a_gpu_that_is_not_there_ends_the_start_with_the_reason(
    bundle_data: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    if cuda_problem() is None:
        pytest.skip("this machine has a GPU")
    store.put(bundle_data, "a")

    with pytest.raises(SystemExit, match="1"):
        load_once(settings(provider="cuda"))
    said = capfd.readouterr().err
    assert said.strip().startswith("not started: CUDA was asked for, and cannot be had: ")


def test_a_disk_without_room_for_what_bentoml_writes_ends_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    check_temporary_files()
    monkeypatch.setattr(tempfile, "tempdir", "/proc/no-such-folder")

    with pytest.raises(UsageError, match=r"no temporary file can be written .* TMPDIR"):
        check_temporary_files()


def test_a_file_is_no_model_of_a_bento(
    bundle_data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pets.onnx").write_bytes(bundle_data)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRANSFER_MODEL", "pets.onnx")

    with pytest.raises(SystemExit, match=f"--import {tmp_path / 'pets.onnx'}"):
        ServedBundle("newest").to_info()


def test_a_relative_path_means_the_same_in_every_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRANSFER_MODEL", "a/pets.onnx, cars")

    keep_files_where_they_are()

    assert os.environ["TRANSFER_MODEL"] == f"{tmp_path / 'a' / 'pets.onnx'},cars"


def test_of_all_bundles_one_that_is_good_is_enough(
    bundle_data: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    good = store.put(bundle_data, "good")
    store.put(bundle_data[:1000], "broken")
    found = find_bundles(settings("all"))
    assert {wanted.stored.tag.partition(":")[0] for wanted in found} == {"good", "broken"}
    assert [wanted.key for wanted in find_bundles(settings(good.tag))] == [good.tag]

    load_once(settings("all"))

    assert "not started" not in capfd.readouterr().err


def test_of_all_bundles_at_least_one_must_be_good(bundle_data: bytes) -> None:
    store.put(bundle_data[:1000], "broken")

    with pytest.raises(SystemExit, match="not started: every bundle of the store is refused"):
        load_once(settings("all"))


def test_a_bento_takes_the_bundle_that_would_be_served_here(
    bundle_data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = store.put(bundle_data, "first")
    store.put(bundle_data, "second")
    monkeypatch.setenv("TRANSFER_MODEL", "first")

    assert str(ServedBundle("newest").to_info().tag) == first.tag


@pytest.mark.parametrize(("host", "expected"), HOSTS.items())
def test_only_loopback_is_this_machine_only(host: str, expected: bool) -> None:
    assert is_this_machine_only(host) is expected


@pytest.mark.parametrize(("host", "is_only_here"), HOSTS.items())
def test_an_open_door_is_announced_loudly(
    host: str, is_only_here: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """`bentoml serve --host` says where it listens."""
    with click.Context(click.Command("serve")) as context, caplog.at_level(logging.WARNING):
        context.params["host"] = host
        warn_if_strangers_reach_it()

    said = f"it listens on {host} and asks for no key. Set TRANSFER_API_KEYS"
    assert ("ANYBODY WHO REACHES THIS MACHINE CAN USE THE SERVICE" in caplog.text) != is_only_here
    assert (said in caplog.text) != is_only_here
