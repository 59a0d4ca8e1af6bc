"""train-transfer: arguments → settings → run → exit code. No logic lives here."""

import argparse
import logging
import shlex
import sys
from collections.abc import Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, get_args

from models.bundle import Precision
from models.errors import TransferError, UsageError
from training.run_folder import stored_settings
from training.settings import Augmentation, TrainingSettings, WantedFraming
from training.terminal import ConsoleHandler

_DEFAULTS: dict[str, Any] = {
    f.name: f.default for f in fields(TrainingSettings) if f.default is not MISSING
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command.

    Returns:
        0; 2 for wrong use; 1 where the work failed; 130 when interrupted.
    """
    try:
        _check_retired(sys.argv[1:] if argv is None else argv)
        return _do(vars(_parser().parse_args(argv)))
    except TransferError as error:
        print(f"train-transfer: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("train-transfer: interrupted; nothing was exported", file=sys.stderr)
        return 130


def _do(arguments: dict[str, Any]) -> int:
    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[ConsoleHandler()])
    for noisy in ("timm", "lightning", "httpx", "httpx2", "huggingface_hub"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    doctor, pattern = arguments.pop("doctor"), arguments.pop("list_backbones")
    resumed = arguments.pop("resume")
    # Late imports, because torch and timm take seconds that --help need not wait for.
    if doctor:
        from training.inventory.doctor import examine  # noqa: PLC0415

        return examine()
    if pattern is not None:
        from training.inventory.list_backbones import list_backbones  # noqa: PLC0415

        return list_backbones(pattern)
    settings = (
        TrainingSettings(**arguments)
        if resumed is None
        else stored_settings(resumed, TrainingSettings)
    )
    from training.run import run  # noqa: PLC0415

    run(settings, resumed)
    return 0


def _check_retired(given: Sequence[str]) -> None:
    """Answers the options that once started several processes with what to write instead.

    Raises:
        UsageError: with the line.
    """
    retired = argparse.ArgumentParser(prog="train-transfer", add_help=False, allow_abbrev=False)
    retired.add_argument("--devices", type=int)
    retired.add_argument("--nodes", type=int)
    found, rest = retired.parse_known_args(given)
    if found.devices is None and found.nodes is None:
        return
    devices, nodes = found.devices or 1, found.nodes or 1
    several = f"--nnodes {nodes} --rdzv-backend c10d --rdzv-endpoint HOST:29500 "
    start = f"torchrun {several if nodes > 1 else ''}--nproc-per-node {devices} -m training.cli"
    line = shlex.join(rest)
    raise UsageError(
        "--devices and --nodes are no more: who starts several processes says how many there are. "
        f"Instead: {start if devices * nodes > 1 else 'train-transfer'} {line}"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="train-transfer",
        allow_abbrev=False,
        description="From a small folder of pictures to a classifier that shows where it looked: "
        "a pretrained network, frozen, with a new last layer, exported as one ONNX file.",
    )
    job = parser.add_mutually_exclusive_group(required=True)
    job.add_argument(
        "--data", type=Path, metavar="DIR",
        help="the pictures: a folder per class; train/ with val/ and/or test/, a folder per class "
        "inside; or train/ and test/ with the class in the file name (cat.12.jpg)",
    )  # fmt: skip
    job.add_argument(
        "--list-backbones", nargs="?", const="*", metavar="PATTERN",
        help="show what --backbone takes, all or those like PATTERN (resnet*, or a part of the "
        "name), and end",
    )  # fmt: skip
    job.add_argument(
        "--resume", type=Path, metavar="RUN",
        help="go on with a run that was cut off, in its folder and with its settings",
    )  # fmt: skip
    job.add_argument("--doctor", action="store_true", help="say what this machine can do, and end")
    parser.add_argument(
        "--backbone", metavar="NAME",
        help="any timm network with a spatial feature map, alexnet, googlenet, cbam_resnet18 or "
        "-50, or baseline (the course's small one, trained from scratch); default: resnet18, or "
        "the bundled network where its weights cannot be had",
    )  # fmt: skip
    parser.add_argument(
        "--weights", metavar="WHICH",
        help="imagenet (from the hub, cached), bundled (a small network in this package), a file "
        "(.safetensors or .pth), or none (random); auto: imagenet, or bundled where that fits and "
        "the hub is out of reach",
    )  # fmt: skip
    parser.add_argument(
        "--framing", choices=get_args(WantedFraming),
        help="what the network is shown of a picture: all of it, its aspect ratio given up; the "
        "middle square; a part of that; or what suits a sample of the training part",
    )  # fmt: skip
    parser.add_argument(
        "--image-size", type=int, metavar="N",
        help="pixels a side of what the network is shown; by default the network's own",
    )  # fmt: skip
    parser.add_argument(
        "--precision", choices=("auto", *get_args(Precision)),
        help="what the network computes with: int8 is up to four times as fast on a CPU, fp16 is "
        "for a GPU; auto: int8 where there is no GPU and a sample of the training part says that "
        "it is as good and faster, else fp32",
    )  # fmt: skip
    parser.add_argument("--name", help="what the result is called; default: the data folder's name")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where run folders are made")
    parser.add_argument("--seed", type=int, help="same folder and seed: same result")
    _add_fine_tuning(parser)
    parser.set_defaults(**_DEFAULTS)
    for action in parser._actions:  # noqa: SLF001  argparse has no public list of them
        default = _DEFAULTS.get(action.dest)
        if default is not None and default is not False:
            action.help = f"{action.help} (default: {default})"
    return parser


def _add_fine_tuning(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("fine-tuning")
    group.add_argument(
        "--finetune", action="store_true",
        help="after the last layer has been fitted, let the whole network learn on; the better of "
        "the two on validation pictures is exported",
    )  # fmt: skip
    group.add_argument(
        "--epochs", type=int, metavar="N", help="at most; by default by the number of pictures"
    )
    group.add_argument("--learning-rate", type=float, metavar="RATE", help="of the last layer")
    group.add_argument(
        "--batch-size", type=int, metavar="N", help="pictures a step, of all processes together"
    )
    group.add_argument(
        "--augmentation", choices=get_args(Augmentation),
        help="how pictures are varied: mild keeps what is up, strong turns them any way",
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
