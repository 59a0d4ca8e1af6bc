"""What the processes do with a picture: a fixed table, each with how work and answer travel.

Nothing that is sent names code. A process finds what to do by a word in `KINDS`, and whoever asked
checks an answer against what the work can have as one: a process that a picture has taken over may
say what it likes.
"""

import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import accumulate, pairwise
from typing import Any, ClassVar, Final, Protocol, Self, TypeVar

import numpy as np

from models.decoding.framing import Message, MessageError
from models.drawing import Sketch, draw_png
from models.errors import ImageError, ImageTooLargeError
from models.heatmap import MapGeometry
from models.image_files import MAX_PIXELS
from models.memory import too_much_memory
from models.preprocessing import Preprocessing, ReadPicture, read_picture

_Answer_co = TypeVar("_Answer_co", covariant=True)

_PNG: Final = b"\x89PNG\r\n\x1a\n"

#: Of a drawing beside its pixels: the legend below a small picture, and texts.
_BESIDE_PIXELS: Final = 4 * 1024**2

_LONGEST_SENTENCE: Final = 2_000


class Work(Protocol[_Answer_co]):
    """One kind of work, with all that it takes."""

    #: Its name in the table.
    kind: ClassVar[str]

    @property
    def longest(self) -> int:
        """Bytes that an answer may have."""

    def message(self) -> Message:
        """The work as it travels."""

    @classmethod
    def of(cls, message: Message) -> Self:
        """The work that has travelled."""

    def done(self) -> Message:
        """Does it, in the process; the answer as it travels."""

    def answer(self, message: Message) -> _Answer_co:
        """The answer that has travelled; MessageError: there can be no such answer to this."""


@dataclass(frozen=True)
class Read:
    """A picture as the network sees it: `models.preprocessing.read_picture`."""

    kind: ClassVar[str] = "read"
    data: bytes
    preprocessing: Preprocessing
    max_pixels: int = MAX_PIXELS

    @property
    def longest(self) -> int:
        """Exactly the input of the network."""
        return self.preprocessing.height * self.preprocessing.width * 3

    def message(self) -> Message:
        """The file, and how it is to be read."""
        fields = {"preprocessing": asdict(self.preprocessing), "max_pixels": self.max_pixels}
        return Message(fields, self.data)

    @classmethod
    def of(cls, message: Message) -> Self:
        """The same."""
        fields = message.fields
        return cls(message.data, _preprocessing(fields["preprocessing"]), fields["max_pixels"])

    def done(self) -> Message:
        """The pixels, and the picture's size and warnings."""
        found = read_picture(self.data, self.preprocessing, self.max_pixels)
        size = {"width": found.width, "height": found.height}
        return Message(size | {"warnings": found.warnings}, found.pixels.tobytes())

    def answer(self, message: Message) -> ReadPicture:
        """What the process says that it read."""
        match message.fields:
            case {"width": int(width), "height": int(height), "warnings": list(warnings)}:
                pass
            case _:
                raise MessageError("this is no picture that was read")
        is_size = width > 0 and height > 0 and width * height <= self.max_pixels
        if not is_size or len(message.data) != self.longest:
            raise MessageError("this picture has a size that it cannot have")
        shape = self.preprocessing.height, self.preprocessing.width, 3
        pixels = np.frombuffer(message.data, np.uint8).reshape(shape)
        return ReadPicture(pixels, width, height, tuple(map(_sentence, warnings)))


@dataclass(frozen=True)
class ReadSeveral:
    """Small pictures in one exchange, which costs as much for one: each as `Read` has it.

    The clock is that of one picture. Where they have no answer together, each alone has its own.
    """

    kind: ClassVar[str] = "read several"
    files: tuple[bytes, ...]
    preprocessing: Preprocessing
    max_pixels: int = MAX_PIXELS

    @property
    def _each(self) -> list[Read]:
        return [Read(data, self.preprocessing, self.max_pixels) for data in self.files]

    @property
    def longest(self) -> int:
        """As many inputs of the network."""
        return sum(read.longest for read in self._each)

    def message(self) -> Message:
        """The files, one behind the other, and how they are to be read."""
        lengths = [len(data) for data in self.files]
        fields = {**Read(b"", self.preprocessing, self.max_pixels).message().fields}
        return Message(fields | {"lengths": lengths}, b"".join(self.files))

    @classmethod
    def of(cls, message: Message) -> Self:
        """The same."""
        fields, ends = message.fields, list(accumulate(message.fields["lengths"], initial=0))
        files = tuple(message.data[begin:end] for begin, end in pairwise(ends))
        return cls(files, _preprocessing(fields["preprocessing"]), fields["max_pixels"])

    def done(self) -> Message:
        """What each says, and all pixels, one picture's behind the other's."""
        answers = [answered(read) for read in self._each]
        fields = {"each": [answer.fields for answer in answers]}
        return Message(fields, b"".join(answer.data for answer in answers))

    def answer(self, message: Message) -> list[ReadPicture | ImageError]:
        """A picture or its error, for each."""
        each, pixels = message.fields.get("each"), io.BytesIO(message.data)
        if not isinstance(each, list) or len(each) != len(self.files):
            raise MessageError("these are not as many pictures as were to be read")
        found = [_of_several(*one, pixels) for one in zip(self._each, each, strict=True)]
        if pixels.read(1):
            raise MessageError("these are more pixels than the pictures have")
        return found


def _of_several(read: Read, fields: Any, pixels: io.BytesIO) -> ReadPicture | ImageError:
    """One picture of several, whose pixels come next, or its error."""
    if not isinstance(fields, dict):
        raise MessageError("this is no picture that was read")
    try:
        check_success(Message(fields))
    except ImageError as error:
        return error
    return read.answer(Message(fields, pixels.read(read.longest)))


@dataclass(frozen=True)
class Draw:
    """A heatmap over its picture, as the bytes of a PNG: `models.drawing.draw_png`."""

    kind: ClassVar[str] = "draw"
    data: bytes
    sketch: Sketch
    max_pixels: int = MAX_PIXELS

    @property
    def longest(self) -> int:
        """RGB with a byte before each row, not compressed at all."""
        return 4 * self.max_pixels + _BESIDE_PIXELS

    def message(self) -> Message:
        """The file, and what is to be drawn over it."""
        sketch = asdict(self.sketch) | {"heatmap": self.sketch.heatmap.tolist()}
        return Message({"sketch": sketch, "max_pixels": self.max_pixels}, self.data)

    @classmethod
    def of(cls, message: Message) -> Self:
        """The same."""
        sketch = message.fields["sketch"]
        made = {
            "heatmap": np.array(sketch["heatmap"], np.float32),
            "preprocessing": _preprocessing(sketch["preprocessing"]),
            "geometry": MapGeometry(**sketch["geometry"]),
        }
        return cls(message.data, Sketch(**sketch | made), message.fields["max_pixels"])

    def done(self) -> Message:
        """The PNG."""
        return Message(data=draw_png(self.data, self.max_pixels, self.sketch))

    def answer(self, message: Message) -> bytes:
        """What the process says that it drew."""
        if not message.data.startswith(_PNG):
            raise MessageError("this is no PNG")
        return message.data


Kinds = Mapping[str, type[Work[object]]]

#: All that a process does, whatever it is told.
KINDS: Final[Kinds] = {kind.kind: kind for kind in (Read, ReadSeveral, Draw)}

_ERRORS: Final = {kind.__name__: kind for kind in (ImageError, ImageTooLargeError)}

#: How a process calls a mistake of ours.
_MISTAKE: Final = "mistake"


def answered(work: Work[object]) -> Message:
    """Does work, in the process; the answer as it travels, or the picture's error."""
    try:
        return work.done()
    except MemoryError:
        return _failure(ImageTooLargeError(too_much_memory()))
    except ImageError as error:
        return _failure(error)


def _failure(error: ImageError) -> Message:
    return Message({"error": type(error).__name__, "sentence": f"{error}"})


def mistake(traceback: str) -> Message:
    """What is none of the picture as it travels, with the end of a traceback."""
    return Message({"error": _MISTAKE, "sentence": traceback[-_LONGEST_SENTENCE:]})


def check_success(message: Message) -> None:
    """Raises the error that a process answered with.

    Raises:
        ImageError: of the picture.
        RuntimeError: a mistake of ours, which must be seen as one: 500, and the log of the service.
        MessageError: what is no such error.
    """
    if (name := message.fields.get("error")) is None:
        return
    sentence = _sentence(message.fields.get("sentence"))
    if name == _MISTAKE:
        raise RuntimeError(sentence)
    if not isinstance(name, str) or name not in _ERRORS:
        raise MessageError("this is no error that a picture can have")
    raise _ERRORS[name](sentence)


def _sentence(text: Any) -> str:
    if not isinstance(text, str) or len(text) > _LONGEST_SENTENCE:
        raise MessageError("this is no sentence")
    return text


def _preprocessing(fields: Mapping[str, Any]) -> Preprocessing:
    """JSON knows no tuples."""
    made: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}
    return Preprocessing(**made)
