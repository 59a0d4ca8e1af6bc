"""The map in CONTRIBUTING.md, from the first line of every module; a test holds it.

python scripts/draw_map.py            prints it
python scripts/draw_map.py --write    puts it in its place
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("models", "training", "service", "samples")
_WIDTH = 29
_FENCE = "```"


def draw_map() -> str:
    """A line for each folder and module: its name, and what its first line says."""
    return "\n".join(line for package in PACKAGES for line in _folder(ROOT / package, 0))


def written_map() -> str:
    """The map as CONTRIBUTING.md has it now."""
    return (ROOT / "CONTRIBUTING.md").read_text("utf-8").split(_FENCE)[1].strip("\n")


def _folder(folder: Path, depth: int) -> Iterator[str]:
    init = folder / "__init__.py"
    yield _line(depth, f"{folder.name}/", _first_line(init) if init.exists() else "")
    files = [p for p in folder.iterdir() if p.suffix in {".py", ".js"} and p.name != "__init__.py"]
    for path in sorted(files):
        yield _line(depth + 1, path.name, _first_line(path))
    for below in sorted(p for p in folder.iterdir() if p.is_dir() and any(p.glob("*.[pj][sy]*"))):
        if below.name != "__pycache__":
            yield from _folder(below, depth + 1)


def _line(depth: int, name: str, said: str) -> str:
    return f"{'  ' * depth + name:<{_WIDTH}}{said}".rstrip()


def _first_line(path: Path) -> str:
    text = path.read_text("utf-8")
    if path.suffix == ".js":
        found = re.match(r"(?://|/\*\*?)\s*(.*)", text)
        return found[1].removesuffix("*/").strip() if found else ""
    return (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]


def main() -> None:
    """Prints the map, or writes it."""
    if sys.argv[1:] != ["--write"]:
        print(draw_map())
        return
    page = ROOT / "CONTRIBUTING.md"
    before, _, rest = page.read_text("utf-8").partition(_FENCE)
    after = rest.partition(_FENCE)[2]
    page.write_text(f"{before}{_FENCE}\n{draw_map()}\n{_FENCE}{after}", "utf-8")


if __name__ == "__main__":
    main()
