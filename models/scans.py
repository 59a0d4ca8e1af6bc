"""JPEGs of thousands of scans, which are small and take long, are known before they are decoded.

A progressive JPEG says a little more of the whole picture with each scan, and one that says nothing
takes a few bytes for a million pixels: 283 kB took eight seconds. libjpeg leaves a bound to its
callers ("Two Issues with the JPEG Standard", libjpeg-turbo.org). Encoders write about ten scans;
libtiff reads at most a hundred, and so do we.
"""

import re
from typing import Final

from models.errors import ImageTooLargeError

MOST_SCANS: Final = 100

_START, _END, _SCAN = b"\xff\xd8", 0xD9, 0xDA

#: In the data of a scan: anything that is neither a stuffed zero, nor a restart, nor filling.
_MARKER: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


def check_scans(data: bytes) -> None:
    """Raises ImageTooLargeError for a JPEG of more scans than any encoder writes."""
    # A search of a gigabyte a second, which nearly all pictures end with.
    if not data.startswith(_START) or data.count(bytes((0xFF, _SCAN))) <= MOST_SCANS:
        return
    if (scans := _count_scans(data)) > MOST_SCANS:
        raise ImageTooLargeError(
            f"the picture is a JPEG of {scans:,} scans; at most {MOST_SCANS} are read, and "
            "programs that write pictures write about ten. Save it again with one of them"
        )


def _count_scans(data: bytes) -> int:
    """Scans of the first picture in a file. Others may follow, and films, which a phone appends."""
    scans, position = 0, len(_START)
    while found := _MARKER.search(data, position):
        code = data[found.start() + 1]
        if code == _END:
            break
        scans += code == _SCAN
        length = int.from_bytes(data[found.end() : found.end() + 2])
        position = found.end() + length
    return scans
