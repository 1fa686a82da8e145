"""Recorded motion from files: what is read, deduced and refused."""
import json
import sys
from pathlib import Path

import numpy as np
import pytest

PROJECT = Path(__file__).resolve().parents[2] / 'projects' / 'synthetic_posetrack'
sys.path.insert(0, str(PROJECT))

from lifting_comparison.joints import H36M_JOINTS, h36m_columns, mirrored_pairs  # noqa: E402
from lifting_comparison.motion_file import read_motion  # noqa: E402
from lifting_comparison.views import (  # noqa: E402
    Cameras,
    common_layout,
    generated_views,
    recorded_views,
    resampled,
)
from synthetic_posetrack.motion3d import random_motion  # noqa: E402

from mmpose_gss.errors import UserError  # noqa: E402

NAMES = ['Hips', 'RightUpLeg', 'RightLeg', 'RightFoot', 'LeftUpLeg', 'LeftLeg', 'LeftFoot', 'Chest',
         'RightShoulder', 'RightArm', 'RightForeArm', 'RightHand', 'LeftShoulder', 'LeftArm', 'LeftForeArm',
         'LeftHand', 'Neck', 'Head']
PARENTS = [-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 10, 7, 12, 13, 14, 7, 16]
COLUMN = {'Hips': 'root', 'RightUpLeg': 'right_hip', 'RightLeg': 'right_knee', 'RightFoot': 'right_foot',
          'LeftUpLeg': 'left_hip', 'LeftLeg': 'left_knee', 'LeftFoot': 'left_foot', 'Chest': 'spine',
          'RightShoulder': 'thorax', 'RightArm': 'right_shoulder', 'RightForeArm': 'right_elbow',
          'RightHand': 'right_wrist', 'LeftShoulder': 'thorax', 'LeftArm': 'left_shoulder',
          'LeftForeArm': 'left_elbow', 'LeftHand': 'left_wrist', 'Neck': 'neck_base', 'Head': 'head'}


def made_clips(count=6, frames=130):
    """Generated motion in the order of NAMES, centimetres, y up."""
    clips = {}
    for i in range(count):
        _, joints = random_motion(np.random.default_rng(i), frames)
        named = joints[:, [H36M_JOINTS.index(COLUMN[name]) for name in NAMES]]
        clips[f'{"test" if i >= count - 2 else "train"}/move_{i}'] = 100 * named[..., [0, 2, 1]] * [1, 1, -1]
    return clips


def write(folder, clips, **changes):
    """An npz and its JSON; a change to None removes a field."""
    skeleton = dict(joint_names=NAMES, parents=PARENTS, fps=100, unit='cm', up='y')
    skeleton.update(changes)
    folder.mkdir(exist_ok=True)
    (folder / 'moves.json').write_text(json.dumps({k: v for k, v in skeleton.items() if v is not None}))
    np.savez(folder / 'moves.npz', **clips)
    return folder / 'moves.npz'


def test_units_axes_and_names_are_read(tmp_path):
    clips = made_clips()
    motion = read_motion(write(tmp_path, clips))
    assert [len(motion.clips[split]) for split in ('train', 'test')] == [4, 2] and not motion.notes
    layout, weights, sentence = common_layout(motion)
    assert layout.is_h36m and 'left_shoulder = LeftArm' in sentence
    name, joints = motion.clips['train'][0]
    ours = weights @ joints
    _, truth = random_motion(np.random.default_rng(0), 130)
    truth = truth - [0, 0, truth[:, [H36M_JOINTS.index(COLUMN[n]) for n in NAMES], 2].min()]
    assert name == 'move_0'
    for joint in ('left_wrist', 'right_foot', 'head', 'neck_base', 'right_hip'):
        at = H36M_JOINTS.index(joint)
        np.testing.assert_allclose(ours[:, at], truth[:, at], atol=1e-9)
    hips = truth[:, [1, 4]].mean(1)
    np.testing.assert_allclose(ours[:, 0], hips, atol=1e-9)


def test_unit_and_axis_are_deduced_and_told(tmp_path):
    clips = {name: -clip[..., [0, 2, 1]] * 10 for name, clip in made_clips().items()}  # mm, z down
    motion = read_motion(write(tmp_path, clips, unit=None, up=None))
    assert len(motion.notes) == 2 and 'mm' in motion.notes[0] and '-z' in motion.notes[1]
    columns = h36m_columns(NAMES, motion.skeleton.parents)
    posed = columns.weights @ motion.clips['train'][0][1]
    assert 1.2 < np.median(posed[:, 10, 2]) < 2.2 and abs(posed[..., 2].min()) < 0.2


@pytest.mark.parametrize('names', [
    ['pelvis', 'left_hip', 'right_hip', 'spine1', 'left_knee', 'right_knee', 'spine2', 'left_ankle',
     'right_ankle', 'spine3', 'left_foot', 'right_foot', 'neck', 'left_collar', 'right_collar', 'head',
     'left_shoulder', 'right_shoulder', 'left_elbow', 'right_elbow', 'left_wrist', 'right_wrist'],
    ['SpineBase', 'HipLeft', 'HipRight', 'SpineMid', 'KneeLeft', 'KneeRight', 'SpineShoulder', 'AnkleLeft',
     'AnkleRight', 'x', 'FootLeft', 'FootRight', 'Neck', 'a', 'b', 'Head', 'ShoulderLeft', 'ShoulderRight',
     'ElbowLeft', 'ElbowRight', 'WristLeft', 'WristRight'],
    ['Hips', 'mixamorig:LeftUpLeg', 'mixamorig:RightUpLeg', 'Spine', 'mixamorig:LeftLeg',
     'mixamorig:RightLeg', 'Spine1', 'mixamorig:LeftFoot', 'mixamorig:RightFoot', 'Spine2',
     'mixamorig:LeftToeBase', 'mixamorig:RightToeBase', 'Neck', 'mixamorig:LeftShoulder',
     'mixamorig:RightShoulder', 'Head', 'mixamorig:LeftArm', 'mixamorig:RightArm', 'mixamorig:LeftForeArm',
     'mixamorig:RightForeArm', 'mixamorig:LeftHand', 'mixamorig:RightHand'],
    ['p', 'thigh_l', 'thigh_r', 's1', 'calf_l', 'calf_r', 's2', 'foot_l', 'foot_r', 's3', 'ball_l', 'ball_r',
     'neck', 'clavicle_l', 'clavicle_r', 'head', 'upperarm_l', 'upperarm_r', 'lowerarm_l', 'lowerarm_r',
     'hand_l', 'hand_r'],
])
def test_names_of_common_skeletons(names):
    smpl = [0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19]
    columns = h36m_columns(names, smpl)
    wanted = ('right_hip', 'right_knee', 'right_foot', 'left_shoulder', 'left_elbow', 'left_wrist',
              'neck_base', 'head')
    order = [columns.used[name] for name in wanted]
    assert order == [names[i] for i in (2, 5, 8, 16, 18, 20, 12, 15)]
    np.testing.assert_allclose(columns.weights.sum(1), 1)


def test_contradicting_or_missing_names_are_not_trusted():
    assert h36m_columns(['a', 'b'], [0, 0]) is None
    assert h36m_columns(NAMES[:-1], [max(0, p) for p in PARENTS[:-1]]) is None  # no head
    tangled = list(NAMES)
    tangled[2], tangled[5] = tangled[5], tangled[2]  # the left knee hangs from the right hip
    assert h36m_columns(tangled, [max(0, p) for p in PARENTS]) is None
    assert (1, 0) in mirrored_pairs(['r_toe', 'l_toe']) and mirrored_pairs(['root', 'lowerback']) == []


def test_foreign_skeleton_keeps_its_joints(tmp_path):
    names = [f'marker{i}' for i in range(len(NAMES))]
    motion = read_motion(write(tmp_path, made_clips(), joint_names=names))
    layout, weights, sentence = common_layout(motion)
    assert not layout.is_h36m and layout.names == tuple(names) and 'those of the file' in sentence
    views = recorded_views(motion, 'test', layout, weights, Cameras(views=1))
    assert views[0].track.shape[1:] == (18, 2)


def test_gaps_are_filled_or_cut(tmp_path):
    clips = made_clips()
    truth = clips['train/move_0'].copy()
    clips['train/move_0'][10:14, 3] = np.nan
    clips['train/move_0'][60:100, 5] = np.inf
    motion = read_motion(write(tmp_path, clips))
    pieces = [joints for name, joints in motion.clips['train'] if name == 'move_0']
    assert [len(piece) for piece in pieces] == [60, 30] and all(np.isfinite(piece).all() for piece in pieces)
    filled = pieces[0][10:14, 3] - pieces[0][9, 0]
    wanted = ((truth[10:14, 3] - truth[9, 0]) / 100)[:, [0, 2, 1]] * [1, -1, 1]
    assert np.abs(filled - wanted).max() < 0.05
    assert any('move_0 was cut' in note for note in motion.notes)


def test_rate_is_changed_by_interpolation():
    times = np.arange(121) / 120
    joints = np.stack([np.sin(times), times, 0 * times], 1)[:, None]
    slower = resampled(joints, 120, 50)
    assert len(slower) == 51
    np.testing.assert_allclose(slower[:, 0, 0], np.sin(np.arange(51) / 50), atol=1e-4)
    assert resampled(joints, 25, 50) is joints


def test_views_are_reproducible_and_fit_the_image(tmp_path):
    motion = read_motion(write(tmp_path, made_clips(frames=500)))
    layout, weights, _ = common_layout(motion)
    one, two = (recorded_views(motion, 'train', layout, weights, Cameras(25, 4.0, 2)) for _ in range(2))
    assert len(one) == 4 * 2 * 2  # 500 frames at 100 a second are 5 s: two parts, two cameras each
    for a, b in zip(one, two):
        np.testing.assert_array_equal(a.track, b.track)
    assert np.median([np.abs(view.track).max() for view in one]) < 1.2 and all(
        (view.joints[..., 2] > 0.5).all() for view in one)
    assert not np.allclose(one[0].joints, one[1].joints)
    made = generated_views('test', 2, 50, Cameras(25, views=1))
    assert [len(view.joints) for view in made] == [25, 25]


@pytest.mark.parametrize('changes, message', [
    (dict(parents=PARENTS[:-1]), "needs 'parents', one per joint name .18"),
    (dict(parents=None), 'has none'),
    (dict(parents=[99, *PARENTS[1:]]), "the parent of 'Hips' is 99"),
    (dict(parents=[1, 0, *PARENTS[2:]]), 'run in a circle'),
    (dict(joint_names=None), 'has no list of joint names'),
    (dict(joint_names=['Hips'] * 18), "'Hips' twice"),
    (dict(joint_names=NAMES[:-1], parents=PARENTS[:-1]), 'has 18 joints, but .* names 17'),
    (dict(fps=None), "needs 'fps'"), (dict(fps='fast'), "needs 'fps'"),
    (dict(unit='furlong'), "'unit' is 'furlong'"), (dict(unit='m'), "correct 'unit'"),
    (dict(up='north'), "'up' is 'north'"),
])
def test_faults_of_the_skeleton_are_named(tmp_path, changes, message):
    with pytest.raises(UserError, match=message) as error:
        read_motion(write(tmp_path, made_clips(4, 30), **changes))
    assert 'moves' in str(error.value) and '\n' not in str(error.value)


def test_faults_of_the_clips_are_named(tmp_path):
    clips = made_clips(4, 30)
    with pytest.raises(UserError, match='cannot be read'):
        read_motion(tmp_path / 'none.npz')
    path = write(tmp_path, clips)
    for content in (b'', b'PK\x03\x04broken', b'\x80\x04.'):
        path.write_bytes(content)
        with pytest.raises(UserError, match='moves.npz'):
            read_motion(path)
    cases = [({'train/a': clips['train/move_0'][..., :2]}, r'train/a is float64 of shape \(30, 18, 2\)'),
             ({'train/a': np.array([[['x'] * 3] * 18])}, 'train/a is <U1'),
             ({'train/a': clips['train/move_0']}, 'no test clips'),
             ({'note': np.array(3)}, 'holds no clip'),
             ({'train/a': np.full((9, 18, 3), np.nan), 'test/b': clips['train/move_0'] * np.nan}, 'no frame'),
             ({'train/a': clips['train/move_0'], 'test/b': np.full((9, 18, 3), np.nan)},
              'has no test clip'),
             ({'train/a': np.array([None])}, 'train/a cannot be read')]
    for arrays, message in cases:
        with pytest.raises(UserError, match=message):
            read_motion(write(tmp_path, arrays))
    path = write(tmp_path, {name.split('/')[1]: clip for name, clip in clips.items()} | {'rate': np.array(5)})
    motion = read_motion(path)
    assert len(motion.clips['test']) == 1 and 'every fourth clip' in motion.notes[0]
    (tmp_path / 'moves.json').rename(tmp_path / 'a.json')
    assert read_motion(path).skeleton.names == tuple(NAMES)  # the only JSON
    (tmp_path / 'b.json').write_text('{')
    with pytest.raises(UserError, match='2 JSON files'):
        read_motion(path)
    with pytest.raises(UserError, match='b.json is not JSON'):
        read_motion(path, tmp_path / 'b.json')


def test_real_clips(testdata):
    path = testdata / 'cmu_mocap/cmu_positions_120hz_mm.npz'
    if not path.is_file():
        pytest.skip('this sample is not there')
    motion = read_motion(path)
    layout, weights, _ = common_layout(motion)
    assert layout.is_h36m and not motion.notes
    assert [len(motion.clips[split]) for split in ('train', 'test')] == [72, 24]
    joints = dict(motion.clips['test'])['walking_1']
    posed = weights @ joints
    right, left = posed[:, 1] - posed[:, 4], posed[:, 15] - posed[:, 12]
    assert (np.sum(right * left, -1)[0] != 0)
    thigh = np.linalg.norm(posed[:, 1] - posed[:, 2], axis=-1)
    assert thigh.std() < 1e-3 and 0.35 < thigh.mean() < 0.5
    travelled = np.linalg.norm(posed[-1, 0] - posed[0, 0]) / (len(posed) / 120)
    assert 0.8 < travelled < 1.6 and 1.2 < posed[0, 10, 2] < 1.9
