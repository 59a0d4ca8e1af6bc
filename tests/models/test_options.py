"""A dataclass and its command line say the same."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from models.errors import UsageError
from models.options import Option, Parser, add_option, add_options, flag_of, settings_of

Thickness = Literal["thin", "thick"]


@dataclass(frozen=True)
class Baking:
    """What is baked."""

    recipe: Annotated[Path, Option("the file", "FILE", is_positional=True)]
    oven: Annotated[str, Option("which one", "NAME")]
    degrees: Annotated[int | None, Option("how hot; 100 % is 300", "N", "heat")] = None
    seed: Annotated[int, Option("same bread")] = 0
    hours: Annotated[float, Option("how long", group="heat")] = 1.5
    crust: Annotated[Literal["none"] | Thickness, Option("of it")] = "thin"
    glaze: Annotated[bool, Option("shine")] = False
    size: Annotated[tuple[int, int], Option("of it", ("W", "H"))] = (20, 10)
    herbs: Annotated[tuple[Path, ...], Option("in it", "HERB")] = ()
    mood: str = "good"


def parser() -> Parser:
    made = Parser("bake", "Bread.")
    add_options(made, Baking)
    return made


def parsed(*given: str) -> dict[str, Any]:
    return vars(parser().parse_args(given))


def test_what_is_not_given_is_as_the_defaults_say() -> None:
    given = parsed("bread.txt", "--oven", "left")

    assert given == {"recipe": Path("bread.txt"), "oven": "left"}
    assert settings_of(Baking, given) == Baking(Path("bread.txt"), "left")


def test_each_value_is_of_its_field_s_type() -> None:
    words = "x --oven o --degrees 200 --hours 2 --crust none --glaze --size 3 4 --seed 7"

    found = settings_of(Baking, parsed(*words.split()))

    assert found == Baking(Path("x"), "o", 200, 7, 2.0, "none", glaze=True, size=(3, 4))


def test_what_may_be_given_again_is_all_of_it() -> None:
    given = parsed("x", "--oven", "o", "--herbs", "dill", "--herbs", "mint")

    assert settings_of(Baking, given).herbs == (Path("dill"), Path("mint"))


def test_a_number_below_zero_is_no_option_and_after_two_dashes_nothing_is() -> None:
    assert parsed("x", "--degrees", "-5")["degrees"] == -5
    assert parsed("--", "--ovn") == {"recipe": Path("--ovn")}


def test_help_shows_texts_defaults_and_headings_and_nothing_else() -> None:
    shown = " ".join(parser().format_help().split())

    assert "--oven NAME which one" in shown
    assert "how hot; 100 % is 300 --hours" in shown
    assert "same bread (default: 0)" in shown
    assert "--crust {none,thin,thick} of it (default: thin)" in shown
    assert "--glaze shine" in shown
    assert "--size W H of it (default: 20 10)" in shown
    assert "heat: --degrees N how hot" in shown
    assert "mood" not in shown


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (["x", "--degrees", "hot"], "--degrees: invalid int value: 'hot'"),
        (["x", "--crust", "burnt"], "--crust: invalid choice: 'burnt'"),
        (["x", "--crust", "thinn"], "; did you mean thin?"),
        (["--ovn", "o"], "unrecognized arguments: --ovn; did you mean --oven?"),
        (["x", "--degr=3"], "unrecognized arguments: --degr; did you mean --degrees?"),
        (["x", "-oven", "o"], "unrecognized arguments: -oven; did you mean --oven?"),
        (["x", "--qqq"], "unrecognized arguments: --qqq\n"),
        (["x", "--size", "3"], "--size: expected 2 arguments"),
        (["x", "--oven", "o", "--gla"], "unrecognized arguments: --gla"),
    ],
)
def test_a_wrong_value_ends_with_2_and_names_the_option(
    given: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        parsed(*given)

    assert sentence in capsys.readouterr().err


def test_what_is_needed_is_asked_for_by_its_option() -> None:
    with pytest.raises(UsageError, match="--oven is needed"):
        settings_of(Baking, parsed("x"))


def test_an_option_may_stand_among_others_that_exclude_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = argparse.ArgumentParser()
    either = made.add_mutually_exclusive_group(required=True)
    add_option(either, Baking, "oven")
    either.add_argument("--list", action="store_true")
    add_options(made, Baking, besides=("oven", "recipe"))

    assert vars(made.parse_args(["--oven", "left"]))["oven"] == "left"
    with pytest.raises(SystemExit, match="2"):
        made.parse_args(["--oven", "left", "--list"])
    assert "--list: not allowed with argument --oven" in capsys.readouterr().err


def test_a_flag_is_its_field_s_name() -> None:
    assert flag_of("image_size") == "--image-size"


def test_a_field_that_no_option_can_be_made_of_is_a_mistake_of_ours() -> None:
    @dataclass(frozen=True)
    class Odd:
        shades: Annotated[dict[str, str], Option("which")]

    with pytest.raises(TypeError, match="no option can be made of"):
        add_options(argparse.ArgumentParser(), Odd)
