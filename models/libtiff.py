"""What libtiff finds wrong with pixels is an error of that file, and no line on stderr.

Pillow reads on where libtiff has complained (a fax whose lines are torn), and where it does not it
says "decoder error -2". libtiff's own words go to stderr, where nobody knows which file they are
of. Where its functions cannot be found all is as Pillow has it.
"""

import contextlib
import ctypes
import threading
from collections.abc import Iterator
from typing import Final

from PIL import _imaging

#: TIFFErrorHandler: module, format, va_list, which all our ABIs pass by its address.
_Handler = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)

#: Of what libtiff calls a file that Pillow gives it as bytes.
_NAMELESS: Final = "tempfile.tif"

_LONGEST: Final = 300


class _Said(threading.local):
    """What was said in this thread, while somebody listens."""

    lines: list[str] | None = None


_said = _Said()


@contextlib.contextmanager
def heard() -> Iterator[list[str]]:
    """What libtiff finds wrong in this thread, as long as the context lasts."""
    lines: list[str] = []
    _said.lines = lines
    try:
        yield lines
    finally:
        _said.lines = None


def _note(module: bytes | None, form: bytes, values: int | None) -> None:
    if _said.lines != []:  # the first says why, and thousands may follow
        return
    text = ctypes.create_string_buffer(_LONGEST)
    _format(text, ctypes.c_size_t(_LONGEST), form, ctypes.c_void_p(values))
    where = (module or b"").decode(errors="replace")
    said = text.value.decode(errors="replace").rstrip(".")
    _said.lines.append(said if where in ("", _NAMELESS) else f"{where}: {said}")


_handler = _Handler(_note)

with contextlib.suppress(AttributeError, OSError, TypeError):
    # The library that Pillow was built with: its own in wheels, the system's elsewhere.
    _format = ctypes.CDLL(None).vsnprintf
    ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler(_handler)
