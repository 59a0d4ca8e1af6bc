"""The tests' networks and pictures: a program started by its path finds only its own folder."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.conftest import lively_classifier, noise_pictures
from tests.models.graph.families import FAMILIES
from tests.models.graph.reference import LAST_LAYER, by_pytorch_grad_cam

__all__ = ["FAMILIES", "LAST_LAYER", "by_pytorch_grad_cam", "lively_classifier", "noise_pictures"]
