"""What one picture may take and how many are answered at once: in the service, and over folders."""

from typing import Final

from models.memory import granted_memory

#: For decoding, and again for drawing, one picture.
DECODE_SECONDS: Final = 10.0

#: Address space of a process that decodes, Python's own included: what formats at their worst take.
DECODE_MEMORY_BYTES: Final = 2 * 1024**3

#: With less of it hardly any photograph can be decoded.
LEAST_DECODE_MEMORY: Final = 256 * 1024**2

#: What the process that answers takes, with bodies and answers that are in flight.
_ANSWERING_BYTES: Final = 512 * 1024**2

#: Pictures that one run of the network takes.
MAX_BATCH: Final = 16

#: Of a file that is read as a picture: a video is told by its size before it is in memory.
MAX_FILE_BYTES: Final = 512 * 1024**2


def decode_memory(workers: int) -> int:
    """Bytes for each of the processes that decode, the one beside slow pictures included."""
    granted = granted_memory()
    if granted is None:
        return DECODE_MEMORY_BYTES
    share = (granted - _ANSWERING_BYTES) // (workers + 1)
    return min(max(share, LEAST_DECODE_MEMORY), DECODE_MEMORY_BYTES)
