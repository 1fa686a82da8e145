"""Where the PoseTrack metric's ground truth comes from: per-video files, the split's file, or the samples."""
import copy
import json
import os
from collections import defaultdict
from typing import Dict, List, Optional, Sequence

from mmpose_gss.evaluation.posetrack.files import load_video, parse_video
from mmpose_gss.evaluation.posetrack.tables import PoseTrackFileError, PoseTrackVideo
from mmpose_gss.structures.skeletons import POSETRACK

PERSON_CATEGORY = {'name': 'person', 'keypoints': list(POSETRACK.names)}


class GroundTruth:
    """Videos of the ground truth and the way from an image to its frame.

    Args:
        videos: ground truth of each video.
        images: the ``images`` entries of the files by video name, for files to submit; made from the frame
            ids where missing.

    Attributes:
        videos: name to ``PoseTrackVideo``.
        images: name to its ``images`` entries.
    """

    def __init__(self, videos: Sequence[PoseTrackVideo], images: Optional[Dict[str, list]] = None) -> None:
        self.videos = {video.name: video for video in videos}
        self.images = images or {}
        self._by_id, self._by_path = {}, {}
        for video in videos:
            for frame, (key, number) in enumerate(zip(video.keys, video.numbers)):
                self._by_id[key] = (video.name, frame)
                if number is not None and video.folder:
                    self._by_path[video.folder, number] = (video.name, frame)
        # Frame ids of PoseTrack17 files are numbers in a video, so images of several videos share them.
        if len(self._by_id) < sum(video.num_frames for video in videos):
            self._by_id = {}

    def find(self, image_id, image_path: Optional[str]):
        """Video name and frame index of an image, by its id or else by folder and number in its path.

        Raises:
            PoseTrackFileError: the ground truth does not have the image.
        """
        place = self._by_id.get(image_id)
        if image_path and (place is None or not self.videos[place[0]].identified):
            stem = os.path.splitext(os.path.basename(image_path))[0]
            if stem.isdigit():
                place = self._by_path.get((os.path.basename(os.path.dirname(image_path)), int(stem)), place)
        if place is None:
            raise PoseTrackFileError(
                f'Image {image_id!r} ({image_path}) is predicted, but the ground truth does not list it; '
                'evaluate with the ann_file or gt_dir of the same data set and split.')
        return place


def from_directory(gt_dir: str) -> GroundTruth:
    """Ground truth from a folder with one JSON file per video, PoseTrack17 or PoseTrack18/21."""
    if not os.path.isdir(gt_dir):
        raise PoseTrackFileError(f'gt_dir "{gt_dir}": no such folder; give the folder with one JSON per '
                                 'video.')
    names = sorted(name for name in os.listdir(gt_dir) if name.endswith('.json'))
    if not names:
        raise PoseTrackFileError(f'gt_dir "{gt_dir}": holds no .json file; give the folder with one per '
                                 'video.')
    return GroundTruth([load_video(os.path.join(gt_dir, name), ground_truth=True) for name in names])


def from_split_file(ann_file: str, frames_only: bool = False) -> GroundTruth:
    """Ground truth from the COCO-style file of a split, or a folder with one file per video.

    Args:
        ann_file: path of the file or folder.
        frames_only: the frames are all that is needed, as for a test split without annotations.
    """
    if os.path.isdir(ann_file):
        return from_directory(ann_file)
    if not os.path.isfile(ann_file):
        raise PoseTrackFileError(f'ann_file "{ann_file}": no such file; give the annotation file of the '
                                 'split.')
    with open(ann_file, 'rb') as file:
        data = json.loads(file.read())
    return from_split(data, ann_file, frames_only)


def from_split(data: dict, source: str, frames_only: bool = False) -> GroundTruth:
    """Ground truth from the content of a COCO-style file of a split.

    Args:
        data: ``images``, ``annotations``, ``categories``; images name their video by the folder in
            ``file_name`` or else by ``vid_id``.
        source: name of the file, for messages.
        frames_only: leave the people out.
    """
    if frames_only:
        data = {'images': data.get('images'), 'annotations': [], 'categories': [PERSON_CATEGORY]}
    for entry in ('images', 'annotations', 'categories'):
        if not data.get(entry) and not (frames_only and entry == 'annotations'):
            raise PoseTrackFileError(f'{source}: no "{entry}" entry; give the annotation file of the split.')
    images: Dict[str, List[dict]] = defaultdict(list)
    video_of = {}
    for image in data['images']:
        folder = os.path.basename(os.path.dirname(str(image.get('file_name', ''))))
        name = folder or str(image.get('vid_id', ''))
        images[name].append(image)
        video_of[image['id']] = name
    people = defaultdict(list)
    for person in data['annotations']:
        people[video_of.get(person['image_id'])].append(person)
    if None in people:
        raise PoseTrackFileError(f'{source}: {len(people[None])} annotations have an image_id that "images" '
                                 'does not list; give the whole annotation file of the split.')
    videos = []
    for name in sorted(images):
        images[name].sort(key=lambda image: (str(image.get('file_name', '')), image['id']))
        content = {'images': images[name], 'annotations': people[name], 'categories': data['categories']}
        videos.append(parse_video(content, name, f'{source} (video {name})', ground_truth=True))
    return GroundTruth(videos, dict(images))


def from_samples(samples: Sequence[dict], joint_names: Sequence[str] = POSETRACK.names,
                 frames_only: bool = False) -> GroundTruth:
    """Ground truth from the annotations that came with the samples.

    It knows no ignore regions and no frame without sample, so it serves for annotated boxes only.

    Args:
        samples: stored results with ``raw_ann_info``, ``img_id`` and ``img_path``.
        joint_names: names of the joints in ``raw_ann_info``.
        frames_only: leave the people out.
    """
    images, people = {}, {}
    for sample in samples:
        images[sample['img_id']] = {'id': sample['img_id'], 'file_name': sample['img_path']}
        if frames_only:
            continue
        annotation = sample.get('raw_ann_info')
        annotations = annotation if isinstance(annotation, (list, tuple)) else [annotation]
        if not annotations or annotations[0] is None:
            raise PoseTrackFileError(
                'PoseTrackMetric: the samples carry no "raw_ann_info" to take the ground truth from (are the '
                'boxes detected?); give ann_file or gt_dir.')
        for entry in annotations:
            entry = copy.copy(entry)
            entry['image_id'] = sample['img_id']
            people[sample['img_id'], entry.get('id', len(people))] = entry
    data = {'images': list(images.values()), 'annotations': list(people.values()),
            'categories': [{'name': 'person', 'keypoints': list(joint_names)}]}
    return from_split(data, 'the annotations of the samples', frames_only)
