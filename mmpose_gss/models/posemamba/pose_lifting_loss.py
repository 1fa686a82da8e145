"""The four losses of PoseMamba on clips of 3D poses.

Shapes: B clips, T frames, J joints.
"""
from __future__ import annotations

from typing import Dict, Optional, Sequence

import torch
from mmpose.models.losses import MPJPELoss
from torch import Tensor, nn

from mmpose_gss.errors import UserError
from mmpose_gss.registry import MODELS

#: Joint weights of the temporal consistency term, in Human3.6M's order (``train.py`` of the official code).
H36M_JOINT_WEIGHTS = (1, 1, 2.5, 2.5, 1, 2.5, 2.5, 1, 1, 1, 1.5, 1.5, 4, 4, 1.5, 4, 4)


@MODELS.register_module()
class PoseLiftingLoss(nn.Module):
    """Position, scale-normalised position, velocity and temporal consistency of 3D clips.

    * ``loss_mpjpe``: MMPose's :class:`MPJPELoss`.
    * ``loss_n_mpjpe``: the same after scaling each predicted pose optimally onto its target.
    * ``loss_velocity``: mean distance of the frame differences of prediction and target.
    * ``loss_temporal``: mean square of the prediction's frame differences, weighted by joint.

    All are those of the official ``lib/model/loss.py`` and ``train.py``; a clip of one frame has no frame
    difference, so its last two are 0.

    Args:
        mpjpe_weight (float): Weight of ``loss_mpjpe``.
        scale_weight (float): Weight of ``loss_n_mpjpe``.
        velocity_weight (float): Weight of ``loss_velocity``.
        temporal_weight (float): Weight of ``loss_temporal``.
        joint_weights (Sequence[float], optional): One weight per joint for ``loss_temporal``; ``None`` is
            Human3.6M's list, for 17 joints only.
    """

    def __init__(self, mpjpe_weight: float = 1.0, scale_weight: float = 0.5, velocity_weight: float = 20.0,
                 temporal_weight: float = 0.5, joint_weights: Optional[Sequence[float]] = None) -> None:
        super().__init__()
        self.position = MPJPELoss(use_target_weight=True, loss_weight=mpjpe_weight)
        self.scale_weight = scale_weight
        self.velocity_weight = velocity_weight
        self.temporal_weight = temporal_weight
        weights = H36M_JOINT_WEIGHTS if joint_weights is None else joint_weights
        self.register_buffer('joint_weights', torch.tensor(weights, dtype=torch.float32), persistent=False)

    def forward(self, pred: Tensor, target: Tensor,
                target_weight: Optional[Tensor] = None) -> Dict[str, Tensor]:
        """Compute all four, already weighted.

        Args:
            pred (Tensor): ``(B,T,J,3)``.
            target (Tensor): ``(B,T,J,3)``.
            target_weight (Tensor, optional): ``(B,T,J)``, 0 for joints to leave out, else 1.

        Returns:
            dict[str, Tensor]: The losses by name; their sum is the training loss.

        Raises:
            UserError: If shapes differ or ``joint_weights`` do not fit J.
        """
        if pred.shape != target.shape or pred.dim() != 4:
            raise UserError(
                f'prediction and target must both be (B,T,J,3), got {tuple(pred.shape)} and '
                f'{tuple(target.shape)}')
        if pred.shape[2] != len(self.joint_weights):
            raise UserError(
                f'joint_weights has {len(self.joint_weights)} entries for {pred.shape[2]} joints; set '
                'joint_weights of PoseLiftingLoss, one per joint')
        weight = (torch.ones_like(pred[..., :1]) if target_weight is None
                  else target_weight.to(pred)[..., None])
        losses = dict(loss_mpjpe=self.position(pred, target, weight))
        losses['loss_n_mpjpe'] = self.scale_weight * self._scaled(pred, target, weight)
        if pred.shape[1] == 1:
            losses['loss_velocity'] = losses['loss_temporal'] = pred.sum() * 0
            return losses
        step, wanted = pred.diff(dim=1), target.diff(dim=1)
        both = weight[:, 1:] * weight[:, :-1]
        velocity = torch.norm((step - wanted) * both, dim=-1).mean()
        temporal = (self.joint_weights.to(pred)[:, None] * step.square()).mean()
        losses['loss_velocity'] = self.velocity_weight * velocity
        losses['loss_temporal'] = self.temporal_weight * temporal
        return losses

    @staticmethod
    def _scaled(pred: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        """Mean distance after scaling each predicted pose optimally onto its target."""
        pred, target = pred * weight, target * weight
        power = pred.square().sum(dim=(-2, -1), keepdim=True)
        factor = (target * pred).sum(dim=(-2, -1), keepdim=True) / power.clamp_min(1e-12)
        return torch.norm(factor * pred - target, dim=-1).mean()
