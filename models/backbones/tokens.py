"""Tokens as activations that have a place: those of vision transformers and of mixers.

Patch tokens are in the order of the picture's rows; class token, registers and distillation token
stand before them and travel with them, for the features need them and the map does not.

Where a mean or an attention pools them, they are what the network ends in. Where a class token
gathers, the gradient at the last patch tokens is exactly zero: what it reads are the inputs of its
last block, or of the blocks that it alone passes through (CaiT, XCiT, VOLO), and those blocks
belong to the head.
"""

import copy
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn

from models.backbones.last_block import after_last_block, before_last_block, is_known

#: Blocks of the class token alone, by what a model calls them.
_CLASS_BLOCKS: Final = ("blocks_token_only", "cls_attn_blocks", "post_network")


@dataclass(frozen=True)
class Grid:
    """Places of patch tokens: rows and columns, and how many other tokens stand before them."""

    height: int
    width: int
    before: int

    def map_of(self, activations: Tensor) -> Tensor:
        """Tokens (N, before + h w, C) → (N, C, h, w)."""
        patches = activations[:, self.before :].transpose(1, 2)
        return patches.reshape(*patches.shape[:2], self.height, self.width)

    def told_to_last_block(self, model: Any) -> dict[str, Tensor]:
        """What it is given beside its tokens: positions, by each family's name for them."""
        if (rope := getattr(model, "rope", None)) is not None:
            is_open = getattr(model, "dynamic_img_size", False) or not hasattr(rope, "feat_shape")
            found = rope.get_embed(shape=(self.height, self.width) if is_open else None)
            return {"rope": found[-1] if getattr(model, "rope_mixed", False) else found}
        if getattr(model, "rel_pos_bias", None) is not None:
            return {"shared_rel_pos_bias": model.rel_pos_bias()}
        if getattr(model, "shared_rel_pos", None) is not None:
            return {"shared_rel_pos": model.shared_rel_pos.get_bias()}
        return {}


@dataclass(frozen=True)
class PooledTokens(Grid):
    """Those of a network whose pooling reads all tokens: (N, before + h w, C)."""

    def trunk(self, model: Any, images: Tensor) -> Tensor:
        """All blocks, and the last norm where it stands before the pooling."""
        found: Tensor = model.forward_features(images)
        return found.contiguous()

    def features(self, model: Any, activations: Tensor) -> Tensor:
        """The pooling, and what follows it."""
        found: Tensor = model.forward_head(activations, pre_logits=True)
        return found


@dataclass(frozen=True)
class ClassBlocks(Grid):
    """Those that blocks of the class token alone read: (N, h w, C)."""

    name: str

    def trunk(self, model: Any, images: Tensor) -> Tensor:
        """All blocks before those."""
        found: Tensor = _without(model, self.name, None).forward_features(images)
        return found.contiguous()

    def features(self, model: Any, activations: Tensor) -> Tensor:
        """Those blocks, and what follows them."""
        tokens = model.norm(model.forward_cls(activations))
        found: Tensor = model.forward_head(tokens, pre_logits=True)
        return found


@dataclass(frozen=True)
class ReadByClassToken(Grid):
    """Those that the class token reads in the last block, which is computed for it alone.

    (N, gathering + others + h w, C): first what that token has been so far, then all that its
    attention reads.

    Attributes:
        gathering: how many tokens end in features: one, or two with a distillation token.
    """

    gathering: int

    def trunk(self, model: Any, images: Tensor) -> Tensor:
        """All blocks but the last, and that one's first norm."""
        tokens = _before(model, images)
        read = before_last_block(model.blocks[-1], tokens)
        return torch.cat((tokens[:, : self.gathering], read), 1)

    def features(self, model: Any, activations: Tensor) -> Tensor:
        """The last block for these tokens alone, and what follows it."""
        so_far, read = activations[:, : self.gathering], activations[:, self.gathering :]
        tokens = after_last_block(model.blocks[-1], so_far, read, self.told_to_last_block(model))
        found: Tensor = model.forward_head(model.norm(tokens), pre_logits=True)
        return found


@dataclass(frozen=True)
class BeforeLastBlock(Grid):
    """Those that a last block of another kind reads, which is computed whole: (N, … + h w, C)."""

    def trunk(self, model: Any, images: Tensor) -> Tensor:
        """All blocks but the last."""
        return _before(model, images).contiguous()

    def features(self, model: Any, activations: Tensor) -> Tensor:
        """The last block, and what follows it."""
        tokens = model.blocks[-1](activations, **self.told_to_last_block(model))
        found: Tensor = model.forward_head(model.norm(tokens), pre_logits=True)
        return found


Tokens = PooledTokens | ClassBlocks | ReadByClassToken | BeforeLastBlock


def tokens_of(model: Any, found: Tensor, images: Tensor) -> Tokens | None:
    """How a model's tokens are read.

    Args:
        model: timm's, without its last layer.
        found: what its `forward_features` makes (N, T, C).
        images: of these (N, 3, H, W).

    Returns:
        None where they are no grid of patches, or it is not known what gathers them.
    """
    gathering = _gathering(model)
    name = next((n for n in _CLASS_BLOCKS if getattr(model, n, None) is not None), None)
    before = 1 if name else getattr(model, "num_prefix_tokens", 0)
    grid = _grid(found.shape[1] - before, images)
    if grid is None:
        return None
    if not gathering:
        return PooledTokens(*grid, before)
    if name:
        return ClassBlocks(*grid, 0, name)
    if not hasattr(model, "blocks"):
        return None
    if is_known(model.blocks[-1]):
        return ReadByClassToken(*grid, gathering + before, gathering)
    return BeforeLastBlock(*grid, before)


def patch_size(model: Any) -> int:
    """Pixels of a patch's side; 1 where a model cuts no patches."""
    embedding: Any = getattr(model, "patch_embed", None)
    return int(embedding.feat_ratio()) if hasattr(embedding, "feat_ratio") else 1


def _gathering(model: Any) -> int:
    """How many tokens at the front end in features; 0 where all are pooled."""
    if getattr(model, "attn_pool", None) is not None:
        return 0
    if getattr(model, "dist_token", None) is not None:
        return 2
    return int(getattr(model, "global_pool", "avg") == "token")


def _grid(patches: int, images: Tensor) -> tuple[int, int] | None:
    """Rows and columns of square patches that cover the pictures."""
    height, width = images.shape[2:]
    rows = round((patches * height / width) ** 0.5) if patches > 0 else 0
    return (rows, patches // rows) if rows and patches % rows == 0 else None


def _before(model: Any, images: Tensor) -> Tensor:
    """What the last block is given."""
    found: Tensor = _without(model, "blocks", model.blocks[:-1]).forward_features(images)
    return found


def _without(model: Any, name: str, part: nn.Module | None) -> Any:
    """The same model, sharing all parameters, with another part of this name, and no last norm."""
    found = copy.copy(model)
    changed = {name: part, "norm": nn.Identity()}
    found._modules = model._modules | changed  # noqa: SLF001  its own way would change the model
    return found
