"""The lifters: MMPose's SimpleBaseline3D and VideoPose3D by their configs, and a small PoseMamba.

Shapes: B windows, T frames of a window, J joints. Every method takes tracks ``(B,T,J,2)`` and gives poses
``(B,t,J,3)`` in metres relative to the root, for all frames (t = T) or the middle one (t = 1).
"""
from pathlib import Path
from typing import Dict, Optional, Type

import torch
from mmengine.config import Config
from torch import Tensor, nn

from .views import Layout

FRAMES = 27


def _mmpose_model(config: str) -> Config:
    import mmpose
    return Config.fromfile(str(Path(mmpose.__file__).parent / '.mim/configs/body_3d_keypoint' / config))


class LiftMethod:
    """A network and what is tuned for it.

    Attributes:
        frames (int): T.
        train_stride, test_stride (int): Frames between windows.
        mirror (bool): Whether the method's config mirrors samples.
        batch (int), lr (float): The best of those tried on a generated set with another seed.
    """
    frames, train_stride, test_stride, mirror = FRAMES, 1, 1, True
    batch, lr = 16, 3e-3

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.cfg = self.config()
        self.model = self.build()

    def config(self) -> Config:
        """The method's config for these joints."""
        raise NotImplementedError

    def build(self) -> nn.Module:
        """The network, with its initial weights."""
        from mmpose.registry import MODELS
        model = MODELS.build(self.cfg.model)
        model.init_weights()
        return model

    def fit_scale(self, tracks: Tensor, poses: Tensor) -> None:
        """Take what normalises samples from a large batch of the training set."""

    def loss(self, tracks: Tensor, poses: Tensor) -> Tensor:
        """Training loss of a batch."""
        raise NotImplementedError

    def predict(self, tracks: Tensor) -> Tensor:
        """Poses in metres relative to the root."""
        raise NotImplementedError

    def _forward(self, x: Tensor) -> Tensor:
        return self.model.head.forward(self.model.extract_feat(x))

    def _rooted(self, poses: Tensor) -> Tensor:
        return poses - poses[..., self.layout.root:self.layout.root + 1, :]


class SimpleBaseline3D(LiftMethod):
    """One frame; joints and poses scaled to unit spread, as its config does with Human3.6M's."""
    frames, mirror, batch = 1, False, 64

    def config(self) -> Config:
        """MMPose's config, for these joints."""
        cfg = _mmpose_model('image_pose_lift/h36m/image-pose-lift_tcn_8xb64-200e_h36m.py')
        joints = len(self.layout.names)
        cfg.model.backbone.in_channels = 2 * joints
        cfg.model.head.num_joints = joints - 1
        cfg.model.head.decoder = None
        return cfg

    def fit_scale(self, tracks: Tensor, poses: Tensor) -> None:
        """Means and spreads of joints and poses."""
        self.kept = [i for i in range(len(self.layout.names)) if i != self.layout.root]
        targets = poses[:, 0, self.kept]
        self.track_mean, self.track_std = tracks[:, 0].mean(0), tracks[:, 0].std(0) + 1e-3
        self.pose_mean, self.pose_std = targets.mean(0), targets.std(0) + 1e-4

    def _input(self, tracks: Tensor) -> Tensor:
        return ((tracks[:, 0] - self.track_mean) / self.track_std).flatten(1)[..., None]

    def loss(self, tracks: Tensor, poses: Tensor) -> Tensor:
        """Loss of the config."""
        target = (poses[:, 0, self.kept] - self.pose_mean) / self.pose_std
        pred = self._forward(self._input(tracks)).view_as(target)
        return self.model.head.loss_module(pred, target, torch.ones_like(target[..., :1]))

    def predict(self, tracks: Tensor) -> Tensor:
        """Poses in metres relative to the root."""
        joints = len(self.layout.names)
        pred = self._forward(self._input(tracks)).view(len(tracks), joints - 1, 3)
        poses = pred.new_zeros(len(tracks), joints, 3)
        poses[:, self.kept] = pred * self.pose_std + self.pose_mean
        return poses[:, None]


class VideoPose3D(LiftMethod):
    """Convolutions over 27 frames that give the middle one."""

    def config(self) -> Config:
        """MMPose's config, for these joints."""
        cfg = _mmpose_model('video_pose_lift/h36m/video-pose-lift_tcn-27frm-supv_8xb128-160e_h36m.py')
        joints = len(self.layout.names)
        cfg.model.backbone.in_channels = 2 * joints
        cfg.model.head.num_joints = joints
        cfg.model.head.decoder = None
        return cfg

    def _input(self, tracks: Tensor) -> Tensor:
        return tracks.flatten(2).transpose(1, 2)  # (B,2J,T)

    def loss(self, tracks: Tensor, poses: Tensor) -> Tensor:
        """Loss of the config."""
        target = poses[:, self.frames // 2]
        pred = self._forward(self._input(tracks)).view_as(target)
        return self.model.head.loss_module(pred, target, torch.ones_like(target[..., :1]))

    def predict(self, tracks: Tensor) -> Tensor:
        """Poses in metres relative to the root."""
        pred = self._forward(self._input(tracks)).view(len(tracks), 1, len(self.layout.names), 3)
        return self._rooted(pred)


class PoseMamba(LiftMethod):
    """27 frames in, 27 out: one pair of blocks, 32 channels, no expansion and 4 states."""
    train_stride, test_stride, batch, lr = 9, 9, 2, 8e-3
    unit = 0.5  # metres of a unit of its targets: half an image of 1000 pixels in mm

    def config(self) -> Config:
        """The package's config, cut down, for these joints."""
        configs = Path(__file__).resolve().parents[3] / 'configs/body_3d_keypoint'
        cfg = Config.fromfile(str(configs / 'posemamba/h36m/posemamba-s-27frm_8xb4-120e_h36m.py'))
        joints = len(self.layout.names)
        cfg.model.backbone.update(
            embed_dims=32, depth=1, scan=dict(d_state=4), expand=1.0, drop_path_rate=0.0, num_joints=joints,
            joint_parents='h36m' if self.layout.is_h36m else list(self.layout.parents))
        cfg.model.head.update(in_channels=32, root_index=self.layout.root)
        cfg.model.head.loss.velocity_weight = 2.0  # 20 slows the start, and the time is short
        if not self.layout.is_h36m:
            cfg.model.head.loss.joint_weights = [1.0] * joints
        return cfg

    def loss(self, tracks: Tensor, poses: Tensor) -> Tensor:
        """Loss of the config."""
        weight = torch.ones_like(poses[..., 0])
        losses = self.model.head.loss_module(self._forward(tracks), poses / self.unit, weight)
        return sum(losses.values(), start=tracks.new_zeros(()))

    def predict(self, tracks: Tensor) -> Tensor:
        """Poses in metres relative to the root."""
        return self._rooted(self._forward(tracks) * self.unit)


METHODS: Dict[str, Type[LiftMethod]] = {
    'SimpleBaseline3D': SimpleBaseline3D, 'VideoPose3D': VideoPose3D, 'PoseMamba': PoseMamba}


def build_method(name: str, layout: Layout, seed: Optional[int] = None) -> LiftMethod:
    """Build a method with the initial weights of a seed."""
    import mmpose.models  # noqa: F401
    from mmengine.registry import init_default_scope

    import mmpose_gss.models  # noqa: F401
    init_default_scope('mmpose')
    if seed is not None:
        torch.manual_seed(seed)
    return METHODS[name](layout)
