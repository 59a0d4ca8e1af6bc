"""distill-backbone: arguments → settings → distillation → exit code. No logic lives here."""

import argparse
import logging
import sys
from collections.abc import Sequence
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any

from models.errors import TransferError, UsageError
from training.distillation.settings import DistillationSettings
from training.run_folder import stored_settings
from training.terminal import ConsoleHandler

_DEFAULTS: dict[str, Any] = {
    f.name: f.default for f in fields(DistillationSettings) if f.default is not MISSING
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command.

    Returns:
        0; 2 for wrong use; 1 where the work failed; 130 when asked to stop.
    """
    given = {k: v for k, v in vars(_parser().parse_args(argv)).items() if v is not None}
    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[ConsoleHandler()])
    for noisy in ("timm", "httpx", "httpx2", "huggingface_hub"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # Late, because torch and timm take seconds that --help need not wait for.
    from training.distillation.run import InterruptedByUser, distil  # noqa: PLC0415

    resumed: Path | None = given.pop("resume", None)
    try:
        if resumed is None:
            settings = DistillationSettings(**given)
        else:
            _check_only_pictures(given)
            settings = replace(stored_settings(resumed, DistillationSettings), **given)
        distil(settings, resumed)
    except TransferError as error:
        print(f"distill-backbone: {error}", file=sys.stderr)
        return error.exit_code
    except InterruptedByUser:
        print("distill-backbone: stopped; --resume goes on from here", file=sys.stderr)
        return 130
    except KeyboardInterrupt:
        print("distill-backbone: interrupted before anything was learned", file=sys.stderr)
        return 130
    return 0


def _check_only_pictures(given: dict[str, Any]) -> None:
    if others := sorted(given.keys() - {"pictures"}):
        names = ", ".join(f"--{name.replace('_', '-')}" for name in others)
        raise UsageError(f"{names}: a run goes on as it began; only --pictures may change")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="distill-backbone",
        allow_abbrev=False,
        description="A small backbone of your own, taught by a large one on pictures without "
        "labels. The result is a file for train-transfer --weights.",
    )
    job = parser.add_mutually_exclusive_group(required=True)
    job.add_argument(
        "--data", type=Path, metavar="PLACE",
        help="the pictures: a folder, with all folders in it, or a zip archive",
    )  # fmt: skip
    job.add_argument(
        "--resume", type=Path, metavar="RUN",
        help="go on with a run that was cut off, in its folder and with its settings",
    )  # fmt: skip
    _add(
        parser,
        "teacher",
        "the large network's name (train-transfer --list-backbones)",
        metavar="NAME",
    )
    _add(parser, "teacher_weights", "its weights, as train-transfer takes them", metavar="WHICH")
    _add(parser, "student", "timm's name of the small network", metavar="NAME")
    _add(
        parser,
        "pictures",
        "how many to show in all, most of them many times",
        type=int,
        metavar="N",
    )
    _add(parser, "batch_size", "pictures a step", type=int, metavar="N")
    _add(parser, "crop", "pixels a side of what is shown", type=int, metavar="N")
    _add(parser, "last_crop", "the same at the end, to which it grows", type=int, metavar="N")
    _add(parser, "name", "what the result is called; default: the student's name")
    _add(parser, "out", "where run folders are made", type=Path, metavar="DIR")
    _add(parser, "seed", "of the start, the order and the crops", type=int)
    return parser


def _add(parser: argparse.ArgumentParser, name: str, sentence: str, **options: Any) -> None:
    """An option whose default stands in the settings alone; not given, it is None."""
    default = _DEFAULTS.get(name)
    shown = "" if default is None else f" (default: {default})"
    parser.add_argument(f"--{name.replace('_', '-')}", help=f"{sentence}{shown}", **options)


if __name__ == "__main__":
    sys.exit(main())
