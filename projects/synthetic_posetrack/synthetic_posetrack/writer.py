"""PoseTrack18's files: frames, one annotation JSON per video, one COCO-style JSON per split, an mp4 per clip.

Field names, ids and file names follow the official val files: image id ``1 + vid_id + frame (4 digits)``,
annotation id ``image id + person (2 digits)``, box = keypoints' extent enlarged by 15 % on every side.
Added to them, per annotation: ``person_id``, ``occluded`` and ``crossing`` (17 booleans each), ``blur`` and
``speed`` (17 numbers each, pixels and pixels per frame).
"""
import json
from pathlib import Path

import cv2
import numpy as np

from .skeleton import POSETRACK_JOINTS

CATEGORY = dict(
    supercategory='person', id=1, name='person', keypoints=list(POSETRACK_JOINTS),
    skeleton=[[16, 14], [14, 12], [17, 15], [15, 13], [12, 13], [6, 12], [7, 13], [6, 7], [6, 8], [7, 9],
              [8, 10], [9, 11], [2, 3], [1, 2], [1, 3], [2, 4], [3, 5], [4, 6], [5, 7]])
SUFFIX = {'train': 'mpii_train', 'val': 'mpii_test'}
FIRST_ID = {'train': 900001, 'val': 950001}
MAX_CLIPS = 49999


def video_name(split, index):
    """Name of a clip's folder as in PoseTrack18, e.g. 950001_mpii_test."""
    return f'{FIRST_ID[split] + index:06d}_{SUFFIX[split]}'


def annotation(label, image_id):
    """One person of one frame as a PoseTrack18 annotation."""
    shown = label.keypoints[label.keypoints[:, 2] > 0, :2]
    low, extent = shown.min(0), np.ptp(shown, axis=0)
    box = [*(low - 0.15 * extent), *(1.3 * extent)]
    keypoints = [int(v) if float(v).is_integer() else float(v) for v in label.keypoints.ravel()]
    # PoseTrack has no area, but mmdet's detectors ask for one.
    return dict(bbox_head=list(label.head_box), keypoints=keypoints, track_id=label.track_id,
                image_id=image_id, bbox=[round(float(v), 4) for v in box],
                area=round(float(box[2] * box[3]), 4), scores=[], category_id=1,
                id=image_id * 100 + label.track_id, iscrowd=False, num_keypoints=len(shown),
                person_id=label.track_id, occluded=[bool(v) for v in label.occluded],
                crossing=[bool(v) for v in label.crossing], blur=[round(float(v), 2) for v in label.blur],
                speed=[round(float(v), 2) for v in label.speed])


def image_record(split, name, f, frames, size, ignore):
    """One frame as a PoseTrack18 image record."""
    vid_id = name.split('_')[0]
    image_id = int(f'1{vid_id}{f:04d}')
    return dict(has_no_densepose=True, is_labeled=True, file_name=f'images/{split}/{name}/{f:06d}.jpg',
                nframes=frames, frame_id=image_id, vid_id=vid_id,
                ignore_regions_y=[list(y) for _, y in ignore], ignore_regions_x=[list(x) for x, _ in ignore],
                id=image_id, width=size[0], height=size[1],
                mask_file=f'mask/{split}/{name}/{f:06d}.jpg')


def write_json(path, data):
    """Write compact JSON, creating folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, separators=(',', ':')))


class VideoFile:
    """An mp4 (MPEG-4 part 2, the codec that every OpenCV has).

    Raises:
        RuntimeError: If OpenCV cannot write mp4 files.
    """

    def __init__(self, path, size, fps):
        path.parent.mkdir(parents=True, exist_ok=True)
        self._writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), fps, tuple(size))
        if not self._writer.isOpened():
            raise RuntimeError(f'OpenCV cannot write {path}: use --no-video, or install an OpenCV '
                               'with FFmpeg.')

    def add(self, image):
        """Append a BGR frame."""
        self._writer.write(image)

    def close(self):
        """Finish the file."""
        self._writer.release()


def write_clip(out, split, index, clip, video=True):
    """Draw a clip and write its frames, annotation file and mp4.

    Args:
        out (Path): Root of the data set.
        split (str): 'train' or 'val'.
        index (int): Number of the clip in its split.
        clip (Clip): The clip.
        video (bool): Whether to write an mp4 too.

    Returns:
        tuple[list[dict], list[dict]]: Image and annotation records.
    """
    name = video_name(split, index)
    folder = Path(out) / 'images' / split / name
    folder.mkdir(parents=True, exist_ok=True)
    movie = VideoFile(Path(out) / 'videos' / f'{name}.mp4', clip.size, clip.fps) if video else None
    images, annotations = [], []
    for f, frame in enumerate(clip):
        record = image_record(split, name, f, clip.frames, clip.size, frame.ignore)
        code = cv2.imencode('.jpg', frame.image, [cv2.IMWRITE_JPEG_QUALITY, clip.jpeg_quality])[1]
        (folder / f'{f:06d}.jpg').write_bytes(code.tobytes())
        images.append(record)
        annotations.extend(annotation(label, record['id']) for label in frame.people)
        if movie is not None:
            movie.add(frame.image)
    if movie is not None:
        movie.close()
    write_json(Path(out) / 'annotations' / split / f'{name}.json',
               dict(categories=[CATEGORY], images=images, annotations=annotations))
    return images, annotations


def write_split(out, split, records):
    """Write the COCO-style file of a split from its clips' (images, annotations)."""
    images = [image for clip, _ in records for image in clip]
    annotations = [item for _, clip in records for item in clip]
    write_json(Path(out) / 'annotations' / f'posetrack18_{split}.json',
               dict(categories=[CATEGORY], images=images, annotations=annotations))
