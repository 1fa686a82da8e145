"""Detect people in all frames of a generated split, in the JSON form of published PoseTrack detections.

    python projects/quick_demo/detect_boxes.py DETECTOR_WORK_DIR CLIPS OUT.json
"""
from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import List

import cv2
from mmengine.utils import track_iter_progress

from mmpose_gss.apis.detectors import PersonDetector, build_person_detector, keep_valid


def detect(detector: PersonDetector, clips: Path, images: List[dict]) -> List[dict]:
    """Detect people in the images of a data set.

    Args:
        detector (Callable): From frames to boxes.
        clips (Path): Folder to which names of images are relative.
        images (list[dict]): ``images`` of the annotation file.

    Returns:
        list[dict]: The boxes, each with name and id of its image.
    """
    entries = []
    for image in track_iter_progress(images):
        frame = cv2.imread(str(clips / image['file_name']))
        for x1, y1, x2, y2, score in keep_valid(detector([frame], 0)[0], frame.shape[1::-1]).tolist():
            entries.append(dict(
                image_name=image['file_name'], image_id=image['id'], category_id=1, score=score,
                bbox=[x1, y1, x2 - x1, y2 - y1], nframes=image['nframes'], frame_id=image['frame_id']))
    return entries


def main() -> None:
    """Detect and write."""
    parser = argparse.ArgumentParser(description='Detect people in all frames of a generated split')
    parser.add_argument('detector')
    parser.add_argument('clips', type=Path)
    parser.add_argument('out', type=Path)
    parser.add_argument('--split', default='val')
    args = parser.parse_args()
    images = json.loads((args.clips / f'annotations/posetrack18_{args.split}.json').read_text())['images']
    entries = detect(build_person_detector(args.detector, None, 'cpu', score_thr=0.05), args.clips, images)
    args.out.write_text(json.dumps(entries))
    print(f'{len(entries)} boxes in {len(images)} frames')


if __name__ == '__main__':
    main()
