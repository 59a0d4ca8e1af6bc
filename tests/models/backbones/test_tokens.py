"""Tokens have a place: what a network's two parts say is what the untouched network says."""

from typing import Any

import pytest
import timm
import torch
from torch import Tensor

from models.backbones.activations import activations_of, check_split
from models.backbones.backbone import Backbone
from models.backbones.catalogue import measure
from models.backbones.tokens import BeforeLastBlock, ClassBlocks, PooledTokens, ReadByClassToken
from models.errors import BackboneError
from tests.models.graph.families import TOKENS, Member, small_backbone, stir

SHORT: dict[str, Any] = {"img_size": 64, "embed_dim": 48, "num_heads": 3, "depth": 2}

#: One of each way in which tokens are gathered, beside those that are exported in the tests.
OTHERS = [
    Member("beit_base_patch16_224", 64, SHORT | {"global_pool": "token"}),
    Member("beit_base_patch16_224", 64, SHORT | {"global_pool": "token", "init_values": None,
           "use_shared_rel_pos_bias": True, "use_rel_pos_bias": False}),
    Member("vit_small_patch16_rope_mixed_224", 64, SHORT),
    Member("vit_small_patch16_rope_mixed_224", 64, SHORT | {"dynamic_img_size": True}),
    Member("vit_large_patch16_sapiens2", 64, SHORT | {"num_heads": 4, "num_kv_heads": (4, 2)}),
    Member("vit_relpos_base_patch16_cls_224", 64, SHORT),
    Member("vit_tiny_patch16_224", 64, SHORT | {"qk_norm": True, "qkv_bias": False}),
    Member("vit_tiny_patch16_224", 64, SHORT | {"global_pool": "avgmax"}),
    Member("vit_small_patch16_18x2_224", 64, SHORT),
    Member("xcit_nano_12_p16_224", 64, SHORT),
    Member("convit_tiny", 64, {"img_size": 64, "embed_dim": 12, "num_heads": 4, "depth": 12}),
    Member("levit_128s", None),
]  # fmt: skip

KINDS = {
    "vit_tiny_patch16_224": ReadByClassToken(4, 4, before=2, gathering=1),
    "vit_base_patch16_reg4_gap_256": PooledTokens(4, 4, before=4),
    "deit_tiny_distilled_patch16_224": ReadByClassToken(4, 4, before=4, gathering=2),
    "vit_small_patch14_reg4_dinov2": ReadByClassToken(4, 4, before=6, gathering=1),
    "vit_small_patch16_dinov3": PooledTokens(4, 4, before=5),
    "cait_xxs24_224": ClassBlocks(4, 4, 0, "blocks_token_only"),
    "vit_relpos_base_patch16_cls_224": BeforeLastBlock(4, 4, before=1),
}

MEMBERS = [member for members in TOKENS.values() for member in members] + OTHERS


def small_vit(**options: Any) -> Any:
    model = timm.create_model("vit_tiny_patch16_224", num_classes=0, **SHORT | options)
    stir(model)
    return model.eval()


def images_of(backbone: Backbone, count: int = 2) -> Tensor:
    size = (count, 3, backbone.preprocessing.height, backbone.preprocessing.width)
    return torch.randn(size, generator=torch.Generator().manual_seed(1))


def untouched(backbone: Backbone, images: Tensor) -> Tensor:
    model: Any = backbone.model
    found: Tensor = model.forward_head(model.forward_features(images), pre_logits=True)
    return found


@pytest.mark.parametrize("member", MEMBERS, ids=str)
def test_both_parts_together_are_the_untouched_network(member: Member) -> None:
    backbone = small_backbone(member)
    images = images_of(backbone)

    with torch.no_grad():
        expected = untouched(backbone, images)
        assert torch.allclose(backbone(images), expected, atol=1e-5 * float(expected.abs().max()))


@pytest.mark.parametrize("name", KINDS)
def test_a_network_is_asked_what_gathers_its_tokens(name: str) -> None:
    found: Any = small_backbone(next(m for m in MEMBERS if m.name == name)).activations

    assert found == KINDS[name]


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "deit_tiny_distilled_patch16_224",
                                  "eva02_base_patch16_clip_224"])  # fmt: skip
def test_a_class_token_s_gradient_is_that_at_the_last_block_s_norm(name: str) -> None:
    """Asked of the untouched network, whose last block is computed whole."""
    backbone = small_backbone(next(m for m in MEMBERS if m.name == name))
    images, seen = images_of(backbone), []
    block: Any = backbone.model.blocks[-1]  # type: ignore[index]
    with torch.no_grad():
        activations = backbone.trunk(images)
    ours = torch.autograd.functional.jacobian(lambda a: backbone.features(a).sum(0), activations)

    handle = block.norm1.register_forward_hook(lambda *found: seen.append(found[-1]))
    features = untouched(backbone, images)
    handle.remove()

    (theirs,) = torch.autograd.grad(features[:, 5].sum(), seen)
    gathering = activations.shape[1] - theirs.shape[1]
    assert torch.allclose(activations[:, gathering:], seen[0], atol=1e-5)
    assert torch.allclose(ours[5][:, gathering:], theirs, atol=1e-5)


def test_a_map_s_cells_are_in_the_order_of_the_picture() -> None:
    """Told by timm's own way of making maps of tokens."""
    for name in ("vit_base_patch16_reg4_gap_256", "vit_small_patch16_dinov3"):
        backbone = small_backbone(next(m for m in MEMBERS if m.name == name))
        images = images_of(backbone)
        model: Any = backbone.model

        with torch.no_grad():
            found = backbone.map_of(backbone.trunk(images))
            (expected,) = model.forward_intermediates(
                images, indices=1, norm=True, intermediates_only=True
            )
        assert torch.equal(found, expected)


def test_pictures_need_not_be_square() -> None:
    model = small_vit(img_size=(64, 96))
    images = torch.randn(1, 3, 64, 96)

    found: Any = activations_of(model, images)

    assert found == ReadByClassToken(4, 6, before=2, gathering=1)
    check_split(model, found, images)


def test_a_class_token_is_never_taken_for_a_pooling() -> None:
    """The features would be right, and every map empty."""
    with pytest.raises(BackboneError, match="gathers its tokens in a way that is not known"):
        check_split(small_vit(), PooledTokens(4, 4, before=1), torch.randn(1, 3, 64, 64))


def test_a_last_block_that_does_otherwise_than_is_known_is_refused() -> None:
    model = small_vit()
    model.blocks[-1].register_forward_hook(lambda _module, _given, found: found.flip(2))

    with pytest.raises(BackboneError, match="gathers its tokens in a way that is not known"):
        check_split(model, ReadByClassToken(4, 4, before=2, gathering=1), torch.randn(1, 3, 64, 64))


@pytest.mark.parametrize(
    "name", ["crossvit_9_240", "pit_ti_224", "tnt_s_patch16_224", "coat_lite_tiny",
             "efficientvim_m1", "mvitv2_small_cls", "qwen3_vit_88m_enc"]
)  # fmt: skip
def test_what_gathers_from_no_one_grid_of_tokens_is_refused_unbuilt(name: str) -> None:
    assert not measure(name).usable
