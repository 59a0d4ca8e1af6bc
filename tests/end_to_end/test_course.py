"""docs/course.md: every command in it is run, on few small pictures and with small networks."""

import re
import shlex
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from safetensors.torch import save_file

from models.backbones.backbone import Backbone
from models.options import Parser
from samples import cli as drawing
from training import cli as training
from training.distillation import cli as distillation

PAGE = Path(__file__).parents[2] / "docs" / "course.md"

COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "draw-screws-nuts": drawing.main,
    "train-transfer": training.main,
    "distill-backbone": distillation.main,
}

#: Networks whose weights no hub gives here, and pictures that would take their time.
SMALLER = {
    "draw-screws-nuts screws_nuts": "--count 40 --size 64 96",
    "--teacher resnet18": "--teacher test_resnet --teacher-weights tiny.safetensors",
    "--pictures 64": "--pictures 64 --crop 32 --last-crop 32",
    "--student mobilenetv2_035": "--student test_efficientnet",
    "--backbone resnet18": "--backbone test_resnet --weights tiny.safetensors",
    "--epochs 4 --name": "--epochs 1 --name",
    "baseline --epochs 4": "baseline --image-size 32 --epochs 1",
    "--epochs 2": "--epochs 1",
    "--image-size 64": "--image-size 32",
    "--inspect": "--inspect --backbone test_resnet --weights tiny.safetensors",
}


def commands() -> list[str]:
    """The lines of the page that are to be run, in its order."""
    return re.findall(r"^\$ (.+)$", PAGE.read_text("utf-8"), re.MULTILINE)


def smaller(line: str) -> list[str]:
    """The words of a command with less to do."""
    for asked, instead in SMALLER.items():
        kept = f"{asked} " if asked.startswith("draw") else ""
        line = line.replace(asked, f"{kept}{instead}")
    return shlex.split(line)


def as_cats_and_dogs(drawn: Path, folder: Path) -> None:
    """The same pictures in the layout of the course's hands-on 5."""
    for name, kind in (("screws", "cat"), ("nuts", "dog")):
        for number, path in enumerate(sorted((drawn / name).iterdir())):
            part = "test" if number % 4 == 0 else "train"
            (folder / part).mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder / part / f"{kind}.{number}{path.suffix}")


@pytest.mark.slow
def test_the_course_can_be_followed(
    tiny_backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save_file(dict(tiny_backbone.model.state_dict()), "tiny.safetensors")

    for line in commands():
        command, *arguments = smaller(line)
        assert COMMANDS[command](arguments) == 0, line
        if command == "draw-screws-nuts":
            as_cats_and_dogs(tmp_path / "screws_nuts", tmp_path / "cats_dogs")

    summaries = list(tmp_path.glob("runs/*/*/summary.json"))
    assert len(summaries) == 6, "five runs, and a distillation"


def test_what_the_course_asks_for_is_taken_as_it_stands() -> None:
    """Unshortened, as far as a parser can tell."""
    parser: Parser = training._parser()

    asked = [shlex.split(line)[1:] for line in commands() if line.startswith("train-transfer")]

    assert asked
    for arguments in asked:
        parser.parse_args(arguments)
