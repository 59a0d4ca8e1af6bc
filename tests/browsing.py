"""A real browser, Debian's chromium without a window.

Playwright's loop runs in the main thread for as long as its browser is open, and `asyncio.run`
refuses to work beside it: so a browser lives for one package of tests and no longer.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, ViewportSize, sync_playwright

DESKTOP: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 360, "height": 740}


@contextmanager
def opened_browser() -> Iterator[Browser]:
    """For a fixture of scope `package`; skips where there is no browser."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("there is no chromium on this machine; `make browser` installs Debian's")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            chromium_sandbox=os.geteuid() != 0,  # Chromium refuses to have one as root
            args=[
                *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),
                "--renderer-process-limit=1",  # one for each test takes most of the time
            ],
        )
        yield browser
        browser.close()
