"""distill-backbone: arguments → settings → distillation → exit code. No logic lives here."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from models.errors import UsageError
from models.options import Parser, add_option, add_options, flag_of, settings_of
from models.terminal import log_to_console, run_command
from training.distillation.settings import DistillationSettings
from training.run_folder import stored_settings


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; 0, 2 for wrong use, 1 where the work failed, 130 when asked to stop."""
    interrupted = "interrupted before anything was learned"
    return run_command("distill-backbone", lambda: _do(argv), interrupted)


def _do(argv: Sequence[str] | None) -> int:
    given = vars(_parser().parse_args(argv))
    log_to_console()
    resumed = given.pop("resume")
    if resumed is None:
        settings = settings_of(DistillationSettings, given)
    elif others := sorted(given.keys() - {"pictures"}):
        names = ", ".join(map(flag_of, others))
        raise UsageError(f"{names}: a run goes on as it began; only --pictures may change")
    else:
        settings = replace(stored_settings(resumed, DistillationSettings), **given)
    # Late, because torch and timm take seconds that --help need not wait for.
    from training.distillation.run import distil  # noqa: PLC0415

    distil(settings, resumed)
    return 0


def _parser() -> Parser:
    parser = Parser(
        prog="distill-backbone",
        description="A small backbone of your own, taught by a large one on pictures without "
        "labels. The result is a file for train-transfer --weights.",
    )
    job = parser.add_mutually_exclusive_group(required=True)
    add_option(job, DistillationSettings, "data")
    job.add_argument(
        "--resume", type=Path, metavar="RUN",
        help="go on with a run that was cut off, in its folder and with its settings",
    )  # fmt: skip
    add_options(parser, DistillationSettings, besides=("data",))
    return parser


if __name__ == "__main__":
    sys.exit(main())
