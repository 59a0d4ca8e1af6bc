"""What one picture may take and how many are answered at once: in the service, and over folders."""

from typing import Final

#: For decoding, and again for drawing, one picture.
DECODE_SECONDS: Final = 10.0

#: Address space of a process that decodes, Python's own included.
DECODE_MEMORY_BYTES: Final = 2 * 1024**3

#: Pictures that one run of the network takes.
MAX_BATCH: Final = 16

#: Of a file that is read as a picture: a video is told by its size before it is in memory.
MAX_FILE_BYTES: Final = 512 * 1024**2
