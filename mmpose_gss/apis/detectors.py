"""Find the boxes of people: by an mmdet detector, in a file of boxes, or as the whole frame.

Boxes are float32 ``(N,5)``: x1, y1, x2, y2 in pixels and the score.
"""
from __future__ import annotations

import warnings
from pathlib import Path
from typing import Callable, List, Optional, Sequence, Tuple, Union

import numpy as np
from mmengine.logging import MMLogger
from mmengine.structures import InstanceData
from mmpose.evaluation.functional import nms
from mmpose.utils import adapt_mmdet_pipeline

from mmpose_gss.apis.sources import VideoFrames
from mmpose_gss.engine.checkpoint import load_checkpoint
from mmpose_gss.engine.config import load_config
from mmpose_gss.errors import UserError
from mmpose_gss.structures.detections import load_detections
from mmpose_gss.structures.video_detections import match_video

# From consecutive frames and the index of the first to the boxes of each. A detector that first has to find
# out which video it is asked about has a method ``for_video`` that gives one of these.
PersonDetector = Callable[[List[np.ndarray], int], List[np.ndarray]]


def keep_valid(boxes: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Clip boxes to the frame and drop those that are empty or not finite.

    Args:
        boxes (ndarray): ``(N,5)``.
        size (Sequence[int]): Width and height of the frame.

    Returns:
        ndarray: ``(M,5)``, float32.
    """
    boxes = np.asarray(boxes, dtype=np.float32).reshape(-1, 5)
    boxes = boxes[np.isfinite(boxes).all(1)].copy()
    boxes[:, 0:4:2] = boxes[:, 0:4:2].clip(0, size[0])
    boxes[:, 1:4:2] = boxes[:, 1:4:2].clip(0, size[1])
    return boxes[(boxes[:, 2] - boxes[:, 0] >= 1) & (boxes[:, 3] - boxes[:, 1] >= 1)]


class WholeFrame:
    """Give one box around everything, for clips that are cropped to a person already."""

    def __call__(self, frames: List[np.ndarray], first_index: int) -> List[np.ndarray]:
        """Give the boxes of consecutive frames."""
        return [np.array([[0, 0, f.shape[1], f.shape[0], 1]], dtype=np.float32) for f in frames]


class BoxFile:
    """Boxes found before, in any form that :func:`~mmpose_gss.structures.detections.load_detections` reads.

    Args:
        path (str | Path): The file.
        score_thr (float): Boxes below are dropped.

    Raises:
        FileNotFoundError: If there is no such file.
        UserError: If it is no list of boxes, or a field is not as it should be.
    """

    def __init__(self, path: Union[str, Path], score_thr: float) -> None:
        self.path = Path(path)
        self.detections = load_detections(path)
        self.score_thr = score_thr
        for note in self.detections.notes:
            MMLogger.get_current_instance().warning(note)

    def for_video(self, video: VideoFrames) -> PersonDetector:
        """Give the boxes of one video.

        Args:
            video (VideoFrames): The video; its name and the names of its frames are read.

        Returns:
            Callable: ``(frames, index of the first) -> list of (N,5) boxes``.

        Raises:
            UserError: If none of the boxes is in this video.
        """
        found = self.detections
        places = match_video(found, video.name, video.expected, video.frame_names)
        corners = np.concatenate([found.boxes[:, :2], found.boxes[:, :2] + found.boxes[:, 2:],
                                  found.scores[:, None]], axis=1).astype(np.float32)
        good = (places >= 0) & (found.scores >= self.score_thr)
        MMLogger.get_current_instance().info(
            f'{found.source}: {int(good.sum())} boxes with a score from {self.score_thr} on in '
            f'{len(np.unique(places[good]))} frames of {video.name}')

        def boxes_of(frames: List[np.ndarray], first_index: int) -> List[np.ndarray]:
            return [corners[good & (places == first_index + i)] for i in range(len(frames))]

        return boxes_of


class MMDetPersonDetector:
    """Find people by an mmdet model.

    Args:
        config (str): Config file.
        checkpoint (str): Its checkpoint.
        device (str): Torch device.
        score_thr (float): Boxes below are dropped.
        nms_thr (float): Overlap above which the weaker of two boxes is dropped.
        cat_ids (Sequence[int]): Class numbers that are people.

    Raises:
        FileNotFoundError: If a file is missing.
        UserError: If the checkpoint is damaged or belongs to another model.
    """

    def __init__(self, config: str, checkpoint: str, device: str, score_thr: float, nms_thr: float,
                 cat_ids: Sequence[int] = (0, )) -> None:
        from mmdet.apis import init_detector
        with warnings.catch_warnings(record=True):  # that there is no checkpoint: the weights come now
            self.model = init_detector(load_config(config), None, device=device)
        load_checkpoint(self.model, checkpoint, f'detector config {config}')
        self.model.cfg = adapt_mmdet_pipeline(self.model.cfg)
        self.score_thr, self.nms_thr, self.cat_ids = score_thr, nms_thr, list(cat_ids)

    def __call__(self, frames: List[np.ndarray], first_index: int) -> List[np.ndarray]:
        """Find the boxes of people in consecutive frames."""
        from mmdet.apis import inference_detector
        return [self._select(result.pred_instances.cpu().numpy())
                for result in inference_detector(self.model, list(frames))]

    def _select(self, found: InstanceData) -> np.ndarray:
        """Keep people of sufficient score that no better box overlaps; ``found`` holds NumPy arrays."""
        boxes = np.concatenate([found.bboxes, found.scores[:, None]], axis=1).astype(np.float32)
        boxes = boxes[np.isin(found.labels, self.cat_ids) & (found.scores > self.score_thr)]
        return boxes[nms(boxes, self.nms_thr)] if len(boxes) else boxes


def _from_work_dir(folder: Path) -> Tuple[str, str]:
    """Find config and last checkpoint of a folder that training has written."""
    configs = sorted(folder.glob('*.py'))
    pointer = folder / 'last_checkpoint'
    if len(configs) != 1 or not pointer.is_file():
        raise UserError(f'folder {folder} is no work folder of a training: it needs one config (*.py) and '
                        'the file last_checkpoint; name the two files instead')
    checkpoint = Path(pointer.read_text().strip())
    return str(configs[0]), str(checkpoint if checkpoint.is_file() else folder / checkpoint.name)


def build_person_detector(detector: Optional[str], checkpoint: Optional[str], device: str,
                          score_thr: float = 0.3, nms_thr: float = 0.3,
                          cat_ids: Sequence[int] = (0, )) -> Union[PersonDetector, BoxFile]:
    """Build the source of boxes that a user has named.

    Args:
        detector (str, optional): An mmdet config; a folder in which a detector was trained; a ``.json``
            file of boxes; ``'whole-frame'`` or None for one box around each frame.
        checkpoint (str, optional): Checkpoint of an mmdet config; its ``load_from`` if None.
        device (str): Torch device of the detector.
        score_thr (float): Boxes below are dropped. Defaults to 0.3.
        nms_thr (float): Overlap threshold among the detector's boxes. Defaults to 0.3.
        cat_ids (Sequence[int]): Class numbers that are people. Defaults to (0, ), as in COCO.

    Returns:
        Callable | BoxFile: ``(frames, index of the first) -> list of (N,5) boxes``, or what gives one
        of these for a video.

    Raises:
        FileNotFoundError: If a file is missing.
        UserError: If a file is not what it should be.
    """
    if detector is None or detector == 'whole-frame':
        return WholeFrame()
    path = Path(detector)
    if path.is_dir():
        detector, found = _from_work_dir(path)
        checkpoint = checkpoint or found
    elif path.suffix == '.json':
        return BoxFile(path, score_thr)
    elif path.suffix in ('.pth', '.pt'):
        raise UserError(f'--detector {path} is a checkpoint; name its config there and the checkpoint as '
                        '--detector-checkpoint')
    elif checkpoint is None:
        checkpoint = load_config(detector).get('load_from')
        if checkpoint is None:
            raise UserError(f'detector {detector} has no checkpoint; name it with --detector-checkpoint')
    return MMDetPersonDetector(detector, checkpoint, device, score_thr, nms_thr, cat_ids)
