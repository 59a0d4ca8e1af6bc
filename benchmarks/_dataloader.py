"""The plain loop of PyTorch's tutorials over a folder of pictures; prints seconds.

python benchmarks/_dataloader.py BACKBONE FOLDER
"""

import sys
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from models.backbones.backbone import load_backbone
from models.backbones.weights import Random
from models.cores import granted_cores


class Pictures(Dataset[torch.Tensor]):
    """All files of a folder."""

    def __init__(self, folder: Path) -> None:
        self.files = sorted(path for path in folder.rglob("*") if path.is_file())

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> torch.Tensor:
        """One picture, float32 (3, H, W)."""
        with Image.open(self.files[index]) as image:
            pixels = np.array(image.convert("RGB").resize((224, 224)))
        return torch.from_numpy(pixels).permute(2, 0, 1).float() / 255


def main() -> None:
    """Goes through the folder once."""
    model = load_backbone(sys.argv[1], Random()).model.eval()
    loader = DataLoader(Pictures(Path(sys.argv[2])), batch_size=16, num_workers=granted_cores())
    begun = time.perf_counter()
    with torch.inference_mode():
        for pixels in loader:
            model(pixels).softmax(1)
    print(time.perf_counter() - begun)


if __name__ == "__main__":
    main()
