"""A bundle that was made elsewhere comes into the store, and nothing else does."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from models import store
from models.bundle import Bundle
from tests.conftest import resealed
from training.cli import main

IMPORTED = """
import sys
from training.cli import main
code = main(sys.argv[1:])
assert not {"torch", "timm"} & set(sys.modules)
sys.exit(code)
"""


@pytest.fixture
def file(tmp_path: Path, bundle_data: bytes) -> Path:
    path = tmp_path / "Screws & Nuts.onnx"
    path.write_bytes(bundle_data)
    return path


def test_a_bundle_is_brought_in_without_torch(file: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, "--import", str(file)],
        env=os.environ | {"BENTOML_HOME": str(tmp_path / "home")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    (kept,) = (tmp_path / "home").glob("models/screws_nuts/*/bundle.onnx")
    assert kept.read_bytes() == file.read_bytes()
    assert f"TRANSFER_MODEL=screws_nuts:{kept.parent.name} serves it" in done.stdout


def test_the_name_may_be_given(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--import", str(file), "--name", "brought"]) == 0

    tag = capsys.readouterr().out.split()[0]
    assert store.get("brought").tag == tag


def test_a_bundle_of_other_classes_is_warned_of(
    file: Path, bundle: Bundle, caplog: pytest.LogCaptureFixture
) -> None:
    store.put(resealed(bundle, classes=("bolts", "pins", "rivets")).data, "shared")

    assert main(["--import", str(file), "--name", "shared"]) == 0

    assert "with other classes (bolts, pins, rivets)" in caplog.text


BAD: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "half": (lambda data: data[: len(data) // 2], "is not an ONNX file, or only a part"),
    "damaged": (lambda data: data[:-3] + b"xyz", "its SHA-256 does not fit"),
    "a picture": (lambda _: b"\xff\xd8\xff\xe0", "is not an ONNX file"),
}


@pytest.mark.parametrize(("make", "sentence"), BAD.values(), ids=BAD)
def test_what_is_no_bundle_is_wrong_use(
    file: Path, make: Callable[[bytes], bytes], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_bytes(make(file.read_bytes()))

    assert main(["--import", str(file), "--name", "never"]) == 2
    assert sentence in capsys.readouterr().err
    assert "never" not in store.names()


def test_a_file_that_is_not_there_is_wrong_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--import", str(tmp_path / "gone.onnx")]) == 2
    assert "gone.onnx cannot be read" in capsys.readouterr().err
