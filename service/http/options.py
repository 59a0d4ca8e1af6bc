"""What a request asks for beside its pictures: in the query or in the form, by the same name."""

import re
from collections.abc import Sequence
from typing import TypeVar

from starlette.requests import Request

from models.errors import OptionError
from service.http.uploads import Form

_Word = TypeVar("_Word", bound=str)


def option(request: Request, form: Form, name: str) -> str:
    """An option's value, "" where there is none.

    Raises:
        OptionError: it has two that differ.
    """
    given = (*request.query_params.getlist(name), form.texts.get(name, ""))
    values = list(dict.fromkeys(filter(None, given)))
    if len(values) > 1:
        first, second = (value[:100] for value in values[:2])
        raise OptionError(f"{name} is asked for twice, as {first!r} and as {second!r}: say one")
    return values[0] if values else ""


def one_of(name: str, known: Sequence[_Word], value: str) -> _Word:
    """The one of some words that an option's value is, the first where it has none.

    Raises:
        OptionError: it is none of them; the sentence names all.
    """
    for word in known:
        if value in ("", word):
            return word
    raise OptionError(f"unknown {name} {value[:100]!r}; known are: {', '.join(known)}")


def number(name: str, value: str) -> int | None:
    """The number, 1 or more, that an option's value is; None where it has none.

    Raises:
        OptionError: it is no such number.
    """
    if not value:
        return None
    if not re.fullmatch("[1-9][0-9]{0,8}", value):
        raise OptionError(f"{name} is {value[:100]!r}; it takes a whole number from 1 on")
    return int(value)
