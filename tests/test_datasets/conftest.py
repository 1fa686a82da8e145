"""Miniature sources in every official format, drawn from one description of a clip."""
import gc
import json

import cv2
import numpy as np
import pytest
from scipy.io import savemat

JOINTS17 = ('right_ankle', 'right_knee', 'right_hip', 'left_hip', 'left_knee', 'left_ankle', 'right_wrist',
            'right_elbow', 'right_shoulder', 'left_shoulder', 'left_elbow', 'left_wrist', 'head_bottom',
            'nose', 'head_top')
JOINTS18 = ('nose', 'head_bottom', 'head_top', 'left_ear', 'right_ear', 'left_shoulder', 'right_shoulder',
            'left_elbow', 'right_elbow', 'left_wrist', 'right_wrist', 'left_hip', 'right_hip', 'left_knee',
            'right_knee', 'left_ankle', 'right_ankle')
JHMDB_JOINTS = ('neck', 'belly', 'head', 'right_shoulder', 'left_shoulder', 'right_hip', 'left_hip',
                'right_elbow', 'left_elbow', 'right_knee', 'left_knee', 'right_wrist', 'left_wrist',
                'right_ankle', 'left_ankle')
SIZE = (160, 120)


def make_clip(name='000342_mpii_test', num_frames=7, labelled=(2, 3, 4), num_people=2, seed=0):
    """A clip: per frame ignore regions and people with joints by name, head box (corners) and track."""
    rng = np.random.default_rng(seed)
    frames = []
    for i in range(num_frames):
        people = []
        for track in range(num_people if i in labelled else 0):
            points = {joint: tuple(rng.uniform((20, 10), (140, 110)).round(1).tolist()) for joint in JOINTS17}
            if track:
                del points['left_wrist']  # not annotated
            x, y = points['head_top']
            people.append(dict(track=track + 5, points=points, head=(x - 8.0, y - 4.0, x + 9.0, y + 16.0)))
        regions = [([1.0, 30.0, 30.0, 1.0], [2.0, 2.0, 20.0, 20.0]),
                   ([100.0, 150.0, 120.0], [5.0, 5.0, 40.0])]
        frames.append(dict(people=people, regions=regions[:1 + i % 2] if i in labelled else []))
    return dict(name=name, frames=frames)


def draw_frames(folder, num_frames, name='{:06d}.jpg', first=0, size=SIZE):
    """Frames whose grey value tells their position."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(num_frames):
        image = np.full((size[1], size[0], 3), 20 + 10 * i, np.uint8)
        cv2.imwrite(str(folder / name.format(first + i)), image)


def posetrack18_video(clip, split='val', with_person_id=False):
    """A clip as PoseTrack18's or PoseTrack21's own files have it: no box of the person, no image size."""
    base = 10000000000 + int(clip['name'].split('_')[0]) * 10000
    images, annotations = [], []
    for i, frame in enumerate(clip['frames']):
        image = dict(has_no_densepose=True, is_labeled=bool(frame['people']), id=base + i, frame_id=base + i,
                     vid_id=clip['name'].split('_')[0], nframes=len(clip['frames']),
                     file_name=f'images/{split}/{clip["name"]}/{i:06d}.jpg')
        if frame['regions']:
            image['ignore_regions_x'] = [list(xs) for xs, _ in frame['regions']]
            image['ignore_regions_y'] = [list(ys) for _, ys in frame['regions']]
        images.append(image)
        for k, person in enumerate(frame['people']):
            keypoints = []
            for joint in JOINTS18:
                keypoints += [*person['points'][joint], 1] if joint in person['points'] else [0, 0, 0]
            x1, y1, x2, y2 = person['head']
            ann = dict(image_id=base + i, id=(base + i) * 100 + k, category_id=1, track_id=person['track'],
                       keypoints=keypoints, scores=[], bbox_head=[x1, y1, x2 - x1, y2 - y1])
            if with_person_id:
                ann['person_id'] = 1000 + person['track']
            annotations.append(ann)
    categories = [dict(supercategory='person', id=1, name='person', keypoints=list(JOINTS18), skeleton=[])]
    return dict(images=images, annotations=annotations, categories=categories)


def write_posetrack18(root, clips, folder='annotations', with_person_id=False, split='val'):
    """Write a miniature of PoseTrack18 (or 21, with other arguments)."""
    for clip in clips:
        path = root / folder / split / f'{clip["name"]}.json'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(posetrack18_video(clip, split, with_person_id)))
        draw_frames(root / 'images' / split / clip['name'], len(clip['frames']))


def annolist_json(clip, first=1):
    """A clip as PoseTrack17's Matlab structure in JSON: every value in a list of one."""
    entries = []
    for i, frame in enumerate(clip['frames']):
        name = f'images/bonn_5sec/{clip["name"]}/{first + i:08d}.jpg'
        entry = dict(image=[dict(name=name)], imgnum=[i + 1],
                     is_labeled=[int(bool(frame['people']))], annorect=[])
        if frame['regions']:
            entry['ignore_regions'] = [dict(point=[dict(x=[x], y=[y]) for x, y in zip(xs, ys)])
                                       for xs, ys in frame['regions']]
        for person in frame['people']:
            points = [dict(id=[JOINTS17.index(joint)], x=[x], y=[y], is_visible=[1])
                      for joint, (x, y) in person['points'].items()]
            x1, y1, x2, y2 = person['head']
            entry['annorect'].append(dict(track_id=[person['track']], x1=[x1], y1=[y1], x2=[x2], y2=[y2],
                                          annopoints=[dict(point=points)]))
        entries.append(entry)
    return dict(annolist=entries)


def struct_array(entries):
    """A Matlab structure array of dicts with the same keys."""
    keys = list(dict.fromkeys(key for entry in entries for key in entry))
    array = np.empty((1, len(entries)), dtype=[(key, object) for key in keys])
    for i, entry in enumerate(entries):
        for key in keys:
            array[0, i][key] = entry.get(key, np.zeros((0, 0)))
    return array


def annolist_mat(clip, first=1):
    """The same clip as Matlab saves it."""
    def convert(value):
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return struct_array([{k: convert(v) for k, v in entry.items()} for entry in value])
        if isinstance(value, list):
            return value[0] if len(value) == 1 else np.zeros((0, 0))
        return value
    return {key: convert(value) for key, value in annolist_json(clip, first).items()}


def write_posetrack17(root, clips, kind, first=1, split='val', images='images/bonn_5sec', first_on_disk=None):
    """Write a miniature of PoseTrack17 from Matlab ('mat') or JSON files."""
    for clip in clips:
        path = root / 'annotations' / split / f'{clip["name"]}.{kind}'
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind == 'mat':
            savemat(path, annolist_mat(clip, first))
        else:
            path.write_text(json.dumps(annolist_json(clip, first)))
        draw_frames(root / images / clip['name'], len(clip['frames']), '{:08d}.jpg',
                    first if first_on_disk is None else first_on_disk)


def write_sub_jhmdb(root, clips, splits):
    """Write a miniature of Sub-JHMDB.

    ``clips``: '<action>/<clip>' → dict(joints=(2, 15, T) 1-based, boxes=T x (x, y, w, h) 1-based);
    ``splits``: number → {'<action>/<clip>': 1 or 2}.
    """
    for name, clip in clips.items():
        folder = root / 'joint_positions' / name
        folder.mkdir(parents=True, exist_ok=True)
        scale = np.ones(clip['joints'].shape[2])
        savemat(folder / 'joint_positions.mat', dict(pos_img=clip['joints'], scale=scale))
        masks = np.zeros((240, 320, len(clip['boxes'])), np.uint8)
        for i, (x, y, w, h) in enumerate(clip['boxes']):
            masks[int(y) - 1:int(y + h), int(x) - 1:int(x + w), i] = 1
        folder = root / 'puppet_mask' / name
        folder.mkdir(parents=True, exist_ok=True)
        savemat(folder / 'puppet_mask.mat', dict(part_mask=masks), do_compression=True)
        draw_frames(root / 'Rename_Images' / name, clip['joints'].shape[2], '{:05d}.png', 1, (320, 240))
    (root / 'sub_splits').mkdir(parents=True, exist_ok=True)
    for number, members in splits.items():
        by_action = {}
        for name, subset in members.items():
            action, clip = name.split('/')
            by_action.setdefault(action, []).append(f'{clip}.avi {subset}\n')
        for action, lines in by_action.items():
            (root / 'sub_splits' / f'{action}_test_split_{number}.txt').write_text(''.join(lines))


@pytest.fixture(scope='session', autouse=True)
def quick_garbage_collection():
    """Data sets collect garbage when they are built; a heap full of imported modules makes that slow."""
    import mmpose_gss.datasets  # noqa: F401
    gc.collect()
    gc.freeze()


@pytest.fixture
def mini():
    """The generators of miniature sources."""
    import types
    return types.SimpleNamespace(
        JOINTS17=JOINTS17, JOINTS18=JOINTS18, JHMDB_JOINTS=JHMDB_JOINTS, SIZE=SIZE, make_clip=make_clip,
        draw_frames=draw_frames, posetrack18_video=posetrack18_video, write_posetrack18=write_posetrack18,
        annolist_json=annolist_json, write_posetrack17=write_posetrack17, write_sub_jhmdb=write_sub_jhmdb)
