"""Motion from semantic features: the multi-level encoder (SDTC, Sec. 3.1) and plain transformer blocks.

```
tokens R ─ tube mask ─► patch level ─► R^P ─ frame mask ─► frame level ─► R^F        M = R^P + R^F
                                                └─► reconstruction (training only)
```
Shapes: B persons, T frames, L tokens of a frame, C channels of the encoder, D channels.
"""
from __future__ import annotations

from typing import NamedTuple, Optional, Sequence, Tuple

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmpose_gss.errors import UserError
from mmpose_gss.models.clip_features import ClipFeatures
from mmpose_gss.models.layers.attention import DividedAttention, JointAttention
from mmpose_gss.models.layers.weight_decay import without_weight_decay
from mmpose_gss.models.sdtc.masking import Masks, random_frame_mask, random_tube_mask, replace_masked

LEVELS = ('patch', 'frame')


class Tokens(NamedTuple):
    """What motion is extracted from.

    Attributes:
        features (Tensor): Features of the encoder as tokens, ``(B,T,L,C)``; their mean if a token is several.
        embedded (Tensor): R, projected to D where C or the size differs, encodings added, ``(B,T,L,D)``.
        encoding (Tensor): The encodings alone, broadcastable to R.
        size (tuple): (h, w) of the grid of tokens.
        clip (ClipFeatures, optional): What the tokens were made of, for motion that reads the images.
    """

    features: Tensor
    embedded: Tensor
    encoding: Tensor
    size: Tuple[int, int]
    clip: Optional[ClipFeatures] = None


class MotionFeatures(NamedTuple):
    """What a part for motion gives; all ``(B,T,L,D)``, None where a level is absent.

    Attributes:
        motion (Tensor): M, Eq. 5.
        patch (Tensor, optional): R^P, Eq. 3.
        frame (Tensor, optional): R^F.
        hybrid (Tensor, optional): R^P with masked frames replaced, Eq. 4: the hybrid-masked feature. Without
            frame level, R^P.
    """

    motion: Tensor
    patch: Optional[Tensor] = None
    frame: Optional[Tensor] = None
    hybrid: Optional[Tensor] = None


class BaseMotion(BaseModule):
    """The interface of SDTC's parts that turn tokens into motion.

    Attributes:
        reconstructs (tuple[str]): Features of :class:`MotionFeatures` from which masked places can be
            reconstructed; empty for a part that masks nothing.
    """

    reconstructs: Tuple[str, ...] = ()

    def forward(self, tokens: Tokens, masks: Optional[Masks] = None) -> MotionFeatures:
        """Extract motion, of tokens masked in training if masks are given."""
        raise NotImplementedError

    def draw_masks(self, tokens: Tokens, generator: Optional[torch.Generator] = None) -> Optional[Masks]:
        """Draw the masks of one training step; None for a part that masks nothing."""
        return None

    def switch_to_deploy(self) -> None:
        """Drop what only training needs."""


def _run(layers: nn.ModuleList, x: Tensor, with_cp: bool) -> Tensor:
    """Apply the layers in turn, recomputing them in the backward pass if asked to."""
    for layer in layers:
        recompute = with_cp and x.requires_grad and layer.training
        x = checkpoint(layer, x, use_reentrant=False) if recompute else layer(x)
    return x


class MotionLevel(BaseModule):
    """One level: joint space-time attention, then divided space-time attention layers (Eq. 2 and 3).

    Args:
        embed_dims (int): Channels D.
        num_heads (int): Heads.
        num_joint (int): Joint attention layers.
        num_divided (int): Divided attention layers.
        ffn_ratio (float): Width of their feed-forward networks over D.
        with_cp (bool): Recompute activations in the backward pass to save memory. Defaults to False.
    """

    def __init__(self, embed_dims: int, num_heads: int, num_joint: int, num_divided: int, ffn_ratio: float,
                 with_cp: bool = False) -> None:
        super().__init__()
        self.with_cp = with_cp
        self.joint = nn.ModuleList(JointAttention(embed_dims, num_heads) for _ in range(num_joint))
        self.divided = nn.ModuleList(
            DividedAttention(embed_dims, num_heads, ffn_ratio) for _ in range(num_divided))

    def forward(self, x: Tensor) -> Tensor:
        """``(B,T,L,D)`` to ``(B,T,L,D)``."""
        return _run(self.divided, _run(self.joint, x, self.with_cp), self.with_cp)


class PlainMotionEncoder(BaseMotion):
    """Table 5 (a): plain transformer blocks over all tokens, without levels and without masking.

    Args:
        embed_dims (int): Channels D.
        num_heads (int): Heads.
        depth (int): Blocks.
        ffn_ratio (float): Width of their feed-forward networks over D.
        with_cp (bool): Recompute activations in the backward pass to save memory. Defaults to False.
    """

    def __init__(self, embed_dims: int, num_heads: int = 8, depth: int = 6, ffn_ratio: float = 4.0,
                 with_cp: bool = False) -> None:
        super().__init__()
        self.with_cp = with_cp
        self.blocks = nn.ModuleList(JointAttention(embed_dims, num_heads, ffn_ratio) for _ in range(depth))

    def forward(self, tokens: Tokens, masks: Optional[Masks] = None) -> MotionFeatures:
        """As :meth:`MotionEncoder.forward`; nothing is masked."""
        return MotionFeatures(motion=_run(self.blocks, tokens.embedded, self.with_cp))


class MotionEncoder(BaseMotion):
    """Multi-level semantic motion encoder (MLSME): patch and frame level with their masks.

    A learnable token takes the place of masked tokens. The encodings of place and time are added to it
    (``encode_masked``), as SimMIM does, whose convention the paper follows: a bare token would be the same
    everywhere, and attention gives equal tokens of a frame equal results, so that nothing which depends
    on the place could be reconstructed. ``encode_masked=False`` is Eq. 1 and 4 to the letter.

    Args:
        embed_dims (int): Channels D.
        num_heads (int): Heads.
        num_joint (int): Joint attention layers of a level.
        num_divided (int): Divided attention layers of a level.
        ffn_ratio (float): Width of the feed-forward networks over D.
        levels (Sequence[str]): ``('patch', 'frame')``, or ``('patch',)`` as in table 5 (b).
        mask_ratio (float): Share of patches and of frames to mask in training (table 5).
        mask_patch (int): Side of a masked patch in tokens.
        encode_masked (bool): Add the encodings to the learnable tokens.
        with_cp (bool): Recompute activations in the backward pass to save memory.

    Raises:
        UserError: If the levels are not as above or the ratio is outside (0, 1).
    """

    def __init__(self, embed_dims: int, num_heads: int = 8, num_joint: int = 1, num_divided: int = 2,
                 ffn_ratio: float = 4.0, levels: Sequence[str] = LEVELS, mask_ratio: float = 0.5,
                 mask_patch: int = 1, encode_masked: bool = True, with_cp: bool = False) -> None:
        super().__init__()
        if tuple(levels) not in (LEVELS, LEVELS[:1]):
            raise UserError(f"levels must be ('patch', 'frame') or ('patch',), got {tuple(levels)}; "
                            "set motion.type='plain' for neither")
        if not 0 < mask_ratio < 1:
            raise UserError(f'mask_ratio must lie between 0 and 1, got {mask_ratio}')
        self.mask_ratio, self.mask_patch, self.encode_masked = mask_ratio, mask_patch, encode_masked
        with_frames = 'frame' in levels
        self.reconstructs = ('hybrid', 'frame') if with_frames else ('hybrid', )
        sizes = (embed_dims, num_heads, num_joint, num_divided, ffn_ratio, with_cp)
        self.patch_level = MotionLevel(*sizes)
        self.frame_level = MotionLevel(*sizes) if with_frames else None
        self.patch_token = self._mask_token(embed_dims)                               # L_c
        self.frame_token = self._mask_token(embed_dims) if with_frames else None      # L_f

    @staticmethod
    def _mask_token(embed_dims: int) -> nn.Parameter:
        return without_weight_decay(nn.Parameter(nn.init.trunc_normal_(torch.empty(embed_dims), std=0.02)))

    def draw_masks(self, tokens: Tokens, generator: Optional[torch.Generator] = None) -> Masks:
        """Draw the masks of one training step.

        Args:
            tokens (Tokens): What is to be masked.
            generator (torch.Generator, optional): Source of randomness on the tokens' device.
        """
        (batch, frames), device = tokens.embedded.shape[:2], tokens.embedded.device
        tube = random_tube_mask(batch, *tokens.size, self.mask_ratio, self.mask_patch, device, generator)
        frame = (None if self.frame_level is None else
                 random_frame_mask(batch, frames, self.mask_ratio, device, generator))
        return Masks(tube, frame)

    def _place(self, token: Tensor, encoding: Tensor) -> Tensor:
        """The learnable token as it stands in for masked ones."""
        return token + encoding if self.encode_masked else token

    def forward(self, tokens: Tokens, masks: Optional[Masks] = None) -> MotionFeatures:
        """Extract motion.

        Args:
            tokens (Tokens): R and its encodings.
            masks (Masks, optional): None, as in inference, masks nothing.

        Returns:
            MotionFeatures: Motion and the features of the levels.
        """
        visible = tokens.embedded
        if masks is not None:
            token = self._place(self.patch_token, tokens.encoding)
            visible = replace_masked(visible, masks.tube[:, None], token)
        patch = self.patch_level(visible)
        if self.frame_level is None:
            return MotionFeatures(motion=patch, patch=patch, hybrid=patch)
        hybrid = patch
        if masks is not None:
            token = self._place(self.frame_token, tokens.encoding)
            hybrid = replace_masked(patch, masks.frame[:, :, None], token)
        frame = self.frame_level(hybrid)
        return MotionFeatures(motion=patch + frame, patch=patch, frame=frame, hybrid=hybrid)

    def switch_to_deploy(self) -> None:
        """Drop the learnable mask tokens."""
        self.patch_token = self.frame_token = None
