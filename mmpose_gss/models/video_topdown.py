"""Top-down pose estimation of the key frame of a window.

Shapes: B persons, T frames, C, D channels, K joints, H, W crop, h, w feature map.

```
inputs (B,T,3,H,W) ── fold ──► (B·T,3,H,W) ── backbone, frozen ──► (B·T,C,h,w) ── unfold ──► (B,T,C,h,w)
   ──► neck (B,T',D,h,w) ──► key frame (B,1,D,h,w) ──► head ──► heatmaps (B,K,h,w) ──► PoseDataSample
```
"""
from __future__ import annotations

from contextlib import nullcontext
from typing import Optional

import torch
from mmpose.models.pose_estimators import TopdownPoseEstimator
from mmpose.utils.typing import ConfigType, OptConfigType, OptMultiConfig, SampleList
from torch import Tensor

from mmpose_gss.registry import MODELS


@MODELS.register_module()
class VideoTopdownPoseEstimator(TopdownPoseEstimator):
    """MMPose's top-down estimator for windows of T frames.

    Args:
        backbone (dict): Backbone of single frames; the last of its outputs is used.
        neck (dict, optional): A :class:`~mmpose_gss.models.base_neck.BaseVideoNeck`. Without one the key
            frame's own features go to the head: the single-frame baseline.
        head (dict, optional): The head, e.g. :class:`mmpose_gss.TemporalHeatmapHead`.
        freeze_backbone (bool): Whether the backbone stays as loaded: eval mode always, no gradient, no
            activations stored, as in GLSMamba and SDTC. Defaults to True.
        train_cfg, test_cfg, data_preprocessor, init_cfg, metainfo: As in MMPose's estimator.
    """

    def __init__(self, backbone: ConfigType, neck: OptConfigType = None, head: OptConfigType = None,
                 freeze_backbone: bool = True, train_cfg: OptConfigType = None,
                 test_cfg: OptConfigType = None, data_preprocessor: OptConfigType = None,
                 init_cfg: OptMultiConfig = None, metainfo: Optional[dict] = None):
        super().__init__(
            backbone=backbone, neck=neck, head=head, train_cfg=train_cfg, test_cfg=test_cfg,
            data_preprocessor=data_preprocessor, init_cfg=init_cfg, metainfo=metainfo)
        self.freeze_backbone = freeze_backbone
        if freeze_backbone:
            self.backbone.requires_grad_(False)
            self.backbone.eval()

    def train(self, mode: bool = True) -> 'VideoTopdownPoseEstimator':
        """Switch the mode of all but a frozen backbone."""
        super().train(mode)
        if self.freeze_backbone:
            self.backbone.eval()
        return self

    def encode(self, inputs: Tensor, key_index: Optional[int] = None) -> Tensor:
        """Run the backbone on every frame by itself.

        Args:
            inputs (Tensor): ``(B,T,3,H,W)``, normalised.
            key_index (int, optional): Where there is no neck, only this frame is encoded.

        Returns:
            Tensor: ``(B,T,C,h,w)``.

        Raises:
            ValueError: If the inputs are not windows.
        """
        if inputs.ndim != 5:
            raise ValueError(
                f'inputs have shape {tuple(inputs.shape)}, expected (B, T, 3, H, W); use '
                'mmpose_gss.ClipDataPreprocessor as data_preprocessor of the model')
        if not self.with_neck and key_index is not None:
            inputs = inputs[:, key_index:key_index + 1]
        num_persons, num_frames = inputs.shape[:2]
        with torch.no_grad() if self.freeze_backbone else nullcontext():
            feats = self.backbone(inputs.flatten(0, 1))
        feats = feats[-1] if isinstance(feats, (tuple, list)) else feats
        return feats.unflatten(0, (num_persons, num_frames))

    def extract_feat(self, inputs: Tensor, key_index: Optional[int] = None) -> Tensor:
        """Features of the key frame, informed by the window.

        Args:
            inputs (Tensor): ``(B,T,3,H,W)``.
            key_index (int, optional): Position of the key frame. Defaults to ``T // 2``.

        Returns:
            Tensor: ``(B,1,D,h,w)``.
        """
        key_index = inputs.shape[1] // 2 if key_index is None else key_index
        feats = self.encode(inputs, key_index)
        if self.with_neck:
            feats = self.neck(feats, key_index)
        return self._key_frame(feats, key_index)

    def loss(self, inputs: Tensor, data_samples: SampleList) -> dict:
        """Losses of a batch: the head's, and the neck's own if it has any.

        Args:
            inputs (Tensor): ``(B,T,3,H,W)``.
            data_samples (list[PoseDataSample]): B samples with targets of the key frame.

        Returns:
            dict: Named losses and the training accuracy.
        """
        key_index = self._key_index(inputs, data_samples)
        feats = self.encode(inputs, key_index)
        losses = {}
        if self.with_neck:
            feats, losses = self.neck.loss(feats, data_samples, key_index)
        head_losses = self.head.loss(
            self._key_frame(feats, key_index), data_samples, train_cfg=self.train_cfg)
        return {**head_losses, **losses}

    def predict(self, inputs: Tensor, data_samples: SampleList) -> SampleList:
        """Poses of the key frames in image coordinates.

        Args:
            inputs (Tensor): ``(B,T,3,H,W)``.
            data_samples (list[PoseDataSample]): B samples that know their crop.

        Returns:
            list[PoseDataSample]: The samples with ``pred_instances``: ``keypoints (1,K,2)`` in pixels,
            ``keypoint_scores (1,K)``, the heatmap maxima.
        """
        key_index = self._key_index(inputs, data_samples)
        feats = self.extract_feat(inputs, key_index)
        if self.test_cfg.get('flip_test', False):
            feats = [feats, self.extract_feat(inputs.flip(-1), key_index)]
        preds = self.head.predict(feats, data_samples, test_cfg=self.test_cfg)
        instances, fields = preds if isinstance(preds, tuple) else (preds, None)
        return self.add_pred_to_datasample(instances, fields, data_samples)

    def _forward(self, inputs: Tensor, data_samples=None) -> Tensor:
        """Heatmaps ``(B,K,h,w)`` without any decoding: the mode ``tensor``, used by export and counters."""
        return self.head.forward(self.extract_feat(inputs))

    @staticmethod
    def _key_frame(feats: Tensor, key_index: int) -> Tensor:
        return feats if feats.shape[1] == 1 else feats[:, key_index:key_index + 1]

    @staticmethod
    def _key_index(inputs: Tensor, data_samples: SampleList) -> int:
        default = inputs.shape[1] // 2
        found = {data_sample.metainfo.get('key_index', default) for data_sample in data_samples}
        if len(found) != 1:
            raise ValueError(
                f'the windows of a batch have their key frame at different places: {sorted(found)}; use one '
                'frame_offsets for all data sets of a dataloader')
        return int(found.pop())
