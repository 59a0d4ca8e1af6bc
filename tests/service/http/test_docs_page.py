import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.service.conftest import DEADLINE, Served


def test_the_page_and_its_files_come_from_here(client: httpx.Client) -> None:
    page = client.get("/docs")

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "//" not in page.text.replace("<!--", "")
    for name in ("start.js", "swagger-ui.css", "swagger-ui-bundle.js"):
        file = client.get(f"/docs/{name}")
        assert file.status_code == 200
        assert file.headers["content-type"].startswith(("text/javascript", "text/css"))


@pytest.mark.parametrize("name", ["index.html", "..%2fapp.py", "marked.min.js", "%2e%2e"])
def test_no_other_file_is_had(client: httpx.Client, name: str) -> None:
    assert client.get(f"/docs/{name}").status_code == 404


@pytest.mark.slow
def test_the_page_draws_itself_under_our_policy_in_a_browser(
    served: Served, tmp_path: Path
) -> None:
    if not (browser := shutil.which("chromium")):
        pytest.skip("there is no chromium on this machine")

    shown = subprocess.run(
        [
            *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
            *("--enable-logging=stderr", "--virtual-time-budget=20000", "--dump-dom"),
            f"--user-data-dir={tmp_path}",
            f"http://127.0.0.1:{served.port}/docs",
        ],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=True,
    )

    assert "one or several pictures, each a file in the form field" in shown.stdout
    assert "Content Security Policy" not in shown.stderr
    assert "Uncaught" not in shown.stderr
