"""What travels between the service and its processes: plain bytes, of which none is ever run.

A message is two lengths, a JSON object, and bytes as they are. Reading one makes numbers, texts and
lists of them, and nothing else, whoever wrote it.
"""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from models.errors import TransferError

_LENGTHS: Final = struct.Struct(">IQ")

#: Of the two lengths before each message.
LENGTHS_BYTES: Final = _LENGTHS.size

#: Of the JSON of an answer: a traceback is the longest.
_LONGEST_FIELDS: Final = 64 * 1024


class MessageError(TransferError):
    """Bytes that are no message, or not the one that was expected."""


@dataclass(frozen=True)
class Message:
    """What JSON can say, and bytes."""

    fields: Mapping[str, Any] = field(default_factory=dict)
    data: bytes = b""


def packed(message: Message) -> tuple[bytes, bytes]:
    """All that comes before a message's bytes, and these, which are not copied."""
    fields = json.dumps(message.fields).encode()
    return _LENGTHS.pack(len(fields), len(message.data)) + fields, message.data


def lengths(head: bytes) -> tuple[int, int]:
    """How many bytes of JSON and of data follow."""
    fields, data = _LENGTHS.unpack(head)
    return fields, data


def answered_lengths(head: bytes, most: int) -> tuple[int, int]:
    """As `lengths`; MessageError where an answer to this work, of `most` bytes, is no longer."""
    fields, data = lengths(head)
    if fields > _LONGEST_FIELDS or data > most:
        raise MessageError(
            f"an answer claims {fields} and {data} bytes, above all that it may have"
        )
    return fields, data


def unpacked(fields: bytes, data: bytes) -> Message:
    """A message from its parts; MessageError: they are none."""
    try:
        found = json.loads(fields)
    except (ValueError, RecursionError) as error:
        raise MessageError("what should be a message is no JSON") from error
    if not isinstance(found, dict):
        raise MessageError("what should be a message is no JSON object")
    return Message(found, data)
