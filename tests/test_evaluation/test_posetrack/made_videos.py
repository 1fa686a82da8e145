"""Made-up PoseTrack18 files, as dicts: hard ones in which everything happens, and tidy ones without ties."""
import copy

import numpy as np

from mmpose_gss.evaluation.posetrack import evaluated_frames, pair_frames, parse_video, posetrack_figures

NAMES = ['nose', 'head_bottom', 'head_top', 'left_ear', 'right_ear', 'left_shoulder', 'right_shoulder',
         'left_elbow', 'right_elbow', 'left_wrist', 'right_wrist', 'left_hip', 'right_hip', 'left_knee',
         'right_knee', 'left_ankle', 'right_ankle']


def category(names=NAMES):
    return [{'id': 1, 'name': 'person', 'supercategory': 'person', 'keypoints': list(names)}]


def image(video, frame, length):
    number = 10000000000 + video * 10000 + frame
    return {'id': number, 'frame_id': number, 'vid_id': f'{video:06d}', 'nframes': length, 'is_labeled': True,
            'file_name': f'images/val/{video:06d}_mpii_test/{frame:06d}.jpg'}


def person(image_id, track, joints, there, head=None, scores=None):
    """An annotation; ``joints`` (17, 2), ``there`` (17,) bool."""
    triples = np.concatenate([np.round(joints, 3), np.ones((17, 1))], axis=1) * there[:, None]
    entry = {'image_id': image_id, 'track_id': int(track), 'category_id': 1,
             'keypoints': triples.ravel().tolist()}
    if head is not None:
        entry['bbox_head'] = [float(value) for value in head]
    if scores is not None:
        entry['scores'] = [float(value) for value in scores]
    return entry


def make_hard(rng, videos):
    """{name: (ground truth, prediction)}: crowds, strays, misses, gaps, ignore regions, switching tracks."""
    made = {}
    for video in range(1, videos + 1):
        length, people = int(rng.integers(1, 8)), int(rng.integers(1, 6))
        images, truth, found = [], [], []
        shape = rng.normal(0, 35, (people, 17, 2)) + rng.uniform(80, 320, (people, 1, 2))
        tracks = np.arange(people)
        for t in range(length):
            images.append(image(video, t, length))
            if rng.random() < 0.35:
                regions = [np.round(rng.uniform(0, 400, (2, rng.integers(3, 8))))
                           for _ in range(rng.integers(0, 3))]
                images[-1]['ignore_regions_x'] = [region[0].tolist() for region in regions]
                images[-1]['ignore_regions_y'] = [region[1].tolist() for region in regions]
            if rng.random() < 0.2:
                rng.shuffle(tracks)
            annotated = rng.random() < 0.85
            for p in range(people):
                joints = shape[p] + rng.normal(0, 4, (1, 2)) * t
                there = rng.random(17) < rng.choice([0.0, 0.8, 0.95], p=[0.05, 0.5, 0.45])
                if annotated and rng.random() < 0.9:
                    head = [*joints[2], *(rng.uniform(8, 60, 2) if rng.random() < 0.97 else (0, 0))]
                    truth.append(person(images[-1]['id'], p, joints, there, head))
                for copy_ in range(int(rng.choice([0, 1, 2], p=[0.15, 0.7, 0.15]))):
                    noise = rng.normal(0, rng.choice([1, 6, 20, 60]), (17, 2))
                    track = tracks[p] + 50 * copy_ + 500 * (rng.random() < 0.1)
                    found.append(person(images[-1]['id'], track, joints + noise, rng.random(17) < 0.9,
                                        scores=rng.random(17)))
        names = NAMES if rng.random() < 0.5 else list(rng.permutation(NAMES))
        order = [NAMES.index(name) for name in names]
        for entry in found:
            entry['keypoints'] = np.reshape(entry['keypoints'], (17, 3))[order].ravel().tolist()
            entry['scores'] = [entry['scores'][i] for i in order]
        plain_images = [{key: entry[key] for key in ('id', 'file_name')} for entry in images]
        made[f'{video:06d}_mpii_test'] = (
            {'images': images, 'annotations': truth, 'categories': category()},
            {'images': plain_images, 'annotations': found, 'categories': category(names)})
    return made


def make_tidy(rng, videos, noise=8.0):
    """The same without ties: people far apart, one prediction each at most, every joint annotated."""
    made = {}
    for video in range(1, videos + 1):
        length, people = int(rng.integers(2, 7)), int(rng.integers(1, 5))
        images, truth, found = [], [], []
        for t in range(length):
            images.append(image(video, t, length))
            for p in range(people):
                joints = rng.normal(0, 30, (17, 2)) + [1000 * p + 500, 500]
                there = (rng.random(17) < 0.85) | (t == 0)
                truth.append(person(images[-1]['id'], p, joints, there, [*joints[2], 30, 40]))
                if rng.random() < 0.9:
                    found.append(person(images[-1]['id'], p + 10 * (rng.random() < 0.1),
                                        joints + rng.normal(0, noise, (17, 2)), rng.random(17) < 0.9,
                                        scores=rng.random(17)))
        made[f'{video:06d}_mpii_test'] = (
            {'images': images, 'annotations': truth, 'categories': category()},
            {'images': copy.deepcopy(images), 'annotations': found, 'categories': category()})
    return made


def frames_of(videos):
    """Evaluated frames of {name: (ground truth, prediction)}."""
    tables = []
    for name, (gt, pred) in videos.items():
        truth = parse_video(gt, name, f'gt/{name}.json', ground_truth=True)
        found = parse_video(pred, name, f'pred/{name}.json', ground_truth=False)
        tables.append((truth, pair_frames(truth, found)))
    return evaluated_frames(tables)


def figures_of(videos, **kwargs):
    """All figures of {name: (ground truth, prediction)}."""
    return posetrack_figures(frames_of(videos), **kwargs)
