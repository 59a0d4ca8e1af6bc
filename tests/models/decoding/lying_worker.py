"""A process that a picture has taken over: it answers with what the picture holds, and no more."""

import sys

from models.decoding.framing import LENGTHS_BYTES, Message, lengths, packed

if __name__ == "__main__":
    sys.stdout.buffer.writelines(packed(Message()))
    sys.stdout.flush()
    while head := sys.stdin.buffer.read(LENGTHS_BYTES):
        _, data = map(sys.stdin.buffer.read, lengths(head))
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
