"""Motion decoder of SDTC: reconstructs features and pose heatmaps in training; absent in inference.

Shapes: B persons, T frames, L tokens of a frame, D channels, C channels of the encoder, K joints.
"""
from __future__ import annotations

from typing import Tuple

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmpose_gss.models.layers.attention import JointAttention


def _mlp(dims: int, out: int) -> nn.Sequential:
    """A hidden layer as wide as the tokens."""
    return nn.Sequential(nn.Linear(dims, dims), nn.GELU(), nn.Linear(dims, out))


class MotionDecoder(BaseModule):
    """Self-attention layers over all tokens and one MLP head each for features and heatmaps (Sec. 3.1).

    Args:
        dims (int): Channels D of the tokens.
        num_heads (int): Heads.
        context_channels (int): Channels C of the features to reconstruct.
        num_keypoints (int): Heatmaps K to reconstruct.
        depth (int): Self-attention layers. Defaults to 2.
    """

    def __init__(self, dims: int, num_heads: int, context_channels: int, num_keypoints: int,
                 depth: int = 2) -> None:
        super().__init__()
        self.layers = nn.ModuleList(JointAttention(dims, num_heads) for _ in range(depth))
        self.norm = nn.LayerNorm(dims)
        self.context_head = _mlp(dims, context_channels)
        self.pose_head = _mlp(dims, num_keypoints)

    def forward(self, tokens: Tensor) -> Tuple[Tensor, Tensor]:
        """Reconstruct every place; the loss looks at the masked ones.

        Args:
            tokens (Tensor): Hybrid-masked feature ``(B,T,L,D)``.

        Returns:
            tuple: Features ``(B,T,L,C)`` and heatmaps ``(B,T,L,K)``.
        """
        for layer in self.layers:
            tokens = layer(tokens)
        tokens = self.norm(tokens)
        return self.context_head(tokens), self.pose_head(tokens)
