"""Top-down pose estimation of the key frame of a window.

Shapes: B persons, T frames, C, D channels, K joints, H, W crop, h, w feature map.

```
inputs (B,T,3,H,W) ── fold ──► (B·T,3,H,W) ── backbone, frozen ──► (B·T,C,h,w) ── unfold ──► ClipFeatures
   ──► neck ──► key frame (B,D,h,w) ──► head ──► heatmaps (B,K,h,w) ──► PoseDataSample
```
"""
from __future__ import annotations

from contextlib import nullcontext
from typing import Optional, Tuple

import torch
from mmpose.models.pose_estimators import TopdownPoseEstimator
from mmpose.utils.typing import ConfigType, OptConfigType, OptMultiConfig, OptSampleList, SampleList
from torch import Tensor

from mmpose_gss.errors import UserError
from mmpose_gss.models.clip_features import ClipFeatures
from mmpose_gss.registry import MODELS
from mmpose_gss.structures.clip_window import ClipWindow


@MODELS.register_module()
class VideoTopdownPoseEstimator(TopdownPoseEstimator):
    """MMPose's top-down estimator for windows of T frames.

    Args:
        backbone (dict): Backbone of single frames; all of its outputs go to the neck.
        neck (dict, optional): A :class:`~mmpose_gss.models.base_neck.BaseVideoNeck`. Without one the key
            frame's own features go to the head: the single-frame baseline.
        head (dict, optional): The head, e.g. :class:`mmpose_gss.TemporalHeatmapHead` or MMPose's own.
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

    def encode(self, inputs: Tensor, window: Optional[ClipWindow] = None) -> ClipFeatures:
        """Run the backbone on every frame by itself; where there is no neck, on the key frame alone.

        Args:
            inputs (Tensor): ``(B,T,3,H,W)``, normalised.
            window (ClipWindow, optional): Which frames these are. Defaults to neighbours with the key frame
                in the middle.

        Returns:
            ClipFeatures: All outputs of the backbone, the images and the window.

        Raises:
            UserError: If the inputs are not windows.
        """
        if inputs.ndim != 5:
            raise UserError(
                f'inputs have shape {tuple(inputs.shape)}, expected (B, T, 3, H, W); use '
                'mmpose_gss.ClipDataPreprocessor as data_preprocessor of the model')
        window = ClipWindow.centred(inputs.shape[1]) if window is None else window
        if not self.with_neck:
            inputs, window = inputs[:, window.key_index:window.key_index + 1], ClipWindow((0, ))
        num_persons, num_frames = inputs.shape[:2]
        with torch.no_grad() if self.freeze_backbone else nullcontext():
            outputs = self.backbone(inputs.flatten(0, 1))
        outputs = outputs if isinstance(outputs, (tuple, list)) else [outputs]
        maps = [output.unflatten(0, (num_persons, num_frames)) for output in outputs]
        return ClipFeatures(maps, inputs, window)

    def extract_feat(self, inputs: Tensor, window: Optional[ClipWindow] = None) -> Tuple[Tensor, ...]:
        """Features of the key frame, informed by the window.

        Args:
            inputs (Tensor): ``(B,T,3,H,W)``.
            window (ClipWindow, optional): As in :meth:`encode`.

        Returns:
            tuple[Tensor]: Maps ``(B,D,h,w)``.
        """
        feats = self.encode(inputs, window)
        return self.neck(feats) if self.with_neck else self._key_frame(feats)

    def loss(self, inputs: Tensor, data_samples: SampleList) -> dict:
        """Losses of a batch: the head's, and the neck's own if it has any.

        Args:
            inputs (Tensor): ``(B,T,3,H,W)``.
            data_samples (list[PoseDataSample]): B samples with targets of the key frame.

        Returns:
            dict: Named losses and the training accuracy.
        """
        feats = self.encode(inputs, window_of(data_samples, inputs.shape[1]))
        if self.with_neck:
            feats, losses = self.neck.loss(feats, data_samples)
        else:
            feats, losses = self._key_frame(feats), {}
        return {**self.head.loss(feats, data_samples, train_cfg=self.train_cfg), **losses}

    def predict(self, inputs: Tensor, data_samples: SampleList) -> SampleList:
        """Poses of the key frames in image coordinates.

        Args:
            inputs (Tensor): ``(B,T,3,H,W)``.
            data_samples (list[PoseDataSample]): B samples that know their crop.

        Returns:
            list[PoseDataSample]: The samples with ``pred_instances``: ``keypoints (1,K,2)`` in pixels,
            ``keypoint_scores (1,K)``, the heatmap maxima.
        """
        window = window_of(data_samples, inputs.shape[1])
        feats = self.extract_feat(inputs, window)
        if self.test_cfg.get('flip_test', False):
            feats = [feats, self.extract_feat(inputs.flip(-1), window)]
        preds = self.head.predict(feats, data_samples, test_cfg=self.test_cfg)
        instances, fields = preds if isinstance(preds, tuple) else (preds, None)
        return self.add_pred_to_datasample(instances, fields, data_samples)

    def _forward(self, inputs: Tensor, data_samples: OptSampleList = None) -> Tensor:
        """Heatmaps ``(B,K,h,w)`` without any decoding: the mode ``tensor``, used by export and counters."""
        return self.head.forward(self.extract_feat(inputs))

    @staticmethod
    def _key_frame(feats: ClipFeatures) -> Tuple[Tensor, ...]:
        return tuple(frames[:, feats.window.key_index] for frames in feats.maps)


def window_of(data_samples: SampleList, num_frames: int) -> ClipWindow:
    """The window that the samples of a batch share.

    Args:
        data_samples (list[PoseDataSample]): With the metainfo ``key_index`` and ``frame_offsets``, both
            optional: without them the key frame is in the middle of neighbouring frames.
        num_frames (int): T of the batch.

    Returns:
        ClipWindow: The samples' offsets; those of neighbouring frames where augmentation has made them
        differ.

    Raises:
        UserError: If the key frame is not the same in all samples or outside the window.
    """
    keys = {int(sample.metainfo.get('key_index', num_frames // 2)) for sample in data_samples}
    if len(keys) != 1:
        raise UserError(
            f'the windows of a batch have their key frame at different places: {sorted(keys)}; use one '
            'frame_offsets for all data sets of a dataloader')
    key_index, = keys
    offsets = {tuple(sample.metainfo.get('frame_offsets') or ()) for sample in data_samples}
    if len(offsets) == 1:
        shared, = offsets
        if len(shared) == num_frames:
            return ClipWindow(shared, key_index)
    return ClipWindow.around(key_index, num_frames)
