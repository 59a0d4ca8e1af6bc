"""Texts in tables that a spreadsheet opens: none of them is computed there."""

import re
from typing import Final

#: What a spreadsheet computes, in East Asia too, with marks before it that keep it from that.
_FORMULA: Final = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


def as_cell(text: str) -> str:
    """A text that no spreadsheet computes; `text_of` brings it back."""
    return f"'{text}" if _FORMULA.match(text) else text


def as_file_cell(name: str) -> str:
    """A path that no spreadsheet computes, and that still leads to the file."""
    return f"./{name}" if _FORMULA.match(name) else name


def text_of(cell: str) -> str:
    """What `as_cell` was given."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
