"""Without a hub and without a cache the default network trains, and nothing leaves the machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.conftest import draw_pets

#: Runs the command with all that opens a connection, or asks for a name, written down.
LISTEN = """
import sys
heard = []
def listen(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        heard.append(f"{event} {arguments[1:] if event == 'socket.connect' else arguments}")
sys.addaudithook(listen)
from training.cli import main
code = main(sys.argv[1:])
print("heard:", heard)
sys.exit(code)
"""


@pytest.mark.slow
def test_a_run_with_the_default_network_asks_nobody(tmp_path: Path) -> None:
    pets = draw_pets(tmp_path / "pets")
    places = ("HOME", "HF_HOME", "TORCH_HOME", "XDG_CACHE_HOME", "TRAIN_TRANSFER_CACHE")
    environment = {**os.environ, **{name: str(tmp_path / name) for name in places}}
    # Whoever asks all the same gets no answer, and is not shielded by a setting of this machine.
    environment |= {"HTTPS_PROXY": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "0"}

    done = subprocess.run(
        [sys.executable, "-c", LISTEN, "--data", pets, "--out", tmp_path / "runs"],
        env=environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "tf_efficientnet_lite0" in done.stderr
    assert done.stdout.splitlines()[-1] == "heard: []"
