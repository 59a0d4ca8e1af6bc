"""A view is decided once, written down, and taken as it stands by whoever goes on."""

import json
from pathlib import Path

import pytest

from models.errors import UsageError
from tests.training.selection.conftest import Asked
from training.features.extractor import Extractor
from training.group import Group, member_of
from training.selection.framing import FRAMINGS, AskedFraming, FramingChoice, first_asked
from training.selection.int8_against_fp32 import Compared, Earned, PrecisionChoice
from training.selection.select import View, Wanted, decide_view, stored_view


def test_what_was_decided_is_taken_as_it_stands(
    extractor: Extractor, few: Asked, tmp_path: Path
) -> None:
    view, reader = decide_view(Wanted("auto", "int8"), extractor, *few, tmp_path)

    again, other = decide_view(Wanted("auto", "fp32"), extractor, *few, tmp_path)

    assert view == again == stored_view(tmp_path)
    assert view.graph_digest == reader.graph.digest.hex() == other.graph.digest.hex()
    assert reader.graph.precision == "int8"
    assert reader.preprocessing == other.preprocessing


def test_the_framing_that_was_decided_is_shown(
    extractor: Extractor, few: Asked, tmp_path: Path
) -> None:
    decide_view(Wanted("short-side", "fp32"), extractor, *few, tmp_path)

    view, reader = decide_view(Wanted("auto", "auto"), extractor, *few, tmp_path)

    assert view.framing.framing == reader.preprocessing.framing == "short-side"
    assert reader.graph.digest == extractor.graph.digest


def test_everything_that_can_be_asked_is_asked_and_written_down(
    extractor: Extractor, enough: Asked, tmp_path: Path
) -> None:
    view, reader = decide_view(Wanted("auto", "auto"), extractor, *enough, tmp_path)

    assert set(view.framing.asked) <= set(FRAMINGS)
    assert view.has_read_sample
    assert view.precision.earned is not None
    assert view.image_size == reader.preprocessing.height == 160
    assert reader.preprocessing.framing == view.framing.framing
    assert reader.graph.precision == view.precision.precision
    written = json.loads((tmp_path / "view.json").read_text("utf-8"))
    assert written == json.loads(json.dumps(view.as_json()))


@pytest.mark.parametrize("content", ["", "{}", '{"image_size": 160}'])
def test_a_view_that_is_not_as_it_was_written_is_a_sentence(
    extractor: Extractor, few: Asked, tmp_path: Path, content: str
) -> None:
    (tmp_path / "view.json").write_text(content)

    with pytest.raises(UsageError, match=r"--resume: .*view\.json is not as it was written"):
        decide_view(Wanted("squash", "fp32"), extractor, *few, tmp_path)


def test_who_is_told_decides_nothing_and_makes_the_same_graph(
    extractor: Extractor, few: Asked, tmp_path: Path
) -> None:
    view, reader = decide_view(Wanted("squash", "int8"), extractor, *few, tmp_path)
    (tmp_path / "other").mkdir()

    with member_of(Group(1, 2, 1, 2), lambda mine: [view, mine]):
        told, other = decide_view(Wanted("auto", "auto"), extractor, *few, tmp_path / "other")

    assert told == view
    assert other.graph.digest == reader.graph.digest
    assert not list((tmp_path / "other").iterdir())
    assert stored_view(tmp_path / "other") is None


def test_the_sample_has_been_read_where_either_question_was_asked_of_it() -> None:
    of_framing = {"squash": AskedFraming(0.1, 0.9, 0.0)}
    unasked = FramingChoice("squash", "--framing", 24, 0.0, {})
    asked = FramingChoice("squash", "cross-validation", 24, 0.0, of_framing)  # type: ignore[arg-type]
    compared = Earned(2.0, Compared(1.0, (0.1, 0.1), 0.0, (1.0, 1.0), 1.0))
    precisions = [PrecisionChoice("fp32", "", earned) for earned in (None, Earned(1.0), compared)]

    unread = [View(160, unasked, choice, "0").has_read_sample for choice in precisions]

    assert unread == [False, False, True]
    assert View(160, asked, precisions[0], "0").has_read_sample


def test_the_most_is_shown_until_a_framing_is_chosen() -> None:
    assert [first_asked(wanted) for wanted in ("auto", "crop")] == ["squash", "crop"]
