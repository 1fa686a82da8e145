"""The generator of labelled clips: PoseTrack18's layout, reproducible files, labels that fit the pictures."""
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

PROJECT = Path(__file__).resolve().parents[2] / 'projects' / 'synthetic_posetrack'
sys.path.insert(0, str(PROJECT))

from synthetic_posetrack.clip import Clip  # noqa: E402
from synthetic_posetrack.difficulty import PRESETS  # noqa: E402
from synthetic_posetrack.preview import contact_sheet  # noqa: E402
from synthetic_posetrack.skeleton import POSETRACK_JOINTS  # noqa: E402

SIZE, FRAMES = (192, 144), 6
EARS = [POSETRACK_JOINTS.index('left_ear'), POSETRACK_JOINTS.index('right_ear')]


def generate(out, *options, check=True, env=None):
    """Run the command line tool."""
    return subprocess.run([sys.executable, str(PROJECT / 'generate.py'), str(out), *options], check=check,
                          capture_output=True, text=True, env={**os.environ, **(env or {})})


def hashes(root):
    """Relative path -> digest of every file."""
    return {str(p.relative_to(root)): hashlib.sha1(p.read_bytes()).hexdigest()
            for p in sorted(Path(root).rglob('*')) if p.is_file()}


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    """Three medium clips, one held out."""
    out = tmp_path_factory.mktemp('clips') / 'set'
    generate(out, '--clips', '3', '--frames', str(FRAMES), '--size', '192x144', '--seed', '11')
    return out


def test_same_seed_same_bytes_whatever_the_number_of_clips_threads_and_processes(made, tmp_path):
    generate(tmp_path / 'again', '--clips', '5', '--val-clips', '1', '--frames', str(FRAMES),
             '--size', '192x144', '--seed', '11', '--workers', '2', env={'OMP_NUM_THREADS': '2'})
    first, again = hashes(made), hashes(tmp_path / 'again')
    per_clip = {k: v for k, v in first.items() if not Path(k).name.startswith('posetrack18_train')}
    assert sum(k.endswith('.mp4') for k in per_clip) == 3
    assert per_clip.items() <= again.items()


def test_other_seed_other_clip():
    a, b = (next(iter(Clip(seed, 'train', 0, 1, SIZE, PRESETS['easy']))).image for seed in (0, 1))
    assert np.abs(a.astype(int) - b).mean() > 5


def test_splits_show_different_people():
    a, b = (next(iter(Clip(0, split, 0, 1, SIZE, PRESETS['easy']))).image for split in ('train', 'val'))
    assert np.abs(a.astype(int) - b).mean() > 5


def test_layout(made):
    splits = {'train': ['900001_mpii_train', '900002_mpii_train'], 'val': ['950001_mpii_test']}
    for split, videos in splits.items():
        assert sorted(p.name for p in (made / 'images' / split).iterdir()) == videos
        assert sorted(p.stem for p in (made / 'annotations' / split).glob('*.json')) == videos
        merged = json.loads((made / f'annotations/posetrack18_{split}.json').read_text())
        assert len(merged['images']) == FRAMES * len(videos)
        assert len({image['id'] for image in merged['images']}) == len(merged['images'])
        assert len({item['id'] for item in merged['annotations']}) == len(merged['annotations'])
        for video in videos:
            single = json.loads((made / f'annotations/{split}/{video}.json').read_text())
            for key in ('images', 'annotations'):
                assert all(record in merged[key] for record in single[key])
            assert [p.name for p in sorted((made / 'images' / split / video).iterdir())] == [
                f'{f:06d}.jpg' for f in range(FRAMES)]


def test_records_follow_the_official_files(made, testdata):
    official = json.loads((Path(testdata) / 'posetrack18/annotations/val/012834_mpii_test.json').read_text())
    ours = json.loads((made / 'annotations/val/950001_mpii_test.json').read_text())
    assert ours['categories'] == official['categories']
    assert set(ours['images'][0]) == set(official['images'][0])
    assert set(ours['annotations'][0]) == set(official['annotations'][0]) | {
        'area', 'person_id', 'occluded', 'crossing', 'blur', 'speed'}
    for key in ('images', 'annotations'):
        for name, value in official[key][0].items():
            assert type(ours[key][0][name]) is type(value), name
    # ids are built alike, and boxes are the keypoints' extent enlarged by 15 % on each side
    for data in (official, ours):
        image = data['images'][0]
        assert image['id'] == image['frame_id'] == int(f'1{image["vid_id"]}0000')
        for item in data['annotations']:
            if item['image_id'] == image['id']:
                assert item['id'] == image['id'] * 100 + item['track_id']
            points = np.array(item['keypoints']).reshape(17, 3)
            shown = points[points[:, 2] > 0, :2]
            low, extent = shown.min(0), np.ptp(shown, 0)
            np.testing.assert_allclose(item['bbox'], [*(low - 0.15 * extent), *(1.3 * extent)], atol=1e-3)
            assert item['num_keypoints'] == len(shown)


def test_images_and_movies_hold_every_frame(made):
    for file in sorted(made.glob('annotations/*/*.json')):
        data = json.loads(file.read_text())
        assert [image['frame_id'] % 10000 for image in data['images']] == list(range(FRAMES))
        for image in data['images']:
            assert cv2.imread(str(made / image['file_name'])).shape == (SIZE[1], SIZE[0], 3)
            assert (image['width'], image['height'], image['nframes']) == (*SIZE, FRAMES)
        movie = cv2.VideoCapture(str(made / 'videos' / f'{file.stem}.mp4'))
        shapes = []
        while (read := movie.read())[0]:
            shapes.append(read[1].shape)
        assert shapes == [(SIZE[1], SIZE[0], 3)] * FRAMES


@pytest.fixture(scope='module')
def frames():
    """Frames of several clips of every difficulty."""
    return [(name, frame) for name in PRESETS for index in range(3)
            for frame in Clip(3, 'train', index, 3, SIZE, PRESETS[name])]


def test_keypoints_are_inside_or_zero_and_ears_never_annotated(frames):
    people = [label for _, frame in frames for label in frame.people]
    assert len(people) > 40
    for label in people:
        assert set(np.unique(label.keypoints[:, 2])) <= {0, 1}
        shown = label.keypoints[:, 2] > 0
        assert (label.keypoints[~shown] == 0).all() and not label.occluded[~shown].any()
        assert (label.keypoints[EARS] == 0).all()
        assert (label.keypoints[:, :2] >= 0).all()
        assert (label.keypoints[:, 0] <= SIZE[0] - 1).all() and (label.keypoints[:, 1] <= SIZE[1] - 1).all()


def test_head_boxes_contain_the_head(frames):
    top, bottom, nose = (POSETRACK_JOINTS.index(name) for name in ('head_top', 'head_bottom', 'nose'))
    checked = 0
    for _, frame in frames:
        for label in frame.people:
            x, y, w, h = label.head_box
            assert w >= 1 and h >= 1
            if not label.keypoints[[top, bottom, nose], 2].all():
                continue
            length = np.linalg.norm(label.keypoints[top, :2] - label.keypoints[bottom, :2])
            assert 0.6 * length - 3 < max(w, h) < 2.2 * length + 8
            px, py = label.keypoints[nose, :2]
            assert x - 4 <= px <= x + w + 4 and y - 4 <= py <= y + h + 4
            checked += 1
    assert checked > 20


def test_harder_settings_hide_more_joints(frames):
    share = {}
    for name in PRESETS:
        hidden = [label.occluded[label.keypoints[:, 2] > 0] for d, frame in frames if d == name
                  for label in frame.people]
        share[name] = np.concatenate(hidden).mean()
    # Nothing stands in front of people in the easy setting; only their own bodies hide joints there.
    assert share['easy'] < 0.1
    assert 0.01 < share['medium'] and share['easy'] < share['medium'] < 0.75
    assert share['easy'] < share['hard'] < 0.75


def test_labels_lie_on_the_drawn_people():
    """Remove the people: the picture changes around their visible joints, and hardly elsewhere."""
    near, far = [], []
    for index in range(3):
        clip = Clip(5, 'train', index, 1, SIZE, PRESETS['easy'])
        shown = next(iter(clip))
        empty = Clip(5, 'train', index, 1, SIZE, PRESETS['easy'])
        empty._draw = lambda canvas, i, shift, backdrop, clip=empty: (
            canvas.clear(backdrop), [thing.draw(canvas, clip.camera, i, shift) for thing in clip.occluders])
        change = np.abs(shown.image.astype(int) - next(iter(empty)).image).sum(-1)
        outside = np.ones(change.shape, bool)
        for label in shown.people:
            visible = (label.keypoints[:, 2] > 0) & ~label.occluded
            low, high = label.keypoints[visible, :2].min(0) - 16, label.keypoints[visible, :2].max(0) + 16
            outside[max(int(low[1]), 0):int(high[1]), max(int(low[0]), 0):int(high[0])] = False
            for x, y in label.keypoints[visible, :2].round().astype(int):
                near.append(change[max(y - 1, 0):y + 2, max(x - 1, 0):x + 2].max())
        far.append(change[outside].mean())
    assert np.mean(np.array(near) > 25) > 0.85
    assert np.mean(far) < 1


def test_person_moves_smoothly_and_keeps_the_track(made):
    for file in sorted(made.glob('annotations/*/*.json')):
        last = {}
        for item in json.loads(file.read_text())['annotations']:
            assert item['track_id'] == item['person_id']
            points = np.array(item['keypoints']).reshape(17, 3)
            frame = item['image_id'] % 10000
            if item['track_id'] in last and last[item['track_id']][0] == frame - 1:
                before = last[item['track_id']][1]
                both = (points[:, 2] > 0) & (before[:, 2] > 0)
                assert np.abs(points[both, :2] - before[both, :2]).max() < 0.2 * SIZE[1]
            last[item['track_id']] = frame, points
        assert last


def test_fast_motion_is_blurred():
    """A long exposure averages more sub-frames than a short one, and gives a smoother picture."""
    from dataclasses import replace
    still, blurred = (Clip(2, 'train', 1, 3, SIZE, replace(PRESETS['hard'], exposure=(e, e), noise=(0, 0),
                                                           foliage=0.0)) for e in (1, 8))
    assert len(blurred._sub_samples(1)[0]) > len(still._sub_samples(1)[0])
    sharpness = [cv2.Laplacian(list(clip)[1].image, cv2.CV_32F).var() for clip in (still, blurred)]
    assert sharpness[1] < 0.8 * sharpness[0]


def test_speed_and_blur_are_those_of_the_labelled_joints(made):
    """Speed is the mean step to the neighbouring frames where all three lie on a line; blur a part of it."""
    checked = 0
    for file in sorted(made.glob('annotations/*/*.json')):
        people = {(item['track_id'], item['image_id'] % 10000): item
                  for item in json.loads(file.read_text())['annotations']}
        for (track, frame), item in people.items():
            around = [people.get((track, frame + step)) for step in (-1, 0, 1)]
            if None in around:
                continue
            points = np.array([one['keypoints'] for one in around]).reshape(3, 17, 3)
            shown = (points[..., 2] > 0).all(0)
            step = np.linalg.norm(points[2, :, :2] - points[0, :, :2], axis=-1) / 2
            np.testing.assert_allclose(np.array(item['speed'])[shown], step[shown], atol=0.02)
            assert (np.array(item['blur'])[shown] <= np.array(item['speed'])[shown] + 2).all()
            hidden = points[1, :, 2] == 0
            assert not np.array(item['speed'])[hidden].any() and not np.array(item['blur'])[hidden].any()
            checked += int(shown.sum())
    assert checked > 100


def test_longer_exposures_blur_more():
    from dataclasses import replace
    clips = [Clip(2, 'train', 1, 3, SIZE, replace(PRESETS['hard'], exposure=(e, e))) for e in (2, 8)]
    short, long = ([label.blur for frame in clip for label in frame.people] for clip in clips)
    assert np.mean(long) > 2 * np.mean(short) > 0


def test_joints_cross_where_people_overlap_and_nowhere_without_others():
    from dataclasses import replace
    alone = Clip(4, 'train', 0, 3, SIZE, replace(PRESETS['medium'], people=(1, 1)))
    assert not any(label.crossing.any() for frame in alone for label in frame.people)
    seen = 0
    for index in range(3):
        for frame in Clip(6, 'train', index, 3, SIZE, replace(PRESETS['medium'], people=(4, 4))):
            for label in frame.people:
                assert not label.crossing[label.keypoints[:, 2] == 0].any()
                others = [one.keypoints[one.keypoints[:, 2] > 0, :2] for one in frame.people
                          if one is not label]
                reach = 0.3 * np.hypot(*label.head_box[2:])
                for k in np.flatnonzero(label.keypoints[:, 2] > 0):
                    if any((np.linalg.norm(points - label.keypoints[k, :2], axis=-1) < 0.9 * reach).any()
                           for points in others):
                        assert label.crossing[k] or k in EARS
                        seen += 1
    assert seen > 5


def test_distance_to_limbs():
    from synthetic_posetrack.hardness import SEGMENTS, distance_to_limbs
    joints = np.zeros((SEGMENTS.max() + 1, 2))
    joints[SEGMENTS[0, 1]] = 10, 0
    points = np.array([[5., 3.], [-4., 3.], [13., -4.]])
    np.testing.assert_allclose(distance_to_limbs(points, joints), [3, 5, 5])


def test_crowds_become_ignore_regions():
    from dataclasses import replace
    clip = Clip(1, 'train', 0, 2, SIZE, replace(PRESETS['easy'], crowd=1.0))
    for frame in clip:
        (xs, ys), = frame.ignore
        assert len(xs) == len(ys) >= 3
        assert 0 <= min(xs) and max(xs) < SIZE[0] and 0 <= min(ys) and max(ys) < SIZE[1]
        assert all(isinstance(v, int) for v in (*xs, *ys))


def test_people_option_and_no_video(tmp_path):
    generate(tmp_path / 'set', '--clips', '1', '--frames', '2', '--size', '128x96', '--people', '5',
             '--no-video', '--difficulty', 'hard', '--fps', '12')
    data = json.loads((tmp_path / 'set/annotations/train/900001_mpii_train.json').read_text())
    assert 1 <= max(item['track_id'] for item in data['annotations']) <= 4
    assert not (tmp_path / 'set/videos').exists()


@pytest.mark.parametrize('size', [(64, 64), (64, 400), (400, 64)])
def test_odd_shapes_of_images(size):
    for index in range(3):
        frame, = Clip(0, 'val', index, 1, size, PRESETS['hard'])
        assert frame.image.shape == (size[1], size[0], 3)


def test_contact_sheet(made, tmp_path):
    assert contact_sheet(made, columns=3, rows=2, width=96).shape == (2 * 72, 3 * 96, 3)
    with pytest.raises(FileNotFoundError, match='generate a set there first'):
        contact_sheet(tmp_path)


@pytest.mark.parametrize('options, message', [
    (['--size', '320*240'], 'write WIDTHxHEIGHT'),
    (['--size', '32x24'], 'from 64 to 4096'),
    (['--size', '321x240'], 'even numbers'),
    (['--clips', '0'], "'0' must be a whole number from 1"),
    (['--frames', '-3'], "'-3' must be a whole number from 1"),
    (['--people', '3-1'], 'not a range of persons'),
    (['--clips', '2', '--val-clips', '3'], 'is more than --clips 2'),
    (['--difficulty', 'brutal'], 'invalid choice'),
])
def test_bad_options_are_named(tmp_path, capsys, options, message):
    import generate as tool
    with pytest.raises(SystemExit) as stop:
        tool.parse_args([str(tmp_path / 'out'), *options])
    assert stop.value.code == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


def test_other_content_is_never_removed(made, tmp_path):
    import generate as tool
    (tmp_path / 'images').mkdir()
    (tmp_path / 'thesis.tex').write_text('precious')
    for extra in ([], ['--overwrite']):
        with pytest.raises(SystemExit, match='holds other files .thesis.tex.; name another folder'):
            tool.main([str(tmp_path), *extra])
    assert (tmp_path / 'thesis.tex').read_text() == 'precious'
    with pytest.raises(SystemExit, match='not empty.*--overwrite'):
        tool.main([str(made)])
    with pytest.raises(SystemExit, match='is a file; name a folder'):
        tool.main([str(tmp_path / 'thesis.tex')])


def test_overwrite_replaces_a_set(tmp_path):
    import generate as tool
    options = [str(tmp_path / 'set'), '--frames', '1', '--size', '64x64', '--no-video',
               '--difficulty', 'easy']
    tool.main([*options, '--clips', '3'])
    tool.main([*options, '--clips', '1', '--overwrite'])
    assert [p.name for p in (tmp_path / 'set').glob('annotations/*/*.json')] == ['900001_mpii_train.json']


def test_unwritable_folder_is_one_sentence(tmp_path):
    import generate as tool
    blocked = tmp_path / 'file'
    blocked.write_text('')
    with pytest.raises(SystemExit, match='error: cannot write to .*name a folder that you may write to'):
        tool.main([str(blocked / 'below'), '--clips', '1'])
