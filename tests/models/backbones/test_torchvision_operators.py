import subprocess
import sys

import pytest
import torch

import models.backbones  # noqa: F401
from models.backbones.torchvision_operators import declare_missing_operators


def test_the_operators_are_there() -> None:
    assert hasattr(torch.ops.torchvision, "nms")


def test_what_is_there_is_not_declared_again() -> None:
    assert declare_missing_operators() is None


@pytest.mark.slow
@pytest.mark.parametrize(
    "imports",
    [
        "import models.backbones, torchvision, timm",
        "import models.backbones.backbone, torchvision.transforms.v2",
        "import models.backbones.weights, torchvision.models",
    ],
)
def test_torchvision_can_be_imported_beside_any_torch(imports: str) -> None:
    program = f"{imports}; print('imported')"

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=300, check=False
    )

    assert (done.returncode, done.stdout) == (0, "imported\n"), done.stderr
