"""What a person sees of a command: plain lines, one sentence where it fails, an exit code."""

import logging
from collections.abc import Iterator

import pytest

from models.errors import BackboneError, ExportError
from training.terminal import be_quiet, console, log_to_console, progress, run_command


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
