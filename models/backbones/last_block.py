"""The last block of a transformer, for the few tokens that its features are made of.

Its other tokens are dead code that no exporter removes: of ViT-S/16 that is a twelfth. Keys and
values are needed of all tokens, queries and all that follows of the few alone.
"""

from typing import Any, Final

import torch
from timm.layers import Attention, AttentionRope, apply_rot_embed_cat
from timm.models import beit, eva, vision_transformer
from torch import Tensor
from torch.nn.functional import linear

_NORM_FIRST: Final = (vision_transformer.Block, eva.EvaBlock, beit.Block)
_NORM_LAST: Final = (vision_transformer.ResPostBlock, eva.EvaBlockPostNorm)
_ATTENTION: Final = (Attention, AttentionRope, eva.EvaAttention, beit.Attention)


def is_known(block: Any) -> bool:
    """Whether a block is one of those that are computed here. A subclass may do anything."""
    if type(block) not in (*_NORM_FIRST, *_NORM_LAST) or type(block.attn) not in _ATTENTION:
        return False
    return getattr(block.attn, "num_kv_groups", 1) == 1


def before_last_block(block: Any, tokens: Tensor) -> Tensor:
    """All tokens (N, T, C) → what the block's attention reads of them."""
    found: Tensor = block.norm1(tokens) if isinstance(block, _NORM_FIRST) else tokens
    return found


def after_last_block(block: Any, tokens: Tensor, read: Tensor, told: dict[str, Tensor]) -> Tensor:
    """The first n tokens after the block.

    Args:
        block: one that `is_known`.
        tokens: those before it (N, n, C).
        read: from `before_last_block` (N, T, C); the first n are theirs.
        told: what the block is given beside its tokens, by name.
    """
    attended = _attend(block.attn, read, tokens.shape[1], told)
    if isinstance(block, _NORM_LAST):
        tokens = tokens + block.drop_path1(block.norm1(attended))
        change = block.norm2(block.mlp(tokens))
    else:
        tokens = tokens + block.drop_path1(_scaled(block, 1, attended))
        change = _scaled(block, 2, block.mlp(block.norm2(tokens)))
    found: Tensor = tokens + block.drop_path2(change)
    return found


def _scaled(block: Any, number: int, tokens: Tensor) -> Tensor:
    """LayerScale, by either of timm's names for it, where there is one."""
    if isinstance(block, vision_transformer.Block):
        found: Tensor = (block.ls1, block.ls2)[number - 1](tokens)
        return found
    gamma: Tensor | None = (block.gamma_1, block.gamma_2)[number - 1]
    return tokens if gamma is None else gamma * tokens


def _attend(attention: Any, read: Tensor, count: int, told: dict[str, Tensor]) -> Tensor:
    """What the first tokens find in all (N, T, C) → (N, count, C)."""
    few = read[:, :count]
    query, key, value = (
        _project(attention, tokens, number).unflatten(2, (attention.num_heads, -1)).transpose(1, 2)
        for number, tokens in enumerate((few, read, read))
    )
    if not isinstance(attention, beit.Attention):
        query, key = attention.q_norm(query), attention.k_norm(key)
    if (rope := told.get("rope")) is not None:
        key = _rotate(attention, key, rope)
    scores = (query * attention.scale) @ key.transpose(2, 3)
    for bias in _biases(attention, told):
        scores = scores + bias[..., :count, :]
    found = (attention.attn_drop(scores.softmax(-1)) @ value).transpose(1, 2).flatten(2)
    if not isinstance(attention, beit.Attention):
        found = attention.norm(found)
        if attention.gate is not None:
            found = found * attention.gate(few).sigmoid()
    projected: Tensor = attention.proj_drop(attention.proj(found))
    return projected


def _project(attention: Any, tokens: Tensor, number: int) -> Tensor:
    """Queries (0), keys (1) or values (2) of tokens: (N, T, C) → (N, T, heads · width)."""
    if attention.qkv is None:
        apart: Tensor = (attention.q_proj, attention.k_proj, attention.v_proj)[number](tokens)
        return apart
    weight = attention.qkv.weight.chunk(3)[number]
    if attention.qkv.bias is not None:
        return linear(tokens, weight, attention.qkv.bias.chunk(3)[number])
    # EVA's and BEiT's keys have none: it would be the same for all that a query is compared with.
    biases = (getattr(attention, "q_bias", None), None, getattr(attention, "v_bias", None))
    return linear(tokens, weight, biases[number])


def _rotate(attention: Any, key: Tensor, rope: Tensor) -> Tensor:
    """Rotary positions; tokens before the patches have none, so queries of these stay."""
    before = attention.num_prefix_tokens
    turned = apply_rot_embed_cat(key[:, :, before:], rope, half=attention.rotate_half)
    return torch.cat((key[:, :, :before], turned), 2)


def _biases(attention: Any, told: dict[str, Tensor]) -> list[Tensor]:
    """BEiT's relative positions ([1,] heads, T, T), the network's and the block's own."""
    found = [told["shared_rel_pos_bias"]] if "shared_rel_pos_bias" in told else []
    if getattr(attention, "relative_position_bias_table", None) is not None:
        found.append(attention._get_rel_pos_bias())  # noqa: SLF001  timm gives it no other name
    return found
