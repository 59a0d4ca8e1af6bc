"""Who may import whom: `service → models ← training`, and no torch where pictures are served."""

import ast
import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

import pytest
from bentoml._internal.bento.build_config import BentoBuildConfig, BentoPathSpec
from packaging.requirements import Requirement

from scripts import draw_map

ROOT = Path(__file__).parents[1]

#: Package → what of ours it may import besides itself.
MAY_IMPORT = {
    "models": set(),
    "models.backbones": {"models"},
    "models.decoding": {"models"},
    "models.graph": {"models", "models.backbones"},
    "service": {"models", "models.decoding"},
    "training": {"models", "models.backbones", "models.graph"},
    "samples": {"models", "training"},
}

OURS = ("models", "samples", "service", "training")

#: Not even through others: the serving environment does not have them.
HEAVY = ("torch", "timm", "torchvision", "sklearn", "scipy", "tensorboard", "training")


def package_of(module: str) -> str:
    """The package of ours that a module belongs to."""
    for room in ("models.graph", "models.backbones", "models.decoding"):
        if f"{module}.".startswith(f"{room}."):
            return room
    return module.partition(".")[0]


def files_of(package: str) -> list[Path]:
    folder = ROOT / package.replace(".", "/")
    files = folder.glob("*.py") if package == "models" else folder.rglob("*.py")
    return sorted(files)


def imports_of(file: Path) -> set[str]:
    """Dotted names of all that a file imports, wherever in it the import stands."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: a relative import"
            found.add(node.module or "")
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_what_it_may(package: str) -> None:
    allowed = MAY_IMPORT[package] | {package}

    for file in files_of(package):
        ours = {name for name in imports_of(file) if name.split(".")[0] in OURS}
        assert {package_of(name) for name in ours} <= allowed, file


@pytest.mark.parametrize("package", ["models", "models.decoding", "service"])
def test_first_party_imports_stand_at_the_top(package: str) -> None:
    """BentoML's loader takes the root off sys.path again: a late import of ours would fail."""
    for file in files_of(package):
        for function in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            late = [n for n in ast.walk(function) if isinstance(n, ast.Import | ast.ImportFrom)]
            assert not late, f"{file}: {function.name}"


def test_serving_loads_nothing_heavy() -> None:
    code = "import json, sys, service.app; print(json.dumps(sorted(sys.modules)))"

    output = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout

    loaded = {name.split(".")[0] for name in json.loads(output)}
    assert "onnxruntime" in loaded
    assert not loaded & set(HEAVY)


def test_the_bento_holds_what_serving_needs_and_no_more() -> None:
    with (ROOT / "bentofile.yaml").open(encoding="utf-8") as file:
        build = BentoBuildConfig.from_yaml(file)
    spec = BentoPathSpec(build.include, build.exclude)

    kinds = ("*.py", "*.html", "*.css", "*.js", "*.svg")
    folders = [ROOT / name for name in (*OURS, "tests")]
    files = {path for folder in folders for kind in kinds for path in folder.rglob(kind)}
    held = {path for path in files if spec.includes(path.relative_to(ROOT).as_posix())}

    pages = {path for kind in kinds[1:] for path in (ROOT / "service").rglob(kind)}
    assert len(pages) > 10
    assert held == {*files_of("models"), *files_of("models.decoding"), *files_of("service"), *pages}
    needed = {Requirement(line) for line in importlib.metadata.requires("train-transfer") or []}
    packages = build.python.packages or []
    assert {Requirement(line) for line in packages} <= needed
    assert not any(name in line for line in packages for name in HEAVY)


def test_nobody_else_claims_our_names() -> None:
    providers = importlib.metadata.packages_distributions()

    for name in OURS:
        assert set(providers.get(name, ["train-transfer"])) == {"train-transfer"}


def test_the_map_is_what_the_modules_say_of_themselves() -> None:
    """A newcomer looks there first."""
    assert draw_map.written_map() == draw_map.draw_map(), "make map"


def test_no_session_is_opened_without_saying_where_it_runs() -> None:
    """ONNX Runtime would take whatever it was built with: on a GPU another one than was meant."""
    for file in (path for package in OURS for path in (ROOT / package).rglob("*.py")):
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("InferenceSession"):
                assert "providers" in {keyword.arg for keyword in call.keywords}, file
