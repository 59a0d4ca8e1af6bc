"""Options of a command line, made from a dataclass's fields: each text stands once, there.

    @dataclass(frozen=True)
    class Settings:
        data: Annotated[Path, Option("the pictures", "DIR")]
        seed: Annotated[int, Option("same folder and seed: same result")] = 0

becomes `--data DIR` and `--seed SEED` with "(default: 0)" behind its text. What a person does not
give is not among what was parsed, so that defaults stand in the dataclass alone and what was given
can be told from what was not.
"""

import argparse
import difflib
import importlib.metadata
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from models.errors import UsageError

_Settings = TypeVar("_Settings")

_Taker = argparse._ActionsContainer  # noqa: SLF001  a parser, or a group of its options


@dataclass(frozen=True)
class Option:
    """What a person is told of a field, and under which heading, where not with most others.

    Fields without one are no options. A metavar stands for the value, or for each of several; an
    `also` is another spelling of the option.
    """

    text: str
    metavar: str | tuple[str, ...] | None = None
    group: str | None = None
    is_positional: bool = False
    also: tuple[str, ...] = ()


class Parser(argparse.ArgumentParser):
    """A parser that knows the version of this program, and says what may have been meant."""

    def __init__(self, prog: str, description: str) -> None:
        super().__init__(prog=prog, description=description, allow_abbrev=False)
        self.add_argument("--version", action=_Version)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As every parser; but an unknown option comes first, and not what is missing for it."""
        given = sys.argv[1:] if args is None else list(args)
        for word in given[: given.index("--")] if "--" in given else given:
            option = word.partition("=")[0]
            # A number below zero is a value.
            if (option[:1] == "-" and option[1:2].strip("-.0123456789")) or option[:2] == "--":
                self._check_known(option)
        return super().parse_known_args(given, namespace)

    def _check_known(self, option: str) -> None:
        known = self._option_string_actions
        if option not in known:
            self.error(f"unrecognized arguments: {option}{what_was_meant(option, known)}")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            error.message += what_was_meant(
                f"{value}", [str(choice) for choice in action.choices or ()]
            )
            raise


class _Version(argparse.Action):
    """Prints the version, which is looked up only then."""

    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        text = "show the version, and end"
        super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, help=text)

    def __call__(self, parser: argparse.ArgumentParser, *_: Any, **__: Any) -> None:
        print(f"{parser.prog} {importlib.metadata.version('train-transfer')}")
        parser.exit()


def what_was_meant(word: str, known: Collection[str]) -> str:
    """`; did you mean …?`, where a known word is near; empty where none is."""
    near = difflib.get_close_matches(word.lower(), known, n=1)
    longer = [each for each in known if len(word) > 3 and each.startswith(word)]
    return f"; did you mean {(near or longer)[0]}?" if near or longer else ""


def flag_of(name: str) -> str:
    """The option of a field: `image_size` → `--image-size`."""
    return f"--{name.replace('_', '-')}"


def add_option(taker: _Taker, kind: type[Any], name: str) -> None:
    """Adds the option of one field of a dataclass to a parser, or to a group of one."""
    (field,) = (field for field in fields(kind) if field.name == name)
    option = _options_of(kind)[name]
    given = {"help": _help(option, field), **_values(get_type_hints(kind)[name])}
    if option.metavar is not None:
        given["metavar"] = option.metavar
    if option.is_positional:
        taker.add_argument(name, **given)
    else:
        flags = (flag_of(name), *option.also)
        taker.add_argument(*flags, dest=name, default=argparse.SUPPRESS, **given)


def add_options(
    parser: argparse.ArgumentParser, kind: type[Any], besides: Collection[str] = ()
) -> None:
    """Adds the options of a dataclass's fields in their order, `besides` those added elsewhere."""
    takers: dict[str | None, _Taker] = {None: parser}
    for name, option in _options_of(kind).items():
        if name not in besides:
            if option.group not in takers:
                takers[option.group] = parser.add_argument_group(option.group)
            add_option(takers[option.group], kind, name)


def settings_of(kind: type[_Settings], given: Mapping[str, Any]) -> _Settings:
    """The dataclass, from what was parsed and its defaults; `UsageError` where both lack one."""
    for field in fields(kind):  # type: ignore[arg-type]
        if field.default is MISSING and field.name not in given:
            raise UsageError(f"{flag_of(field.name)} is needed")
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in given.items()})


def _options_of(kind: type[Any]) -> dict[str, Option]:
    hints = get_type_hints(kind, include_extras=True)
    return {
        field.name: note
        for field in fields(kind)
        for note in getattr(hints[field.name], "__metadata__", ())
        if isinstance(note, Option)
    }


def _help(option: Option, field: Field[Any]) -> str:
    text = option.text.replace("%", "%%")
    if any(field.default is nothing for nothing in (MISSING, None, False, ())):
        return text
    default = field.default
    shown = " ".join(map(str, default)) if isinstance(default, tuple) else default
    return f"{text} (default: {shown})"


def _values(hint: Any) -> dict[str, Any]:
    """What argparse must know of a type: how to read it, how many, which there are."""
    if get_origin(hint) in (Union, UnionType):
        wanted = [part for part in get_args(hint) if part is not NoneType]
        read = [_values(part) for part in wanted]
        if all("choices" in one for one in read):
            return {"choices": tuple(choice for one in read for choice in one["choices"])}
        (only,) = read
        return only
    if get_origin(hint) is Literal:
        return {"choices": get_args(hint)}
    if get_origin(hint) is tuple:
        one, *others = get_args(hint)
        how = {"action": "append"} if others == [Ellipsis] else {"nargs": 1 + len(others)}
        return {**how, **_values(one)}
    if hint is bool:
        return {"action": "store_true"}
    if hint not in (int, float, str, Path):
        raise TypeError(f"no option can be made of {hint}")
    return {"type": _path if hint is Path else hint}


def _path(text: str) -> Path:
    """A path; empty text, as of a shell's variable that is not set, would mean this folder."""
    if not text.strip():
        raise argparse.ArgumentTypeError("an empty path is none")
    return Path(text)
