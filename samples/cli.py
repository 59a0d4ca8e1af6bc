"""`draw-screws-nuts DIR`: a folder of drawn screws and nuts, for who has no pictures at hand."""

import sys
from collections.abc import Sequence

from models.options import Parser, add_options, settings_of
from models.terminal import log_to_console, run_command
from samples.folder import SampleSettings, draw_folder


def main(argv: Sequence[str] | None = None) -> int:
    """Draws the pictures and returns the exit code."""
    interrupted = "interrupted; the folder is incomplete"
    return run_command("draw-screws-nuts", lambda: _do(argv), interrupted)


def _do(argv: Sequence[str] | None) -> int:
    parser = Parser(
        prog="draw-screws-nuts",
        description="Draw varied screws and nuts into a new folder, to try train-transfer with.",
    )
    add_options(parser, SampleSettings)
    settings = settings_of(SampleSettings, vars(parser.parse_args(argv)))
    log_to_console()
    drawn = draw_folder(settings)
    print(f"Wrote {len(drawn)} pictures and boxes.csv to {settings.folder}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
