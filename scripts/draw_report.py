"""Takes docs/report.png, the README's second picture: the report of `make demo`, as it opens.

make demo
python -m scripts.draw_report
"""

import io
import os
import shutil
import sys

from PIL import Image
from playwright.sync_api import sync_playwright

from scripts.demo import DEMO, ROOT

#: What is seen of it first, in the page's pixels; and how many of the picture's each is.
WIDTH, HEIGHT, SCALE = 1000, 600, 1.5


def main() -> int:
    """Opens the newest report in chromium.

    Returns:
        2 where there is no browser or no report, with a sentence.
    """
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    reports = sorted((DEMO / "runs").glob("*/*/report.html"))
    if browser is None or not reports:
        print("there is no chromium here (make browser), or no report (make demo)", file=sys.stderr)
        return 2
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=browser, chromium_sandbox=os.geteuid() != 0
        )
        page = opened.new_page(
            viewport={"width": WIDTH, "height": HEIGHT}, device_scale_factor=SCALE
        )
        page.goto(reports[-1].as_uri())
        seen = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        seen.quantize(64).save(ROOT / "docs" / "report.png", optimize=True)
        opened.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
