import re
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.service.conftest import DEADLINE, Served

PAGE = Path(__file__).parents[3] / "service" / "page"

FILES = sorted(path.name for path in PAGE.iterdir())

MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def test_the_page_is_at_the_root(client: httpx.Client) -> None:
    answer = client.get("/")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.content == (PAGE / "index.html").read_bytes()
    assert client.head("/").headers["etag"] == answer.headers["etag"]


@pytest.mark.parametrize("name", FILES)
def test_a_file_has_its_type_and_is_asked_for_once(client: httpx.Client, name: str) -> None:
    answer = client.get(f"/page/{name}")
    again = client.get(f"/page/{name}", headers={"If-None-Match": answer.headers["etag"]})

    assert answer.content == (PAGE / name).read_bytes()
    assert answer.headers["content-type"] == MEDIA_TYPES[Path(name).suffix]
    assert answer.headers["cache-control"] == "no-cache"
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == answer.headers["etag"]


def test_another_version_of_a_file_is_sent(client: httpx.Client) -> None:
    answer = client.get("/", headers={"If-None-Match": '"an older one"'})

    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/", "/page/main.js"])
def test_a_browser_loads_nothing_from_elsewhere(client: httpx.Client, path: str) -> None:
    headers = client.get(path).headers

    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in str(policy)
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize(
    "path",
    ["/page/", "/page/nothing.js", "/page/..%2froutes.py", "/page/%00", "/page/" + "x" * 5000],
)
def test_only_files_of_the_page_are_there(client: httpx.Client, path: str) -> None:
    answer = client.get(path)

    assert answer.status_code == 404
    assert answer.json()["error"].endswith("not found; GET /docs.json describes the routes")


@pytest.mark.parametrize("name", FILES)
def test_no_file_names_another_address(name: str) -> None:
    text = (PAGE / name).read_text(encoding="utf-8")

    addresses = re.findall(r"(?:https?:)?//[\w.-]+\.\w+[\w./]*", text)
    assert set(addresses) <= {"http://www.w3.org/2000/svg"}  # a name, never asked


def test_everything_that_the_page_names_is_there(client: httpx.Client) -> None:
    html = client.get("/").text
    links = re.findall(r'(?:src|href)="([^"]+)"', html)
    modules = {
        f"page/{name}"
        for path in PAGE.glob("*.js")
        for name in re.findall(r'from "\./([^"]+)"', path.read_text(encoding="utf-8"))
    }

    assert links
    assert modules
    assert all(client.get(f"/{link}").status_code == 200 for link in {*links, *modules})


def test_the_page_to_try_out_and_its_files_come_from_here(client: httpx.Client) -> None:
    page = client.get("/docs")

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "//" not in page.text.replace("<!--", "")
    for name in ("start.js", "swagger-ui.css", "swagger-ui-bundle.js"):
        file = client.get(f"/docs/{name}")
        assert file.status_code == 200
        assert file.headers["content-type"].startswith(("text/javascript", "text/css"))


@pytest.mark.parametrize("name", ["index.html", "..%2fapp.py", "marked.min.js", "%2e%2e"])
def test_no_other_file_is_had_from_it(client: httpx.Client, name: str) -> None:
    assert client.get(f"/docs/{name}").status_code == 404


@pytest.mark.slow
def test_the_page_to_try_out_draws_itself_under_our_policy_in_a_browser(
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
