"""Reports about drawn pictures in a real browser."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import onnx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page

from models.backbones.backbone import Backbone
from models.bundle import parse_bundle
from models.session import Session
from tests.browsing import DESKTOP, opened_browser
from tests.conftest import make_bundle, with_lively_head
from tests.training.report.drawn_told import HOSTILE
from training.report.page import Told, write_report


@dataclass
class Seen:
    """A report in a browser, what it complained of, and what it asked for beside itself."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def note(self, message: ConsoleMessage) -> None:
        self.complaints.append(message.text)


See = Callable[..., Seen]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with opened_browser() as browser:
        yield browser


@pytest.fixture
def see(browser: Browser, tmp_path: Path) -> Iterator[See]:
    """Writes a report and opens its file; in the end nothing may have gone wrong."""
    seen: list[Seen] = []
    with ExitStack() as opened:

        def see_(told: Told, *, with_pictures: bool = True, **options: object) -> Seen:
            path = tmp_path / "report.html"
            write_report(path, told, with_pictures=with_pictures)
            context = browser.new_context(**{"viewport": DESKTOP, **options})  # type: ignore[arg-type]
            opened.callback(context.close)
            one = Seen(context.new_page())
            one.page.on("console", one.note)
            one.page.on("request", lambda request: one.asked.append(request.url))
            one.page.goto(path.as_uri())
            seen.append(one)
            return one

        yield see_
    for one in seen:
        assert one.complaints == []
        assert [url for url in one.asked if not url.startswith(("file:", "data:"))] == []


@pytest.fixture(scope="session")
def of_few(tiny_backbone: Backbone, tiny_backbone_graph: onnx.ModelProto) -> Session:
    """A network of two classes."""
    return _session(tiny_backbone, tiny_backbone_graph, ("cat", "dog"))


@pytest.fixture(scope="session")
def of_many(tiny_backbone: Backbone, tiny_backbone_graph: onnx.ModelProto) -> Session:
    """A network of 120 classes, some of them with names that want to be more than text."""
    classes = (*HOSTILE, *(f"class {number}" for number in range(120 - len(HOSTILE))))
    return _session(tiny_backbone, tiny_backbone_graph, classes)


def _session(backbone: Backbone, graph: onnx.ModelProto, classes: tuple[str, ...]) -> Session:
    data = make_bundle(with_lively_head(backbone, len(classes)), graph, classes)
    return Session(parse_bundle(data, "drawn"), "cpu")
