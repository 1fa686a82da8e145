"""From a video to the poses of every person in every frame.

Shapes: T frames of a window, K joints, H, W size of a frame; frames are ``(H,W,3)`` uint8, BGR.

```
frames ──► detector ──► boxes per frame ──┐
   └──► window buffer (T around a frame) ─┴─► test pipeline of the config ──► model ──► poses ──► mp4, JSON
```
"""
from __future__ import annotations

from pathlib import Path
from typing import Dict, Iterator, List, Optional, Sequence, Tuple, Union

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from mmengine.utils import ProgressBar
from mmpose.apis import init_model
from mmpose.structures import PoseDataSample, merge_data_samples
from torch import nn

from mmpose_gss.apis.detectors import PersonDetector, build_person_detector, keep_valid
from mmpose_gss.apis.lifting.video import build_lifter, lift_video
from mmpose_gss.apis.result_writer import ResultWriter
from mmpose_gss.apis.sources import VideoFrames, VideoSource
from mmpose_gss.apis.window_buffer import WindowBuffer
from mmpose_gss.engine.checkpoint import load_checkpoint
from mmpose_gss.engine.config import load_config
from mmpose_gss.errors import UserError
from mmpose_gss.structures.clip_window import ClipWindow
from mmpose_gss.visualization.skeleton import SkeletonStyle, draw_people

_DEFAULT_OFFSETS = (-2, -1, 0, 1, 2)


class VideoPoseInferencer:
    """Detector-driven top-down inference on videos, with windows of frames.

    Args:
        config (str): Config file of a pose model, or the base name of a shipped one.
        checkpoint (str, optional): Its checkpoint; None leaves random weights, for trying things out.
        detector (str, optional): An mmdet config, a folder in which a detector was trained, a ``.json``
            file of boxes, or ``'whole-frame'``. Defaults to ``'whole-frame'``.
        detector_checkpoint (str, optional): Checkpoint of an mmdet config.
        device (str, optional): Torch device. Defaults to the first GPU, or the CPU.
        bbox_thr (float): Boxes with a lower score are dropped. Defaults to 0.3.
        nms_thr (float): Overlap above which the weaker of two boxes is dropped. Defaults to 0.3.
        det_cat_ids (Sequence[int]): The detector's class numbers that are people. Defaults to (0, ).
        batch_size (int): Windows per forward pass. Defaults to 8.
        lift (str, optional): ``'posemamba'`` lifts every track to 3D. Defaults to None, 2D only.
        lift_checkpoint (str, optional): Checkpoint of the lifting model; None leaves random weights.
        lift_config (str, optional): Its config; None takes what a converted checkpoint says, or PoseMamba-S.

    Raises:
        FileNotFoundError: If a config, checkpoint or box file is missing.
        UserError: If one of them is damaged or belongs to another model.

    Example:
        >>> inferencer = VideoPoseInferencer(CONFIG, CHECKPOINT, detector=DETECTOR_CONFIG,
        ...                                  detector_checkpoint=DETECTOR_CHECKPOINT)
        >>> result = inferencer('walk.mp4', out_dir='out')
        >>> result['predictions'][0][0]['keypoints']  # first person of the first frame, K x [x, y] in pixels
    """

    def __init__(self, config: str, checkpoint: Optional[str] = None, detector: Optional[str] = 'whole-frame',
                 detector_checkpoint: Optional[str] = None, device: Optional[str] = None,
                 bbox_thr: float = 0.3, nms_thr: float = 0.3, det_cat_ids: Sequence[int] = (0, ),
                 batch_size: int = 8, lift: Optional[str] = None, lift_checkpoint: Optional[str] = None,
                 lift_config: Optional[str] = None) -> None:
        device = device or ('cuda:0' if torch.cuda.is_available() else 'cpu')
        if batch_size < 1:
            raise UserError(f'batch_size is {batch_size}; it must be at least 1')
        self.lifter = build_lifter(lift, lift_config, lift_checkpoint, device)
        cfg = load_config(config)
        self.model = _load_pose_model(cfg, config, checkpoint, device)
        self.cfg, self.batch_size = cfg, batch_size
        self.window = ClipWindow.from_frame_offsets(self._frame_offsets(cfg))
        self.detector = build_person_detector(
            detector, detector_checkpoint, device, bbox_thr, nms_thr, det_cat_ids)
        init_default_scope(cfg.get('default_scope', 'mmpose'))  # the detector has set its own
        self.pipeline = Compose(cfg.test_dataloader.dataset.pipeline)
        self.style = SkeletonStyle.from_metainfo(self.model.dataset_meta)

    @staticmethod
    def _frame_offsets(cfg: Config) -> Tuple[int, ...]:
        dataset = cfg.test_dataloader.dataset
        while 'frame_offsets' not in dataset and 'dataset' in dataset:  # a wrapper
            dataset = dataset.dataset
        return tuple(dataset.get('frame_offsets', _DEFAULT_OFFSETS))

    def __call__(self, inputs: VideoSource, out_dir: Optional[Union[str, Path]] = None, draw: bool = True,
                 kpt_thr: float = 0.3, show_progress: bool = True) -> Dict[str, object]:
        """Run over a video.

        What has been computed is written even if a later frame fails or the run is interrupted.

        Args:
            inputs (str | Path | Sequence[ndarray]): A video file, a folder of images, or frames.
            out_dir (str | Path, optional): Folder for ``<name>.mp4`` with skeletons and ``<name>.json``.
            draw (bool): Whether to write the mp4. Defaults to True.
            kpt_thr (float): Joints below are not drawn. Defaults to 0.3.
            show_progress (bool): Whether to show a progress bar. Defaults to True.

        Returns:
            dict: ``predictions``: for each input frame a list of people, each a dict with ``keypoints``
            (K pairs, pixels), ``keypoint_scores`` (K), ``bbox`` and ``bbox_score``;
            ``video`` and ``json``: the paths written, or None;
            with ``lift`` also ``tracks_3d`` (list of LiftedTrack), ``files_3d`` (JSON, NPZ and BVH, or None).

        Raises:
            FileNotFoundError: If the video does not exist.
            UserError: If it cannot be decoded.
        """
        frames = VideoFrames(inputs)
        poses = self.iterate(frames)
        boxes = getattr(self.detector, 'path', None)
        writer = ResultWriter(frames, out_dir, draw, self.model.dataset_meta, [boxes] if boxes else [])
        finished = False
        bar = ProgressBar(frames.expected) if show_progress else None
        try:
            for frame, sample in poses:
                writer.add(self._draw(frame, sample, kpt_thr) if writer.draws else None, sample)
                if bar:
                    bar.update()
            finished = True
        finally:
            if bar:
                bar.file.write('\n')
            writer.close(partial=not finished)
        result = writer.result()
        if self.lifter is not None:
            lifted = lift_video(self.lifter, result['predictions'], frames, self.model.dataset_meta,
                                result['json'], result['video'])
            result.update(tracks_3d=lifted['tracks'], files_3d=lifted['files'])
        return result

    def iterate(self, frames: VideoFrames) -> Iterator[Tuple[np.ndarray, PoseDataSample]]:
        """Yield every frame with the people in it, in order and with as little delay as windows allow.

        Args:
            frames (VideoFrames): The video.

        Returns:
            Iterator[tuple]: The frame and a PoseDataSample, whose ``pred_instances`` is empty if nobody is
            there.

        Raises:
            UserError: If the boxes come from a file that has none of this video.
        """
        return self._iterate(frames, self.detector_for(frames))

    def detector_for(self, frames: VideoFrames) -> PersonDetector:
        """Give the detector of a video.

        Raises:
            UserError: If the boxes come from a file that has none of this video.
        """
        for_video = getattr(self.detector, 'for_video', None)
        return for_video(frames) if for_video else self.detector

    def _iterate(self, frames: VideoFrames,
                 detector: PersonDetector) -> Iterator[Tuple[np.ndarray, PoseDataSample]]:
        buffer = WindowBuffer(self.window)
        boxes: Dict[int, np.ndarray] = {}
        key, chunk = 0, max(1, self.batch_size // 2)
        pending: List[np.ndarray] = []
        source = iter(frames)
        finished = False
        while not finished:
            frame = next(source, None)
            finished = frame is None
            if frame is not None:
                buffer.append(frame)
                pending.append(frame)
            if pending and (finished or len(pending) == chunk):
                first = buffer.end - len(pending)
                for offset, found in enumerate(detector(pending, first)):
                    boxes[first + offset] = keep_valid(found, frames.size)
                pending = []
                ready = buffer.end if finished else buffer.end - max(self.window.offsets[-1], 0)
                yield from self._poses(buffer, boxes, key, ready)
                key = max(key, ready)
            elif finished:
                yield from self._poses(buffer, boxes, key, buffer.end)

    def _poses(self, buffer: WindowBuffer, boxes: Dict[int, np.ndarray], first: int,
               end: int) -> Iterator[Tuple[np.ndarray, PoseDataSample]]:
        """Poses of the key frames ``first`` to ``end - 1``, batched over people and frames."""
        tasks = [(index, box) for index in range(first, end) for box in boxes[index]]
        found: Dict[int, List[PoseDataSample]] = {index: [] for index in range(first, end)}
        for start in range(0, len(tasks), self.batch_size):
            batch = tasks[start:start + self.batch_size]
            windows = [self._sample(buffer.window(index), index, box) for index, box in batch]
            with torch.no_grad():
                results = self.model.test_step(pseudo_collate(windows))
            for (index, _), result in zip(batch, results):
                found[index].append(result)
        for index in range(first, end):
            yield buffer.window(index)[self.window.key_index], self._merge(found[index])
            boxes.pop(index)
        buffer.forget(end)

    def _sample(self, window: List[np.ndarray], index: int, box: np.ndarray) -> Dict:
        return self.pipeline(dict(
            img=window, img_path=f'{index:06d}.jpg', img_id=index, id=index,
            key_index=self.window.key_index, frame_offsets=self.window.offsets, bbox=box[None, :4].copy(),
            bbox_score=box[4:5].copy(), **self.model.dataset_meta))

    def _merge(self, samples: List[PoseDataSample]) -> PoseDataSample:
        if samples:
            return merge_data_samples(samples)
        joints = self.model.dataset_meta['num_keypoints']
        return PoseDataSample(pred_instances=InstanceData(
            keypoints=np.zeros((0, joints, 2), np.float32), keypoint_scores=np.zeros((0, joints), np.float32),
            bboxes=np.zeros((0, 4), np.float32), bbox_scores=np.zeros(0, np.float32)))

    def _draw(self, frame: np.ndarray, sample: PoseDataSample, kpt_thr: float) -> np.ndarray:
        people = sample.pred_instances
        if len(people) == 0:
            return frame
        return draw_people(
            frame, people.keypoints, people.keypoint_scores, people.bboxes, self.style, kpt_thr)


def _load_pose_model(cfg: Config, config: str, checkpoint: Optional[str], device: str) -> nn.Module:
    """Build the pose model and load its weights, if there are any; ``config`` is its name for messages."""
    model = init_model(cfg, None, device=device)
    if checkpoint is None:
        MMLogger.get_current_instance().warning(
            f'no checkpoint was given for {config}: its weights are random and the poses mean nothing')
        return model
    content = load_checkpoint(model, checkpoint, f'config {config}')
    model.dataset_meta = content.get('meta', {}).get('dataset_meta', model.dataset_meta)
    return model
