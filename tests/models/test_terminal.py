"""What a person sees of a command: plain lines, one sentence where it fails, an exit code."""

import logging
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from models.errors import BackboneError, ExportError
from models.terminal import (
    be_quiet,
    console,
    log_to_console,
    print_table,
    progress,
    progress_while_counting,
    run_command,
    working,
)
from tests.training.conftest import ROOT


@pytest.fixture(autouse=True)
def loggers() -> Iterator[None]:
    """Leaves logging and the console as they were."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    root.setLevel(level)
    root.handlers[:] = handlers
    console.quiet = False


def interrupt(*words: str) -> int:
    raise KeyboardInterrupt(*words)


def refuse(error: Exception) -> int:
    raise error


def test_a_command_that_works_says_nothing_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("bake", lambda: 0, "no bread") == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("error", "code"), [(BackboneError("no such oven"), 2), (ExportError("it burnt"), 1)]
)
def test_what_goes_wrong_is_one_sentence_and_the_error_s_exit_code(
    error: Exception, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command("bake", lambda: refuse(error), "no bread") == code
    assert capsys.readouterr().err == f"bake: {error}\n"


def test_an_interrupt_ends_with_130_and_what_it_means(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("bake", interrupt, "no bread") == 130
    assert run_command("bake", lambda: interrupt("half baked"), "no bread") == 130
    assert capsys.readouterr().err == "bake: no bread\nbake: half baked\n"


def test_a_mistake_of_ours_is_no_sentence() -> None:
    with pytest.raises(ZeroDivisionError):
        run_command("bake", lambda: 1 // 0, "no bread")


def test_only_our_own_news_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger().handlers.clear()
    log_to_console()

    logging.getLogger("training.x").info("[bold]as it stands")
    logging.getLogger("timm").info("noise")
    logging.getLogger("timm").warning("of weight")

    assert capsys.readouterr().err == "[bold]as it stands\nof weight\n"


def test_whoever_is_quiet_says_errors_alone(caplog: pytest.LogCaptureFixture) -> None:
    be_quiet()

    logging.getLogger("training.x").warning("one of many says so")
    logging.getLogger("training.x").error("gone")

    assert console.quiet
    assert caplog.messages == ["gone"]


def test_without_a_terminal_progress_is_a_line_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    with progress("pictures", 4, done=1) as advance:
        advance(1)
        advance(2)

    (line,) = caplog.messages
    assert line.startswith("pictures: 4 of 4, ")


class _Heard(logging.Handler):
    """Tells when a line that holds some words has been logged."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self._words, self.has_come = words, threading.Event()
        logging.getLogger().addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        if self._words in record.getMessage():
            self.has_come.set()


def test_what_takes_long_says_so_again_and_again_until_it_ends(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.terminal._LINE_EVERY_S", 0.01)
    caplog.set_level(logging.INFO)
    heard = _Heard("still kneading, ")

    with working("kneading"):
        assert heard.has_come.wait(60)

    assert caplog.messages[0] == "kneading"
    assert not [t for t in threading.enumerate() if t.name == "still working"]


def test_a_pass_that_stands_still_says_how_far_it_is(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.terminal._LINE_EVERY_S", 0.01)
    caplog.set_level(logging.INFO)
    heard = _Heard("loaves: 1 of 3, ")

    with progress("loaves", 3) as advance:
        advance(1)
        assert heard.has_come.wait(60)


def test_a_pass_whose_length_is_found_out_meanwhile_says_it_in_the_end(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.terminal._LINE_EVERY_S", 0.01)
    caplog.set_level(logging.INFO)
    unknown, known, told = _Heard("loaves: 1, "), _Heard("loaves: 1 of 3, "), threading.Event()

    with progress_while_counting("loaves", lambda: 3 if told.wait(60) else 0) as advance:
        advance(1)
        assert unknown.has_come.wait(60)
        told.set()
        assert known.has_come.wait(60)


def test_a_pass_over_nothing_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    with progress("loaves", 0):
        pass

    assert not caplog.messages


def test_a_table_in_a_pipe_is_lines_with_tabs(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("loaf", "grams"), [("rye", "750")])

    assert capsys.readouterr().out == "loaf\tgrams\nrye\t750\n"


@pytest.mark.parametrize("closing", [">&-", "2>&-", ">&- 2>&-", "2>&1 | true", "> /dev/full"])
def test_a_console_that_is_closed_ends_nothing(closing: str) -> None:
    """The exit code is that of the work, and 120 is Python's own for what it could not flush."""
    code = (
        "import logging, sys\n"
        "from models.terminal import log_to_console, print_table, run_command\n"
        "def work():\n"
        "    log_to_console()\n"
        "    [logging.getLogger('x').warning('word') for _ in range(9999)]\n"
        "    open(sys.argv[1], 'w').write('done')\n"
        "    print_table(('loaf',), [('rye',)])\n"
        "    return 0\n"
        "sys.exit(run_command('bake', work, ''))\n"
    )
    command = f'set -o pipefail; exec 3>&1; "$0" -c "$1" /dev/fd/3 {closing}'

    found = subprocess.run(
        ["/bin/bash", "-c", command, sys.executable, code],
        cwd=ROOT, check=False, capture_output=True, text=True,
    )  # fmt: skip

    assert found.stdout.startswith("done")
    assert "Traceback" not in found.stderr or "dev/full" in closing
