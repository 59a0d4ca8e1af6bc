"""A file is whole or not there: on a full disk, after an error, and while others read it."""

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from models.errors import OutputError
from models.files import PARTIAL, file_digest, output_file, remove_partials, whole_file


def write(path: Path, *parts: bytes | BaseException) -> None:
    with output_file(path) as file:
        for part in parts:
            if isinstance(part, BaseException):
                raise part
            file.write(part)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_is_written_is_there_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path / "file", b"older")
    write(tmp_path / "file", b"newer")

    assert (tmp_path / "file").read_bytes() == b"newer"
    assert names(tmp_path) == ["file"]


def test_what_was_written_can_be_read_again_before_it_takes_its_place(tmp_path: Path) -> None:
    with whole_file(tmp_path / "file") as file:
        file.write(b"content")
        file.seek(0)

        assert hashlib.file_digest(file, "sha256").digest() == hashlib.sha256(b"content").digest()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_in_the_middle_leaves_what_was_there(
    tmp_path: Path, error: type[BaseException]
) -> None:
    write(tmp_path / "file", b"older")

    with pytest.raises(error):
        write(tmp_path / "file", b"half of the ne", error())

    assert (tmp_path / "file").read_bytes() == b"older"
    assert names(tmp_path) == ["file"]


def test_a_reader_in_the_middle_sees_the_older_file_whole(tmp_path: Path) -> None:
    write(tmp_path / "file", b"older")

    with output_file(tmp_path / "file") as file:
        file.write(b"half of the ne")
        file.flush()
        seen = (tmp_path / "file").read_bytes()
        beside = {name for name in names(tmp_path) if name != "file"}

    assert seen == b"older"
    assert all(PARTIAL.fullmatch(name) for name in beside)
    assert len(beside) == 1


def test_two_that_write_one_file_do_not_mix(tmp_path: Path) -> None:
    with whole_file(tmp_path / "file") as one, whole_file(tmp_path / "file") as other:
        one.write(b"1111")
        other.write(b"22")

    assert (tmp_path / "file").read_bytes() == b"1111"
    assert names(tmp_path) == ["file"]


def missing(folder: Path) -> Path:
    return folder / "missing" / "file"


def below_a_file(folder: Path) -> Path:
    (folder / "a file").touch()
    return folder / "a file" / "file"


def a_folder(folder: Path) -> Path:
    (folder / "file" / "full").mkdir(parents=True)
    return folder / "file"


@pytest.mark.parametrize("place", [missing, below_a_file, a_folder])
def test_a_place_that_cannot_be_written_is_a_sentence_and_stays_as_it_was(
    tmp_path: Path, place: object
) -> None:
    assert callable(place)
    path = place(tmp_path)
    before = sorted(tmp_path.rglob("*"))

    with pytest.raises(OutputError, match=r"file cannot be written: \w"):
        write(path, b"anything")

    assert sorted(tmp_path.rglob("*")) == before


FULL = """
import resource, sys
from pathlib import Path
from models.files import output_file
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))  # as a full disk: Python ignores SIGXFSZ
with output_file(Path(sys.argv[1])) as file:
    file.write(bytes(5000))
"""

KILLED = """
import sys
from pathlib import Path
from models.files import output_file
with output_file(Path(sys.argv[1])) as file:
    file.write(b"half of the ne")
    file.flush()
    print("half", flush=True)
    sys.stdin.read()
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such limits")
def test_a_full_disk_is_a_sentence_and_what_was_there_stays(tmp_path: Path) -> None:
    write(tmp_path / "file", b"older")

    done = subprocess.run(
        [sys.executable, "-c", FULL, tmp_path / "file"], capture_output=True, text=True, check=False
    )

    assert "file cannot be written: File too large" in done.stderr
    assert (tmp_path / "file").read_bytes() == b"older"
    assert names(tmp_path) == ["file"]


@pytest.mark.skipif(os.name == "nt", reason="Windows kills otherwise")
def test_who_is_killed_in_the_middle_leaves_the_older_file_and_a_partial_one(
    tmp_path: Path,
) -> None:
    write(tmp_path / "file", b"older")
    write(tmp_path / "other", b"other")
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, tmp_path / "file"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)

    assert (tmp_path / "file").read_bytes() == b"older"
    assert len(names(tmp_path)) == 3
    remove_partials(tmp_path / "other")
    assert len(names(tmp_path)) == 3
    remove_partials(tmp_path / "file")
    assert names(tmp_path) == ["file", "other"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_a_file_may_be_read_by_whoever_may_read_other_files(tmp_path: Path) -> None:
    (tmp_path / "other").touch()

    write(tmp_path / "file", b"anything")

    assert len({path.stat().st_mode for path in tmp_path.iterdir()}) == 1


def test_a_digest_is_that_of_the_bytes_and_empty_where_there_are_none(tmp_path: Path) -> None:
    write(tmp_path / "file", b"content")

    assert file_digest(tmp_path / "file") == hashlib.sha256(b"content").hexdigest()
    assert file_digest(tmp_path / "missing") == file_digest(tmp_path) == ""
