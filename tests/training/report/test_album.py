"""Pictures that travel inside a page."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.session import Session
from tests.training.report.drawn_told import drawn
from training.data.example import Example, read_file
from training.data.pictures import Pictures
from training.report.album import Album, Shot, Wanted


def example(name: str) -> Example:
    return Example(Path(name), name, 0, None)


def opened(uri: str) -> Image.Image:
    image = Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))
    image.load()
    return image


def test_a_picture_is_shown_small_with_its_heat_above_it(session: Session) -> None:
    wanted = Wanted(example("1.png"), is_large=True, heat_of=1)

    shot = Album([wanted], Pictures(drawn), session).shot(wanted)

    assert opened(shot.photo).size == (shot.width, shot.height) == (48, 36)
    assert opened(shot.heat).mode == "RGBA"


def test_heat_is_of_the_class_that_was_asked_for(session: Session) -> None:
    asked = [Wanted(example("1.png"), is_large=True, heat_of=i) for i in (0, 1, None)]

    album = Album(asked, Pictures(drawn), session)

    assert len({album.shot(one).heat for one in asked}) == 3
    assert album.shot(asked[2]).heat == ""


def test_pictures_that_are_gone_cost_one_line_together(
    session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    gone = [Wanted(example(f"{i}.png"), is_large=True, heat_of=0) for i in range(3)]

    album = Album(gone, Pictures(read_file), session)

    assert album.shot(gone[0]) == Shot()
    (line,) = caplog.messages
    assert line.startswith("3 pictures are not shown in the report")


def test_pictures_stop_where_their_bytes_end(session: Session) -> None:
    wanted = [Wanted(example(f"{i}.png"), is_large=True) for i in range(60)]

    album = Album(wanted, Pictures(drawn), session, most_bytes=20_000)

    shown = [album.shot(one) for one in wanted]
    assert 10_000 < sum(len(shot.photo) for shot in shown) <= 20_000
    assert album.count == sum(bool(shot.photo) for shot in shown)
    assert all(shot.photo for shot in shown[: album.count])


def test_what_a_camera_says_of_place_and_owner_stays_in_the_file(
    session: Session, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x013B] = "the photographer"
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.webp", exif=exif, icc_profile=b"profile")
    wanted = Wanted(Example(tmp_path / "a.webp", "a.webp", 0, None), is_large=True)

    data = base64.b64decode(Album([wanted], Pictures(), session).shot(wanted).photo[23:])

    assert not any(mark in data for mark in (b"photographer", b"EXIF", b"ICCP"))


def test_a_picture_is_opened_once_however_it_is_shown(session: Session) -> None:
    opens: list[Path] = []

    def read(path: Path) -> bytes:
        opens.append(path)
        return drawn(path)

    ways = [(True, 0), (True, 1), (False, None)]
    Album(
        [Wanted(example("1.png"), is_large=large, heat_of=heat) for large, heat in ways],
        Pictures(read, keep_bytes=0),
        session,
    )

    assert opens == [Path("1.png")]
