"""A Ray cluster of two nodes on this machine; a worker that is killed changes no row."""

import csv
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from service.batch.cli import main
from tests.service.batch.conftest import draw
from tests.service.conftest import wait_until

pytest.importorskip("ray", reason="Ray is not here (pip install '.[ray]')")

pytestmark = [
    pytest.mark.slow,
    # Ray's own: sockets and processes that it leaves to the interpreter's end.
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        two = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
        two.add_node(num_cpus=1)
        patch.setenv("RAY_ADDRESS", two.address)
        yield
        two.shutdown()


def rows(path: Path) -> list[tuple[str, str, float]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        found = csv.DictReader(file)
        return [(r["file"], r["label"], round(float(r["probability"] or 0), 5)) for r in found]


def workers() -> list[psutil.Process]:
    every = psutil.Process().children(recursive=True)
    return [process for process in every if "ray::Worker" in process.name()]


@pytest.mark.usefixtures("cluster")
def test_two_nodes_give_the_rows_of_one_machine_also_when_a_worker_is_killed(
    tmp_path: Path, bundle_file: Path
) -> None:
    many, parts = draw(tmp_path / "many", 600), tmp_path / "two.csv.parts"
    command = [str(many), "--model", str(bundle_file), "--provider", "cpu", "--out"]
    assert not main([*command, f"{tmp_path}/one.csv"])
    killed: list[int] = []

    def kill() -> None:
        wait_until(lambda: bool(list(parts.glob("0*.jsonl"))))
        killed.append(workers()[0].pid)
        os.kill(killed[0], signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    assert not main([*command, f"{tmp_path}/two.csv", "--engine", "ray"])
    thread.join()

    assert killed
    assert rows(tmp_path / "two.csv") == rows(tmp_path / "one.csv")
    assert not parts.exists()
