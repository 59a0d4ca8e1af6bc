"""A bento is all that is needed: built here, it serves the same answers elsewhere."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image

from models import store
from tests.conftest import encoded
from tests.end_to_end.serving import (
    DEADLINE,
    ROOT,
    Running,
    environment,
    free_port,
    home_with,
    running,
    started,
)

pytestmark = pytest.mark.slow

BIN = Path(sys.executable).parent

#: A port that nobody listens on, for whoever asks the network; and no package index.
OFFLINE = {
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9"),
    **dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:9"),
    "NO_PROXY": "127.0.0.1",
    "no_proxy": "127.0.0.1",
    "PIP_NO_INDEX": "1",
    "UV_OFFLINE": "1",
}


def run(arguments: list[str], folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        arguments,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=4 * DEADLINE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def home(bundle_data: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return home_with(bundle_data, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def exported(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bento as a file."""
    file = tmp_path_factory.mktemp("exported") / "service.bento"
    here = environment(home, PATH=f"{BIN}{os.pathsep}{os.environ['PATH']}")
    run([str(BIN / "bentoml"), "build"], ROOT, here)
    run([str(BIN / "bentoml"), "export", "image_classification:latest", str(file)], ROOT, here)
    return file


@pytest.fixture(scope="module")
def elsewhere(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The bento served from another folder and home, by an environment of its own, offline.

    The home has a model of its own, newer than the bento's.
    """
    folder, other = tmp_path_factory.mktemp("elsewhere"), tmp_path_factory.mktemp("other")
    slim = environment_of_its_own(exported, folder)
    there = environment(other, **OFFLINE)
    run([str(slim / "bentoml"), "import", str(exported)], folder, there)
    decoy = other / "models" / "decoy" / "1"
    decoy.mkdir(parents=True)
    (decoy / store.BUNDLE_FILE).write_bytes(b"not the bento's")
    (decoy.parent / "latest").write_text("1", encoding="utf-8")
    port = free_port()
    serve = [str(slim / "bentoml"), "serve", "image_classification:latest"]
    arguments = [*serve, "--host", "127.0.0.1", "--port", str(port)]
    with started(arguments, port, folder, there) as server:
        yield server


def environment_of_its_own(bento: Path, folder: Path) -> Path:
    """A virtual environment with what the bento asks for and nothing else; its programs' folder."""
    uv, slim, unpacked = str(BIN / "uv"), folder / "slim", folder / "unpacked"
    unpacked.mkdir()
    run(["tar", "xf", str(bento), "-C", str(unpacked)], folder, dict(os.environ))
    wanted = str(unpacked / "env" / "python" / "requirements.txt")
    python = str(slim / "bin" / "python")
    run([uv, "venv", "--python", sys.executable, str(slim)], folder, dict(os.environ))
    run([uv, "pip", "install", "--python", python, "-r", wanted], folder, dict(os.environ))
    return slim / "bin"


def test_a_bento_gives_the_same_answers_elsewhere(
    home: Path, elsewhere: Running, picture: Image.Image
) -> None:
    files = {"image": ("a.png", encoded(picture))}
    urls = ["/classify", "/explain"]

    there = [httpx.post(f"{elsewhere.url}{url}", files=files, timeout=DEADLINE) for url in urls]
    with running(home) as server:
        here = [httpx.post(f"{server.url}{url}", files=files, timeout=DEADLINE) for url in urls]

    assert [answer.status_code for answer in there] == [200, 200]
    assert [answer.content for answer in there] == [answer.content for answer in here]
    assert there[1].headers["X-Model"] == here[1].headers["X-Model"]


def test_a_bento_needs_no_torch_and_nothing_of_this_checkout(elsewhere: Running) -> None:
    slim = Path(elsewhere.process.args[0]).parent.parent  # type: ignore[index,arg-type]
    installed = {path.name for path in slim.glob("lib/*/site-packages/*")}

    assert "onnxruntime" in installed
    assert not installed & {"torch", "timm", "torchvision", "lightning", "sklearn"}
    assert not [name for name in installed if name.startswith("__editable__")]


def test_the_pages_come_with_the_bento(elsewhere: Running) -> None:
    for path in ("/", "/docs", "/docs/swagger-ui-bundle.js", "/docs.json"):
        assert httpx.get(f"{elsewhere.url}{path}", timeout=DEADLINE).status_code == 200


def test_a_bento_without_a_model_is_not_built(tmp_path: Path) -> None:
    done = subprocess.run(
        [str(BIN / "bentoml"), "build"],
        cwd=ROOT,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.strip().endswith("(BENTOML_HOME says where the store is)")
    assert "not built: the model store holds no bundle yet" in done.stderr
