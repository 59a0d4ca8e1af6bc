"""The course's networks that timm does not have, entered into timm's own registry.

AlexNet and GoogLeNet (Inception v1) are torchvision's, so that its files of weights fit; ResNets
with CBAM attention are timm's blocks put together; `baseline` is the small network of the course's
hands-on 5. Each has the two parts that timm's models have, `forward_features` and `forward_head`,
and no last linear layer. Once registered, nothing else knows that they are not timm's.

Importing this module registers them.
"""

from itertools import pairwise, takewhile
from typing import Any, Final

import torch
import torchvision.models
from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from timm.models.resnet import BasicBlock, Bottleneck, ResNet
from torch import Tensor, nn

__all__ = ["alexnet", "baseline", "cbam_resnet18", "cbam_resnet50", "googlenet"]

_TORCHVISION: Final = "https://download.pytorch.org/models/"

default_cfgs = generate_default_cfgs(
    {
        "alexnet.tv_in1k": {
            "url": f"{_TORCHVISION}alexnet-owt-7be5be79.pth",
            "license": "bsd-3-clause",
            "interpolation": "bilinear",
            "first_conv": "features.0",
            "classifier": "classifier.6",
        },
        "googlenet.tv_in1k": {
            "url": f"{_TORCHVISION}googlenet-1378be20.pth",
            "license": "bsd-3-clause",
            "interpolation": "bilinear",
            # What torchvision's transform_input comes to: these weights were ported from Caffe.
            "mean": (0.5, 0.5, 0.5),
            "std": (0.5, 0.5, 0.5),
            "first_conv": "conv1.conv",
            # Two of its three classifiers are for training alone.
            "classifier": ("fc", "aux1", "aux2"),
        },
        "baseline": {"interpolation": "bilinear", "crop_pct": 1.0, "first_conv": "features.0"},
        "cbam_resnet18": {"interpolation": "bilinear", "first_conv": "conv1"},
        "cbam_resnet50": {"interpolation": "bilinear", "first_conv": "conv1"},
    }
)


class AlexNet(torchvision.models.AlexNet):  # type: ignore[misc]  # torchvision has no types
    """torchvision's AlexNet (Krizhevsky 2014, arXiv:1404.5997) in two parts."""

    num_classes = 0
    num_features = 256

    def __init__(self) -> None:
        super().__init__()
        del self.classifier[6]
        _start_randomly(self)

    def forward_features(self, images: Tensor) -> Tensor:
        """Normalised images (N, 3, H, W) → (N, 256, h, w), (6, 6) for 224 pixels."""
        found: Tensor = self.features(images)
        return found

    def forward_head(self, feature_map: Tensor, *, pre_logits: bool = True) -> Tensor:
        """(N, 256, h, w) → (N, 4096). There is no last layer, whatever `pre_logits` says."""
        del pre_logits
        found: Tensor = self.classifier(torch.flatten(self.avgpool(feature_map), 1))
        return found


class GoogLeNet(torchvision.models.GoogLeNet):  # type: ignore[misc]
    """torchvision's GoogLeNet (Szegedy 2015, arXiv:1409.4842) in two parts."""

    num_classes = 0
    num_features = 1024

    def __init__(self) -> None:
        super().__init__(aux_logits=False, init_weights=False)
        self.fc = nn.Identity()
        _start_randomly(self)

    def forward_features(self, images: Tensor) -> Tensor:
        """Normalised images (N, 3, H, W) → (N, 1024, h, w), (7, 7) for 224 pixels."""
        for _, layer in takewhile(lambda item: item[0] != "avgpool", self.named_children()):
            images = layer(images)
        return images

    def forward_head(self, feature_map: Tensor, *, pre_logits: bool = True) -> Tensor:
        """(N, 1024, h, w) → (N, 1024). There is no last layer, whatever `pre_logits` says."""
        del pre_logits
        found: Tensor = self.dropout(torch.flatten(self.avgpool(feature_map), 1))
        return found


class Baseline(nn.Module):
    """The small VGG-like network of the course's hands-on 5: what transfer is compared with.

    Six convolutions of 3 x 3, a halving of the size after each two, LeakyReLU, global pooling. The
    author reached 72.5 % on cats against dogs with it.
    """

    num_classes = 0
    num_features = 64

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for number, widths in enumerate(pairwise((3, 16, 16, 32, 32, 64, 64)), start=1):
            layers += [nn.Conv2d(*widths, kernel_size=3, padding=1), nn.LeakyReLU(inplace=True)]
            if number % 2 == 0:
                layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        _start_randomly(self)

    def forward_features(self, images: Tensor) -> Tensor:
        """Normalised images (N, 3, H, W) → (N, 64, H / 8, W / 8)."""
        found: Tensor = self.features(images)
        return found

    def forward_head(self, feature_map: Tensor, *, pre_logits: bool = True) -> Tensor:
        """(N, 64, h, w) → (N, 64). There is no last layer, whatever `pre_logits` says."""
        del pre_logits
        return feature_map.mean((2, 3))

    def forward(self, images: Tensor) -> Tensor:
        """Normalised images (N, 3, H, W) → (N, 64)."""
        return self.forward_head(self.forward_features(images))


@register_model
def alexnet(**options: Any) -> nn.Module:
    """AlexNet."""
    return _build(AlexNet, "alexnet", options)


@register_model
def googlenet(**options: Any) -> nn.Module:
    """GoogLeNet, also called Inception v1."""
    return _build(GoogLeNet, "googlenet", options)


@register_model
def baseline(**options: Any) -> nn.Module:
    """The course's small network."""
    return _build(Baseline, "baseline", options)


@register_model
def cbam_resnet18(**options: Any) -> nn.Module:
    """ResNet-18 with channel and spatial attention (Woo 2018, arXiv:1807.06521)."""
    return _with_cbam("cbam_resnet18", BasicBlock, (2, 2, 2, 2), options)


@register_model
def cbam_resnet50(**options: Any) -> nn.Module:
    """ResNet-50 with channel and spatial attention."""
    return _with_cbam("cbam_resnet50", Bottleneck, (3, 4, 6, 3), options)


def checkpoint_filter_fn(state: dict[str, Tensor], _model: nn.Module) -> dict[str, Tensor]:
    """Leaves out GoogLeNet's two more classifiers; the name is what timm looks for."""
    return {k: v for k, v in state.items() if not k.startswith(("aux1.", "aux2."))}


def _start_randomly(network: nn.Module) -> None:
    """Numbers that keep signals as large as they were (He 2015), as timm's networks start.

    With torch's own the last map hardly depends on the picture any more: GoogLeNet's logits then
    differ in their last digits alone.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def _build(kind: type[nn.Module], name: str, options: dict[str, Any]) -> nn.Module:
    built: nn.Module = build_model_with_cfg(
        kind,
        name,
        pretrained_filter_fn=checkpoint_filter_fn,
        # Passed to every model of timm's. These are made for RGB, and without a last layer.
        kwargs_filter=("in_chans", "num_classes"),  # type: ignore[arg-type]
        **options,
    )
    return built


def _with_cbam(
    name: str, block: type[nn.Module], layers: tuple[int, ...], options: dict[str, Any]
) -> nn.Module:
    options |= {"block": block, "layers": layers, "block_args": {"attn_layer": "cbam"}}
    built: nn.Module = build_model_with_cfg(ResNet, name, **options)
    return built
