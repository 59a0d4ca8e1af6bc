"""train-transfer: arguments → settings → run → exit code. No logic lives here."""

import argparse
import logging
import sys
from collections.abc import Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from models.errors import TransferError
from training.progress import ConsoleHandler
from training.settings import TrainingSettings

_DEFAULTS: dict[str, Any] = {
    f.name: f.default for f in fields(TrainingSettings) if f.default is not MISSING
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command.

    Returns:
        0; 2 for wrong use; 1 where the work failed; 130 when interrupted.
    """
    arguments = vars(_parser().parse_args(argv))
    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[ConsoleHandler()])
    for noisy in ("timm", "httpx", "httpx2", "huggingface_hub"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        settings = TrainingSettings(**arguments)
        # Late, because torch and timm take seconds that --help need not wait for.
        from training.run import run  # noqa: PLC0415

        run(settings)
    except TransferError as error:
        print(f"train-transfer: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("train-transfer: interrupted; nothing was exported", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="train-transfer",
        allow_abbrev=False,
        description="From a small folder of pictures to a classifier that shows where it looked: "
        "a pretrained network, frozen, with a new last layer, exported as one ONNX file.",
    )
    parser.add_argument(
        "--data", type=Path, required=True, metavar="DIR",
        help="the pictures: a folder per class; train/ with val/ and/or test/, a folder per class "
        "inside; or train/ and test/ with the class in the file name (cat.12.jpg)",
    )  # fmt: skip
    parser.add_argument(
        "--backbone", metavar="NAME", help="any timm network with a spatial feature map"
    )
    parser.add_argument(
        "--weights", metavar="WHICH",
        help="imagenet (from the hub, cached), a file (.safetensors or .pth), or none (random); "
        "auto means imagenet",
    )  # fmt: skip
    parser.add_argument("--name", help="what the result is called; default: the data folder's name")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where run folders are made")
    parser.add_argument("--seed", type=int, help="same folder and seed: same result")
    parser.set_defaults(**_DEFAULTS)
    for action in parser._actions:  # noqa: SLF001  argparse has no public list of them
        default = _DEFAULTS.get(action.dest)
        if default is not None:
            action.help = f"{action.help} (default: {default})"
    return parser


if __name__ == "__main__":
    sys.exit(main())
