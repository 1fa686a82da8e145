"""Where the PoseTrack metric's ground truth comes from: per-video files, the split's file, or the samples."""
from __future__ import annotations

import copy
import os
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence, Tuple

from mmpose_gss.errors import UserError
from mmpose_gss.structures.coco_format import json_files
from mmpose_gss.structures.image_file import natural_key
from mmpose_gss.structures.json_file import read_json
from mmpose_gss.structures.people_table import PeopleVideo
from mmpose_gss.structures.posetrack_format import load_video, parse_video, person_category
from mmpose_gss.structures.schema import check_coco, content_of
from mmpose_gss.structures.skeletons import POSETRACK

if TYPE_CHECKING:
    from mmpose_gss.evaluation.posetrack.predictions import SamplePrediction


class GroundTruth:
    """Videos of the ground truth and the way from an image to its frame.

    Args:
        videos (Sequence[PeopleVideo]): Ground truth of each video.

    Attributes:
        videos (dict[str, PeopleVideo]): The videos by name.
    """

    def __init__(self, videos: Sequence[PeopleVideo]) -> None:
        self.videos = {video.name: video for video in videos}
        self._by_id: Dict[Any, Tuple[str, int]] = {}
        self._by_path: Dict[Tuple[str, int], Tuple[str, int]] = {}
        for video in videos:
            folder = video.folder
            for frame, (key, number) in enumerate(zip(video.keys, video.numbers)):
                self._by_id[key] = (video.name, frame)
                if number is not None and folder:
                    self._by_path[folder, number] = (video.name, frame)
        # Frame ids of PoseTrack17 files are numbers in a video, so images of several videos share them.
        if len(self._by_id) < sum(video.num_frames for video in videos):
            self._by_id = {}

    def find(self, image_id: Any, image_path: Optional[str]) -> Tuple[str, int]:
        """Find video and frame of an image, by its id or else by folder and number in its path.

        Args:
            image_id (int): Id of the image.
            image_path (str, optional): Its path.

        Returns:
            tuple: Name of the video and index of the frame.

        Raises:
            UserError: If the ground truth does not have the image.
        """
        place = self._by_id.get(image_id)
        if image_path and (place is None or not self.videos[place[0]].identified):
            stem = os.path.splitext(os.path.basename(image_path))[0]
            if stem.isdigit():
                place = self._by_path.get((os.path.basename(os.path.dirname(image_path)), int(stem)), place)
        if place is None:
            raise UserError(f'Image {image_id!r} ({image_path}) is predicted, but the ground truth does not '
                            'list it; evaluate with the ann_file or gt_dir of the same data set and split.')
        return place


def from_directory(gt_dir: str) -> GroundTruth:
    """Read a folder with one JSON file per video, PoseTrack17 or PoseTrack18/21.

    Raises:
        UserError: If the folder is missing or empty, or a file cannot be evaluated.
    """
    if not os.path.isdir(gt_dir):
        raise UserError(f'gt_dir "{gt_dir}": no such folder; give the folder with one JSON per video.')
    files = json_files(Path(gt_dir))
    if not files:
        raise UserError(f'gt_dir "{gt_dir}": holds no .json file; give the folder with one per video.')
    return GroundTruth([load_video(str(path), ground_truth=True) for path in files])


def from_split_file(ann_file: str, frames_only: bool = False) -> GroundTruth:
    """Read the COCO-style file of a split, or a folder with one file per video.

    Args:
        ann_file (str): Path of the file or folder.
        frames_only (bool): Whether the frames are all that is needed, as for a test split without
            annotations. Defaults to False.

    Raises:
        UserError: If there is no such file, or it cannot be evaluated.
    """
    if os.path.isdir(ann_file):
        return from_directory(ann_file)
    if not os.path.isfile(ann_file):
        raise UserError(f'ann_file "{ann_file}": no such file; give the annotation file of the split.')
    content = check_coco(read_json(ann_file), ann_file)
    with content_of(ann_file, "the annotation file of a split"):
        return from_split(content, ann_file, frames_only)


def from_split(data: dict, source: str, frames_only: bool = False) -> GroundTruth:
    """Take apart the content of a COCO-style file of a split.

    Args:
        data (dict): ``images``, ``annotations``, ``categories``; images name their video by the folder in
            ``file_name`` or else by ``vid_id``.
        source (str): Name of the file, for messages.
        frames_only (bool): Whether to leave the people out. Defaults to False.

    Raises:
        UserError: If the content cannot be evaluated.
    """
    if frames_only:
        data = {'images': data.get('images'), 'annotations': [], 'categories': [person_category()]}
    for entry in ('images', 'annotations', 'categories'):
        if not data.get(entry) and not (frames_only and entry == 'annotations'):
            raise UserError(f'{source}: no "{entry}" entry; give the annotation file of the split.')
    images: Dict[str, List[dict]] = defaultdict(list)
    video_of = {}
    for image in data['images']:
        folder = os.path.basename(os.path.dirname(str(image.get('file_name', ''))))
        name = folder or str(image.get('vid_id', ''))
        images[name].append(image)
        if image['id'] in video_of:
            raise UserError(f'{source}: image id {image["id"]} stands more than once in "images"; give every '
                            'image an id of its own.')
        video_of[image['id']] = name
    people = defaultdict(list)
    for person in data['annotations']:
        people[video_of.get(person['image_id'])].append(person)
    if None in people:
        raise UserError(f'{source}: {len(people[None])} annotations have an image_id that "images" does not '
                        'list; give the whole annotation file of the split.')
    videos = []
    for name in sorted(images):
        images[name].sort(key=lambda image: (natural_key(str(image.get('file_name', ''))), image['id']))
        content = {'images': images[name], 'annotations': people[name], 'categories': data['categories']}
        videos.append(parse_video(content, name, f'{source} (video {name})', ground_truth=True))
    return GroundTruth(videos)


def from_samples(samples: Sequence['SamplePrediction'], joints: Sequence[str] = POSETRACK.names,
                 frames_only: bool = False) -> GroundTruth:
    """Take the ground truth from the annotations that came with the samples.

    It knows no ignore regions and no frame without sample, so it serves for annotated boxes only.

    Args:
        samples (Sequence[SamplePrediction]): Samples with ``raw_ann_info``, ``img_id`` and ``img_path``.
        joints (Sequence[str]): Names of the joints in ``raw_ann_info``. Defaults to PoseTrack18's.
        frames_only (bool): Whether to leave the people out. Defaults to False.

    Raises:
        UserError: If a sample has no annotation.
    """
    images, people = {}, {}
    for sample in samples:
        images[sample.img_id] = {'id': sample.img_id, 'file_name': sample.img_path}
        if frames_only:
            continue
        annotation = sample.raw_ann_info
        annotations = annotation if isinstance(annotation, (list, tuple)) else [annotation]
        if not annotations or annotations[0] is None:
            raise UserError('PoseTrackMetric: the samples carry no "raw_ann_info" to take the ground truth '
                            'from (are the boxes detected?); give ann_file or gt_dir.')
        for entry in annotations:
            entry = copy.copy(entry)
            entry['image_id'] = sample.img_id
            people[sample.img_id, entry.get('id', len(people))] = entry
    data = {'images': list(images.values()), 'annotations': list(people.values()),
            'categories': [person_category(joints)]}
    return from_split(data, 'the annotations of the samples', frames_only)
