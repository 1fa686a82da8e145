"""GLSMamba (arXiv 2510.11017): global-local spatiotemporal scans over the features of a window of frames.

Shapes: B persons, T frames, C input channels, D channels, h, w size of the feature map.

```
(B,T,C,h,w) ─┬► projection + encodings of place and time ─► (B,T,h,w,D) ─► GSM × 4 ─► LRM × 2 ─► LayerNorm
             │                           (B,C,h,w) ◄─ + ◄─ 1×1, zero at first ◄─ all frames ─────────┘
             └► key frame + 1×1 over all frames, zero at first ─┘
```
"""
from __future__ import annotations

from typing import Optional, Sequence, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmpose_gss.errors import UserError
from mmpose_gss.models.base_neck import BaseVideoNeck
from mmpose_gss.models.clip_features import ClipFeatures
from mmpose_gss.models.glsmamba.blocks import GSM, LRM
from mmpose_gss.models.glsmamba.readout import READOUTS, TokenReadout
from mmpose_gss.models.layers.feature_skip import SKIPS, FeatureSkip
from mmpose_gss.models.layers.space_time_encoding import SpaceTimeEncoding
from mmpose_gss.registry import MODELS

#: How often features of a resolution are doubled for heatmaps at a quarter of the input's size.
_UPSAMPLE = {'1/4': 1, '1/8': 2, '1/16': 4}


@MODELS.register_module()
class GLSMambaNeck(BaseVideoNeck):
    """Neck of GLSMamba; the defaults are GLSMamba-B.

    What the head reads is not said in the text. The key frame's tokens alone (``readout='key'``,
    ``skip='none'``) make a network of a single frame in practice; docs/research_log.md has the figures.

    Args:
        in_channels (int): C.
        embed_dims (int): D, a multiple of 4.
        num_frames (int): T, odd. One set of weights serves one T, any h and w.
        key_index (int, optional): Position of the key frame. Weights that gather frames by position serve
            one key frame; windows with another are refused. Defaults to ``T // 2``.
        readout (str): Which tokens reach the head: ``'window'``, those of all frames through a 1×1
            convolution, or ``'key'``, those of the key frame.
        skip (str): What of the encoder's features is added to them: ``'window'``, the key frame's and a 1×1
            convolution over all frames that starts at zero; ``'key'``, the key frame's; ``'none'``. With
            either skip the tokens' part starts at zero too, so that training starts from the single frame,
            and the result has C channels like the encoder, whose head can be taken over.
        token_stride (int): Side of the square of pixels that is averaged into a token; the tokens' part is
            upsampled bilinearly to the map. Paper: 1; with 2 the blocks are four times cheaper.
        num_global (int): Number of GSM blocks.
        num_local (int): Number of LRM blocks, 0 for the ablation "without LRM".
        scans (Sequence[str]): Scans of the GSM blocks out of ``'unified'``, ``'spatial'``, ``'temporal'``.
        merge (str): ``'stmm'`` for adaptive merging or ``'sum'``.
        window (tuple[int, int]): Rows and columns of the LRM's tubes.
        resolution (str): Of the incoming features relative to the image: ``'1/4'``, ``'1/8'`` or ``'1/16'``
            (GLSMamba-BLR). Heatmaps are at 1/4 always: from coarser features the result is upsampled
            bilinearly.
        scan (dict, optional): Of all scans: ``d_state`` (16), ``dt_rank`` (``ceil(D / 16)``), ``conv``
            (None; ``'causal1d'`` adds Mamba's short convolution along every order, the paper has none) and
            ``backend`` (``'auto'``), see :class:`~mmpose_gss.models.layers.selective_scan.SelectiveScan`.
        ffn_ratio (float): Hidden width of the MLPs in units of D.
        sca_ratio (float): Hidden width of the channel attention in units of T·D.
        drop_path (float): Highest probability of dropping a residual branch; rises from 0 with depth.
        with_cp (bool): Whether to recompute every block in the backward pass instead of storing it.
        init_cfg (dict, optional): Initialisation.

    Raises:
        UserError: For an even or non-positive T, unknown scans, merges, resolutions, readouts, skips.
    """

    def __init__(self, in_channels: int, embed_dims: int = 256, num_frames: int = 5,
                 key_index: Optional[int] = None, readout: str = 'window', skip: str = 'window',
                 token_stride: int = 1, num_global: int = 4, num_local: int = 2,
                 scans: Sequence[str] = ('unified', 'spatial', 'temporal'),
                 merge: str = 'stmm', window: Tuple[int, int] = (8, 6), resolution: str = '1/4',
                 scan: Optional[dict] = None, ffn_ratio: float = 3.125, sca_ratio: float = 0.41,
                 drop_path: float = 0., with_cp: bool = False, init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        if num_frames < 1 or num_frames % 2 == 0:
            raise UserError(f'num_frames must be odd, so that the key frame can be in the middle, got '
                            f'{num_frames}')
        if num_global < 0 or num_local < 0 or token_stride < 1:
            raise UserError(f'num_global and num_local must not be negative and token_stride at least 1, got '
                            f'{num_global}, {num_local} and {token_stride}')
        for name, value, allowed in (('resolution', resolution, tuple(_UPSAMPLE)),
                                     ('readout', readout, READOUTS), ('skip', skip, SKIPS)):
            if value not in allowed:
                raise UserError(f'{name} must be one of {allowed}, got {value!r}')
        self.in_channels, self.num_frames, self.with_cp = in_channels, num_frames, with_cp
        self.token_stride, self.upsample = token_stride, _UPSAMPLE[resolution]
        self.key_index: Optional[int] = None
        if 'window' in (readout, skip):
            self.key_index = num_frames // 2 if key_index is None else key_index
        self.embed = nn.Linear(in_channels, embed_dims)
        self.encoding = SpaceTimeEncoding(embed_dims, num_frames)
        depth = num_global + num_local
        drops = [drop_path * i / max(depth - 1, 1) for i in range(depth)]
        self.global_blocks = nn.ModuleList(
            GSM(embed_dims, num_frames, scans, merge, scan, ffn_ratio, sca_ratio, drop)
            for drop in drops[:num_global])
        self.local_blocks = nn.ModuleList(
            LRM(embed_dims, window, scan, ffn_ratio, drop) for drop in drops[num_global:])
        self.norm = nn.LayerNorm(embed_dims)
        self.skip = None if skip == 'none' else FeatureSkip(in_channels, num_frames, skip)
        self.readout = TokenReadout(
            embed_dims, num_frames, embed_dims if skip == 'none' else in_channels, readout, skip != 'none')

    def window_tokens(self, feats: ClipFeatures) -> Tensor:
        """Tokens ``(B,T,h,w,D)`` of all frames after the blocks, before the last norm; h and w are the map's
        over ``token_stride``, rounded up."""
        maps = self.last_map(feats, self.num_frames, self.in_channels)
        if self.token_stride > 1:
            pooled = F.avg_pool2d(maps.flatten(0, 1), self.token_stride, ceil_mode=True)
            maps = pooled.unflatten(0, maps.shape[:2])
        x = self.embed(maps.permute(0, 1, 3, 4, 2))
        size = x.shape[2:4]
        x = x + self.encoding(*size, x).unflatten(1, size)
        for block in [*self.global_blocks, *self.local_blocks]:
            if self.with_cp and torch.is_grad_enabled():
                x = checkpoint(block, x, use_reentrant=False)
            else:
                x = block(x)
        return x

    def forward(self, feats: ClipFeatures) -> Tuple[Tensor, ...]:
        """Run the neck.

        Args:
            feats (ClipFeatures): Its last map is ``(B,T,C,h,w)``.

        Returns:
            tuple[Tensor]: One map ``(B,E,s·h,s·w)`` of the key frame, s = 1, 2 or 4 by ``resolution``, E = C
            with a skip and D without.

        Raises:
            UserError: If T, C or the key frame are not those that the neck was built for.
        """
        key_index = feats.window.key_index
        if self.key_index not in (None, key_index):
            raise UserError(
                f'GLSMambaNeck was built for windows with the key frame at {self.key_index}, but got one at '
                f"{key_index}; set the neck's key_index to the place of 0 in frame_offsets")
        key_frame = self.readout(self.norm(self.window_tokens(feats)), key_index)
        if self.token_stride > 1:
            size = tuple(feats.maps[-1].shape[-2:])
            key_frame = F.interpolate(key_frame, size=size, mode='bilinear', align_corners=False)
        if self.skip is not None:
            key_frame = key_frame + self.skip(feats.maps[-1], key_index)
        if self.upsample > 1:
            key_frame = F.interpolate(
                key_frame, scale_factor=self.upsample, mode='bilinear', align_corners=False)
        return (key_frame, )
