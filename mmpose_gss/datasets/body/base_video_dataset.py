"""Windows of video frames around an annotated or detected person.

```
annotation file ─┐                                     ┌► img_paths (T, time order), key_index
                 ├─► one sample per person and frame ──┤
detections ──────┘   (boxes of the key frame)          └► clip_frames, frame_position, frame_offsets
```

Shapes: T frames, K joints.
"""
from __future__ import annotations

import os.path as osp
from collections import Counter
from typing import Callable, Dict, Iterable, List, Optional, Sequence, Tuple, Union

import numpy as np
from mmengine.logging import MMLogger
from mmpose.datasets.datasets.base import BaseCocoStyleDataset

from mmpose_gss.datasets.body.annotations import box_table, joint_table
from mmpose_gss.datasets.body.clip_table import ImagePlace, place_images
from mmpose_gss.errors import UserError
from mmpose_gss.structures.boxes import clip_boxes
from mmpose_gss.structures.clip_frames import ClipFrames, FrameLayout
from mmpose_gss.structures.clip_window import ClipWindow
from mmpose_gss.structures.coco_format import joint_names, joint_order, load_annotations
from mmpose_gss.structures.collector import no_garbage_collection
from mmpose_gss.structures.detections import ImageIndex, load_detections
from mmpose_gss.structures.schema import content_of
from mmpose_gss.structures.skeletons import HEAD_SIZE_FACTOR

# A person's area, if it is not annotated, as a part of the box (MMPose).
AREA_OF_BOX = 0.53


class BaseVideoPoseDataset(BaseCocoStyleDataset):
    """Samples of one person in a window of frames; subclasses name the data set's joints and layouts.

    Args:
        ann_file (str): COCO-style annotation file, or a folder with one file per video (PoseTrack18).
        layout (str): A key of :attr:`LAYOUTS`: how frames are named and numbered.
        frame_name (str, optional): Overrides the layout's pattern of frame names, e.g. ``'%06d.jpg'``.
        first_frame (int, optional): Overrides the layout's number of a clip's first frame.
        frame_offsets (Sequence[int]): Frames of the window relative to the key frame. An odd number of
            strictly increasing integers with 0 among them. Indices are clamped at the clip's ends.
        temporal_jitter (int): In training, every time a sample is drawn, each support frame is moved by up
            to this many frames, staying on its side of the key frame. 0 switches it off.
        frames_from (str): ``'annotation'``: a clip has ``nframes`` frames, numbered without gaps unless the
            file lists all of them; ``'folder'``: a clip is what lies in its folder.
        bbox_file (str, optional): Detected boxes to use instead of annotated ones; needs ``test_mode``. Like
            ``ann_file`` it is relative to ``data_root`` unless it is absolute.
        bbox_score_thr (float): Detections below this score are dropped.
        data_mode (str): ``'topdown'``, the only mode of windows around a person.
        metainfo (dict, optional): As in MMPose.
        data_root (str, optional): As in MMPose.
        data_prefix (dict, optional): ``img``: folder to which file names of images are relative.
        filter_cfg (dict, optional): As in MMPose.
        indices (int | Sequence[int], optional): As in MMPose.
        serialize_data (bool): As in MMPose: workers share the samples' memory.
        pipeline (Sequence): Transforms, beginning with ``mmpose_gss.LoadClip``.
        test_mode (bool): As in MMPose.
        lazy_init (bool): As in MMPose.
        max_refetch (int): As in MMPose.
        sample_interval (int): Use every n-th labelled frame of a clip.
        outside_root (bool): Whether the annotation file may name frames outside the folder of images, by
            absolute paths or ``..``. Defaults to False.

    Raises:
        FileNotFoundError: If the annotation or detection file is missing.
        UserError: If a file is not as it should be; the message names file, field and remedy.
    """

    LAYOUTS: Dict[str, FrameLayout] = {}
    LAYOUT_METAINFO: Dict[str, dict] = {}
    # Joints that the format lists but nobody annotated: always of weight 0.
    UNANNOTATED: Tuple[str, ...] = ()

    def __init__(self,
                 ann_file: str = '',
                 layout: Optional[str] = None,
                 frame_name: Optional[str] = None,
                 first_frame: Optional[int] = None,
                 frame_offsets: Sequence[int] = (-2, -1, 0, 1, 2),
                 temporal_jitter: int = 0,
                 frames_from: str = 'annotation',
                 bbox_file: Optional[str] = None,
                 bbox_score_thr: float = 0.2,
                 data_mode: str = 'topdown',
                 metainfo: Optional[dict] = None,
                 data_root: Optional[str] = None,
                 data_prefix: Optional[dict] = None,
                 filter_cfg: Optional[dict] = None,
                 indices: Optional[Union[int, Sequence[int]]] = None,
                 serialize_data: bool = True,
                 pipeline: Sequence[Union[dict, Callable]] = (),
                 test_mode: bool = False,
                 lazy_init: bool = False,
                 max_refetch: int = 1000,
                 sample_interval: int = 1,
                 outside_root: bool = False) -> None:
        name = type(self).__name__
        if data_mode != 'topdown':
            raise UserError(f'{name} got data_mode="{data_mode}", but windows of a person are "topdown".')
        if frames_from not in ('annotation', 'folder'):
            raise UserError(f'{name} got frames_from="{frames_from}"; choose "annotation" or "folder".')
        layout = layout or next(iter(self.LAYOUTS))
        if layout not in self.LAYOUTS:
            raise UserError(f'{name} knows no layout "{layout}"; choose one of {sorted(self.LAYOUTS)}.')
        base = self.LAYOUTS[layout]
        self.layout = FrameLayout(
            frame_name=base.frame_name if frame_name is None else frame_name,
            first_frame=base.first_frame if first_frame is None else first_frame,
            coordinate_shift=base.coordinate_shift)
        self.window = ClipWindow.from_frame_offsets(frame_offsets)
        self.temporal_jitter = int(temporal_jitter)
        self.frames_from = frames_from
        self.outside_root = outside_root
        self.bbox_score_thr = bbox_score_thr
        self.clips: List[ClipFrames] = []
        super().__init__(
            ann_file=ann_file,
            bbox_file=bbox_file,
            data_mode=data_mode,
            metainfo=metainfo or self.LAYOUT_METAINFO.get(layout),
            data_root=data_root,
            data_prefix=dict(img='') if data_prefix is None else data_prefix,
            filter_cfg=filter_cfg,
            indices=indices,
            serialize_data=serialize_data,
            pipeline=pipeline,
            test_mode=test_mode,
            lazy_init=lazy_init,
            max_refetch=max_refetch,
            sample_interval=sample_interval)

    def _join_prefix(self) -> None:
        super()._join_prefix()
        if self.bbox_file and self.data_root and not osp.isabs(self.bbox_file):
            self.bbox_file = osp.join(self.data_root, self.bbox_file)

    # ---------------------------------------------------------------- samples

    def get_data_info(self, idx: int) -> dict:
        """Give a fresh copy of a sample, with the paths of its window.

        Args:
            idx (int): Index of the sample.

        Returns:
            dict: The sample; ``img_paths`` lists T paths in time order, ``key_index`` says which is the key
            frame (``img_path``).
        """
        info = super().get_data_info(idx)
        clip = self.clips[info['clip_index']]
        self._expand(info, clip)
        window = self.window
        if self.temporal_jitter and not self.test_mode:
            window = window.jittered(self.temporal_jitter)
        info['clip_frames'] = clip
        info['frame_offsets'] = window.offsets
        info['key_index'] = window.key_index
        info['img_paths'] = clip.window(info['frame_position'], window)
        return info

    # ---------------------------------------------------------------- loading

    def full_init(self) -> None:
        """Load and serialise the samples, once."""
        with no_garbage_collection():
            super().full_init()

    def load_data_list(self) -> List[dict]:
        """Load all samples.

        Returns:
            list[dict]: One dict per person and labelled frame.
        """
        content = load_annotations(self.ann_file)
        with content_of(self.ann_file, 'a COCO-style annotation file of this data set'):
            return self._samples(content)

    def _samples(self, content: dict) -> List[dict]:
        """Make the samples of the content of the annotation file."""
        self._set_categories(content)
        self._left_out: Counter = Counter()
        self.clips, places = place_images(
            content['images'], self.ann_file, self.data_prefix['img'], self.layout, self.frames_from,
            self.outside_root)
        if self.sample_interval > 1:
            places = {
                key: place for key, place in places.items() if place.position % self.sample_interval == 0}
        if self.bbox_file:
            data_list = self._load_detected(content['images'], places)
        else:
            data_list = self._load_annotated(content, places)
        self._log_left_out(len(data_list))
        if not data_list and not self.test_mode:
            raise UserError(
                f'"{self.ann_file}" has no person to train on (left out: {dict(self._left_out)}); check that '
                'it is the annotation of this data set.')
        return data_list

    def _serialize_data(self) -> Tuple[np.ndarray, np.ndarray]:
        # MMEngine's cannot serialise nothing, which is what there is to test in a video without people.
        if not self.data_list:
            return np.zeros(0, dtype=np.uint8), np.zeros(0, dtype=np.int64)
        return super()._serialize_data()

    def _set_categories(self, content: dict) -> None:
        categories = content.get('categories')
        if categories:
            self._metainfo['CLASSES'] = categories
        self._joint_order, self._num_file_joints = joint_order(
            joint_names(categories), self._metainfo['keypoint_name2id'], self.UNANNOTATED, self.ann_file)
        for name in self.UNANNOTATED:
            self._joint_order[self._metainfo['keypoint_name2id'][name]] = -1

    def _load_annotated(self, content: dict, places: Dict[int, ImagePlace]) -> List[dict]:
        known = {image['id'] for image in content['images']}
        annotations = []
        for ann in content['annotations']:
            if ann.get('image_id') not in known:
                raise UserError(
                    f'"{self.ann_file}": annotation {ann.get("id")} has image_id {ann.get("image_id")}, but '
                    '"images" lists no such image.')
            if ann.get('iscrowd'):
                self._leave_out('crowd annotations')
            elif 'keypoints' not in ann:
                self._leave_out('persons without joints')
            elif ann['image_id'] in places:
                annotations.append(ann)
        # Persons of a frame, and frames of a clip, side by side: their windows share decoded frames.
        annotations.sort(key=lambda ann: places[ann['image_id']].order)
        joints, visible = joint_table(annotations, self._joint_order, self._num_file_joints, self.ann_file)
        some = visible.any(axis=1)
        boxes = box_table(annotations, joints, visible, self.ann_file)
        boxes[:, :2] += self.layout.coordinate_shift
        corners, inside = clip_boxes(boxes, _sizes(places[ann['image_id']] for ann in annotations))
        data_list = []
        for i, ann in enumerate(annotations):
            if not some[i]:
                self._leave_out('persons without joints')
            elif np.isnan(boxes[i, 0]):
                self._leave_out('persons whose joints span no box')
            elif not inside[i]:
                self._leave_out('boxes outside their image')
            else:
                data_list.append(self._sample(
                    places[ann['image_id']], ann['id'], corners[i], 1.0, 'annotated', raw_ann_info=ann))
        return data_list

    def _load_detected(self, images: List[dict], places: Dict[int, ImagePlace]) -> List[dict]:
        detections = load_detections(self.bbox_file)
        for note in detections.notes:
            MMLogger.get_current_instance().warning(note)
        index = ImageIndex([image['file_name'] for image in images], [image['id'] for image in images])
        # Frames without labels are not evaluated; a file without any label (a test set) is used whole.
        any_label = any(image.get('is_labeled') for image in images)
        found: List[Tuple[ImagePlace, int]] = []
        matched = index.match(detections)
        for i, image in enumerate(matched.tolist()):
            if image < 0:
                self._leave_out('detections in frames that the annotations do not list')
            elif detections.scores[i] < self.bbox_score_thr:
                self._leave_out(f'detections with a score under {self.bbox_score_thr}')
            elif any_label and not images[image].get('is_labeled', True):
                self._leave_out('detections in frames that are not labelled')
            elif images[image]['id'] in places:
                found.append((places[images[image]['id']], i))
        if len(detections) and (matched < 0).all():
            raise UserError(
                f'None of the {len(detections)} detections of "{self.bbox_file}" is in a frame of '
                f'"{self.ann_file}"; use the detections of the same data set and split.')
        found.sort(key=lambda item: item[0].order)
        boxes = detections.boxes[[i for _, i in found]]
        corners, inside = clip_boxes(boxes, _sizes(place for place, _ in found))
        data_list: List[dict] = []
        for (place, i), box, kept in zip(found, corners, inside):
            if kept:
                data_list.append(self._sample(
                    place, len(data_list), box, float(detections.scores[i]), 'detected',
                    track_id=int(detections.tracks[i])))
            else:
                self._leave_out('detected boxes that are empty or outside their image')
        return data_list

    @staticmethod
    def _sample(place: ImagePlace, identity: int, corners: np.ndarray, score: float, box_source: str,
                **fields) -> dict:
        """Make a sample of plain values, quick to serialise; `_expand` makes arrays of them."""
        image = place.image
        sample = dict(
            id=identity, img_id=image['id'], frame_id=image.get('frame_id', image['id']),
            vid_id=image.get('vid_id', osp.basename(osp.dirname(image['file_name']))),
            clip_index=place.clip_index, frame_position=place.position, bbox=corners.tolist(),
            bbox_score=score, box_source=box_source, **fields)
        if place.size is not None:
            sample['ori_shape'] = place.size[::-1]
        return sample

    def _expand(self, info: dict, clip: ClipFrames) -> None:
        """Complete a sample as MMPose's transforms and metrics know it."""
        info['img_path'] = clip.path(info['frame_position'])
        x1, y1, x2, y2 = info['bbox']
        info['bbox'] = np.array([[x1, y1, x2, y2]], dtype=np.float32)
        info['bbox_score'] = np.array([info['bbox_score']], dtype=np.float32)
        ann = info.get('raw_ann_info')
        if ann is None:
            num_joints = self._metainfo['num_keypoints']
            info['keypoints'] = np.zeros((1, num_joints, 2), dtype=np.float32)
            info['keypoints_visible'] = np.zeros((1, num_joints), dtype=np.float32)
            info['category_id'] = np.array(1)
            return
        joints, visible = joint_table([ann], self._joint_order, self._num_file_joints, self.ann_file)
        info['keypoints'] = joints + np.float32(self.layout.coordinate_shift)
        info['keypoints_visible'] = visible
        info['num_keypoints'] = int(np.count_nonzero(visible))
        area = max((x2 - x1) * (y2 - y1) * AREA_OF_BOX, 1.0)
        info['area'] = np.array(ann.get('area', area), dtype=np.float32)
        info['iscrowd'] = 0
        info['category_id'] = np.array(ann.get('category_id', 1))
        info['track_id'] = ann.get('track_id', -1)
        if 'person_id' in ann:
            info['person_id'] = ann['person_id']
        if ann.get('bbox_head'):
            info['bbox_head'] = np.array(ann['bbox_head'], dtype=np.float32)
            info['head_size'] = HEAD_SIZE_FACTOR * np.hypot(*info['bbox_head'][2:]).reshape(1)

    def _leave_out(self, reason: str) -> None:
        self._left_out[reason] += 1

    def _log_left_out(self, kept: int) -> None:
        source = self.bbox_file or self.ann_file
        logger = MMLogger.get_current_instance()
        for reason, number in self._left_out.items():
            logger.warning(f'"{source}": left out {number} {reason}; {kept} samples remain.')


def _sizes(places: Iterable[ImagePlace]) -> np.ndarray:
    """Give width and height of images, infinite if unknown, ``(N, 2)``."""
    unknown = (np.inf, np.inf)
    return np.array([place.size or unknown for place in places], dtype=np.float64).reshape(-1, 2)
