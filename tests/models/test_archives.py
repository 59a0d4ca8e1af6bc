"""Zips and tars are read from where they lie, whatever is in them."""

import io
import pickle
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import archives
from models.archives import Archive
from models.errors import DataFolderError, ImageError
from tests.training.conftest import draw_pets
from tests.training.data.trees import plant
from training.data.folder import scan_folder
from training.data.pictures import Pictures

KINDS = ("zip", "tar", "gztar", "bztar", "xztar")


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_pets(tmp_path_factory.mktemp("packed") / "pets", 3)


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, data in files.items():
            opened.writestr(name, data)
    return path


def tarred(path: Path, change: Callable[[tarfile.TarInfo], None]) -> Path:
    """A tar of a cat and a dog, the dog changed."""
    with tarfile.open(path, "w") as opened:
        for name in ("cat/1.jpg", "dog/1.jpg"):
            member = tarfile.TarInfo(name)
            member.size = 3
            if name.startswith("dog"):
                change(member)
            opened.addfile(member, io.BytesIO(b"abc"))
    return path


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wrapped", [False, True])
def test_an_archive_holds_what_its_folder_holds(
    pets: Path, tmp_path: Path, kind: str, wrapped: bool
) -> None:
    place = (pets.parent, "pets") if wrapped else (pets, None)
    packed = shutil.make_archive(str(tmp_path / "any"), kind, *place)

    found, plain = scan_folder(Path(packed)), scan_folder(pets)

    digests = [Pictures(one.read).digest(e) for one in (found, plain) for e in one.examples]
    assert found.classes == plain.classes
    assert digests[:6] == digests[6:]
    assert [Path(e.name).name for e in found.examples] == [
        Path(e.name).name for e in plain.examples
    ]
    assert [path.name for path in tmp_path.iterdir()] == [Path(packed).name]


def test_a_folder_in_an_archive_can_be_meant(tmp_path: Path) -> None:
    sets = plant(tmp_path / "sets", "one/train/a/*.jpg 2; one/test/a/*.jpg 2; two/cat/*.jpg 2")
    plant(sets, "one/train/b/*.jpg 2")
    packed = Path(shutil.make_archive(str(tmp_path / "sets"), "zip", root_dir=sets))

    with pytest.raises(DataFolderError, match=r"Give one of them, as --data \S+sets\.zip/one"):
        scan_folder(packed)
    assert scan_folder(packed / "one").classes == ("a", "b")
    with pytest.raises(DataFolderError, match="holds nothing called three/"):
        scan_folder(packed / "three")


def test_names_that_lead_elsewhere_lead_nowhere(tmp_path: Path) -> None:
    path = zipped(
        tmp_path / "a.zip",
        {"../../cat/1.jpg": b"a", "/etc/../cat/2.jpg": b"b", "./dog//3.jpg": b"c", "..": b"d"},
    )

    opened = Archive(path)

    assert opened.files == (("cat", "1.jpg"), ("dog", "3.jpg"), ("etc", "cat", "2.jpg"))
    assert opened.read(("etc", "cat", "2.jpg")) == b"b"
    assert sorted(tmp_path.rglob("*")) == [path]


def test_names_of_macs_and_of_windows_are_read_as_they_were_meant(tmp_path: Path) -> None:
    mac = zipped(tmp_path / "mac.zip", {"Kätzchen/1.jpg": b"a"})
    # A Mac writes UTF-8 without the flag that says so.
    mac.write_bytes(mac.read_bytes().replace(b"\x00\x08\x08\x00", b"\x00\x00\x08\x00"))
    windows = zipped(tmp_path / "windows.zip", {"cat\\1.jpg": b"a", "dog\\1.jpg": b"b"})

    assert Archive(mac).files == (("Kätzchen", "1.jpg"),)
    assert Archive(windows).files == (("cat", "1.jpg"), ("dog", "1.jpg"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_a_tar_is_read_without_what_is_no_file(tmp_path: Path, kind: bytes) -> None:
    def change(member: tarfile.TarInfo) -> None:
        member.type, member.linkname, member.size = kind, "/etc/passwd", 0

    assert Archive(tarred(tmp_path / "a.tar", change)).files == (("cat", "1.jpg"),)


def test_a_hard_link_in_a_tar_is_the_file_that_it_names(tmp_path: Path) -> None:
    def change(member: tarfile.TarInfo) -> None:
        member.type, member.linkname, member.size = tarfile.LNKTYPE, "cat/1.jpg", 0

    assert Archive(tarred(tmp_path / "a.tar", change)).read(("dog", "1.jpg")) == b"abc"


def test_a_hard_link_out_of_a_tar_is_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    def change(member: tarfile.TarInfo) -> None:
        member.type, member.linkname, member.size = tarfile.LNKTYPE, "/etc/passwd", 0

    with pytest.raises(ImageError, match="cannot be read"):
        Archive(tarred(tmp_path / "a.tar", change)).read(("dog", "1.jpg"))


def test_a_link_in_a_zip_is_no_file(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("cat/link.jpg")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as opened:
        opened.writestr(link, "/etc/passwd")
        opened.writestr("cat/1.jpg", b"a")

    assert Archive(tmp_path / "a.zip").files == (("cat", "1.jpg"),)


def test_a_member_that_grows_without_end_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MAX_FILE_BYTES", 1000)
    opened = Archive(zipped(tmp_path / "a.zip", {"cat/1.jpg": bytes(100_000), "b": bytes(1000)}))

    assert len(opened.read(("b",))) == 1000
    with pytest.raises(ImageError, match="too large to be a picture: 100,000 bytes"):
        opened.read(("cat", "1.jpg"))


@pytest.mark.parametrize(("bound", "value"), [("_LARGEST_TAR", 1000), ("_LEFT_FREE", 2**70)])
def test_a_tar_that_grows_without_end_is_not_unpacked(
    pets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str, value: int
) -> None:
    packed = shutil.make_archive(str(tmp_path / "a"), "gztar", root_dir=pets)
    monkeypatch.setattr(archives, bound, value)
    monkeypatch.setattr(archives, "_CHUNK", 4096)

    with pytest.raises(DataFolderError, match="grows too large"):
        Archive(Path(packed))


@pytest.mark.parametrize("kind", KINDS)
def test_half_an_archive_is_refused(pets: Path, tmp_path: Path, kind: str) -> None:
    packed = Path(shutil.make_archive(str(tmp_path / "a"), kind, root_dir=pets))
    data = packed.read_bytes()
    packed.write_bytes(data[: len(data) * 2 // 3])

    with pytest.raises(DataFolderError, match="no zip or tar archive that is whole"):
        Archive(packed)


def test_an_encrypted_zip_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"cat/1.jpg": b"abc"})
    data = bytearray(path.read_bytes())
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)

    with pytest.raises(DataFolderError, match="is encrypted; unpack it first"):
        Archive(path)


def test_a_damaged_member_is_an_error_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr("cat/1.jpg", b"a" * 100)
        opened.writestr("cat/2.jpg", b"b" * 100)
    path.write_bytes(path.read_bytes().replace(b"aaaa", b"aaxa", 1))

    assert Archive(path).read(("cat", "2.jpg")) == b"b" * 100
    with pytest.raises(ImageError, match="cannot be read: Bad CRC-32"):
        Archive(path).read(("cat", "1.jpg"))


@settings(deadline=None)
@given(data=st.data())
def test_whatever_bytes_an_archive_has_only_our_errors_come_out(
    tmp_path_factory: pytest.TempPathFactory, pets: Path, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("hostile")
    kind = data.draw(st.sampled_from(KINDS))
    path = Path(shutil.make_archive(str(folder / "a"), kind, root_dir=pets))
    raw = bytearray(path.read_bytes())
    places = (
        st.integers(0, len(raw) - 1)
        | st.integers(0, 64)
        | st.integers(1, 400).map(lambda n: len(raw) - n)
    )
    for place in data.draw(st.lists(places, min_size=1, max_size=4)):
        raw[place % len(raw)] = data.draw(st.integers(0, 255))
    path.write_bytes(raw)

    try:
        found = scan_folder(path)
    except DataFolderError:
        return
    for example in found.examples:
        Pictures(found.read).digest(example)


def test_an_archive_that_went_to_another_process_reads_the_same(tmp_path: Path) -> None:
    archive = Archive(zipped(tmp_path / "a.zip", {"a/b.jpg": b"bytes"}))

    gone = pickle.loads(pickle.dumps(archive.read))  # noqa: S301  our own

    assert gone(("a", "b.jpg")) == b"bytes"
