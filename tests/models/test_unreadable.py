"""What is no picture is called by its name, with the cure of its kind, and nobody says Pillow."""

import base64
import gzip
import io
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, TiffImagePlugin

from models.errors import ImageError
from models.preprocessing import decode_image
from models.unreadable import what_it_is
from tests.conftest import encoded

NIFTI = struct.pack("<i", 348) + bytes(340) + b"n+1\0" + bytes(400)
PICTURE = encoded(Image.new("RGB", (30, 20), "red"), "JPEG")

KINDS: dict[str, tuple[bytes, str]] = {
    "DICOM": (bytes(128) + b"DICM" + bytes(64), "DICOM.*export it as PNG"),
    "DICOM without preamble": (b"\x08\0\x05\0CS\x0a\0ISO_IR 100", "DICOM.*export it as PNG"),
    "DICOM, implicit types": (b"\x08\0\x05\0\x0a\0\0\0ISO_IR 100", "DICOM.*export it as PNG"),
    "JPEG XL": (b"\xff\x0a" + bytes(40), "JPEG XL; save it as"),
    "JPEG XL in boxes": (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(40), "JPEG XL; save it as"),
    "NIfTI": (NIFTI, "NIfTI.*export slices"),
    "NIfTI, compressed": (gzip.compress(NIFTI), "NIfTI.*export slices"),
    "compressed": (gzip.compress(b"something" * 99), "compressed by gzip; unpack it"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG; save it as PNG"),
    "SVG, behind much": (
        b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- by hand -->\n<!DOCTYPE svg PUBLIC "x"><svg/>',
        "SVG; save it as PNG",
    ),
    "Git LFS": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 1\n",
        "run git lfs pull",
    ),
    "git-annex": (b"/annex/objects/SHA256E-s1--0.jpg\n", "run git annex get"),
    "a web page": (b"<!DOCTYPE html><html></html>", "a download failed"),
    "a web page behind a comment": (b"\n<!-- --><HTML><body>", "a download failed"),
    "XML": (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "download failed"),
    "JSON": (b'{"message": "Not Found"}', "download failed"),
    "base64": (base64.encodebytes(PICTURE), "send the bytes themselves"),
    "a beginning of base64": (b"/9j/4AAQSkZJRgABAQAAAQABAAD", "send the bytes themselves"),
    "a data URI": (b"data:image/png;base64,iVBORw0KGgo=", "send the bytes themselves"),
    "text": (b"just some text\n" * 50, "text, not a picture"),
    "text of UTF-8": ("ein Bäumchen\n".encode() * 9, "text, not a picture"),
    "HEIC": (b"\0\0\0\x18ftypheic\0\0\0\0mif1", "iPhones.*save it as JPEG"),
    "HEIF": (b"\0\0\0\x18ftypmif1\0\0\0\0heic", "HEIF; save it as JPEG"),
    "CR3": (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "raw file; develop it"),
    "RAF": (b"FUJIFILMCCD-RAW 0201FF129502", "raw file; develop it"),
    "ORF": (b"IIRO\x08\0\0\0" + bytes(40), "raw file; develop it"),
    "RW2": (b"IIU\0\x08\0\0\0" + bytes(40), "raw file; develop it"),
    "CR2, cut off": (b"II*\0\x10\0\0\0CR\2\0", "raw file; develop it"),
    "MP4": (b"\0\0\0\x18ftypmp42\0\0\0\0isom", "a video; save single frames"),
    "PDF": (b"%PDF-1.7\n", "PDF; save its pages"),
    "zip": (b"PK\x03\x04" + bytes(40), "an archive; unpack it"),
    "tar": (bytes(257) + b"ustar\0" + bytes(300), "an archive; unpack it"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(40), "a file of arrays"),
    "a companion of macOS": (b"\0\5\x16\7\0\2\0\0Mac OS X", "not the picture itself"),
    "zeros": (bytes(1000), "nothing but zeros"),
}


@pytest.mark.parametrize(("data", "sentence"), KINDS.values(), ids=KINDS)
def test_what_is_no_picture_is_named_with_its_cure(data: bytes, sentence: str) -> None:
    with pytest.raises(ImageError, match=sentence) as refusal:
        decode_image(data)

    assert "Pillow" not in str(refusal.value)


def raw(entries: dict[int, Any]) -> bytes:
    """A camera's raw file as far as a decoder sees it: a TIFF that begins with a small preview."""
    directory = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, value in entries.items():
        directory[tag] = value
    buffer = io.BytesIO()
    Image.new("RGB", (160, 120), "grey").save(buffer, "TIFF", tiffinfo=directory)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param({50706: b"\1\4\0\0"}, id="DNG"),
        pytest.param({254: 1, 330: 8, 271: "NIKON CORPORATION"}, id="NEF, ARW"),
    ],
)
def test_the_preview_in_a_camera_s_raw_file_is_not_taken_for_the_picture(
    entries: dict[int, Any],
) -> None:
    with pytest.raises(ImageError, match="raw file; develop it"):
        decode_image(raw(entries))


def test_a_tiff_of_which_a_camera_says_its_name_is_a_picture() -> None:
    assert decode_image(raw({271: "NIKON CORPORATION"})).size == (160, 120)


@given(st.binary(max_size=5000) | st.text(max_size=2000).map(str.encode))
def test_whatever_it_is_there_is_one_line_to_say_of_it(data: bytes) -> None:
    assert "\n" not in what_it_is(data)


@given(st.sampled_from([b"<!---->", b"<?xml?>", b" ", b"../", b"A", b"\x1f\x8b"]))
def test_a_long_row_of_one_thing_is_told_at_once(piece: bytes) -> None:
    assert what_it_is(piece * 5000)


def test_random_bytes_are_not_taken_for_anything() -> None:
    noise = np.random.default_rng(0).bytes(3000)

    assert what_it_is(b"\x01" + noise) == "not a picture in any format that is read here"
