"""Multi-level semantic motion encoder (SDTC, Sec. 3.1): motion from masked patches and masked frames.

```
tokens R ─ tube mask ─► patch level ─► R^P ─ frame mask ─► frame level ─► R^F        M = R^P + R^F
                                                └─► decoder (training only)
```
Shapes: B persons, T frames, L tokens of a frame, D channels.
"""
from __future__ import annotations

from typing import NamedTuple, Optional, Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmpose_gss.models.layers.attention import DividedAttention, JointAttention
from mmpose_gss.models.sdtc.masking import Masks, random_frame_mask, random_tube_mask, replace_masked

LEVELS = ('patch', 'frame')


class MotionFeatures(NamedTuple):
    """What the encoder gives; all ``(B,T,L,D)``, None where a level is absent.

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


def _run(layers: nn.ModuleList, x: Tensor, with_cp: bool) -> Tensor:
    """Apply the layers in turn, recomputing them in the backward pass if asked to."""
    for layer in layers:
        recompute = with_cp and x.requires_grad and layer.training
        x = checkpoint(layer, x, use_reentrant=False) if recompute else layer(x)
    return x


class MotionLevel(BaseModule):
    """One level: joint space-time attention, then divided space-time attention layers (Eq. 2 and 3).

    Args:
        dims (int): Channels D.
        num_heads (int): Heads.
        num_joint (int): Joint attention layers.
        num_divided (int): Divided attention layers.
        ffn_ratio (float): Width of their feed-forward networks over D.
        with_cp (bool): Recompute activations in the backward pass to save memory. Defaults to False.
    """

    def __init__(self, dims: int, num_heads: int, num_joint: int, num_divided: int, ffn_ratio: float,
                 with_cp: bool = False) -> None:
        super().__init__()
        self.with_cp = with_cp
        self.joint = nn.ModuleList(JointAttention(dims, num_heads) for _ in range(num_joint))
        self.divided = nn.ModuleList(
            DividedAttention(dims, num_heads, ffn_ratio) for _ in range(num_divided))

    def forward(self, x: Tensor) -> Tensor:
        """``(B,T,L,D)`` to ``(B,T,L,D)``."""
        return _run(self.divided, _run(self.joint, x, self.with_cp), self.with_cp)


class PlainMotionEncoder(BaseModule):
    """Table 5 (a): plain transformer blocks over all tokens, without levels and without masking.

    Args:
        dims (int): Channels D.
        num_heads (int): Heads.
        depth (int): Blocks.
        ffn_ratio (float): Width of their feed-forward networks over D.
        with_cp (bool): Recompute activations in the backward pass to save memory. Defaults to False.
    """

    def __init__(self, dims: int, num_heads: int, depth: int, ffn_ratio: float,
                 with_cp: bool = False) -> None:
        super().__init__()
        self.with_cp = with_cp
        self.blocks = nn.ModuleList(JointAttention(dims, num_heads, ffn_ratio) for _ in range(depth))

    def forward(self, tokens: Tensor, encoding: Tensor, masks: Optional[Masks] = None) -> MotionFeatures:
        """As :meth:`MotionEncoder.forward`; ``encoding`` and ``masks`` have no use here."""
        return MotionFeatures(motion=_run(self.blocks, tokens, self.with_cp))


class MotionEncoder(BaseModule):
    """Patch- and frame-level motion encoder with their masks.

    A learnable token takes the place of masked tokens. The encodings of place and time are added to it
    (``encode_masked``), as SimMIM does, whose convention the paper follows: a bare token would be the same
    everywhere, and attention gives equal tokens of a frame equal results, so that nothing which depends
    on the place could be reconstructed. ``encode_masked=False`` is Eq. 1 and 4 to the letter.

    Args:
        dims (int): Channels D.
        num_heads (int): Heads.
        levels (Sequence[str]): ``('patch', 'frame')``, or ``('patch',)`` as in table 5 (b).
        mask_ratio (float): Share of patches and of frames to mask in training.
        mask_patch (int): Side of a masked patch in tokens.
        encode_masked (bool): Add the encodings to the learnable tokens.
        num_joint (int): Joint attention layers of a level.
        num_divided (int): Divided attention layers of a level.
        ffn_ratio (float): Width of the feed-forward networks over D.
        with_cp (bool): Recompute activations in the backward pass to save memory.

    Raises:
        ValueError: If the levels are not as above or the ratio is outside (0, 1).
    """

    def __init__(self, dims: int, num_heads: int, levels: Sequence[str], mask_ratio: float, mask_patch: int,
                 encode_masked: bool, num_joint: int, num_divided: int, ffn_ratio: float,
                 with_cp: bool) -> None:
        super().__init__()
        if tuple(levels) not in (LEVELS, LEVELS[:1]):
            raise ValueError(f"levels must be ('patch', 'frame') or ('patch',), got {tuple(levels)}; "
                             "set motion='plain' for neither")
        if not 0 < mask_ratio < 1:
            raise ValueError(f'mask_ratio must lie between 0 and 1, got {mask_ratio}')
        self.mask_ratio = mask_ratio
        self.mask_patch = mask_patch
        self.encode_masked = encode_masked
        sizes = (dims, num_heads, num_joint, num_divided, ffn_ratio, with_cp)
        self.patch_level = MotionLevel(*sizes)
        self.frame_level = MotionLevel(*sizes) if 'frame' in levels else None
        self.patch_token = nn.Parameter(nn.init.trunc_normal_(torch.empty(dims), std=0.02))   # L_c
        self.frame_token = (nn.Parameter(nn.init.trunc_normal_(torch.empty(dims), std=0.02))  # L_f
                            if 'frame' in levels else None)

    def draw_masks(self, batch: int, frames: int, height: int, width: int, device=None,
                   generator: Optional[torch.Generator] = None) -> Masks:
        """Draw the masks of one training step for B windows of T maps of h×w tokens."""
        tube = random_tube_mask(batch, height, width, self.mask_ratio, self.mask_patch, device, generator)
        frame = (None if self.frame_level is None else
                 random_frame_mask(batch, frames, self.mask_ratio, device, generator))
        return Masks(tube, frame)

    def _place(self, token: Tensor, encoding: Tensor) -> Tensor:
        """The learnable token as it stands in for masked ones."""
        return token + encoding if self.encode_masked else token

    def forward(self, tokens: Tensor, encoding: Tensor, masks: Optional[Masks] = None) -> MotionFeatures:
        """Extract motion.

        Args:
            tokens (Tensor): R, ``(B,T,L,D)``, encodings included.
            encoding (Tensor): The encodings alone, broadcastable to the tokens.
            masks (Masks, optional): None, as in inference, masks nothing.

        Returns:
            MotionFeatures: Motion and the features of the levels.
        """
        if masks is not None:
            tokens = replace_masked(tokens, masks.tube[:, None], self._place(self.patch_token, encoding))
        patch = self.patch_level(tokens)
        if self.frame_level is None:
            return MotionFeatures(motion=patch, patch=patch, hybrid=patch)
        hybrid = patch
        if masks is not None:
            hybrid = replace_masked(patch, masks.frame[:, :, None], self._place(self.frame_token, encoding))
        frame = self.frame_level(hybrid)
        return MotionFeatures(motion=patch + frame, patch=patch, frame=frame, hybrid=hybrid)
