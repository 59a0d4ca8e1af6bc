"""What a person sees while something takes time: `models.terminal`, by the name it has here."""

from models.terminal import (
    Advance,
    PatientConsole,
    be_quiet,
    console,
    log_to_console,
    print_table,
    progress,
    run_command,
    stop_speaking,
    working,
)

__all__ = [
    "Advance",
    "PatientConsole",
    "be_quiet",
    "console",
    "log_to_console",
    "print_table",
    "progress",
    "run_command",
    "stop_speaking",
    "working",
]
