"""From 2D poses of a video to 3D tracks and files."""
import json
import re

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmpose.apis.inference_3d import convert_keypoint_definition
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import MODELS
from scipy.spatial.transform import Rotation

from mmpose_gss.apis.lifting import (
    H36M_JOINTS,
    LiftedTrack,
    Lifter,
    associate,
    bvh,
    draw_side_by_side,
    fill_gaps,
    render_video,
    to_h36m,
    write_bvh,
    write_tracks,
)
from mmpose_gss.apis.lifting.joints import joint_names
from mmpose_gss.apis.lifting.tracks import clean_person


def tiny_config(tmp_path, root):
    folder = root / 'configs/body_3d_keypoint/posemamba/h36m'
    cfg = Config.fromfile(str(folder / 'posemamba-s-27frm_8xb4-120e_h36m.py'))
    cfg.model.backbone.update(embed_dims=16, depth=1, num_frames=6)
    cfg.model.head.in_channels = 16
    cfg.dump(str(tmp_path / 'tiny.py'))
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    torch.save(dict(meta={}, state_dict=model.state_dict()), tmp_path / 'tiny.pth')
    return str(tmp_path / 'tiny.py'), str(tmp_path / 'tiny.pth')


@pytest.fixture()
def tiny(tmp_path, root):
    return tiny_config(tmp_path, root)


def person(x, seed=0, score=0.9, joints=17):
    """A person as wide as 100 pixels around x."""
    keypoints = np.random.default_rng(seed).uniform(0, 100, (joints, 2)) + [x, 200]
    return dict(keypoints=keypoints, keypoint_scores=np.full(joints, score))


@pytest.mark.parametrize('name', ['coco', 'posetrack18', 'h36m'])
def test_joint_conversion_equals_mmposes(name):
    keypoints = np.random.default_rng(0).uniform(0, 500, (4, 17, 2)).astype(np.float32)
    scores = np.random.default_rng(1).uniform(0, 1, (4, 17)).astype(np.float32)
    got, confidence = to_h36m(keypoints, scores, joint_names(name))
    np.testing.assert_allclose(got, convert_keypoint_definition(keypoints, name, 'h36m'), rtol=1e-5)
    names = joint_names(name)
    assert confidence[0, 1] == scores[0, names.index('right_hip')]
    if name == 'coco':
        assert confidence[0, 0] == min(scores[0, 11], scores[0, 12])


def test_unknown_skeletons_are_named():
    message = r'unknown skeleton.*root \(from root or pelvis or left_hip\+right_hip\)'
    with pytest.raises(ValueError, match=message):
        to_h36m(np.zeros((1, 3, 2)), np.zeros((1, 3)), ('nose', 'tail', 'left_knee'))
    with pytest.raises(ValueError, match=r'must be \(N,17,2\)'):
        to_h36m(np.zeros((1, 16, 2)), np.zeros((1, 16)), joint_names('coco'))
    with pytest.raises(ValueError, match="unknown skeleton 'martian'"):
        joint_names('martian')
    with pytest.raises(ValueError, match='no joint names'):
        joint_names(dict(dataset_name='x'))


def test_people_are_followed_by_oks_through_a_gap():
    frames = []
    for t in range(12):
        people = [person(100 + 3 * t, 1), person(400 - 3 * t, 2)]
        people = people[::-1] if t % 2 else people
        if t in (4, 5):
            people = [people[1 if t % 2 else 0]]  # the second one is unseen
        frames.append([clean_person(p, 17, '') for p in people])
    tracks = associate(frames, np.full(17, 0.079), 0.3, 3)
    seen = {track: [index for index, _ in found] for track, found in tracks.items()}
    assert sorted(map(len, seen.values())) == [10, 12]
    for found in tracks.values():
        centres = [p['keypoints'][:, 0].mean() for _, p in found]
        assert np.abs(np.diff(centres)).max() < 10  # nobody changes over
    assert len(associate(frames, np.full(17, 0.079), 0.3, 1)) == 3  # too long unseen: a new person


def test_given_track_numbers_are_kept():
    frames = [[{**person(0), 'track_id': 7}, {**person(300), 'track_id': 2}],
              [{**person(300), 'track_id': 7}]]
    clean = [[clean_person(p, 17, '') for p in people] for people in frames]
    assert {k: len(v) for k, v in associate(clean).items()} == {7: 2, 2: 1}
    twice = [[clean_person({**person(0), 'track_id': 7}, 17, '') for _ in range(2)]]
    with pytest.raises(ValueError, match='frame 0 has two people with the same track_id'):
        associate(twice)
    clean[1][0]['track_id'] = None
    with pytest.raises(ValueError, match='some people have a track_id'):
        associate(clean)


def test_gaps_are_filled_and_marked():
    names = ('a', 'b')

    def at(value, b=1.0, score=1.0):
        return dict(keypoints=np.array([[value, 0], [b, 0]], np.float32),
                    scores=np.array([1.0, score], np.float32))

    seen = [(3, at(10)), (5, at(30, np.nan, 0.0)), (6, at(40, 7.0)), (7, at(50, 9.0, 0.01)),
            (8, at(60, 13.0))]
    track, = fill_gaps(0, seen, names, max_gap=2, min_score=0.1)
    assert track.frames.tolist() == [3, 4, 5, 6, 7, 8]
    assert track.keypoints[:, 0, 0].tolist() == [10, 20, 30, 40, 50, 60]
    assert track.interpolated[:, 0].tolist() == [False, True, False, False, False, False]
    assert track.keypoints[:, 1, 0].tolist() == [1, 3, 5, 7, 10, 13]
    assert track.interpolated[:, 1].tolist() == [False, True, True, False, True, False]
    assert track.scores[1].tolist() == [0, 0]
    parts = fill_gaps(0, seen[:1] + [(6, at(1)), (20, at(2))], names, max_gap=2)
    assert [p.frames.tolist() for p in parts] == [[3, 4, 5, 6], [20]]
    ends, = fill_gaps(0, [(0, at(1, np.nan, 0)), (1, at(1, 5.0)), (2, at(1, np.nan, 0))], names)
    assert ends.keypoints[:, 1, 0].tolist() == [5, 5, 5]
    assert ends.interpolated[:, 1].tolist() == [True, False, True]
    gap = [(0, at(1, 0.0)), (1, at(1, np.nan, 0)), (2, at(1, 99.0, 0.01)), (3, at(1, 3.0))]
    long, = fill_gaps(0, gap, names, 1, 0.1)
    # Too long to bridge: nearest, or the weak position.
    assert long.keypoints[:, 1, 0].tolist() == [0, 0, 99, 3]
    with pytest.raises(ValueError, match='b of track 4 is NaN in all frames from 0 to 0'):
        fill_gaps(4, [(0, at(1, np.nan, 0))], names)


def test_video_of_two_people(tiny):
    lifter = Lifter(*tiny, device='cpu', max_gap=3)
    # Longer than the 6 frames of the table.
    frames = [[person(100 + t, 1), person(400, 2)] for t in range(15)]
    frames[4] = frames[4][:1]
    frames[7][0]['keypoints'][9] = np.nan
    frames[9][1]['keypoints'] = frames[9][1]['keypoints'].tolist()
    frames[12] = []
    tracks = lifter.lift_tracks(frames, (640, 480), 'coco')
    assert [t.frames.tolist() for t in tracks] == [list(range(15))] * 2
    for track in tracks:
        assert track.keypoints_3d.shape == (15, 17, 3) and np.isfinite(track.keypoints_3d).all()
        assert (track.keypoints_3d[:, 0] == 0).all() and track.interpolated[12].all()
    assert tracks[1].interpolated[4].all() and not tracks[0].interpolated[4].any()
    wrist = H36M_JOINTS.index('left_wrist')
    assert tracks[0].interpolated[7].nonzero()[0].tolist() == [wrist]
    coco = parse_pose_metainfo(dict(from_file='configs/_base_/datasets/coco.py'))
    again = lifter.lift_tracks(frames, (640, 480), coco)
    np.testing.assert_array_equal(again[0].keypoints_3d, tracks[0].keypoints_3d)


def test_scale_flip_and_windows(tiny):
    lifter = Lifter(*tiny, device='cpu', person_height=1.8)
    x = np.random.default_rng(0).uniform(100, 400, (15, 17, 2)).astype(np.float32)
    poses = lifter.lift(x, (640, 480))
    chain = [H36M_JOINTS.index(n) for n in ('head', 'neck_base', 'thorax', 'spine', 'root')]
    legs = [[H36M_JOINTS.index(f'{s}_{n}') for n in ('hip', 'knee', 'foot')] for s in ('left', 'right')]
    length = sum(np.linalg.norm(np.diff(poses[:, c], axis=1), axis=2).sum(1) * w for c, w in
                 ((chain, 1), (legs[0], 0.5), (legs[1], 0.5)))
    assert np.median(length) == pytest.approx(1.8, rel=1e-4)
    mirrored = x[:, lifter.metainfo['flip_indices']] * [-1, 1] + [640, 0]
    turned = lifter.lift(mirrored, (640, 480))  # averaging with the mirrored clip makes lifting symmetric
    np.testing.assert_allclose(turned[:, lifter.metainfo['flip_indices']] * [-1, 1, 1], poses, atol=1e-4)
    raw = Lifter(*tiny, device='cpu', person_height=None, flip_test=False)
    inputs = torch.from_numpy((x / 640 * 2 - np.array([1, 480 / 640], np.float32)).astype(np.float32))
    with torch.no_grad():
        direct = raw.model.head(raw.model.backbone(inputs[None, :6]))[0]
    direct[:, 0] = 0
    np.testing.assert_allclose(raw.lift(x[:6], (640, 480)), direct.numpy(), atol=1e-5)
    np.testing.assert_allclose(raw.lift(x, (640, 480))[:4], direct.numpy()[:4], atol=1e-5)


def test_wrong_input_is_named(tiny, tmp_path, root, monkeypatch):
    lifter = Lifter(*tiny, device='cpu')
    with pytest.raises(ValueError, match='unknown skeleton'):
        lifter.lift_tracks([], (640, 480), ['a', 'b'])
    with pytest.raises(ValueError, match=r'frame 1: keypoints are \(15, 2\)'):
        lifter.lift_tracks([[], [person(0, joints=15)]], (640, 480), 'coco')
    with pytest.raises(ValueError, match='image_size'):
        lifter.lift_tracks([[person(0)]], (0, 480), 'coco')
    with pytest.raises(ValueError, match='frame 1 of the track are NaN'):
        lifter.lift(np.stack([np.zeros((17, 2)), np.full((17, 2), np.nan)]), (640, 480))
    with pytest.raises(ValueError, match=r'\(T,17,2\)'):
        lifter.lift(np.zeros((3, 16, 2)), (640, 480))
    assert lifter.lift_tracks([[], []], (640, 480), 'coco') == []
    blind = person(0)
    blind['keypoints'][9] = np.nan  # a wrist that no frame shows
    assert lifter.lift_tracks([[blind], [blind]], (640, 480), 'coco') == []
    said = []
    monkeypatch.setattr(MMLogger, 'warning', lambda self, text, *args: said.append(text))
    Lifter(tiny[0], device='cpu')
    assert len(said) == 1 and 'its weights are random' in said[0]
    with pytest.raises(FileNotFoundError):
        Lifter(tiny[0], str(tmp_path / 'nowhere.pth'))
    with pytest.raises(ValueError, match='belongs to another model'):
        Lifter('posemamba-s-27frm_8xb4-120e_h36m', tiny[1])
    with pytest.raises(ValueError, match='17 joints of Human3.6M'):
        Lifter('posemamba-s-27frm_8xb4-120e_mpi-inf-3dhp')
    with pytest.raises(ValueError, match='max_gap'):
        Lifter(tiny[0], max_gap=-1)


def parse_bvh(path):
    """An independent reader: joint names, offsets, parents, frame time and rows."""
    head, motion = path.read_text().split('MOTION\n')
    names, parents, offsets, stack = [], [], [], []
    for line in head.splitlines():
        word = line.split()
        if word[0] in ('ROOT', 'JOINT'):
            parents.append(stack[-1] if stack else None)
            names.append(word[1])
            current = len(names) - 1
        elif word[0] == 'End':
            current = None
        elif word[0] == '{':
            stack.append(current)
        elif word[0] == '}':
            stack.pop()
        elif word[0] == 'OFFSET' and current is not None:
            offsets.append([float(v) for v in word[1:]])
    lines = motion.splitlines()
    rows = np.array([[float(v) for v in line.split()] for line in lines[2:]])
    assert int(lines[0].split()[1]) == len(rows)
    return names, parents, np.array(offsets), float(lines[1].split()[2]), rows


def play_bvh(parents, offsets, rows):
    positions = np.zeros((len(rows), len(parents), 3))
    for f, row in enumerate(rows):
        world = []
        for j, parent in enumerate(parents):
            turn = Rotation.from_euler('ZXY', row[3 + 3 * j:6 + 3 * j], degrees=True)
            if parent is None:
                positions[f, j] = row[:3]
                world.append(turn)
            else:
                positions[f, j] = positions[f, parent] + world[parent].apply(offsets[j])
                world.append(world[parent] * turn)
    return positions


def test_bvh_plays_back_a_rigid_skeleton(tmp_path):
    rng = np.random.default_rng(0)
    offsets = np.zeros((17, 3))
    for joint, parent in bvh.TREE.items():
        if parent:
            offsets[H36M_JOINTS.index(joint)] = np.array(bvh.REST[joint]) * rng.uniform(0.1, 0.5)
    turns = [Rotation.random(9, random_state=i) for i in range(17)]
    poses = bvh.forward_kinematics(offsets, turns, np.zeros((9, 3))) * [1, -1, -1]  # to camera axes
    write_bvh(tmp_path / 'a.bvh', poses, 25)
    names, parents, read, step, rows = parse_bvh(tmp_path / 'a.bvh')
    assert step == pytest.approx(0.04) and sorted(names) == sorted(H36M_JOINTS)
    assert all((names[p] if p is not None else None) == bvh.TREE[n] for n, p in zip(names, parents))
    played = play_bvh(parents, read, rows) / 100
    order = [H36M_JOINTS.index(n) for n in names]
    np.testing.assert_allclose(played, (poses * [1, -1, -1])[:, order], atol=1e-5)
    with pytest.raises(ValueError, match=r'\(T,17,3\)'):
        write_bvh(tmp_path / 'b.bvh', np.zeros((0, 17, 3)), 25)
    with pytest.raises(ValueError, match='frame rate'):
        write_bvh(tmp_path / 'b.bvh', poses, 0)


def lifted(track_id, start, frames, seed=0):
    rng = np.random.default_rng(seed)
    return LiftedTrack(track_id, np.arange(start, start + frames),
                       rng.normal(0, 0.3, (frames, 17, 3)).astype(np.float32),
                       rng.uniform(0, 100, (frames, 17, 2)).astype(np.float32),
                       rng.uniform(0, 1, (frames, 17)).astype(np.float32),
                       rng.uniform(size=(frames, 17)) > 0.5)


def test_files_hold_the_tracks(tmp_path):
    tracks = [lifted(0, 0, 4), lifted(3, 2, 5, 1), lifted(3, 20, 1, 2)]
    paths = write_tracks(tmp_path / 'out', 'walk', tracks, 50)
    content = json.loads((tmp_path / 'out/walk_3d.json').read_text())
    assert content['joints'] == list(H36M_JOINTS) and content['fps'] == 50
    for track, entry in zip(tracks, content['tracks']):
        assert entry['track_id'] == track.track_id and entry['frames'] == track.frames.tolist()
        np.testing.assert_allclose(entry['keypoints_3d'], track.keypoints_3d, atol=1e-5)
        np.testing.assert_allclose(entry['keypoints_2d'], track.keypoints_2d, atol=1e-2)
        assert entry['interpolated'] == track.interpolated.tolist()
    with np.load(paths['npz']) as archive:
        assert archive['track_id'].tolist() == [0] * 4 + [3] * 6
        assert archive['frame'].tolist() == [0, 1, 2, 3, 2, 3, 4, 5, 6, 20]
        for name in ('keypoints_3d', 'interpolated'):
            expected = np.concatenate([getattr(track, name) for track in tracks])
            np.testing.assert_array_equal(archive[name], expected)
    assert len(set(paths['bvh'])) == 3 and all(re.search(r'Frames: \d', open(p).read()) for p in paths['bvh'])
    empty = write_tracks(tmp_path / 'none', 'walk', [], 25)
    assert json.loads(open(empty['json']).read())['tracks'] == [] and empty['bvh'] == []
    with np.load(empty['npz']) as archive:
        assert archive['keypoints_3d'].shape == (0, 17, 3)


def test_pictures(tmp_path):
    frame = np.full((120, 160, 3), 50, np.uint8)
    poses = [(0, lifted(0, 0, 1).keypoints_3d[0]), (1, lifted(1, 0, 1, 1).keypoints_3d[0])]
    picture = draw_side_by_side(frame, poses, 0)
    assert picture.shape == (120, 280, 3) and (picture[:, :160] == 50).all()
    assert (picture != draw_side_by_side(frame, poses, 40)).any()
    assert (picture[:, 160:] != draw_side_by_side(frame, [], 0)[:, 160:]).any()
    writer = cv2.VideoWriter(str(tmp_path / 'a.mp4'), cv2.VideoWriter_fourcc(*'mp4v'), 10, (160, 121))
    for _ in range(5):
        writer.write(np.full((121, 160, 3), 50, np.uint8))
    writer.release()
    assert render_video(tmp_path / 'a.mp4', tmp_path / 'b.mp4', [lifted(0, 1, 3)], 10) == 5
    reader = cv2.VideoCapture(str(tmp_path / 'b.mp4'))
    assert reader.get(cv2.CAP_PROP_FRAME_COUNT) == 5 and abs(reader.get(cv2.CAP_PROP_FRAME_WIDTH) - 281) <= 1
    with pytest.raises(ValueError, match='same time'):
        render_video(tmp_path / 'a.mp4', tmp_path / 'a.mp4', [], 10)
    with pytest.raises(ValueError, match='cannot read frames'):
        render_video(tmp_path / 'nowhere.mp4', tmp_path / 'c.mp4', [], 10)


@pytest.mark.slow
def test_video_inferencer_lifts(tiny, tmp_path, root, testdata):
    """The real inferencer on the real clip, with a shrunken 2D model."""
    from mmpose_gss.apis import VideoPoseInferencer
    folder = root / 'configs/body_2d_keypoint/glsmamba/posetrack18'
    paths = sorted(folder.glob('td-hm_GLSMamba-base*256x192.py'))
    cfg = Config.fromfile(str(paths[0]))
    encoder = cfg.model.backbone
    encoder.init_cfg = None
    encoder.backbone.arch = dict(embed_dims=16, num_layers=1, num_heads=2, feedforward_channels=32)
    if encoder.get('deconv'):
        encoder.deconv.update(in_channels=16, out_channels=(8, 8))
    cfg.model.neck.update(in_channels=8 if encoder.get('deconv') else 16, embed_dims=16)
    for key in ('num_global', 'num_local', 'depth'):
        if cfg.model.neck.get(key, 0) > 1:
            cfg.model.neck[key] = 1
    cfg.model.head.in_channels = cfg.model.neck.in_channels  # what the neck corrects
    cfg.dump(str(tmp_path / 'pose2d.py'))
    inferencer = VideoPoseInferencer(
        str(tmp_path / 'pose2d.py'), device='cpu', lift='posemamba', lift_config=tiny[0],
        lift_checkpoint=tiny[1])
    inferencer.lifter.min_score = 0.0
    clip = testdata / 'posetrack18/videos/000001_mpiinew_test'
    result = inferencer(str(clip), out_dir=tmp_path / 'out', show_progress=False)
    count = len(result['predictions'])
    assert count == 5
    track, = result['tracks_3d']
    assert track.keypoints_3d.shape == (count, 17, 3) and np.isfinite(track.keypoints_3d).all()
    people = [frame[0]['keypoints'] for frame in result['predictions']]
    nose = joint_names('posetrack18').index('nose')
    neck = track.keypoints_2d[:, H36M_JOINTS.index('neck_base')]
    np.testing.assert_allclose(neck, np.array(people)[:, nose], rtol=1e-4)
    assert (tmp_path / 'out/000001_mpiinew_test_3d.json').is_file() and len(result['files_3d']['bvh']) == 1
    reader = cv2.VideoCapture(result['video'])
    frame = cv2.imread(str(sorted(clip.glob('*.jpg'))[0]))
    assert reader.get(cv2.CAP_PROP_FRAME_COUNT) == count
    assert abs(reader.get(cv2.CAP_PROP_FRAME_WIDTH) - sum(frame.shape[:2])) <= 1
    assert [p.name for p in (tmp_path / 'out').glob('*.mp4')] == ['000001_mpiinew_test.mp4']
    with pytest.raises(ValueError, match="lift must be one of 'posemamba'"):
        VideoPoseInferencer(str(tmp_path / 'pose2d.py'), lift='martian')
    with pytest.raises(ValueError, match='need lift='):
        VideoPoseInferencer(str(tmp_path / 'pose2d.py'), lift_checkpoint=tiny[1])
