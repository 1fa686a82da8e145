"""What a model predicts for single samples, put together into the people of every video.

Shapes: N people of a sample (1 for top-down models), P people of a video, K joints of the model.
"""
from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from mmpose_gss.errors import UserError
from mmpose_gss.evaluation.posetrack.ground_truth import GroundTruth
from mmpose_gss.structures.people_table import PeopleTable, PeopleVideo

SCORE_MODES = ('bbox_keypoint', 'keypoint', 'bbox')


@dataclass
class SamplePrediction:
    """What the figures need of a data sample.

    Attributes:
        id: its id, None if it has none.
        img_id: id of its image.
        img_path: path of its image (of the key frame), if known.
        keypoints: pixels, ``(N, K, 2)`` float64.
        keypoint_scores: maxima of the heatmaps, ``(N, K)`` float64.
        box_scores: ``(N,)`` float64.
        track_ids: N ids, None for a person without one.
        box_source: ``'annotated'``, ``'detected'`` or ``'unknown'``.
        areas: areas of the boxes in pixels, ``(N,)``; needed for suppression only.
        raw_ann_info: the annotation, where the ground truth is to be taken from it.
    """
    id: Any
    img_id: Any
    img_path: Optional[str]
    keypoints: np.ndarray
    keypoint_scores: np.ndarray
    box_scores: np.ndarray
    track_ids: List[Optional[int]]
    box_source: str = 'unknown'
    areas: Optional[np.ndarray] = None
    raw_ann_info: Any = None

    @classmethod
    def of_data_sample(cls, sample: dict, with_areas: bool, with_annotation: bool) -> 'SamplePrediction':
        """Take the parts of a data sample.

        Args:
            sample (dict): With ``pred_instances`` and ``img_id``; see ``PoseTrackMetric.process``.
            with_areas (bool): Whether to measure the boxes.
            with_annotation (bool): Whether to keep ``raw_ann_info``.

        Raises:
            UserError: If a needed field is missing or the number of track ids is wrong.
        """
        for name in ('pred_instances', 'img_id'):
            if name not in sample:
                raise UserError(f'PoseTrackMetric got a data sample without "{name}"; add it to meta_keys of '
                                'the packing transform.')
        pred = sample['pred_instances']
        keypoints = _array(pred['keypoints'])
        img_id = sample['img_id']
        return cls(
            id=sample.get('id'), img_id=img_id.item() if hasattr(img_id, 'item') else img_id,
            img_path=_key_path(sample), keypoints=keypoints, keypoint_scores=_array(pred['keypoint_scores']),
            box_scores=_box_scores(sample, len(keypoints)), track_ids=_track_ids(sample, len(keypoints)),
            box_source=sample.get('box_source', 'unknown'),
            areas=_areas(sample, keypoints) if with_areas else None,
            raw_ann_info=sample.get('raw_ann_info') if with_annotation else None)

    def joint_scores(self, person: int, mode: str) -> np.ndarray:
        """Score the joints of a person, ``(K,)``, by heatmap, box or both (:data:`SCORE_MODES`)."""
        heat, box = self.keypoint_scores[person], self.box_scores[person]
        if mode == 'bbox_keypoint':
            return heat * box
        return heat if mode == 'keypoint' else np.full_like(heat, box)


@dataclass(frozen=True)
class Selection:
    """Which predictions count, and how.

    Attributes:
        score_mode: one of :data:`SCORE_MODES`.
        bbox_score_thr: boxes with a lower score are dropped.
        keypoint_score_thr: joints with a lower heatmap maximum are left out.
        nms_thr: people with a larger OKS than this to a better one are dropped; None keeps all.
        sigmas: of the OKS, ``(K,)``.
    """
    score_mode: str = 'bbox_keypoint'
    bbox_score_thr: float = 0.2
    keypoint_score_thr: float = 0.0
    nms_thr: Optional[float] = None
    sigmas: Optional[np.ndarray] = None


# A person of a sample.
_Person = Tuple[SamplePrediction, int]


def predicted_videos(samples: Sequence[SamplePrediction], truth: GroundTruth, joints: Sequence[str],
                     selection: Selection) -> Dict[str, PeopleVideo]:
    """Put the predictions together by video.

    Args:
        samples (Sequence[SamplePrediction]): All samples; those that a sampler repeated count once.
        truth (GroundTruth): Tells the video and frame of each image.
        joints (Sequence[str]): Names of the model's K joints.
        selection (Selection): Which predictions count.

    Returns:
        dict[str, PeopleVideo]: Name of each video of the ground truth → the people found in it, with all K
        joints, in the frames of the ground truth.

    Raises:
        UserError: If an image is not in the ground truth.
    """
    people: Dict[Tuple[str, int], List[_Person]] = defaultdict(list)
    seen = set()
    for sample in samples:
        key = (sample.img_id, str(sample.id))
        if sample.id is not None and key in seen:                     # samplers pad with samples they repeat
            continue
        seen.add(key)
        good = np.flatnonzero(~(sample.box_scores < selection.bbox_score_thr)).tolist()
        people[truth.find(sample.img_id, sample.img_path)].extend((sample, i) for i in good)
    videos = {}
    for name, gt in truth.videos.items():
        rows = []
        for frame in range(gt.num_frames):
            kept = _suppressed(people.get((name, frame), []), selection)
            rows += [(frame, sample, i) for sample, i in sorted(kept, key=_order)]
        videos[name] = PeopleVideo(
            name=name, source=f'predictions of {name}', keys=list(gt.keys), file_names=list(gt.file_names),
            regions=[None] * gt.num_frames, people=_table(rows, joints, selection),
            first_number=gt.first_number, identified=gt.identified)
    return videos


def _table(rows: List[Tuple[int, SamplePrediction, int]], joints: Sequence[str],
           selection: Selection) -> PeopleTable:
    table = PeopleTable.blank(joints, len(rows))
    for row, (frame, sample, i) in enumerate(rows):
        table.frame[row] = frame
        table.valid[row] = ~(sample.keypoint_scores[i] < selection.keypoint_score_thr)
        table.xy[row] = np.where(table.valid[row][:, None], sample.keypoints[i], 0)
        table.score[row] = sample.joint_scores(i, selection.score_mode)
        table.person_score[row] = sample.box_scores[i]
        if sample.track_ids[i] is not None:
            table.track[row], table.tracked[row] = sample.track_ids[i], True
    return table


def _order(person: _Person) -> tuple:
    """Sort the people of a frame by sample, whatever the order in which processes gave them."""
    sample, i = person
    return str(type(sample.id)), sample.id if sample.id is not None else 0, i


def _suppressed(people: List[_Person], selection: Selection) -> List[_Person]:
    """Drop the worse ones of people who are nearly the same, with MMPose's ``oks_nms``."""
    if selection.nms_thr is None or len(people) < 2:
        return people
    from mmpose.evaluation.functional import oks_nms
    entries = []
    for sample, i in people:
        triples = np.concatenate([sample.keypoints[i], np.ones((len(sample.keypoints[i]), 1))], axis=1)
        triples[sample.keypoint_scores[i] < selection.keypoint_score_thr] = 0
        entries.append({'keypoints': triples, 'area': sample.areas[i],
                        'score': float(np.mean(sample.joint_scores(i, selection.score_mode)))})
    return [people[i] for i in oks_nms(entries, selection.nms_thr, sigmas=selection.sigmas)]


# ---------------------------------------------------------------- fields of data samples

def _array(value: Any) -> np.ndarray:
    """Give a tensor or array as float64."""
    return np.asarray(value.detach().cpu() if hasattr(value, 'detach') else value, dtype=np.float64)


def _key_path(sample: dict) -> Optional[str]:
    path = sample.get('img_path')
    return path[sample.get('key_index', len(path) // 2)] if isinstance(path, (list, tuple)) else path


def _box_scores(sample: dict, count: int) -> np.ndarray:
    for instances in (sample['pred_instances'], sample.get('gt_instances') or {}):
        if 'bbox_scores' in instances and len(instances['bbox_scores']) == count:
            return _array(instances['bbox_scores']).reshape(-1)
    return np.ones(count)


def _track_ids(sample: dict, count: int) -> List[Optional[int]]:
    """Take track ids of the prediction, or else of the sample's box; negative ones mean none."""
    pred = sample['pred_instances']
    given = next((pred[name] for name in ('track_ids', 'track_id') if name in pred), sample.get('track_id'))
    ids = [None] * count if given is None else np.asarray(
        given.cpu() if hasattr(given, 'cpu') else given).reshape(-1).tolist()
    if len(ids) != count:
        raise UserError(f'PoseTrackMetric got {len(ids)} track ids for {count} people of a sample; give one '
                        'each.')
    return [None if track is None or track < 0 else int(track) for track in ids]


def _areas(sample: dict, keypoints: np.ndarray) -> np.ndarray:
    boxes = (sample.get('gt_instances') or {}).get('bboxes')
    if boxes is not None and len(boxes) == len(keypoints):
        boxes = _array(boxes)
        return np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return np.prod(keypoints.max(axis=1) - keypoints.min(axis=1), axis=1)
