"""Every benchmark starts as its first lines say: all that it imports is there."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROGRAMS = sorted(ROOT.glob("benchmarks/[a-z]*.py"))

#: One process for all, as torch takes seconds to import; of ours each program finds nothing loaded
#: and, like Python itself when it is given a path, only its own folder on the path.
STARTER = """
import runpy, sys, traceback
root, elsewhere = sys.argv[1], list(sys.path)
ours = (f"{root}/benchmarks/", f"{root}/tests/")
for program in sys.argv[2:]:
    sys.argv, sys.path = [program, "--help"], [ours[0], *elsewhere]
    code = 1
    try:
        runpy.run_path(program, run_name="__main__")
    except SystemExit as ended:
        code = ended.code or 0
    except BaseException:
        traceback.print_exc()
    print("ENDED", program, code, flush=True)
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None) or ""
        if file.startswith(ours):
            del sys.modules[name]
"""


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What all programs print."""
    done = subprocess.run(
        [sys.executable, "-c", STARTER, ROOT, *PROGRAMS],
        cwd=tmp_path_factory.mktemp("elsewhere"),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.stem)
def test_a_benchmark_starts(program: Path, started: str) -> None:
    assert f"ENDED {program} 0" in started, started
