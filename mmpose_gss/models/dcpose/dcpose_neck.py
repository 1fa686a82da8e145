"""DCPose (Liu et al., CVPR 2021): heatmaps of the frames before and after correct those of the key frame.

Shapes: B persons, C channels, K joints, H, W size of heatmaps and feature map.

```
(B,3,C,H,W) ─► rough head ─► heatmaps before, now, after (B,K,H,W)
   differences to now, plain and weighted (B,4K,H,W) ─► pose residual fusion ──┐
   now and the weighted others (B,3K,H,W) ─► pose temporal merger ─► merged ───┴─► features ─► offset, mask
                                                                └─► pose correction ◄───────────┘
                                                                          └─► (B,K,H,W)
```
"""
from __future__ import annotations

from typing import Dict, Optional, Sequence, Tuple

import torch
from torch import Tensor

from mmpose_gss.errors import UserError
from mmpose_gss.models.base_neck import BaseVideoNeck
from mmpose_gss.models.clip_features import ClipFeatures
from mmpose_gss.models.dcpose.pose_correction import PoseCorrection
from mmpose_gss.models.dcpose.residual_steps import residual_steps
from mmpose_gss.registry import MODELS
from mmpose_gss.structures.clip_window import ClipWindow


@MODELS.register_module()
class DCPoseNeck(BaseVideoNeck):
    """Neck of DCPose. Its result are heatmaps, so the estimator's head only passes them on.

    It needs a window of three frames with the key frame in the middle. The others' distances weight them.

    Args:
        in_channels (int): C, channels of the encoder's last map, which has the heatmaps' size.
        num_keypoints (int): K.
        rough_head (dict): MMPose's ``HeatmapHead`` from C channels to K heatmaps, the single-frame model's.
        freeze_rough_head (bool): Leave the rough head as it is; otherwise it is trained by a loss of its own.
        residual_channels (int): Width of the pose residual fusion (PRF).
        residual_depth (int): Its blocks.
        merger_depth (int): Blocks of the pose temporal merger (PTM), whose width is K.
        embed_dims (int): Width of the features that offset and mask are read from.
        depth (int): Blocks that make those features.
        dilations (Sequence[int]): Of the pose correction network (PCN).
        init_cfg (dict, optional): MMEngine's initialisation.
    """

    def __init__(self, in_channels: int, num_keypoints: int, rough_head: dict, freeze_rough_head: bool = True,
                 residual_channels: int = 34, residual_depth: int = 2, merger_depth: int = 1,
                 embed_dims: int = 64, depth: int = 2, dilations: Sequence[int] = (3, 6, 9, 12, 15),
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        self.in_channels, self.num_keypoints, self.num_frames = in_channels, num_keypoints, 3
        self.rough_head = MODELS.build(rough_head)
        self.freeze_rough_head = freeze_rough_head
        if freeze_rough_head:
            self.rough_head.requires_grad_(False)
        self.residual_fusion = residual_steps(4 * num_keypoints, residual_channels, residual_depth)
        self.merger = residual_steps(3 * num_keypoints, num_keypoints, merger_depth)
        self.features = residual_steps(residual_channels + num_keypoints, embed_dims, depth)
        self.correction = PoseCorrection(num_keypoints, embed_dims, dilations)

    def train(self, mode: bool = True) -> 'DCPoseNeck':
        """Switch the mode of all but a frozen rough head."""
        super().train(mode)
        if self.freeze_rough_head:
            self.rough_head.eval()
        return self

    @staticmethod
    def frame_weights(window: ClipWindow) -> Tuple[float, float]:
        """Weights of the frames before and after: the nearer one counts more, and they sum to 1.

        Raises:
            UserError: If there are not three frames with the key frame between the two others.
        """
        if window.num_frames != 3 or window.key_index != 1:
            raise UserError(
                f'DCPose needs three frames with the key frame in the middle, but the window has '
                f'{window.num_frames} with key_index {window.key_index}; set frame_offsets=(-1, 0, 1)')
        before, now, after = window.offsets
        if after <= before:
            return 0.5, 0.5
        return (after - now) / (after - before), (now - before) / (after - before)

    def rough(self, feats: ClipFeatures) -> Tensor:
        """Heatmaps ``(B,3,K,H,W)`` of every frame by itself."""
        frames = self.last_map(feats, 3, self.in_channels)
        return self.rough_head.forward((frames.flatten(0, 1), )).unflatten(0, frames.shape[:2])

    def refine(self, rough: Tensor, window: ClipWindow) -> Tensor:
        """Key-frame heatmaps ``(B,K,H,W)`` from those of the three frames."""
        before_weight, after_weight = self.frame_weights(window)
        before, now, after = rough.unbind(1)
        to_before, to_after = now - before, now - after
        # joint by joint: (B,K,4,H,W) and (B,K,3,H,W), then joints and their parts as channels
        residuals = torch.stack(
            (to_before, to_before * before_weight, to_after, to_after * after_weight), dim=2)
        others = torch.stack((now, before * before_weight, after * after_weight), dim=2)
        residuals, merged = self.residual_fusion(residuals.flatten(1, 2)), self.merger(others.flatten(1, 2))
        return self.correction(merged, self.features(torch.cat((residuals, merged), dim=1)))

    def forward(self, feats: ClipFeatures) -> Tuple[Tensor, ...]:
        """Run the neck.

        Args:
            feats (ClipFeatures): Its last map is ``(B,3,C,H,W)``, the key frame in the middle.

        Returns:
            tuple[Tensor]: Heatmaps ``(B,K,H,W)`` of the key frame.

        Raises:
            UserError: If the window or C is another.
        """
        self.frame_weights(feats.window)
        return (self.refine(self.rough(feats), feats.window), )

    def loss(self, feats: ClipFeatures,
             batch_data_samples: Sequence) -> Tuple[Tuple[Tensor, ...], Dict[str, Tensor]]:
        """Run the neck in training; a rough head that is trained has a loss of its own.

        Args:
            feats (ClipFeatures): As in :meth:`forward`.
            batch_data_samples (Sequence[PoseDataSample]): The B samples with their targets.

        Returns:
            tuple: The key frame's heatmaps and ``loss_rough_kpt`` or nothing.
        """
        self.frame_weights(feats.window)
        rough = self.rough(feats)
        out = (self.refine(rough, feats.window), )
        if self.freeze_rough_head:
            return out, {}
        targets = torch.stack([sample.gt_fields.heatmaps for sample in batch_data_samples])
        weights = torch.cat([sample.gt_instance_labels.keypoint_weights for sample in batch_data_samples])
        return out, dict(loss_rough_kpt=self.rough_head.loss_module(rough[:, 1], targets, weights))
