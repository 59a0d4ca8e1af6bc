"""Who may import whom: `service → models ← training`, and no torch where pictures are served."""

import ast
import importlib.metadata
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from bentoml._internal.bento.build_config import BentoBuildConfig, BentoPathSpec
from packaging.requirements import Requirement

from scripts import draw_map

ROOT = Path(__file__).parents[1]

OURS = ("models", "samples", "service", "training")

#: Room → rooms that it may import from. A package's own name is its files outside of any folder.
MAY_IMPORT = {
    "models": set(),
    "models.backbones": {"models"},
    "models.bulk": {"models", "models.decoding"},
    "models.decoding": {"models"},
    "models.graph": {"models", "models.backbones"},
    "samples": {"models", "training"},
    "service.batch": {"models", "models.bulk", "models.decoding"},
    "service.app": {
        "service.edge", "service.host", "service.http", "service.inference",
        "service.observability", "service.settings",
    },
    "service.edge": {
        "models", "service.http", "service.inference", "service.observability", "service.settings",
    },
    "service.host": {
        "models", "service.http", "service.inference", "service.observability", "service.settings",
    },
    "service.http": {"models", "service.inference", "service.observability", "service.settings"},
    "service.inference": {
        "models", "models.decoding", "service.observability", "service.settings",
    },
    "service.observability": {"models", "service.settings"},
    "service.settings": {"models"},
    "training": {"models"},
    "training.cli": {"models", "training", "training.inventory", "training.run"},
    "training.data": {"models", "training"},
    "training.distillation": {
        "models", "models.backbones", "training", "training.data", "training.finetuning",
    },
    "training.features": {"models", "models.graph", "training", "training.data"},
    "training.finetuning": {
        "models", "models.backbones", "models.graph", "training", "training.data",
    },
    "training.head": {"models", "training"},
    "training.inspection": {
        "models", "training", "training.data", "training.features", "training.head",
    },
    "training.inventory": {"models", "models.backbones", "training"},
    "training.recipes": {
        "models", "models.graph", "training", "training.data", "training.features",
        "training.finetuning", "training.head", "training.inspection", "training.report",
        "training.selection",
    },
    "training.report": {
        "models", "training", "training.data", "training.features", "training.head",
        "training.inspection",
    },
    "training.run": {
        "models", "models.backbones", "models.graph", "training", "training.data",
        "training.features", "training.finetuning", "training.head", "training.inspection",
        "training.recipes", "training.report", "training.selection",
    },
    "training.selection": {
        "models", "training", "training.data", "training.features", "training.head",
    },
}  # fmt: skip

#: Where an import may stand inside a function: the command lines, whose --help waits for nothing,
#: where a run begins to need torch, and where a bundle is looked for that is no file.
DOORS = {
    "models.bulk", "service.batch.cli", "training.cli", "training.distillation.cli",
    "training.run.learning", "training.run.network", "training.run.story",
}  # fmt: skip

#: Who is given all settings of a run.
SEES_ALL_SETTINGS = {"training.cli", "training.run", "training.settings"}

LONGEST_CHAIN = 8
MOST_LINES, FEW_LINES, FEW_EXCEPTIONS = 60, 40, 3

#: Not even through others: the serving environment does not have them.
HEAVY = ("torch", "timm", "torchvision", "sklearn", "scipy", "tensorboard", "training")

#: A run whose graphs are known could do without torch, so none of these may import it.
WITHOUT_TORCH = (
    "training.data", "training.features", "training.head", "training.selection", "training.report",
    "training.inspection", "training.recipes.probe", "training.group", "training.run",
)  # fmt: skip


def modules() -> dict[str, Path]:
    """All of ours by dotted name; a package by its `__init__.py`."""
    found = {}
    for path in (p for package in OURS for p in (ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}


def room_of(module: str) -> str:
    parts = module.split(".")
    rooms = (".".join(parts[:length]) for length in (2, 1))
    return next((room for room in rooms if room in MAY_IMPORT), parts[0])


def is_for_types_alone(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def imports_of(tree: ast.AST, *, at_the_top: bool = False) -> set[str]:
    """Dotted names of all that a module imports: anywhere in it, or where it is loaded."""
    found: set[str] = set()
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found.update({name if name in MODULES else node.module or "" for name in names})
        elif not at_the_top or not (isinstance(node, FUNCTIONS) or is_for_types_alone(node)):
            found |= imports_of(node, at_the_top=at_the_top)
    return found


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

#: Module → modules of ours that it loads.
LOADS = {
    name: {other for other in imports_of(tree, at_the_top=True) if other in MODULES} - {name}
    for name, tree in TREES.items()
}


def functions_of(module: str) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(TREES[module]) if isinstance(node, FUNCTIONS)]


def files_of(*rooms: str) -> set[Path]:
    return {path for name, path in MODULES.items() if room_of(name).startswith(rooms)}


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_from_the_rooms_below_it(room: str) -> None:
    inside = [name for name in MODULES if room_of(name) == room]

    assert inside
    for name in inside:
        ours = {other for other in imports_of(TREES[name]) if other.split(".")[0] in OURS}
        assert {room_of(other) for other in ours} <= MAY_IMPORT[room] | {room}, name


def test_nobody_imports_in_a_circle() -> None:
    loaded: list[str] = []
    waiting = dict(LOADS)
    while ready := [name for name, others in waiting.items() if others <= set(loaded)]:
        loaded += ready
        waiting = {name: others for name, others in waiting.items() if name not in ready}

    assert not waiting


@pytest.mark.parametrize("package", ["service", "training"])
def test_chains_of_imports_are_short(package: str) -> None:
    @cache
    def chain(name: str) -> tuple[str, ...]:
        below = [other for other in LOADS[name] if other.split(".")[0] == package]
        return (name, *max(map(chain, below), key=len, default=()))

    longest = max((chain(name) for name in MODULES if name.split(".")[0] == package), key=len)

    assert len(longest) <= LONGEST_CHAIN, longest


def test_imports_stand_at_the_top_but_at_the_doors() -> None:
    """In the service they must: BentoML's loader takes the root off sys.path again."""
    late = {
        name
        for name in MODULES
        for function in functions_of(name)
        if any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(function))
    }

    assert late <= DOORS


def test_values_are_passed_on_and_not_all_settings() -> None:
    takes = {
        name
        for name in MODULES
        for function in functions_of(name)
        for argument in (*function.args.args, *function.args.kwonlyargs)
        if argument.annotation and "TrainingSettings" in ast.unparse(argument.annotation)
    }

    assert {room_of(name) if room_of(name) == "training.run" else name for name in takes} <= (
        SEES_ALL_SETTINGS
    )


def test_functions_are_short() -> None:
    lines = {
        f"{name}.{function.name}": (function.end_lineno or 0) - function.lineno + 1
        for name in MODULES
        for function in functions_of(name)
    }

    assert not [name for name, count in lines.items() if count > MOST_LINES]
    assert len([name for name, count in lines.items() if count > FEW_LINES]) <= FEW_EXCEPTIONS


def test_the_way_from_pictures_to_a_head_loads_no_torch() -> None:
    wanted = [
        name for name in MODULES if f"{name}.".startswith(tuple(f"{w}." for w in WITHOUT_TORCH))
    ]
    code = f"import sys, {', '.join(wanted)}; print('torch' in sys.modules, 'timm' in sys.modules)"

    output = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout

    assert output.split() == ["False", "False"]


def test_each_layer_of_the_service_knows_its_own_library_alone() -> None:
    def libraries(room: str) -> set[str]:
        inside = [TREES[name] for name in MODULES if room_of(name) == room]
        return {name.split(".")[0] for tree in inside for name in imports_of(tree)}

    assert "starlette" not in libraries("service.inference")
    assert "onnxruntime" not in libraries("service.http") | libraries("service.edge")
    assert not {"starlette", "bentoml"} & libraries("models.decoding")


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
    below = files_of("models.backbones", "models.graph", "service.batch")
    assert held == (files_of("models", "service") - below) | pages
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
    for file, tree in TREES.items():
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("InferenceSession"):
                assert "providers" in {keyword.arg for keyword in call.keywords}, file
