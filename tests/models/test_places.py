"""Places → files: whatever a person calls a place, each file once, in an order that stays."""

import zipfile
from collections.abc import Iterator, Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import fsspec
import pytest

from models.errors import ImageError, UsageError
from models.image_files import read_file
from models.places import Listing

FILES = ("b.jpg", "a.png", "deep/er/c.tif", "notes.txt", ".hidden.jpg", "@eaDir/d.jpg", "no_ending")
PICTURES = ["a.png", "b.jpg", "no_ending", "deep/er/c.tif"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in FILES:
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "photos"


def names(*places: str | Path, besides: Sequence[Path] = ()) -> list[str]:
    return [file.name for file in Listing([str(place) for place in places], besides)]


def test_a_folder_gives_its_pictures_by_name_below_it_and_counts_the_rest(folder: Path) -> None:
    (folder / "more.tar.gz").touch()
    listing = Listing([str(folder)])

    assert [file.name for file in listing] == PICTURES
    assert f"{listing.left_out}" == "1 (notes.txt)"
    assert f"{listing.archives}" == "1 (more.tar.gz)"


def test_an_archive_gives_what_its_folder_gives(folder: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        for name in FILES:
            archive.write(folder / name, name)

    found = list(Listing([str(tmp_path / "packed.zip")]))

    assert sorted(file.name for file in found) == sorted(PICTURES)
    assert {file.read() for file in found} == {name.encode() for name in PICTURES}


def test_an_address_gives_what_its_folder_gives(folder: Path) -> None:
    memory = fsspec.filesystem("memory")
    for name in FILES:
        memory.pipe(f"/bucket/{name}", (folder / name).read_bytes())

    found = list(Listing(["memory://bucket"]))
    memory.rm("/bucket", recursive=True)

    assert sorted(file.name for file in found) == sorted(PICTURES)
    with pytest.raises(ImageError, match="cannot be fetched"):
        found[0].read()


@pytest.fixture
def bucket() -> Iterator[str]:
    """A bucket with a mark for a folder, and names that look like patterns."""
    memory = fsspec.filesystem("memory")
    for name in ("a.jpg", "[1]/star*[2].jpg", "[1]/deep/b.jpg", "[1]/deep/notes.csv"):
        memory.pipe(f"/bucket/{name}", name.encode())
    yield "memory://bucket"
    memory.rm("/bucket", recursive=True)


@pytest.mark.parametrize(
    ("below", "found"),
    [
        ("[1]/star*[2].jpg", ["[1]/star*[2].jpg"]),
        ("[1]", ["star*[2].jpg", "deep/b.jpg"]),
        ("*.jpg", ["a.jpg"]),
        ("*", ["[1]/star*[2].jpg", "[1]/deep/b.jpg", "a.jpg"]),
        ("**/b.*", ["[1]/deep/b.jpg"]),
    ],
)
def test_an_address_means_a_file_of_that_name_or_a_folder_before_a_pattern(
    bucket: str, below: str, found: list[str]
) -> None:
    assert [name.removeprefix("memory:///bucket/") for name in names(f"{bucket}/{below}")] == found


class BrokenBucket(fsspec.AbstractFileSystem):  # type: ignore[misc]  # it has no types
    """Lists one of its folders."""

    protocol = "broken"
    error: OSError = PermissionError("not yours")

    def ls(self, path: str, **_: Any) -> list[dict[str, Any]]:
        if path != "bucket":
            raise self.error
        found = {"bucket/a.jpg": "file", "bucket/b": "directory", "bucket/c.jpg": "file"}
        return [{"name": name, "type": kind, "size": 1} for name, kind in found.items()]


def test_what_cannot_be_listed_of_an_address_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    fsspec.register_implementation("broken", BrokenBucket, clobber=True)
    closed = Listing(["broken://bucket"])

    assert [file.name for file in closed] == ["a.jpg", "c.jpg"]
    assert closed.problems == ["bucket/b cannot be read: not yours"]
    monkeypatch.setattr(BrokenBucket, "error", OSError("the line is cut"))
    with pytest.raises(UsageError, match="the line is cut"):
        names("broken://bucket")


def test_a_folder_of_a_web_server_gives_what_lies_there(folder: Path) -> None:
    pytest.importorskip("aiohttp", reason="fsspec needs aiohttp for addresses of the web")
    (folder / "with space.jpg").write_text("with%20space.jpg")
    handler = partial(SimpleHTTPRequestHandler, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        files = list(Listing([f"http://127.0.0.1:{server.server_port}/"]))
        read = {file.name: file.read() for file in files}
        server.shutdown()

    assert {*PICTURES, "with%20space.jpg"} == {name for name in read if "%40" not in name}
    assert all(name.replace("%40", "@").encode() == data for name, data in read.items())


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a bucket behind real HTTP."""
    pytest.importorskip("s3fs", reason="s3:// needs s3fs: pip install '.[buckets]'")
    server = pytest.importorskip("moto.server", reason="the S3 server here is moto's")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "any")
    running = server.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    running.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://{}:{}".format(*running.get_host_and_port()))
    yield "s3://bucket"
    running.stop()


def test_a_bucket_gives_what_its_folder_gives(folder: Path, s3: str) -> None:
    bucket = fsspec.filesystem("s3")
    bucket.mkdir("bucket")
    bucket.pipe({f"bucket/{name}": (folder / name).read_bytes() for name in FILES})
    bucket.pipe("bucket/deep/", b"")  # as consoles mark folders

    files = list(Listing([s3]))

    assert [file.name for file in files] == PICTURES
    assert [file.read() for file in files] == [name.encode() for name in PICTURES]
    assert names(f"{s3}/*.jpg") == ["s3://bucket/b.jpg"]
    with pytest.raises(UsageError, match="no such file"):
        names("s3://nobodys/folder")


def test_an_address_where_nothing_lies_is_told() -> None:
    with pytest.raises(UsageError, match="no such file"):
        names("memory://bucket/nothing")


def test_names_that_print_alike_stay_apart(tmp_path: Path) -> None:
    for name in ("a\nb.jpg", "a\\nb.jpg", "a\\\\nb.jpg"):
        (tmp_path / name).touch()

    assert len({*names(tmp_path)}) == 3


def test_several_places_give_names_that_lead_to_the_files(folder: Path, tmp_path: Path) -> None:
    several = tmp_path / "list.txt"
    several.write_text(f"photos/a.png\n\n{folder}/deep\n{several}\n")

    found = names(several, f"{folder}/b.*")

    assert found == [
        f"{tmp_path}/photos/a.png", f"{folder}/deep/er/c.tif", f"{several}", f"{folder}/b.jpg",
    ]  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_list_may_hold_any_line_and_come_from_windows(
    folder: Path, tmp_path: Path, encoding: str
) -> None:
    listed = tmp_path / "list.txt"
    lines = ["photos/a.png", "null\0byte.jpg", "long" * 1000, "gone.jpg"]
    listed.write_text("\r\n".join(lines), encoding)

    first, *others = Listing([str(listed)])

    assert first.read() == (folder / "a.png").read_bytes()
    assert [file.name for file in others] == ["null\\x00byte.jpg", *lines[2:]]
    for file in others:
        with pytest.raises(ImageError, match=r"cannot be opened|no file"):
            file.read()


def test_a_pattern_goes_through_folders_once(folder: Path) -> None:
    assert names(f"{folder}/**/*.tif") == [f"{folder}/deep/er/c.tif"]
    assert len(names(f"{folder}/**")) == len(set(names(f"{folder}/**")))


def test_results_among_the_pictures_are_no_pictures(folder: Path) -> None:
    (folder / "heat").mkdir()
    (folder / "heat" / "a.png").touch()

    assert names(folder, besides=[folder / "heat", folder / "a.png"]) == PICTURES[1:]


def test_a_link_upwards_is_not_followed(folder: Path) -> None:
    (folder / "deep" / "up").symlink_to(folder, target_is_directory=True)

    assert names(folder) == PICTURES


def test_a_link_to_itself_is_a_file_that_cannot_be_opened(folder: Path) -> None:
    (folder / "b0.jpg").symlink_to("b0.jpg")

    assert names(folder) == sorted(["b0.jpg", *PICTURES[:3]]) + PICTURES[3:]


def test_a_changed_file_has_another_stamp(folder: Path) -> None:
    before = next(iter(Listing([str(folder)]))).stamp
    (folder / "a.png").write_text("another content")

    assert next(iter(Listing([str(folder)]))).stamp != before


@pytest.mark.parametrize("place", ["nowhere", "nowhere/*.jpg", "unknown://bucket"])
def test_a_place_that_is_not_there_is_refused_by_name(place: str) -> None:
    with pytest.raises(UsageError, match=place.partition("*")[0]):
        Listing([place])


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no file"):
        read_file(tmp_path)
