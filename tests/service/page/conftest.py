"""A real browser before the real service."""

import base64
import contextlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from PIL import Image
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    FilePayload,
    Locator,
    Page,
    Route,
    ViewportSize,
)

from models import store
from models.backbones.backbone import Backbone
from tests.browsing import DESKTOP, opened_browser
from tests.conftest import make_bundle, with_lively_head
from tests.service.conftest import Served

#: Milliseconds until a test gives up; nothing is measured by it.
DEADLINE = 30_000

#: A refusal of the service: browsers report its status, the page shows its sentence.
_REFUSED = "Failed to load resource: the server responded with a status of"

#: In the page: a canvas, or a picture at its own size, as a PNG in base64.
_PIXELS = """element => {
  const canvas = document.createElement("canvas");
  canvas.width = element.naturalWidth ?? element.width;
  canvas.height = element.naturalHeight ?? element.height;
  canvas.getContext("2d").drawImage(element, 0, 0);
  return canvas.toDataURL("image/png").split(",")[1];
}"""


@dataclass
class Window:
    """A page in a browser, and everything it complained of or asked for.

    Attributes:
        page: the page, at the address of the service.
        complaints: errors of scripts, violations of the Content-Security-Policy.
        addresses: of all requests.
    """

    page: Page
    complaints: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)

    def choose(self, *files: FilePayload) -> None:
        """Chooses files, as the dialog of the button does."""
        self.page.set_input_files("#files", files)

    @property
    def cards(self) -> Locator:
        """The cards, the newest first."""
        return self.page.locator(".card")

    def in_state(self, state: str) -> Locator:
        """The cards that are `waiting`, `asking`, `answered`, `refused` or `cancelled`."""
        return self.page.locator(f".card[data-state={state}]")

    @contextlib.contextmanager
    def without_answers(self) -> Iterator[None]:
        """Lets no request for an answer through before the end of the context."""
        self.page.route("**/explain", _hold)
        yield
        self.page.unroute("**/explain")  # which lets those go that were held

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Notes what the page complains of and asks for."""
        listeners: dict[str, Callable[..., None]] = {
            "console": self._note_console,
            "pageerror": lambda error: self.complaints.append(str(error)),
            "request": lambda request: self.addresses.append(request.url),
        }
        for event, listener in listeners.items():
            self.page.on(event, listener)  # type: ignore[call-overload]
        try:
            yield
        finally:
            for event, listener in listeners.items():
                self.page.remove_listener(event, listener)

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(_REFUSED):
            self.complaints.append(message.text)


def _hold(_: Route) -> None:
    """A request that nobody passes on waits."""


Open = Callable[..., Window]


def answer_with(window: Window, **changes: object) -> None:
    """Has all answers about pictures say something else."""

    def change(route: Route) -> None:
        answered = route.fetch()
        route.fulfill(response=answered, json=answered.json() | changes)

    window.page.route("**/explain", change)


def pixels(window: Window, selector: str, index: int = 0) -> npt.NDArray[np.uint8]:
    """RGBA, uint8 (H, W, 4), of a canvas or a picture in the page."""
    png = base64.b64decode(window.page.locator(selector).nth(index).evaluate(_PIXELS))
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))


def payload(data: bytes, name: str = "a.png") -> FilePayload:
    """A file for the page, without a type that would tell what is in it."""
    return {"name": name, "mimeType": "application/octet-stream", "buffer": data}


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with opened_browser() as browser:
        yield browser


def address_of(served: Served) -> str:
    return f"http://127.0.0.1:{served.port}"


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Opens the page of a service in a context of its own, which costs a process of the browser."""
    with contextlib.ExitStack() as opened:

        def open_(served: Served, viewport: ViewportSize = DESKTOP, **options: object) -> Window:
            context = browser.new_context(
                viewport=viewport,
                **options,  # type: ignore[arg-type]  # what Playwright takes is for it to say
            )
            opened.callback(context.close)
            return opened.enter_context(shown(context.new_page(), served))

        yield open_


@contextlib.contextmanager
def shown(page: Page, served: Served) -> Iterator[Window]:
    """The page of a service, with which nothing may have gone wrong in the end."""
    page.set_default_timeout(DEADLINE)
    window = Window(page)
    with window.listening():
        page.goto(address_of(served))
        try:
            yield window
        finally:
            page.unroute_all()
            page.evaluate("sessionStorage.clear()")
    assert window.complaints == []
    here = (f"{address_of(served)}/", "blob:", "data:")
    assert [a for a in window.addresses if not a.startswith(here)] == []


@pytest.fixture(scope="package")
def desktop(browser: Browser) -> Iterator[Page]:
    """A tab as wide as a desktop, for one test after the other."""
    with browser.new_context(viewport=DESKTOP) as context:
        yield context.new_page()


@pytest.fixture
def window(desktop: Page, served: Served) -> Iterator[Window]:
    """The page of the shared service, at the width of a desktop, loaded anew."""
    with shown(desktop, served) as window:
        window.page.locator("#about").wait_for()
        yield window


@pytest.fixture(scope="session")
def tag_of_many(tiny_backbone: Backbone, tiny_backbone_graph: onnx.ModelProto) -> str:
    """A model with many classes, some with names that want to be more than text."""
    hostile = ("<img src=x onerror=alert(1)>", "__proto__", "10", "2", "\u05d0\u05d1", "x" * 90)
    classes = (*hostile, *(f"class {number}" for number in range(24)))
    classifier = with_lively_head(tiny_backbone, classes=len(classes))
    return store.put(make_bundle(classifier, tiny_backbone_graph, classes), "many").tag
