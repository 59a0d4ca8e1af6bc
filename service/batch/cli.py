"""classify-images: arguments → settings → story → exit code. No logic lives here."""

import sys
from collections.abc import Sequence

from models.errors import UsageError
from models.options import Parser, add_options
from models.terminal import log_to_console, run_command
from service.batch.settings import BatchSettings
from service.batch.story import Answer, Write, answer_here, classify_images
from service.batch.tables import write_csv, write_jsonl


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command.

    Returns:
        0; 2 for wrong use; 1 where the work failed; 130 when interrupted.
    """
    return run_command("classify-images", lambda: _do(argv), "interrupted; nothing was written")


def parser() -> Parser:
    """What it can be told."""
    found = Parser(
        prog="classify-images",
        description="Answer every picture of a folder, an archive or a bucket with a bundle, "
        "without a server.",
    )
    found.add_argument(
        "places", nargs="+", metavar="PLACE",
        help="a picture, a folder with all below it, a pattern in quotes, a .txt of paths, a zip "
        "or tar, or an address as s3://BUCKET/FOLDER",
    )  # fmt: skip
    add_options(found, BatchSettings)
    return found


def _do(argv: Sequence[str] | None) -> int:
    given = vars(parser().parse_args(argv))
    settings = BatchSettings(**{**given, "places": tuple(given["places"])})
    log_to_console()
    classify_images(settings, _writer(settings), _engine(settings))
    return 0


def _writer(settings: BatchSettings) -> Write | None:
    ending = settings.out.suffix.lower() if settings.out else ""
    if ending == ".parquet":
        # Late: it needs a library that only who wants Parquet has.
        try:
            from service.batch.parquet import write_parquet  # noqa: PLC0415
        except ImportError as error:
            raise UsageError("--out .parquet needs pyarrow: pip install '.[parquet]'") from error
        return write_parquet
    return {".csv": write_csv, ".jsonl": write_jsonl}.get(ending)


def _engine(settings: BatchSettings) -> Answer:
    if settings.engine == "here":
        return answer_here
    # Late: it needs a library that only who has a cluster has.
    try:
        from service.batch.cluster import answer_on_cluster  # noqa: PLC0415
    except ImportError as error:
        raise UsageError("--engine ray needs Ray: pip install '.[ray]'") from error
    return answer_on_cluster


if __name__ == "__main__":
    sys.exit(main())
