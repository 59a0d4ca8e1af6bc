"""Files whose pixels are whole, and which a decoder refuses for what stands around them.

What is left out here is never needed: text and colour profiles of a PNG, but for what says how it
is to be turned; and the mark at the end of a JPEG.
"""

import zlib
from collections.abc import Iterator
from typing import Final

_PNG: Final = b"\x89PNG\r\n\x1a\n"

#: Chunks that are not critical, and say something of the pixels or of how they are turned.
_USED: Final = (b"tRNS", b"eXIf")

#: Texts that may say how a picture is to be turned.
_TURNING: Final = (b"Raw profile type exif\0", b"XML:com.adobe.xmp\0")

#: Of a text; those of cameras have some ten thousand bytes.
_MOST_TEXT: Final = 256 * 1024

_END_OF_JPEG: Final = b"\xff\xd9"

#: Zeros at the end from which on they are no part of a JPEG.
_FILLED: Final = 16

#: Of what is put behind a JPEG without end: enough for a block that is missing to show.
_PADDING: Final = 1024


def without_metadata(data: bytes) -> bytes:
    """A PNG without chunks that have no use here, however large they are; other bytes as they are.

    Pillow refuses text and profiles that unpack to more than it allows, and the picture with them.
    """
    if not data.startswith(_PNG):
        return data
    kept, total = [_PNG], len(_PNG)
    for begin, end in _chunks(data):
        total = end
        if _is_used(data[begin + 4 : begin + 8], data[begin + 8 : end - 4]):
            kept.append(data[begin:end])
    return data if sum(map(len, kept)) == total else b"".join([*kept, data[total:]])


def _chunks(data: bytes) -> Iterator[tuple[int, int]]:
    """Where each chunk of a PNG begins and ends, as far as they are whole."""
    begin = len(_PNG)
    while begin + 12 <= len(data):
        end = begin + 12 + int.from_bytes(data[begin : begin + 4])
        if end > len(data):
            return
        yield begin, end
        begin = end


def _is_used(kind: bytes, body: bytes) -> bool:
    if kind in _USED or kind[:1].isupper():
        return True
    if kind not in {b"tEXt", b"zTXt", b"iTXt"} or not body.startswith(_TURNING):
        return False
    if kind == b"zTXt":
        return _unpacks_to_little(body.partition(b"\0")[2][1:])
    # XMP is not compressed, says its specification.
    is_packed = kind == b"iTXt" and body.partition(b"\0")[2][:1] != b"\0"
    return not is_packed and len(body) <= _MOST_TEXT


def _unpacks_to_little(packed: bytes) -> bool:
    try:
        return len(zlib.decompressobj().decompress(packed, _MOST_TEXT + 1)) <= _MOST_TEXT
    except zlib.error:
        return False


def with_an_end(data: bytes) -> tuple[bytes, bytes] | None:
    """A JPEG that lacks its end mark, ended in two ways; None for other bytes.

    Where only the mark is missing, both decode to the same picture. Where pixels are, each shows
    what was put in their place, and they differ.
    """
    # A copy that broke off may be filled up; a few zeros are the picture's own.
    body = data.rstrip(b"\0") if data.endswith(bytes(_FILLED)) else data
    if not data.startswith(b"\xff\xd8\xff") or body.endswith(_END_OF_JPEG):
        return None
    if body.endswith(b"\xff"):
        body += b"\0"  # else it would begin a mark
    zeros, others = (bytes([value]) * _PADDING + _END_OF_JPEG for value in (0x00, 0xAA))
    return body + zeros, body + others
