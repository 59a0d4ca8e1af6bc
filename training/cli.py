"""train-transfer: arguments → settings → run → exit code. No logic lives here."""

import argparse
import gc
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from models.errors import UsageError
from models.options import Parser, add_option, add_options, settings_of
from models.terminal import log_to_console, run_command, working
from training.settings import TrainingSettings


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command.

    Returns:
        0; 2 for wrong use; 1 where the work failed; 130 when interrupted.
    """
    given = sys.argv[1:] if argv is None else argv
    return run_command("train-transfer", lambda: _do(given), "interrupted; nothing was exported")


def _do(argv: Sequence[str]) -> int:
    _check_retired(argv)
    given = vars(_parser().parse_args(_with_negative_greys(argv)))
    doctor, pattern = given.pop("doctor"), given.pop("list_backbones")
    resumed, runs, file = given.pop("resume"), given.pop("list_runs"), given.pop("import")
    log_to_console()
    # Late imports, because torch and timm take seconds that --help need not wait for.
    if doctor:
        from training.inventory.doctor import examine  # noqa: PLC0415

        return examine()
    if pattern is not None:
        from training.inventory.backbone_table import list_backbones  # noqa: PLC0415

        return list_backbones(pattern)
    if runs is not None:
        from training.inventory.run_table import list_runs  # noqa: PLC0415

        return list_runs(runs)
    if file is not None:
        from training.inventory.bring_in import bring_in  # noqa: PLC0415

        return bring_in(file, given.get("name"))
    return _train(given, resumed)


def _train(given: Mapping[str, Any], resumed: Path | None) -> int:
    # Late, as above.
    from training.run_folder import keeping_log, stored_settings  # noqa: PLC0415

    settings = (
        settings_of(TrainingSettings, given)
        if resumed is None
        else stored_settings(resumed, TrainingSettings)
    )
    with keeping_log():
        with working("starting"):
            # All that is imported stays: looking through it for garbage costs a tenth of this, and
            # a second more when the process ends.
            gc.disable()
            from training.run.story import run  # noqa: PLC0415

            gc.freeze()
            gc.enable()
        run(settings, resumed)
    return 0


def _with_negative_greys(argv: Sequence[str]) -> list[str]:
    """The arguments, a range that begins with a minus joined to its option by `=`.

    argparse takes it for an option of its own, and CT numbers begin so.
    """
    found: list[str] = []
    for argument in argv:
        if found and found[-1] == "--grey-range" and argument.startswith("-"):
            found[-1] += f"={argument}"
        else:
            found.append(argument)
    return found


def _check_retired(argv: Sequence[str]) -> None:
    """Answers the options that once started several processes with what to write instead.

    Raises:
        UsageError: with the line.
    """
    retired = argparse.ArgumentParser(prog="train-transfer", add_help=False, allow_abbrev=False)
    retired.add_argument("--devices", type=int)
    retired.add_argument("--nodes", type=int)
    found, rest = retired.parse_known_args(argv)
    if found.devices is None and found.nodes is None:
        return
    devices, nodes = found.devices or 1, found.nodes or 1
    several = f"--nnodes {nodes} --rdzv-backend c10d --rdzv-endpoint HOST:29500 "
    start = f"torchrun {several if nodes > 1 else ''}--nproc-per-node {devices} -m training.cli"
    raise UsageError(
        "--devices and --nodes are no more: who starts several processes says how many there are. "
        f"Instead: {start if devices * nodes > 1 else 'train-transfer'} {shlex.join(rest)}"
    )


def _parser() -> Parser:
    parser = Parser(
        prog="train-transfer",
        description="From a small folder of pictures to a classifier that shows where it looked: "
        "a pretrained network, frozen, with a new last layer, exported as one ONNX file.",
    )
    job = parser.add_mutually_exclusive_group(required=True)
    add_option(job, TrainingSettings, "data")
    job.add_argument(
        "--list-backbones", nargs="?", const="*", metavar="PATTERN",
        help="show what --backbone takes, all or those like PATTERN (resnet*, or a part of the "
        "name), and end",
    )  # fmt: skip
    job.add_argument(
        "--resume", type=Path, metavar="RUN",
        help="go on with a run that was cut off, in its folder and with its settings",
    )  # fmt: skip
    job.add_argument(
        "--list-runs", nargs="?", type=Path, const=Path("runs"), metavar="DIR",
        help="show all runs below DIR (default: runs), the best first, and end",
    )  # fmt: skip
    job.add_argument(
        "--import", type=Path, metavar="FILE",
        help="bring a bundle file into the model store, under its name or --name, and end",
    )  # fmt: skip
    job.add_argument("--doctor", action="store_true", help="say what this machine can do, and end")
    add_options(parser, TrainingSettings, besides=("data",))
    return parser


if __name__ == "__main__":
    sys.exit(main())
