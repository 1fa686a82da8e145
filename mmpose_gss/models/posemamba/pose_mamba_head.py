"""Regression head of pose lifters that keep the T×J grid: LayerNorm and a Linear layer per joint.

Shapes: B clips, T frames, J joints, C channels.
"""
from __future__ import annotations

from typing import Dict, List, Optional, Sequence, Union

import numpy as np
import torch
from mmengine.structures import InstanceData
from mmpose.evaluation.functional import keypoint_mpjpe
from mmpose.models.heads.base_head import BaseHead
from mmpose.registry import KEYPOINT_CODECS
from mmpose.structures import PoseDataSample
from torch import Tensor, nn

from mmpose_gss.errors import UserError
from mmpose_gss.registry import MODELS


@MODELS.register_module()
class PoseMambaHead(BaseHead):
    """Regresses 3D joints from the features of :class:`~mmpose_gss.models.PoseMamba`.

    Targets are what MMPose's ``MotionBERTLabel`` makes of a clip in training: root-relative joints in units
    of half the image width. MMPose's ``MotionRegressionHead`` has a hidden layer in between and logs one
    loss, so it does not serve.

    Args:
        in_channels (int): C.
        out_channels (int): Coordinates of a joint.
        root_index (int): The joint set to zero before predictions are scaled back.
        loss (dict, optional): Config of the loss, which returns a dictionary. Defaults to PoseLiftingLoss.
        decoder (dict, optional): Codec of MMPose to undo the encoding of targets; ``None`` is the paper's
            protocol: root to 0, times half the image width, times the 2.5D factor, from mm to m.
        init_cfg (dict, optional): MMEngine's initialisation.
    """

    def __init__(self, in_channels: int, out_channels: int = 3, root_index: int = 0,
                 loss: Optional[dict] = None, decoder: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        self.root_index = root_index
        self.loss_module = MODELS.build(dict(type='mmpose_gss.PoseLiftingLoss') if loss is None else loss)
        self.decoder = None if decoder is None else KEYPOINT_CODECS.build(decoder)
        self.norm = nn.LayerNorm(in_channels)
        self.fc = nn.Linear(in_channels, out_channels)

    def forward(self, feats: Tensor) -> Tensor:
        """Map ``(B,T,J,C)`` to ``(B,T,J,3)``."""
        return self.fc(self.norm(feats))

    def loss(self, feats: Tensor, batch_data_samples: Sequence[PoseDataSample],
             train_cfg: Optional[dict] = None) -> Dict[str, Tensor]:
        """Compute the losses of a batch.

        Args:
            feats (Tensor): ``(B,T,J,C)``.
            batch_data_samples (list[PoseDataSample]): With ``gt_instance_labels.lifting_target_label``
                ``(T,J,3)`` and ``lifting_target_weight`` ``(T,J)``.
            train_cfg (dict, optional): Unused.

        Returns:
            dict[str, Tensor]: The terms of the loss, and ``mpjpe`` in units of the targets.
        """
        pred = self.forward(feats)
        labels = [sample.gt_instance_labels for sample in batch_data_samples]
        target = torch.stack([label.lifting_target_label for label in labels]).to(pred)
        weight = torch.stack([label.lifting_target_weight for label in labels]).to(pred)
        losses = self.loss_module(pred, target, weight)
        mask = weight.detach().cpu().numpy().reshape(-1, weight.shape[-1]) > 0
        error = 0.0
        if mask.any():
            flat = [t.detach().cpu().numpy().reshape(-1, *t.shape[2:]) for t in (pred, target)]
            error = keypoint_mpjpe(*flat, mask)
        losses['mpjpe'] = torch.tensor(float(error), device=pred.device)
        return losses

    def predict(self, feats: Union[Tensor, List[Tensor]], batch_data_samples: Sequence[PoseDataSample],
                test_cfg: Optional[dict] = None) -> List[InstanceData]:
        """Predict 3D joints.

        Args:
            feats (Tensor | list[Tensor]): ``(B,T,J,C)``; with ``flip_test`` in ``test_cfg`` a pair, of the
                clip and of the mirrored clip, whose predictions are averaged.
            batch_data_samples (list[PoseDataSample]): With metainfo ``flip_indices`` (for ``flip_test``),
                ``camera_param`` (``w`` and ``h`` of the image) and ``factor`` ``(T,)``.
            test_cfg (dict, optional): ``flip_test``; ``copy_xy`` replaces x and y by the 2D input (metainfo
                ``keypoint_labels``), the official protocol with annotated 2D joints.

        Returns:
            list[InstanceData]: Per clip ``keypoints`` ``(T,J,3)`` float32 and ``keypoint_scores`` ``(T,J)``.
            Metres, root-relative, if the samples have ``camera_param``; otherwise in units of half the
            image width, with the root at 0.

        Raises:
            UserError: If ``copy_xy`` is asked for and the samples have no ``keypoint_labels``.
        """
        if (test_cfg or {}).get('flip_test', False):
            plain, mirrored = (self.forward(f) for f in feats)
            coords = (plain + self.unflip(mirrored, batch_data_samples[0].metainfo['flip_indices'])) / 2
        else:
            coords = self.forward(feats)
        if self.decoder is not None:
            return self.decode(coords)
        coords = coords.detach().float().cpu().numpy()
        copy_xy = (test_cfg or {}).get('copy_xy', False)
        return [self._to_metres(c, sample.metainfo, copy_xy) for c, sample in zip(coords, batch_data_samples)]

    @staticmethod
    def unflip(coords: Tensor, flip_indices: Sequence[int]) -> Tensor:
        """Mirror predictions ``(B,T,J,3)`` of a mirrored clip back: x changes sign, left and right swap."""
        coords = coords[:, :, list(flip_indices)]
        return coords * coords.new_tensor([-1.0, 1.0, 1.0])

    def _to_metres(self, coords: np.ndarray, metainfo: dict, copy_xy: bool = False) -> InstanceData:
        coords = coords.copy()
        coords[:, self.root_index] = 0
        if copy_xy:
            if 'keypoint_labels' not in metainfo:
                raise UserError('test_cfg copy_xy needs keypoint_labels among meta_keys of PackPoseInputs')
            coords[..., :2] = np.asarray(metainfo['keypoint_labels'])[..., :2]
        scores = np.ones(coords.shape[:2], dtype=np.float32)
        camera = metainfo.get('camera_param')
        if camera is not None:
            width, height = float(np.squeeze(camera['w'])), float(np.squeeze(camera['h']))
            coords[..., :2] = (coords[..., :2] + [1, height / width]) * width / 2
            coords[..., 2] *= width / 2
            factor = metainfo.get('factor')
            if factor is not None:
                coords *= np.asarray(factor, dtype=np.float32).reshape(-1, 1, 1)
            coords = (coords - coords[:, self.root_index:self.root_index + 1]) / 1000
        return InstanceData(keypoints=coords.astype(np.float32), keypoint_scores=scores)
