"""A contact sheet of a generated (or any PoseTrack18-like) set, with or without its labels."""
import json
from pathlib import Path

import cv2
import numpy as np

from mmpose_gss.structures.skeletons import POSETRACK
from mmpose_gss.visualization.skeleton import SkeletonStyle, draw_skeleton

STYLE = SkeletonStyle(POSETRACK.link_indices, tuple(colour[::-1] for colour in POSETRACK.link_colours),
                      ((0, 255, 255), ) * POSETRACK.num_joints, thickness=1, radius=2)


def draw_labels(image, annotations, ignore=(), zoom=1.0):
    """Draw skeletons, boxes and ignore regions.

    Args:
        image (np.ndarray): (H, W, 3) uint8 BGR.
        annotations (list[dict]): PoseTrack18 annotations of this frame.
        ignore (Sequence): Polygons (xs, ys).
        zoom (float): Enlargement.

    Returns:
        np.ndarray: A new image; hollow joints are occluded ones.
    """
    out = cv2.resize(image, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_LINEAR)
    for xs, ys in ignore:
        cv2.polylines(out, [np.int32(np.stack([xs, ys], 1) * zoom)], True, (40, 40, 40), 1, cv2.LINE_AA)
    for item in annotations:
        points = np.array(item['keypoints'], float).reshape(-1, 3) * [zoom, zoom, 1]
        hidden = item.get('occluded', [False] * len(points))
        x, y, w, h = (int(v * zoom) for v in item['bbox_head'])
        cv2.rectangle(out, (x, y), (x + w, y + h), (255, 120, 255), 1)
        draw_skeleton(out, points[:, :2], STYLE, points[:, 2], np.asarray(hidden, bool))
    return out


def contact_sheet(root, columns=4, rows=3, labels='half', width=320):
    """Frames spread over the clips of a set.

    Args:
        root (Path): Generated set.
        columns (int): Pictures per row.
        rows (int): Rows.
        labels (str): 'none', 'all', or 'half' (every second picture).
        width (int): Width of each picture in pixels.

    Returns:
        np.ndarray: (H, W, 3) uint8 BGR.

    Raises:
        FileNotFoundError: If root holds no annotation files.
    """
    files = sorted(Path(root).glob('annotations/*/*.json'))
    if not files:
        raise FileNotFoundError(f'{root} holds no annotations/<split>/<video>.json: '
                                'generate a set there first')
    pictures = []
    for k in range(columns * rows):
        data = json.loads(files[k % len(files)].read_text())
        turn, turns = k // len(files), -(-columns * rows // len(files))
        image = data['images'][(2 * turn + 1) * len(data['images']) // (2 * turns)]
        pixels = cv2.imread(str(Path(root) / image['file_name']))
        people = [item for item in data['annotations'] if item['image_id'] == image['id']]
        shown = labels == 'all' or (labels == 'half' and (k + k // columns) % 2)
        ignore = list(zip(image['ignore_regions_x'], image['ignore_regions_y'])) if shown else []
        pictures.append(draw_labels(pixels, people if shown else [], ignore, width / pixels.shape[1]))
    return np.vstack([np.hstack(pictures[r * columns:(r + 1) * columns]) for r in range(rows)])
