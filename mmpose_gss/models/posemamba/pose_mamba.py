"""PoseMamba, a backbone that lifts 2D joint sequences to 3D (AAAI 2025, arXiv 2408.03540).

Shapes: B clips, T frames, J joints, C embedding channels.
"""
from __future__ import annotations

from typing import Optional, Sequence, Tuple, Union

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmpose_gss.errors import UserError
from mmpose_gss.models.layers.weight_decay import without_weight_decay
from mmpose_gss.models.posemamba.joint_parents import H36M_PARENTS, check_parents, parents_from_metainfo
from mmpose_gss.models.posemamba.pose_mamba_block import PoseMambaBlock
from mmpose_gss.models.posemamba.windows import run_in_windows
from mmpose_gss.registry import MODELS


@MODELS.register_module()
class PoseMamba(BaseModule):
    """Alternating spatial and temporal global-local blocks on the T×J grid.

    ```
    (B,T,J,in) ─ Linear ─ + joint table ─ spatial block 0 ─ norm ─ + frame table ─ temporal block 0 ─ norm
               ─ spatial block 1 ─ norm ─ temporal block 1 ─ norm ─ … ─ (B,T,J,C)
    ```

    One spatial and one temporal LayerNorm are shared by all blocks, as in the official code. The regression
    head (LayerNorm and Linear) is :class:`~mmpose_gss.models.PoseMambaHead`.

    Args:
        embed_dims (int): C: 64 for PoseMamba-S, 128 for B and L.
        depth (int): Pairs of blocks: 10 for S and B, 20 for L.
        num_frames (int): Length of the frame table. Shorter clips use its beginning. Longer ones run in
            overlapping windows when not training.
        num_joints (int): J.
        in_channels (int): Channels of the input: 2 for x and y, 3 with a confidence.
        joint_parents (Sequence[int] | str | dict, optional): The parent of each joint; or the name of a
            dataset of MMPose or metainfo, whose skeleton gives them. ``None`` means Human3.6M's official
            list, for 17 joints only.
        mlp_ratio (float): Hidden channels of the MLPs over C.
        drop_path_rate (float): Stochastic depth of the last pair; it rises linearly from 0.
        expand (float): Inner channels of the mixers over C.
        scan (dict, optional): Of all scans: ``d_state`` (16), ``dt_rank`` (``ceil(C / 16)``) and ``backend``
            (``'auto'``), see :class:`~mmpose_gss.models.layers.selective_scan.SelectiveScan`.
        window_overlap (int, optional): Frames that neighbouring windows share at least; ``None`` is a third
            of ``num_frames``.
        init_cfg (dict, optional): MMEngine's initialisation.

    Raises:
        UserError: If a size is no positive integer, the overlap is not below ``num_frames``, or the parents
            do not fit.
    """

    causal = False  # PoseLifter asks: the target frames are not at the end of the input

    def __init__(self, embed_dims: int = 64, depth: int = 10, num_frames: int = 243, num_joints: int = 17,
                 in_channels: int = 2, joint_parents: Optional[Union[Sequence[int], str, dict]] = None,
                 mlp_ratio: float = 2.0, drop_path_rate: float = 0.2, expand: float = 2.0,
                 scan: Optional[dict] = None, window_overlap: Optional[int] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        for name, value in dict(embed_dims=embed_dims, depth=depth, num_frames=num_frames,
                                num_joints=num_joints, in_channels=in_channels).items():
            if not isinstance(value, int) or value < 1:
                raise UserError(f'PoseMamba needs {name} to be a positive integer, got {value!r}')
        self.num_frames, self.num_joints, self.in_channels = num_frames, num_joints, in_channels
        self.window_overlap = num_frames // 3 if window_overlap is None else window_overlap
        if not 0 <= self.window_overlap < num_frames:
            raise UserError(
                f'window_overlap must be at least 0 and below num_frames={num_frames}, got {window_overlap}')
        self.joint_parents = _resolve_parents(joint_parents, num_joints)

        self.embed = nn.Linear(in_channels, embed_dims)
        self.joint_table = without_weight_decay(nn.Parameter(torch.zeros(1, 1, num_joints, embed_dims)))
        self.frame_table = without_weight_decay(nn.Parameter(torch.zeros(1, num_frames, 1, embed_dims)))
        rates = torch.linspace(0, drop_path_rate, depth, device='cpu').tolist()

        def blocks() -> nn.ModuleList:
            return nn.ModuleList(
                PoseMambaBlock(embed_dims, self.joint_parents, mlp_ratio, rate, expand, scan)
                for rate in rates)

        self.spatial_blocks, self.temporal_blocks = blocks(), blocks()
        self.spatial_norm = nn.LayerNorm(embed_dims, eps=1e-6)
        self.temporal_norm = nn.LayerNorm(embed_dims, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        """Compute features of every joint in every frame.

        Args:
            x (Tensor): ``(B,T,J,in_channels)``, x and y normalised to ``[-1, 1]`` by the image width.

        Returns:
            Tensor: ``(B,T,J,C)``, after the last norm. Sequences longer than ``num_frames`` run in
            overlapping windows, cross-faded.

        Raises:
            UserError: If the shape does not fit, a value is not finite (in evaluation), or a training clip
                is longer than ``num_frames``.
        """
        self._check(x)
        if x.shape[1] > self.num_frames:
            return run_in_windows(self._forward, x, self.num_frames, self.window_overlap)
        return self._forward(x)

    def _forward(self, x: Tensor) -> Tensor:
        x = self.embed(x) + self.joint_table
        for i, (spatial, temporal) in enumerate(zip(self.spatial_blocks, self.temporal_blocks)):
            x = self.spatial_norm(spatial(x))
            if i == 0:
                x = x + self.frame_table[:, :x.shape[1]]
            x = self.temporal_norm(temporal(x))
        return x

    def _check(self, x: Tensor) -> None:
        if x.dim() != 4:
            raise UserError(f'PoseMamba expects an input (B,T,J,C), got shape {tuple(x.shape)}')
        _, frames, joints, channels = x.shape
        if frames < 1:
            raise UserError('PoseMamba got a clip without frames')
        if joints != self.num_joints:
            raise UserError(
                f'PoseMamba was built for num_joints={self.num_joints}, but the input has {joints} joints; '
                'convert the joints, or set num_joints and joint_parents')
        if channels != self.in_channels:
            raise UserError(
                f'PoseMamba was built for in_channels={self.in_channels}, but the input has {channels} '
                'channels; 2 are x and y, 3 with a confidence (concat_vis=True of the codec)')
        if self.training and frames > self.num_frames:
            raise UserError(
                f'a training clip of {frames} frames is longer than num_frames={self.num_frames}; cut '
                'shorter clips or raise num_frames (windows are for inference)')
        if not (self.training or x.is_meta) and not torch.isfinite(x).all():
            raise UserError('the 2D input of PoseMamba contains NaN or infinite values; fill gaps first')


def _resolve_parents(parents: Optional[Union[Sequence[int], str, dict]], num_joints: int) -> Tuple[int, ...]:
    if parents is None:
        if num_joints != len(H36M_PARENTS):
            raise UserError(
                f'joint_parents is needed for a skeleton of {num_joints} joints: a list, the name of a '
                "dataset of MMPose, or metainfo; without it the 17 joints of Human3.6M are assumed")
        return H36M_PARENTS
    if isinstance(parents, (str, dict)):
        return parents_from_metainfo(parents, num_joints)
    return check_parents(parents, num_joints)
