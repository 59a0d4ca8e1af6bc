"""A worker of a cluster, without one: portions in, parts out, and disks that it does not see."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from models.bundle import read_bundle
from models.errors import UsageError
from models.places import Listing
from service.batch.parts import JOB, Job, Parts
from service.batch.worker import Orders, Worker


@pytest.fixture
def orders(tmp_path: Path, photos: Path) -> Iterator[Orders]:
    folder, before = tmp_path / "a.csv.parts", Path.cwd()
    folder.mkdir()
    (folder / JOB).write_text("the job")
    yield Orders(tmp_path, (str(photos),), folder, "the job", maps=False, provider="cpu")
    os.chdir(before)


def test_each_portion_becomes_a_part_with_a_row_for_each_file(
    tmp_path: Path, photos: Path, bundle_file: Path
) -> None:
    files = list(Listing([str(photos)]))
    portions = [files[:7], files[7:8], files[8:]]
    with Parts(tmp_path / "parts", Job("0", "", maps=False), anew=False) as parts:
        job = (tmp_path / "parts" / JOB).read_text()
        told = Orders(Path.cwd(), (str(photos),), tmp_path / "parts", job, False, "cpu")
        worker, paths = Worker(read_bundle(bundle_file), told), [parts.reserve() for _ in portions]
        with ThreadPoolExecutor(3) as callers:
            counts = list(callers.map(worker.answer, paths, portions))
        parts.note(files)

        assert counts == [7, 1, 17]
        assert [record.file for record in parts.records()] == [file.name for file in files]


@pytest.mark.parametrize(
    "other", [{"places": ("elsewhere",)}, {"places": ("elsewhere/*.jpg",)}, {"job": "another"}]
)
def test_a_worker_that_sees_other_disks_answers_nothing(
    orders: Orders, bundle_file: Path, other: dict[str, object]
) -> None:
    worker = Worker(read_bundle(bundle_file), replace(orders, **other))  # type: ignore[arg-type]

    with pytest.raises(UsageError, match="does not see"):
        worker.answer(orders.parts / "00000000-0.jsonl", [])
