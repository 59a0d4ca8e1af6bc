"""Parts: whatever stops a run, and whatever happens to files, each has one row in the end."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import OutputError, UsageError
from models.places import PictureFile
from service.batch import parts as module
from service.batch.parts import Job, Parts, write_part
from service.batch.record import Record

JOB = Job("0" * 64, "photos", maps=False)


def file(name: str, stamp: str = "1") -> PictureFile:
    return PictureFile(name, 0, stamp, bytes)


def answered(found: PictureFile) -> Record:
    return Record(found.name, found.stamp, "nuts", 0.5, familiar=True, probabilities=(0.5,))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "answers.csv.parts"


@settings(max_examples=30)
@given(
    st.lists(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("12"))), max_size=6),
    st.integers(1, 4),
)
def test_each_file_has_the_row_of_its_last_content(
    tmp_path_factory: pytest.TempPathFactory, sessions: list[list[tuple[str, str]]], most: int
) -> None:
    folder = tmp_path_factory.mktemp("any") / "parts"
    last: dict[str, str] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_FIRST", (most, 60))
        patch.setattr(module, "_FURTHER", (most, 60))
        for asked in sessions:
            with Parts(folder, JOB, anew=False) as parts:
                for name, stamp in asked:
                    last[name] = stamp
                    if not parts.holds(file(name, stamp)):
                        parts.add(answered(file(name, stamp)))
        with Parts(folder, JOB, anew=False) as parts:
            found = [(record.file, record.stamp) for record in parts.records()]

    assert sorted(found) == sorted(last.items())


def test_where_nothing_was_answered_no_trace_is_left(folder: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"), Parts(folder, JOB, anew=False):
        raise UsageError("s3://bucket cannot be read")

    assert not folder.exists()


def test_the_first_part_is_small_and_there_before_the_end(folder: Path) -> None:
    with Parts(folder, JOB, anew=False) as parts:
        for number in range(64):
            parts.add(answered(file(f"{number}.jpg")))

        assert len((folder / "00000000.jsonl").read_text().splitlines()) == 64


def test_a_part_is_whole_or_not_there(tmp_path: Path) -> None:
    def stopped() -> Iterator[Record]:
        yield answered(file("a"))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_part(tmp_path / "0.jsonl", stopped())

    assert not (tmp_path / "0.jsonl").exists()


def test_what_was_answered_when_an_error_comes_is_kept(folder: Path) -> None:
    def stopped() -> Iterator[None]:
        with Parts(folder, JOB, anew=False) as parts:
            parts.add(answered(file("a.jpg")))
            raise KeyboardInterrupt
        yield

    with pytest.raises(KeyboardInterrupt):
        next(stopped())

    with Parts(folder, JOB, anew=False) as parts:
        assert parts.holds(file("a.jpg"))


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (Job("1" * 64, "photos", maps=False), "another model"),
        (Job("0" * 64, "others", maps=False), "another place"),
        (Job("0" * 64, "photos", maps=True), "other columns"),
    ],
)
def test_parts_of_another_job_are_refused_unless_all_is_made_anew(
    folder: Path, other: Job, words: str
) -> None:
    with Parts(folder, JOB, anew=False) as parts:
        parts.add(answered(file("a.jpg")))

    with pytest.raises(UsageError, match=words):
        Parts(folder, other, anew=False)
    with Parts(folder, other, anew=True) as parts:
        assert not parts.count


def test_two_commands_cannot_write_the_same_result(folder: Path) -> None:
    with Parts(folder, JOB, anew=False), pytest.raises(UsageError, match="another classify-images"):
        Parts(folder, JOB, anew=False)


def test_what_lies_among_the_parts_and_is_not_ours_stays(folder: Path) -> None:
    folder.mkdir()
    (folder / "mine.txt").touch()
    with Parts(folder, JOB, anew=False) as parts:
        parts.add(answered(file("a.jpg")))
        list(parts.records())
        parts.remove()

    assert [path.name for path in folder.iterdir()] == ["mine.txt"]


def test_a_folder_of_somebody_else_s_numbers_is_no_folder_of_parts(folder: Path) -> None:
    folder.mkdir()
    (folder / "2024.jsonl").write_text(json.dumps({"mine": 1}))

    with pytest.raises(OutputError, match="not made by classify-images"):
        Parts(folder, JOB, anew=True)


def test_an_answer_that_is_not_among_the_parts_is_no_end(folder: Path) -> None:
    with Parts(folder, JOB, anew=False) as parts:
        parts.note([file("a.jpg")])

        with pytest.raises(OutputError, match="1 answers are not in"):
            list(parts.records())


def test_what_a_worker_of_a_run_before_still_writes_replaces_nothing(folder: Path) -> None:
    with Parts(folder, JOB, anew=False) as parts:
        late = parts.reserve()
    with Parts(folder, JOB, anew=False) as parts:
        module.write_part(parts.reserve(), [answered(file("a.jpg"))])
        module.write_part(late, [answered(file("b.jpg")), answered(file("a.jpg"))])
        parts.note([file("a.jpg")])

        assert [record.file for record in parts.records()] == ["a.jpg"]
