"""PoseTrack's AP and MOTA for the Runner.

Shapes: N people of a sample (1 for top-down models), K joints of the model.
"""
from __future__ import annotations

import os
from collections import Counter
from typing import Dict, List, Optional, Sequence

from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger

from mmpose_gss.errors import UserError
from mmpose_gss.evaluation.posetrack.frames import evaluated_frames
from mmpose_gss.evaluation.posetrack.ground_truth import (
    GroundTruth,
    from_directory,
    from_samples,
    from_split_file,
)
from mmpose_gss.evaluation.posetrack.predictions import (
    SCORE_MODES,
    SamplePrediction,
    Selection,
    predicted_videos,
)
from mmpose_gss.evaluation.posetrack.report import flat_figures, format_table, posetrack_figures
from mmpose_gss.registry import METRICS
from mmpose_gss.structures.json_file import write_json
from mmpose_gss.structures.people_table import PeopleVideo
from mmpose_gss.structures.posetrack_format import video_content
from mmpose_gss.structures.safe_names import safe_name
from mmpose_gss.structures.skeletons import POSETRACK, POSETRACK17_JOINTS

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
        UserError: If an argument or the ground truth is unusable.
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
        self.metrics = (metrics, ) if isinstance(metrics, str) else tuple(metrics)
        self.poseval_compat = poseval_compat
        self.score_mode, self.bbox_score_thr = score_mode, bbox_score_thr
        self.keypoint_score_thr = keypoint_score_thr
        self.nms_mode, self.nms_thr = nms_mode, nms_thr
        self.box_source = box_source
        self.format_only, self.outfile_prefix = format_only, outfile_prefix
        self._check_arguments()
        if ann_file and gt_dir:
            raise UserError('PoseTrackMetric got both ann_file and gt_dir; give one of them.')
        self._ground_truth: Optional[GroundTruth] = None
        if ann_file:                                    # here, so that a bad file shows before training
            self._ground_truth = from_split_file(ann_file, frames_only=format_only)
        elif gt_dir:
            self._ground_truth = from_directory(gt_dir)

    def _check_arguments(self) -> None:
        if not self.metrics or set(self.metrics) - {'AP', 'MOTA'}:
            raise UserError(f'PoseTrackMetric got metrics={self.metrics}; name "AP", "MOTA" or both.')
        for name, allowed in (('score_mode', SCORE_MODES), ('nms_mode', ('none', 'oks_nms')),
                              ('box_source', (None, *BOX_SOURCES))):
            if getattr(self, name) not in allowed:
                choices = ' or '.join(f'"{choice}"' for choice in allowed if choice)
                raise UserError(f'PoseTrackMetric got {name}="{getattr(self, name)}"; choose {choices}.')
        if self.format_only and not self.outfile_prefix:
            raise UserError('PoseTrackMetric got format_only=True without outfile_prefix; give the folder to '
                            'write the files into.')

    def process(self, data_batch: Sequence[dict], data_samples: Sequence[dict]) -> None:
        """Keep what the figures need of a batch.

        Args:
            data_batch (Sequence[dict]): Not used.
            data_samples (Sequence[dict]): Data samples as dicts with ``pred_instances.keypoints`` in pixels
                of the image, ``(N, K, 2)``, ``pred_instances.keypoint_scores`` ``(N, K)``, ``bbox_scores``
                ``(N,)`` there or in ``gt_instances``, ``img_id``, ``img_path`` and, where known, ``id``,
                ``track_id``, ``box_source``.

        Raises:
            UserError: If a needed field is missing.
        """
        self.results += [
            SamplePrediction.of_data_sample(sample, with_areas=self.nms_mode != 'none',
                                            with_annotation=self._ground_truth is None)
            for sample in data_samples
        ]

    def compute_metrics(self, results: List[SamplePrediction]) -> Dict[str, float]:
        """Compute the figures of all samples.

        Args:
            results (list[SamplePrediction]): What ``process`` kept, of all processes.

        Returns:
            dict: ``AP`` (mean of the joints) and ``AP_Head``, ``AP_Shou``, ``AP_Elb``, ``AP_Wri``,
            ``AP_Hip``, ``AP_Knee``, ``AP_Ankl``, ``precision``, ``recall``; with ``'MOTA'`` also ``MOTA``
            and its groups, ``MOTP``, ``switches`` and, where the quirks are reproduced, ``MOTA_corrected``
            and ``MOTP_corrected``; with track ids ``jitter``. Percent, but switches and jitter. A figure that
            cannot be computed is NaN.
        """
        logger = MMLogger.get_current_instance()
        source = self._box_source(results)
        joints = self._joint_names(results)
        truth = self._ground_truth or from_samples(results, joints, frames_only=self.format_only)
        predictions = predicted_videos(results, truth, joints, self._selection())
        if self.outfile_prefix:
            for name in predictions:                    # all of them before the first is written
                safe_name(name, f'{truth.videos[name].source}: the video, "vid_id" or folder of its images,')
            for name, video in predictions.items():
                write_json(os.path.join(self.outfile_prefix, f'{name}.json'), video_content(video))
            logger.info(f'PoseTrack: wrote {len(predictions)} prediction files to {self.outfile_prefix}')
        if self.format_only:
            return {}

        videos = [(gt, self._evaluable(predictions[name])) for name, gt in truth.videos.items()]
        figures = posetrack_figures(evaluated_frames(videos), self.metrics, self.poseval_compat)
        for note in figures['notes']:
            logger.warning(note)
        logger.info(f'PoseTrack figures with {source} boxes, {figures["frames"]} annotated frames of '
                    f'{figures["videos"]} videos:\n{format_table(figures)}')
        return flat_figures(figures)

    def _selection(self) -> Selection:
        return Selection(
            score_mode=self.score_mode, bbox_score_thr=self.bbox_score_thr,
            keypoint_score_thr=self.keypoint_score_thr,
            nms_thr=None if self.nms_mode == 'none' else self.nms_thr,
            sigmas=(self.dataset_meta or {}).get('sigmas'))

    def _evaluable(self, video: PeopleVideo) -> PeopleVideo:
        """Keep the joints that are evaluated, and check the people."""
        video.people = video.people.with_joints(POSETRACK17_JOINTS)
        if 'MOTA' not in self.metrics:                  # track ids that nobody asked about cannot be wrong
            video.people.tracked[:] = False
        video.check()
        return video

    def _box_source(self, results: Sequence[SamplePrediction]) -> str:
        found = Counter(result.box_source for result in results)
        source = self.box_source or ' and '.join(sorted(found)) or 'unknown'
        if self.box_source and set(found) - {self.box_source, 'unknown'}:
            raise UserError(f'PoseTrackMetric was told box_source="{self.box_source}", but the samples have '
                            f'{dict(found)}; leave the argument out.')
        if source == 'annotated' and 'MOTA' in self.metrics:
            MMLogger.get_current_instance().warning(
                'PoseTrack: boxes, and with them track ids unless the model gives its own, come from the '
                'annotation, so MOTA says nothing about tracking.')
        return source

    def _joint_names(self, results: Sequence[SamplePrediction]) -> List[str]:
        """Give the names of the model's joints, checked against the predictions and what is evaluated."""
        names = (self.dataset_meta or {}).get('keypoint_id2name')
        names = [names[i] for i in range(len(names))] if names else list(POSETRACK.names)
        missing = [name for name in POSETRACK17_JOINTS if name not in names]
        if missing:
            raise UserError(f'PoseTrackMetric needs the joints of PoseTrack, but the data set lacks '
                            f'{", ".join(missing)}; use a model and data set of PoseTrack.')
        for result in results:
            if result.keypoints.shape[1:] != (len(names), 2):
                raise UserError(f'PoseTrackMetric got keypoints of shape {result.keypoints.shape}, but the '
                                f'data set has {len(names)} joints; use the model of this data set.')
        return names
