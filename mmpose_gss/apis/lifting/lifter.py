"""Lift the people of a video from 2D to 3D.

Shapes: T frames of a track, K joints of the 2D poses, J = 17 joints of Human3.6M.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch import nn

from mmpose_gss.apis.lifting.joints import H36M_JOINTS, SkeletonSource, joint_names, to_h36m
from mmpose_gss.apis.lifting.tracks import Person, associate, clean_person, fill_gaps
from mmpose_gss.engine.checkpoint import load_checkpoint, read_checkpoint
from mmpose_gss.engine.config import load_config
from mmpose_gss.errors import UserError
from mmpose_gss.structures.metainfo import H36M as H36M_INFO

DEFAULT_CONFIG = 'posemamba-s-243frm_8xb4-120e_h36m'
#: From the head to a foot, for the scale of a person.
_SPINE_CHAIN = ('head', 'neck_base', 'thorax', 'spine', 'root')
_LEG_CHAINS = (('left_hip', 'left_knee', 'left_foot'), ('right_hip', 'right_knee', 'right_foot'))


@dataclass
class LiftedTrack:
    """A person in 3D, in consecutive frames.

    Attributes:
        track_id (int): The person; the number returns after a gap that was too long to bridge.
        frames (ndarray): ``(T,)`` frame numbers.
        keypoints_3d (ndarray): ``(T,17,3)`` float32 in m, relative to the root, in the camera's axes: x to
            the right, y down, z away from the camera.
        keypoints_2d (ndarray): ``(T,17,2)`` float32, pixels, what was lifted.
        scores (ndarray): ``(T,17)`` float32, of the 2D joints.
        interpolated (ndarray): ``(T,17)`` bool, 2D joints that were filled in.
    """
    track_id: int
    frames: np.ndarray
    keypoints_3d: np.ndarray
    keypoints_2d: np.ndarray
    scores: np.ndarray
    interpolated: np.ndarray


def _check_lifter(cfg: Config, name: Optional[str]) -> None:
    """Refuse a config that is not of a lifting model for Human3.6M's joints."""
    if not str(cfg.model.get('type')).endswith('PoseLifter'):
        raise UserError(f'{name} is not the config of a pose lifter: its model is {cfg.model.get("type")}')
    joints = cfg.model.backbone.get('num_joints', len(H36M_JOINTS))
    if joints != len(H36M_JOINTS) or cfg.model.head.get('root_index', 0) != 0:
        raise UserError('lifting videos needs a model for the 17 joints of Human3.6M (root_index=0)')


class Lifter:
    """A pose lifter with everything around it: tracks, joints, gaps, windows and scale.

    Args:
        config (str, optional): A lifting config, or the base name of a shipped one. ``None`` takes
            what a converted checkpoint says of its model, or PoseMamba-S.
        checkpoint (str, optional): Trained weights; ``None`` leaves random ones, for trying things out.
        device (str, optional): Torch device. Defaults to the first GPU, or the CPU.
        flip_test (bool): Whether to average with the mirrored clip.
        max_gap (int): Frames that a person may be unseen and still be interpolated.
        min_score (float): Score below which a 2D joint counts as unseen.
        oks_thr (float): Overlap above which poses of neighbouring frames are one person.
        person_height (float, optional): Length in m that the bones from head to feet get, as a single camera
            does not tell sizes; ``None`` leaves the unit of half an image width.

    Raises:
        FileNotFoundError: If a file is missing.
        UserError: If a file is damaged, belongs to another model, or the model is not for Human3.6M's
            joints.
    """

    def __init__(self, config: Optional[str] = None, checkpoint: Optional[str] = None,
                 device: Optional[str] = None, flip_test: bool = True, max_gap: int = 10,
                 min_score: float = 0.1, oks_thr: float = 0.3, person_height: Optional[float] = 1.7) -> None:
        if max_gap < 0:
            raise UserError(f'max_gap is {max_gap}; it must be at least 0 frames')
        if person_height is not None and not person_height > 0:
            raise UserError(f'person_height is {person_height}; it must be positive, or None')
        self.device = device or ('cuda:0' if torch.cuda.is_available() else 'cpu')
        self.model = self._build(config, checkpoint, flip_test)
        self.max_gap, self.min_score = max_gap, min_score
        self.oks_thr, self.person_height = oks_thr, person_height
        self.metainfo = parse_pose_metainfo(H36M_INFO)

    def _build(self, config: Optional[str], checkpoint: Optional[str], flip_test: bool) -> nn.Module:
        """Build the model and load its weights, if there are any."""
        content = None if checkpoint is None else read_checkpoint(checkpoint)
        cfg = load_config(config or DEFAULT_CONFIG)
        init_default_scope(cfg.get('default_scope', 'mmpose'))
        if config is None and content is not None:  # a converted checkpoint says what model it is of
            cfg.model.update(content.get('meta', {}).get('model', {}))
        _check_lifter(cfg, config)
        cfg.model.test_cfg = dict(flip_test=flip_test)
        model = MODELS.build(cfg.model).to(self.device).eval()
        if content is None:
            MMLogger.get_current_instance().warning(
                'no checkpoint for lifting was given: its weights are random and the 3D poses mean nothing; '
                'pass lift_checkpoint (--lift-checkpoint)')
            return model
        load_checkpoint(model, checkpoint, f'lifting config {config or DEFAULT_CONFIG}', content=content)
        return model

    def lift_tracks(self, frames: Sequence[Sequence[Mapping]], image_size: Tuple[int, int],
                    source: SkeletonSource) -> List[LiftedTrack]:
        """Lift all people of a video.

        Args:
            frames (Sequence[Sequence[dict]]): Per frame the people, each a dict with ``keypoints`` ``(K,2)``
                in pixels, ``keypoint_scores`` ``(K,)`` and optionally ``bbox`` and ``track_id``. NaN is a
                joint that is not known.
            image_size (tuple[int, int]): Width and height in pixels.
            source (str | dict | Sequence[str]): The 2D data set's name, its metainfo, or its joints' names.

        Returns:
            list[LiftedTrack]: By track and time. A person some joint of which is never seen is left out, with
            a warning.

        Raises:
            UserError: If the skeleton is unknown, joints do not match it, or the image size is not positive.
        """
        names = joint_names(source)
        # The skeleton is checked first.
        to_h36m(np.zeros((0, len(names), 2)), np.zeros((0, len(names))), names)
        people = [[clean_person(person, len(names), f'frame {index}') for person in frame]
                  for index, frame in enumerate(frames)]
        sigmas = source.get('sigmas') if isinstance(source, dict) else None
        sigmas = sigmas if sigmas is not None and len(sigmas) == len(names) else None
        if sigmas is None:
            sigmas = np.full(len(names), 0.079)  # the mean of COCO's, for skeletons without constants
        tracks = associate(people, np.asarray(sigmas), self.oks_thr, self.max_gap)
        lifted = []
        for track_id in sorted(tracks):
            seen = [(frame, self._convert(person, names)) for frame, person in tracks[track_id]]
            try:
                pieces = fill_gaps(track_id, seen, H36M_JOINTS, self.max_gap, self.min_score)
            except UserError as error:
                MMLogger.get_current_instance().warning(f'not lifted: {error}')
                continue
            lifted += [LiftedTrack(track_id, piece.frames, self.lift(piece.keypoints, image_size),
                                   piece.keypoints, piece.scores, piece.interpolated) for piece in pieces]
        return lifted

    @staticmethod
    def _convert(person: Person, names: Sequence[str]) -> Dict[str, np.ndarray]:
        keypoints, scores = to_h36m(person['keypoints'][None], person['scores'][None], names)
        return dict(keypoints=keypoints[0], scores=scores[0])

    @torch.no_grad()
    def lift(self, keypoints: np.ndarray, image_size: Tuple[int, int]) -> np.ndarray:
        """Lift one person.

        Args:
            keypoints (ndarray): ``(T,17,2)`` in pixels, Human3.6M's joints; any T, in overlapping windows if
                longer than the model was trained for.
            image_size (tuple[int, int]): Width and height in pixels.

        Returns:
            ndarray: ``(T,17,3)`` float32, see :class:`LiftedTrack`.

        Raises:
            UserError: If the shape does not fit, a value is not finite, or the image size is not positive.
        """
        keypoints = np.asarray(keypoints, dtype=np.float32)
        width, height = image_size
        if keypoints.ndim != 3 or keypoints.shape[1:] != (len(H36M_JOINTS), 2) or not len(keypoints):
            raise UserError(
                f'a track must be (T,{len(H36M_JOINTS)},2) with T of at least 1, got {keypoints.shape}')
        if not np.isfinite(keypoints).all():
            bad = int(np.argmin(np.isfinite(keypoints).all(axis=(1, 2))))
            raise UserError(
                f'2D joints of frame {bad} of the track are NaN or infinite; fill gaps first (fill_gaps)')
        if not (width > 0 and height > 0):
            raise UserError(f'image_size must be a positive width and height, got {tuple(image_size)}')
        inputs = torch.from_numpy(keypoints / width * 2 - np.array([1, height / width], np.float32))
        sample = PoseDataSample(metainfo=dict(flip_indices=self.metainfo['flip_indices']))
        result = self.model.predict(inputs[None].to(self.device), [sample])[0]
        poses = np.asarray(result.pred_instances.keypoints, dtype=np.float32)
        return poses - poses[:, :1] if self.person_height is None else self._scaled(poses - poses[:, :1])

    def _scaled(self, poses: np.ndarray) -> np.ndarray:
        """Bring poses ``(T,17,3)`` to m: their median length from head to feet becomes ``person_height``."""
        index = {name: i for i, name in enumerate(H36M_JOINTS)}

        def length(chain: Sequence[str]) -> np.ndarray:
            joints = poses[:, [index[name] for name in chain]]
            return np.linalg.norm(np.diff(joints, axis=1), axis=2).sum(axis=1)

        total = np.median(length(_SPINE_CHAIN) + np.mean([length(chain) for chain in _LEG_CHAINS], axis=0))
        return (poses * (self.person_height / max(float(total), 1e-6))).astype(np.float32)
