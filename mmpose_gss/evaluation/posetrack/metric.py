"""PoseTrack's AP and MOTA for the Runner.

Shape legend: N people of a sample (1 for top-down models), K joints of the model.
"""
import json
import os
import warnings
from collections import Counter, defaultdict
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger

from mmpose_gss.evaluation.posetrack.files import parse_video
from mmpose_gss.evaluation.posetrack.frames import evaluated_frames
from mmpose_gss.evaluation.posetrack.ground_truth import (
    GroundTruth,
    from_directory,
    from_samples,
    from_split_file,
)
from mmpose_gss.evaluation.posetrack.report import format_table, posetrack_figures
from mmpose_gss.evaluation.posetrack.tables import PoseTrackVideo, empty_video, pair_frames
from mmpose_gss.registry import METRICS
from mmpose_gss.structures.skeletons import POSETRACK

BOX_SOURCES = ('annotated', 'detected', 'unknown')


@METRICS.register_module()
class PoseTrackMetric(BaseMetric):
    """PoseTrack AP per joint group, precision, recall and, with track ids, MOTA, MOTP and id switches.

    The figures are those of the public evaluator (github.com/leonid-pishchulin/poseval), computed without
    it; see ``mmpose_gss.evaluation.posetrack``. Annotated frames in which nothing was predicted count as
    frames in which nobody was found.

    Args:
        ann_file (str, optional): COCO-style annotation file of the split, or a folder with one file per
            video.
        gt_dir (str, optional): Folder with one JSON file per video, PoseTrack17 or PoseTrack18/21, as the
            public evaluator reads them. Without ``ann_file`` and ``gt_dir`` the ground truth is taken from
            the samples' ``raw_ann_info``, which is whole only for annotated boxes.
        metrics (Sequence[str]): ``'AP'``, ``'MOTA'`` or both. Defaults to ``('AP', )``.
        poseval_compat (bool): Reproduce the public evaluator's quirks, to be comparable. Defaults to True.
        score_mode (str): Score of a joint: ``'bbox_keypoint'`` heatmap maximum times box score (DCPose,
            Poseidon, TAR-ViTPose), ``'keypoint'`` or ``'bbox'``. Defaults to ``'bbox_keypoint'``.
        bbox_score_thr (float): Boxes with a score under it are dropped. Defaults to 0.2.
        keypoint_score_thr (float): Joints with a heatmap maximum under it are left out; MOTA needs one,
            as every joint counts. Defaults to 0.0, none.
        nms_mode (str): ``'none'``, or ``'oks_nms'`` with MMPose's. Defaults to ``'none'``.
        nms_thr (float): People with a larger OKS than this to a better one are dropped. Defaults to 0.9.
        box_source (str, optional): ``'annotated'`` or ``'detected'``, for the report; default what the
            samples' ``box_source`` says. Published figures of the two differ by 7 to 10 AP.
        format_only (bool): Only write the predictions. Defaults to False.
        outfile_prefix (str, optional): Folder for one prediction file per video, in PoseTrack18 format, as
            the evaluation server and ``tools/eval_posetrack.py`` read them.
        collect_device (str): As in MMEngine. Defaults to ``'cpu'``.
        prefix (str, optional): Prefix of the names. Defaults to ``'posetrack'``.

    Raises:
        ValueError: an argument or the ground truth is unusable.
    """
    default_prefix: Optional[str] = 'posetrack'

    def __init__(self,
                 ann_file: Optional[str] = None,
                 gt_dir: Optional[str] = None,
                 metrics: Sequence[str] = ('AP', ),
                 poseval_compat: bool = True,
                 score_mode: str = 'bbox_keypoint',
                 bbox_score_thr: float = 0.2,
                 keypoint_score_thr: float = 0.0,
                 nms_mode: str = 'none',
                 nms_thr: float = 0.9,
                 box_source: Optional[str] = None,
                 format_only: bool = False,
                 outfile_prefix: Optional[str] = None,
                 collect_device: str = 'cpu',
                 prefix: Optional[str] = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        metrics = (metrics, ) if isinstance(metrics, str) else tuple(metrics)
        if not metrics or set(metrics) - {'AP', 'MOTA'}:
            raise ValueError(f'PoseTrackMetric got metrics={metrics}; name "AP", "MOTA" or both.')
        if score_mode not in ('bbox_keypoint', 'keypoint', 'bbox'):
            raise ValueError(f'PoseTrackMetric got score_mode="{score_mode}"; choose "bbox_keypoint", '
                             '"keypoint" or "bbox".')
        if nms_mode not in ('none', 'oks_nms'):
            raise ValueError(f'PoseTrackMetric got nms_mode="{nms_mode}"; choose "none" or "oks_nms".')
        if box_source not in (None, ) + BOX_SOURCES:
            raise ValueError(f'PoseTrackMetric got box_source="{box_source}"; choose "annotated" or '
                             '"detected".')
        if ann_file and gt_dir:
            raise ValueError('PoseTrackMetric got both ann_file and gt_dir; give one of them.')
        if format_only and not outfile_prefix:
            raise ValueError('PoseTrackMetric got format_only=True without outfile_prefix; give the folder '
                             'to write the files into.')
        self.ann_file, self.gt_dir = ann_file, gt_dir
        self.metrics, self.poseval_compat = metrics, poseval_compat
        self.score_mode, self.bbox_score_thr = score_mode, bbox_score_thr
        self.keypoint_score_thr = keypoint_score_thr
        self.nms_mode, self.nms_thr = nms_mode, nms_thr
        self.box_source = box_source
        self.format_only, self.outfile_prefix = format_only, outfile_prefix
        self._ground_truth: Optional[GroundTruth] = None
        if ann_file:                                    # here, so that a bad file shows before training
            self._ground_truth = from_split_file(ann_file, frames_only=format_only)
        elif gt_dir:
            self._ground_truth = from_directory(gt_dir)

    def process(self, data_batch: Sequence[dict], data_samples: Sequence[dict]) -> None:
        """Keep what the figures need of a batch.

        Args:
            data_batch (Sequence[dict]): Not used.
            data_samples (Sequence[dict]): Data samples as dicts with ``pred_instances.keypoints`` (N, K, 2)
                in pixels of the image, ``keypoint_scores`` (N, K), ``bbox_scores`` (N,) there or in
                ``gt_instances``, ``img_id``, ``img_path`` and, where known, ``id``, ``track_id``,
                ``box_source``.
        """
        for sample in data_samples:
            for field in ('pred_instances', 'img_id'):
                if field not in sample:
                    raise ValueError(f'PoseTrackMetric got a data sample without "{field}"; add it to '
                                     'meta_keys of the packing transform.')
            pred = sample['pred_instances']
            keypoints = _array(pred['keypoints'])
            result = {
                'id': sample.get('id'),
                'img_id': _plain(sample['img_id']),
                'img_path': _key_path(sample),
                'keypoints': keypoints,
                'keypoint_scores': _array(pred['keypoint_scores']),
                'bbox_scores': _box_scores(sample, len(keypoints)),
                'track_ids': _track_ids(sample, len(keypoints)),
                'box_source': sample.get('box_source', 'unknown'),
            }
            if self._ground_truth is None:
                result['raw_ann_info'] = sample.get('raw_ann_info')
            if self.nms_mode != 'none':
                result['areas'] = _areas(sample, keypoints)
            self.results.append(result)

    def compute_metrics(self, results: List[dict]) -> Dict[str, float]:
        """Figures of all samples.

        Args:
            results (list): What ``process`` kept, of all processes.

        Returns:
            dict: ``AP`` (mean of the joints) and ``AP_Head``, ``AP_Shou``, ``AP_Elb``, ``AP_Wri``,
            ``AP_Hip``, ``AP_Knee``, ``AP_Ankl``, ``precision``, ``recall``; with ``'MOTA'`` also ``MOTA``
            and its groups, ``MOTP``, ``switches`` and, where the quirks are reproduced, ``MOTA_corrected``
            and ``MOTP_corrected``; with track ids ``jitter``. Percent, but switches and jitter. A figure that
            cannot be computed is NaN.
        """
        logger = MMLogger.get_current_instance()
        source = self._box_source(results)
        names = self._joint_names(results)
        truth = self._ground_truth or from_samples(results, names, frames_only=self.format_only)
        predictions = self._predictions(results, truth, names)
        if self.outfile_prefix:
            self._write(predictions)
            logger.info(f'PoseTrack: wrote {len(predictions)} prediction files to {self.outfile_prefix}')
        if self.format_only:
            return {}

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter('always')
            videos = []
            for name, gt in truth.videos.items():
                if name in predictions:
                    pred = pair_frames(gt, self._parse(predictions[name], name), fill_missing=True)
                else:
                    pred = empty_video(name, f'predictions of {name}', gt)
                videos.append((gt, pred))
            frames = evaluated_frames(videos)
            figures = posetrack_figures(frames, self.metrics, self.poseval_compat)
        for message in dict.fromkeys(str(warning.message) for warning in caught):
            logger.warning(message)
        logger.info(f'PoseTrack figures with {source} boxes, {figures["frames"]} annotated frames of '
                    f'{figures["videos"]} videos:\n{format_table(figures)}')
        return _flat(figures)

    def _parse(self, content: dict, name: str) -> PoseTrackVideo:
        if 'MOTA' not in self.metrics:                  # track ids that nobody asked about cannot be wrong
            people = [{key: value for key, value in person.items() if key != 'track_id'}
                      for person in content['annotations']]
            content = {**content, 'annotations': people}
        return parse_video(content, name, f'predictions of {name}', ground_truth=False)

    def _box_source(self, results: Sequence[dict]) -> str:
        found = Counter(result['box_source'] for result in results)
        source = self.box_source or ' and '.join(sorted(found)) or 'unknown'
        if self.box_source and set(found) - {self.box_source, 'unknown'}:
            raise ValueError(f'PoseTrackMetric was told box_source="{self.box_source}", but the samples have '
                             f'{dict(found)}; leave the argument out.')
        if source == 'annotated' and 'MOTA' in self.metrics:
            MMLogger.get_current_instance().warning(
                'PoseTrack: boxes, and with them track ids unless the model gives its own, come from the '
                'annotation, so MOTA says nothing about tracking.')
        return source

    def _joint_names(self, results: Sequence[dict]) -> List[str]:
        names = (self.dataset_meta or {}).get('keypoint_id2name')
        names = [names[i] for i in range(len(names))] if names else list(POSETRACK.names)
        for result in results:
            if result['keypoints'].shape[1:] != (len(names), 2):
                raise ValueError(f'PoseTrackMetric got keypoints of shape {result["keypoints"].shape}, but '
                                 f'the data set has {len(names)} joints; use the model of this data set.')
        return names

    def _predictions(self, results: Sequence[dict], truth: GroundTruth, names: List[str]) -> Dict[str, dict]:
        """Predictions of each video in PoseTrack18 format, every frame of the video listed."""
        people: Dict[Tuple[str, int], list] = defaultdict(list)
        seen = set()
        for result in results:
            key = (result['img_id'], str(result['id']))
            if result['id'] is not None and key in seen:              # samplers pad with samples they repeat
                continue
            seen.add(key)
            people[truth.find(result['img_id'], result['img_path'])].extend(self._people(result))
        contents = {}
        for name, video in truth.videos.items():
            known = truth.images.get(name)
            images = [{'id': key, 'file_name': known[i]['file_name'] if known and 'file_name' in known[i]
                       else f'images/{video.folder or name}/{video.file_name(i)}'}
                      for i, key in enumerate(video.keys)]
            annotations = []
            for frame, image in enumerate(images):
                for person in sorted(self._suppress(people.get((name, frame), [])), key=lambda p: p['order']):
                    entry = {'image_id': image['id'], 'category_id': 1, 'keypoints': person['keypoints'],
                             'scores': person['scores'], 'score': person['score']}
                    if person['track_id'] is not None:
                        entry['track_id'] = person['track_id']
                    annotations.append(entry)
            contents[name] = {'images': images, 'annotations': annotations,
                              'categories': [{'id': 1, 'name': 'person', 'supercategory': 'person',
                                              'keypoints': names}]}
        return contents

    def _people(self, result: dict) -> List[dict]:
        """People of a sample whose box is good enough, as entries of a file."""
        people = []
        for i, (keypoints, heat, box_score, track_id) in enumerate(zip(
                result['keypoints'], result['keypoint_scores'], result['bbox_scores'], result['track_ids'])):
            if box_score < self.bbox_score_thr:
                continue
            score = {'bbox_keypoint': heat * box_score, 'keypoint': heat,
                     'bbox': np.full_like(heat, box_score)}[self.score_mode]
            triples = np.concatenate([keypoints, np.ones((len(keypoints), 1))], axis=1)
            triples[heat < self.keypoint_score_thr] = 0
            people.append({
                'order': (str(type(result['id'])), result['id'] if result['id'] is not None else 0, i),
                'keypoints': triples.reshape(-1).tolist(), 'scores': score.tolist(),
                'score': float(box_score),
                'track_id': track_id, 'area': result['areas'][i] if 'areas' in result else None})
        return people

    def _suppress(self, people: List[dict]) -> List[dict]:
        if self.nms_mode == 'none' or len(people) < 2:
            return people
        from mmpose.evaluation.functional import oks_nms
        table = []
        for person in people:
            keypoints = np.array(person['keypoints']).reshape(-1, 3)
            table.append({'keypoints': keypoints, 'score': float(np.mean(person['scores'])),
                          'area': person['area']})
        sigmas = (self.dataset_meta or {}).get('sigmas')
        return [people[i] for i in oks_nms(table, self.nms_thr, sigmas=sigmas)]

    def _write(self, predictions: Dict[str, dict]) -> None:
        os.makedirs(self.outfile_prefix, exist_ok=True)
        for name, content in predictions.items():
            with open(os.path.join(self.outfile_prefix, f'{name}.json'), 'w', encoding='utf-8') as file:
                json.dump(content, file)


def _flat(figures: dict) -> Dict[str, float]:
    flat = {}
    for name in ('AP', 'MOTA'):
        if name in figures:
            groups = figures[name] or dict.fromkeys(
                ('mean', 'Head', 'Shou', 'Elb', 'Wri', 'Hip', 'Knee', 'Ankl'), float('nan'))
            flat[name] = groups['mean']
            flat.update({f'{name}_{group}': value for group, value in groups.items() if group != 'mean'})
    for name in ('precision', 'recall', 'MOTP', 'jitter'):
        if name in figures:
            flat[name] = figures[name]['mean'] if figures[name] else float('nan')
    if 'switches' in figures:
        flat['switches'] = float('nan') if figures['switches'] is None else float(figures['switches'])
    for name in ('MOTA', 'MOTP'):
        if 'corrected' in figures:
            groups = figures['corrected'][name]
            flat[f'{name}_corrected'] = groups['mean'] if groups else float('nan')
    return flat


def _array(value) -> np.ndarray:
    return np.asarray(value.detach().cpu() if hasattr(value, 'detach') else value, dtype=np.float64)


def _plain(value):
    return value.item() if hasattr(value, 'item') else value


def _key_path(sample: dict) -> Optional[str]:
    path = sample.get('img_path')
    return path[sample.get('key_index', len(path) // 2)] if isinstance(path, (list, tuple)) else path


def _box_scores(sample: dict, count: int) -> np.ndarray:
    for instances in (sample['pred_instances'], sample.get('gt_instances') or {}):
        if 'bbox_scores' in instances and len(instances['bbox_scores']) == count:
            return _array(instances['bbox_scores']).reshape(-1)
    return np.ones(count)


def _track_ids(sample: dict, count: int) -> List[Optional[int]]:
    """Track ids of the prediction, or else of the sample's box; negative ones mean none."""
    pred = sample['pred_instances']
    given = next((pred[name] for name in ('track_ids', 'track_id') if name in pred), sample.get('track_id'))
    ids = [None] * count if given is None else np.asarray(
        given.cpu() if hasattr(given, 'cpu') else given).reshape(-1).tolist()
    if len(ids) != count:
        raise ValueError(f'PoseTrackMetric got {len(ids)} track ids for {count} people of a sample; give one '
                         'each.')
    return [None if track is None or track < 0 else int(track) for track in ids]


def _areas(sample: dict, keypoints: np.ndarray) -> np.ndarray:
    boxes = (sample.get('gt_instances') or {}).get('bboxes')
    if boxes is not None and len(boxes) == len(keypoints):
        boxes = _array(boxes)
        return np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return np.prod(keypoints.max(axis=1) - keypoints.min(axis=1), axis=1)
