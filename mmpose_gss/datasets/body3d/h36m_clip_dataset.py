"""Human3.6M in MMPose's files: ``h36m_train.npz`` and ``cameras.pkl`` of its converter.

Shapes: N frames, J = 17 joints in Human3.6M's order.
"""
from __future__ import annotations

import os.path as osp
from typing import Optional, Sequence, Tuple, Union

import numpy as np
from mmpose.codecs.utils import camera_to_image_coord

from mmpose_gss.datasets.body3d.frame_table import FrameTable
from mmpose_gss.datasets.body3d.lifting_clip_dataset import LiftingClipDataset
from mmpose_gss.datasets.body3d.npz_frames import load_frames, order_by_video
from mmpose_gss.datasets.body3d.safe_pickle import load_pickle
from mmpose_gss.errors import UserError
from mmpose_gss.registry import DATASETS
from mmpose_gss.structures.schema import content_of


def parse_h36m_name(name: str) -> Tuple[str, str, str, int]:
    """Split an image name such as ``S1_Directions_1.54138969_000001.jpg``.

    Returns:
        tuple: Subject, action with number, camera, frame.

    Raises:
        UserError: If the name is of another form.
    """
    try:
        subject, rest = osp.basename(str(name)).split('_', 1)
        action, rest = rest.split('.', 1)
        camera, rest = rest.split('_', 1)
        return subject, action, camera, int(rest.split('.')[0])
    except ValueError:
        raise UserError(
            f"image name '{name}' is not of Human3.6M's form S1_Directions_1.54138969_000001.jpg") from None


def image_targets(joints: np.ndarray, camera: dict, root_index: int = 0) -> Tuple[np.ndarray, np.ndarray]:
    """Project camera coordinates to MotionBERT's 2.5D targets, with MMPose's ``camera_to_image_coord``.

    Args:
        joints (ndarray): Camera coordinates in m, ``(N, J, 3)``.
        camera (dict): ``f`` and ``c`` in pixels.
        root_index (int): The joint that depths are relative to. Defaults to 0.

    Returns:
        tuple: Targets in image millimetres, ``(N, J, 3)``, and the factors, ``(N,)``.
    """
    image, factor = camera_to_image_coord(root_index, joints.astype(np.float64), camera)
    return (image * 1000).astype(np.float32), factor.astype(np.float32)


@DATASETS.register_module()
class H36MClipDataset(LiftingClipDataset):
    """Clips from MMPose's Human3.6M annotations, with MotionBERT's 2.5D targets.

    Unlike MMPose's ``Human36mDataset``, a video shorter than a clip is not lost but stretched, as MotionBERT
    does, and every array is checked.

    Args:
        camera_param_file (str): MMPose's ``cameras.pkl``.
        target (str): ``'image'`` for MotionBERT's 2.5D targets, scored with their factors; ``'camera'`` for
            camera coordinates with a factor of 1, which a lifter can predict without being told sizes.
            Defaults to ``'image'``.
        keypoint_2d_det_file (str, optional): ``.npy`` of 2D detections and confidences, ``(N, 17, 3)``.
            Defaults to the annotated 2D joints.

    The other arguments are those of :class:`LiftingClipDataset`.
    """

    def __init__(self,
                 ann_file: str,
                 camera_param_file: str,
                 keypoint_2d_det_file: Optional[str] = None,
                 target: str = 'image',
                 num_frames: int = 243,
                 stride: Optional[int] = None,
                 keep_tail: bool = False,
                 keypoint_2d: str = 'detection',
                 random_stretch: bool = False,
                 metainfo: Optional[dict] = None,
                 data_root: str = '',
                 pipeline: Sequence[dict] = (),
                 test_mode: bool = False,
                 lazy_init: bool = False,
                 indices: Optional[Union[int, Sequence[int]]] = None) -> None:
        if target not in ('image', 'camera'):
            raise UserError(f"target must be 'image' or 'camera', got {target!r}")
        if target == 'camera' and keypoint_2d == 'gt':
            raise UserError("keypoint_2d='gt' takes x and y of 2.5D targets; it needs target='image'")
        self.target = target
        self.camera_param_file = camera_param_file
        self.keypoint_2d_det_file = keypoint_2d_det_file
        super().__init__(
            ann_file, num_frames=num_frames, stride=stride, keep_tail=keep_tail, keypoint_2d=keypoint_2d,
            random_stretch=random_stretch, metainfo=metainfo, data_root=data_root, pipeline=pipeline,
            test_mode=test_mode, lazy_init=lazy_init, indices=indices)

    def read_frames(self) -> FrameTable:
        """Read annotations, cameras and detections."""
        data = load_frames(self.ann_file, self._metainfo['num_keypoints'])
        try:
            names = [parse_h36m_name(name) for name in data['imgname']]
        except UserError as error:
            raise UserError(f'{self.ann_file}: {error}') from error
        source = np.array([f'{subject}_{action}.{camera}' for subject, action, camera, _ in names])
        order = order_by_video(source, np.array([frame for *_, frame in names]))
        joints = data['S'][..., :3]
        cameras = load_pickle(self.path_of(self.camera_param_file))
        target = np.zeros(joints.shape, dtype=np.float32)
        factor, size = np.zeros(len(names), dtype=np.float32), np.zeros((len(names), 2), dtype=np.float32)
        keys = np.array([f'{subject}/{camera}' for subject, _, camera, _ in names])
        if not isinstance(cameras, dict):
            raise UserError(f'{self.camera_param_file} holds a {type(cameras).__name__}, but cameras by '
                            'subject and name are needed')
        for key in np.unique(keys):
            camera = cameras.get(tuple(key.split('/')))
            if camera is None:
                raise UserError(f'{self.camera_param_file} has no camera {key}, which {self.ann_file} needs')
            mine = keys == key
            with content_of(self.camera_param_file, f'a file of cameras for {self.ann_file}: {key} is wrong'):
                if self.target == 'image':
                    target[mine], factor[mine] = image_targets(joints[mine], camera)
                else:
                    target[mine], factor[mine] = joints[mine] * 1000, 1
                size[mine] = float(np.squeeze(camera['w'])), float(np.squeeze(camera['h']))
                if not (np.isfinite(target[mine]).all() and np.isfinite(size[mine]).all()
                        and (size[mine] > 0).all()):
                    raise ValueError('sizes and projections must be finite and positive')
        keypoints = (self._detections(len(names)) if self.keypoint_2d_det_file
                     else data['part'].astype(np.float32))
        table = FrameTable(
            keypoints=keypoints[..., :2].copy(), scores=keypoints[..., 2].copy(), target=target,
            truth=target * factor[:, None, None], valid=data['valid'], size=size, factor=factor,
            source=source, sequence=np.array([f'{subject}_{action}' for subject, action, *_ in names]),
            action=np.array([action.split('_')[0] for _, action, *_ in names]),
            image=data['imgname'].astype(str))
        return FrameTable(**{name: value[order] for name, value in vars(table).items()})

    def _detections(self, count: int) -> np.ndarray:
        path = self.path_of(self.keypoint_2d_det_file)
        if not osp.isfile(path):
            raise FileNotFoundError(f'{path} does not exist; check keypoint_2d_det_file')
        detections = np.load(path).astype(np.float32)
        if detections.shape != (count, 17, 3):
            raise UserError(
                f'{path} has shape {detections.shape}, expected {(count, 17, 3)} for the frames of '
                f'{self.ann_file}')
        return detections
