"""One process that decodes and draws pictures; `workers` starts and kills it.

Work comes on stdin and answers go to stdout as `framing` has them, until stdin ends: so it ends
with whoever started it, however that ends. It imports no more than Pillow and numpy, and all of it
before its first picture: then it can open nothing any more (`confinement`).
"""

import encodings.latin_1
import encodings.utf_16_be
import encodings.utf_16_le  # noqa: F401  what Pillow decodes texts with, looked for when needed
import io
import os
import random  # noqa: F401  as above
import signal
import sys
import traceback
import warnings
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageCms, ImageColor, ImageFilter, TiffTags  # noqa: F401  as above

from models.decoding.confinement import give_up_the_system, limit
from models.decoding.framing import LENGTHS_BYTES, Message, lengths, packed, unpacked
from models.decoding.kinds import KINDS, Draw, Kinds, answered, mistake
from models.drawing import Sketch
from models.heatmap import MapGeometry
from models.memory import too_much_memory
from models.preprocessing import Preprocessing


def main(kinds: Kinds = KINDS) -> int:
    """Gives up what it can, and works until stdin ends. Argument: bytes that it may take."""
    _draw_once()
    answers = way_back()
    limit(int(sys.argv[1]))
    too_much_memory()  # it asks the system, once, for the limit
    return serve(kinds, answers, is_confined=give_up_the_system())


def way_back() -> BinaryIO:
    """What answers go to; nothing else may stand between them."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return answers


def serve(kinds: Kinds, answers: BinaryIO, *, is_confined: bool) -> int:
    """Says that it is there, and works until stdin ends."""
    # A stop is for whoever started us to pass on: what was accepted is answered first.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # Pillow remarks on broken EXIF and the like, which is of use to nobody here.
    warnings.simplefilter("ignore")
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    _send(answers, Message({"is_confined": is_confined}))
    work = sys.stdin.buffer
    while head := work.read(LENGTHS_BYTES):
        _send(answers, _done(kinds, unpacked(*map(work.read, lengths(head)))))
    return 0


def _send(answers: BinaryIO, message: Message) -> None:
    answers.writelines(packed(message))
    answers.flush()


def _done(kinds: Kinds, message: Message) -> Message:
    """The answer or the error."""
    try:
        return answered(kinds[message.fields["kind"]].of(message))
    # A mistake of ours, which must be seen as one.
    except Exception:  # noqa: BLE001
        return mistake(traceback.format_exc())


def _draw_once() -> None:
    """Has Pillow load what it loads when it first needs it: a font, among others."""
    sketch = Sketch(
        "overlay",
        np.zeros((1, 1), np.float32),
        Preprocessing(8, 8),
        MapGeometry(4, 4, 8, 8),
        has_legend=True,
    )
    picture = io.BytesIO()
    Image.new("RGB", (8, 8)).save(picture, "PNG")
    Draw(picture.getvalue(), sketch).done()


if __name__ == "__main__":
    sys.exit(main())
