"""The families that the catalogue answers for by name, the course's among them, and small members.

Of families whose large members repeat the small one's blocks the smallest stands in the tests, with
small pictures where it reads any size, and thinner or shorter where the smallest is still large.
`benchmarks/families.py` measures all of them whole.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import nn

from models.backbones.backbone import Backbone, preprocessing_of
from models.backbones.weights import Random, random_start
from tests.conftest import enliven

#: Family → its members.
FAMILIES = {
    "the course's small network": ["baseline"],
    "AlexNet": ["alexnet"],
    "VGG": ["vgg11", "vgg16", "vgg19"],
    "VGG with BatchNorm": ["vgg11_bn", "vgg16_bn", "vgg19_bn"],
    "Inception v1": ["googlenet"],
    "Inception v3": ["inception_v3"],
    "Inception v4": ["inception_v4"],
    "ResNet": ["resnet18", "resnet34", "resnet50", "resnet101", "resnet200"],
    "ResNeXt": ["resnext50_32x4d"],
    "SE-ResNet": ["seresnet18", "seresnet50"],
    "CBAM-ResNet": ["cbam_resnet18", "cbam_resnet50"],
    "MobileNet v2": ["mobilenetv2_100"],
    "MobileNet v3": ["mobilenetv3_small_100", "mobilenetv3_large_100"],
    "EfficientNet": ["efficientnet_b0"],
    "ConvNeXt": ["convnext_atto", "convnext_tiny"],
    "DenseNet": ["densenet121"],
    "Swin": ["swin_tiny_patch4_window7_224"],
    "Swin v2": ["swinv2_tiny_window8_256"],
    "ViT": ["vit_tiny_patch16_224", "vit_base_patch16_224"],
    "ViT with mean pooling": ["vit_base_patch16_gap_224"],
    "ViT with registers": ["vit_base_patch16_reg4_gap_256"],
    "ViT after convolutions": ["vit_tiny_r_s16_p8_224", "vit_small_r26_s32_224"],
    "DeiT 3": ["deit3_small_patch16_224"],
    "DeiT with a distillation token": ["deit_tiny_distilled_patch16_224"],
    "DINOv2 with registers": ["vit_small_patch14_reg4_dinov2"],
    "DINOv3": ["vit_small_patch16_dinov3"],
    "SigLIP": ["vit_base_patch16_siglip_224"],
    "CLIP": ["vit_base_patch16_clip_224"],
    "PE": ["vit_pe_core_tiny_patch16_384"],
    "BEiT": ["beit_base_patch16_224"],
    "EVA-02": ["eva02_tiny_patch14_224"],
    "EVA-02 with a class token": ["eva02_base_patch16_clip_224"],
    "CaiT": ["cait_xxs24_224"],
    "mixers": ["mixer_s32_224"],
}


@dataclass(frozen=True)
class Member:
    """A network of a family, as small as it shows what the family is.

    Attributes:
        name: timm's.
        size: of its pictures, pixels; None: its own.
        options: that make it thinner or shorter.
    """

    name: str
    size: int | None = 64
    options: dict[str, Any] = field(default_factory=dict)


_NARROW: dict[str, Any] = {"mlp_ratio": 1 / 64}
_FEW_BLOCKS: dict[str, Any] = {"layers": (1, 1, 1, 1)}
_SHORT_SWIN: dict[str, Any] = {
    "img_size": 112,
    "embed_dim": 24,
    "depths": (2, 2, 2, 2),
    "num_heads": (1, 2, 4, 8),
}
#: Two blocks, four tokens a side: what the map and the last block need, and nothing else.
_SHORT: dict[str, Any] = {"img_size": 64, "embed_dim": 48, "num_heads": 3, "depth": 2}
_SHORT_14: dict[str, Any] = _SHORT | {"img_size": 56}

#: Family → what stands for it, where activations are patch tokens.
TOKENS = {
    "ViT": [Member("vit_tiny_patch16_224", 64, _SHORT)],
    "ViT with mean pooling": [Member("vit_base_patch16_gap_224", 64, _SHORT)],
    "ViT with registers": [Member("vit_base_patch16_reg4_gap_256", 64, _SHORT)],
    "ViT after convolutions": [Member("vit_tiny_r_s16_p8_224", 64, _SHORT)],
    "DeiT 3": [Member("deit3_small_patch16_224", 64, _SHORT)],
    "DeiT with a distillation token": [Member("deit_tiny_distilled_patch16_224", 64, _SHORT)],
    "DINOv2 with registers": [Member("vit_small_patch14_reg4_dinov2", 56, _SHORT_14)],
    "DINOv3": [Member("vit_small_patch16_dinov3", 64, _SHORT)],
    "SigLIP": [Member("vit_base_patch16_siglip_224", 64, _SHORT)],
    "CLIP": [Member("vit_base_patch16_clip_224", 64, _SHORT)],
    "PE": [Member("vit_pe_core_tiny_patch16_384", 64, _SHORT)],
    "BEiT": [Member("beit_base_patch16_224", 64, _SHORT)],
    "EVA-02": [Member("eva02_tiny_patch14_224", 56, _SHORT_14)],
    "EVA-02 with a class token": [Member("eva02_base_patch16_clip_224", 64, _SHORT)],
    "CaiT": [Member("cait_xxs24_224", 64, _SHORT)],
    "mixers": [Member("mixer_s32_224", 128, {"img_size": 128})],
}

#: Family → what stands for it: each kind of block and of head.
SMALLEST = {
    "the course's small network": [Member("baseline")],
    "AlexNet": [Member("alexnet", None)],
    # All convolutions are there; the inner layers have 64 instead of 4,096 features.
    "VGG": [Member("vgg11", None, _NARROW)],
    "VGG with BatchNorm": [Member("vgg11_bn", None, _NARROW)],
    "Inception v1": [Member("googlenet", 96)],
    "Inception v3": [Member("inception_v3", 128)],
    "Inception v4": [Member("inception_v4", 128)],
    "ResNet": [Member("resnet18"), Member("resnet50", 64, _FEW_BLOCKS)],
    "ResNeXt": [Member("resnext50_32x4d", 64, _FEW_BLOCKS)],
    "SE-ResNet": [Member("seresnet18")],
    "CBAM-ResNet": [Member("cbam_resnet18")],
    "MobileNet v2": [Member("mobilenetv2_035")],
    "MobileNet v3": [Member("mobilenetv3_small_100", 96)],
    "EfficientNet": [Member("efficientnet_b0")],
    "ConvNeXt": [Member("convnext_atto", 96)],
    "DenseNet": [Member("densenet121", 96, {"block_config": (2, 2, 2, 2)})],
    "Swin": [Member("swin_tiny_patch4_window7_224", 112, _SHORT_SWIN)],
    "Swin v2": [Member("swinv2_tiny_window8_256", 128, _SHORT_SWIN | {"img_size": 128})],
} | TOKENS

MEMBERS = {member.name: member for members in SMALLEST.values() for member in members}


def small_backbone(member: Member) -> Backbone:
    """It with random weights, and parameters that all do something."""
    torch.manual_seed(0)
    model = random_start(member.name, **member.options)
    if "embed_dim" in member.options:
        stir(model)
    if member.name == "alexnet":
        model.classifier = _narrow_classifier()
    preprocessing = preprocessing_of(model)
    if member.size:
        preprocessing = replace(preprocessing, height=member.size, width=member.size)
    backbone = Backbone(member.name, Random(), model, preprocessing)
    enliven(backbone)
    return backbone


def stir(model: nn.Module) -> None:
    """Gives a transformer parameters that do something: timm starts many at zero, or near it.

    Biases, LayerScale, positions, registers: without this a test could not see an error in them.
    """
    for parameter in model.parameters():
        noise = torch.randn_like(parameter)
        if parameter.ndim == 1:
            parameter.data += 0.3 * noise
        else:
            parameter.data = noise / parameter[0].numel() ** 0.5


def _narrow_classifier() -> nn.Module:
    """AlexNet's, with inner layers of 64 instead of 4,096 features."""
    layers = [nn.Dropout(), nn.Linear(256 * 6 * 6, 64), nn.ReLU()]
    return nn.Sequential(*layers, nn.Dropout(), nn.Linear(64, 64), nn.ReLU()).eval()
