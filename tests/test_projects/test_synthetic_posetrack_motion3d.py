"""The generator of 3D motion: Human3.6M's layout, physical plausibility, errors of the 2D tracks."""
import hashlib
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

PROJECT = Path(__file__).resolve().parents[2] / 'projects' / 'synthetic_posetrack'
sys.path.insert(0, str(PROJECT))

import generate_motion3d as tool  # noqa: E402
from synthetic_posetrack import motion  # noqa: E402
from synthetic_posetrack.motion3d import Noise, detect, generate_sequence  # noqa: E402
from synthetic_posetrack.skeleton import INDEX, Proportions, rotation  # noqa: E402

FRAMES = 60
BONES = ((0, 1), (1, 2), (2, 3), (0, 4), (4, 5), (5, 6), (0, 7), (7, 8), (8, 11), (11, 12), (12, 13), (8, 14),
         (14, 15), (15, 16), (9, 10))


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    """Six motions, two held out."""
    out = tmp_path_factory.mktemp('motion') / 'set'
    tool.main([str(out), '--sequences', '6', '--test-sequences', '2', '--frames', str(FRAMES), '--seed', '4'])
    return out


def load(root, split):
    """Annotations and 2D tracks of a split."""
    return (np.load(root / f'annotation_body3d/fps50/h36m_{split}.npz'),
            np.load(root / f'joint_2d_det_files/noisy_2d_{split}.npy'))


def test_same_seed_same_bytes(made, tmp_path):
    tool.main([str(tmp_path / 'set'), '--sequences', '6', '--test-sequences', '2', '--frames', str(FRAMES),
               '--seed', '4'])
    files = sorted(p.relative_to(made) for p in made.rglob('*') if p.is_file())
    assert len(files) == 5
    for file in files:
        assert hashlib.sha1((made / file).read_bytes()).digest() == hashlib.sha1(
            (tmp_path / 'set' / file).read_bytes()).digest(), file


def test_a_motion_does_not_depend_on_the_others():
    a, b = (generate_sequence(0, split, 1, 20, 1, Noise())[0] for split in ('train', 'test'))
    again = generate_sequence(0, 'train', 1, 20, 1, Noise())[0]
    np.testing.assert_array_equal(a.joints, again.joints)
    assert np.abs(a.joints - b.joints).max() > 0.1


def test_fields_follow_the_official_file(made, testdata):
    official = np.load(testdata / 'h36m/test_h36m_body3d.npz')
    for split, motions in (('train', 4), ('test', 2)):
        ours, tracks = load(made, split)
        total = motions * 2 * FRAMES
        assert set(ours.files) == set(official.files)
        for name in official.files:
            assert ours[name].shape == (total, *official[name].shape[1:]), name
        assert tracks.shape == (total, 17, 3)
    pixels = official['part'][..., :2]  # scale and centre are computed as there
    np.testing.assert_allclose(1.2 * np.ptp(pixels, axis=1).max(1) / 200, official['scale'])
    pixels = ours['part'][..., :2]
    np.testing.assert_allclose(1.2 * np.ptp(pixels, axis=1).max(1) / 200, ours['scale'], rtol=1e-4)
    real = pickle.loads((testdata / 'h36m/cameras.pkl').read_bytes())['S1', '54138969']
    cameras = pickle.loads((made / 'annotation_body3d/cameras.pkl').read_bytes())
    assert len(cameras) == 12
    for camera in cameras.values():
        assert set(camera) == set(real)
        assert all(np.shape(camera[k]) == np.shape(real[k]) for k in real)
        np.testing.assert_allclose(camera['R'] @ camera['R'].T, np.eye(3), atol=1e-9)
        assert np.linalg.det(camera['R']) > 0


def test_mmpose_reads_it(made):
    pytest.importorskip('mmpose')
    from mmpose.datasets.datasets.body3d import Human36mDataset
    from mmpose.utils.camera import SimpleCamera
    data = Human36mDataset(
        ann_file='annotation_body3d/fps50/h36m_train.npz', seq_len=9, causal=False, pad_video_seq=True,
        keypoint_2d_src='detection', keypoint_2d_det_file='joint_2d_det_files/noisy_2d_train.npy',
        camera_param_file='annotation_body3d/cameras.pkl', data_root=str(made))
    assert len(data) == 4 * 2 * FRAMES
    sample = data[FRAMES + 30]
    assert sample['keypoints'].shape == (9, 17, 2)
    assert len({Path(p).parent.name for p in sample['img_paths']}) == 1
    camera = SimpleCamera(sample['camera_param'])
    joints = sample['lifting_target'][0].astype(np.float64)
    annotations, tracks = load(made, 'train')
    middle = sample['img_ids'][4]
    np.testing.assert_allclose(camera.camera_to_pixel(joints), annotations['part'][middle, :, :2], atol=1e-2)
    np.testing.assert_allclose(sample['keypoints'][4], tracks[middle, :, :2], atol=1e-3)
    world = camera.camera_to_world(joints)
    assert -0.1 < world[:, 2].min() < 0.6 and world[:, 2].max() < 3  # stands on the ground, z is up


def test_bones_keep_their_length_and_people_are_upright(made):
    joints = load(made, 'train')[0]['S'][..., :3].reshape(-1, FRAMES, 17, 3)
    for a, b in BONES:
        length = np.linalg.norm(joints[:, :, a] - joints[:, :, b], axis=-1)
        assert np.ptp(length, axis=1).max() < 1e-4, (a, b)
        assert 0.05 < length.min() and length.max() < 0.6
    head_above_feet = joints[:, :, 6, 1] - joints[:, :, 10, 1]  # y points down
    assert np.median(head_above_feet) > 1.0


@pytest.mark.parametrize('action', sorted(motion.ACTIONS))
def test_actions_are_physical(action):
    """No jumps in position or speed, feet on the ground, and the standing foot hardly slides."""
    for seed in range(2):
        t = np.arange(400) / 100
        pose = motion.perform(t, Proportions(), [action], 0.0, np.random.default_rng(seed))
        speed = np.diff(pose.joints, axis=0) * 100
        assert np.linalg.norm(speed, axis=-1).max() < 20
        assert np.linalg.norm(np.diff(speed, axis=0), axis=-1).max() * 100 < 450
        feet = pose.joints[:, [INDEX['left_ankle'], INDEX['right_ankle']]]
        assert -0.05 < pose.joints[..., 2].min() and feet[..., 2].min(1).min() < 0.2
        assert feet[..., 2].min() > 0.03


def test_walking_goes_forward_and_circling_stays():
    t = np.arange(800) / 100
    straight = motion.perform(t, Proportions(), ['walk'], 0.0, np.random.default_rng(0))
    travelled = straight.joint('pelvis')[-1] - straight.joint('pelvis')[0]
    assert 5 < travelled[1] < 16 and abs(travelled[0]) < 0.15 * travelled[1]  # heading 0 is +y
    round_ = motion.perform(t, Proportions(), ['walk'], 0.0, np.random.default_rng(0), circling=1.2)
    assert np.ptp(round_.joint('pelvis')[:, :2], axis=0).max() < 4


def test_left_is_left():
    pose = motion.perform(np.arange(10) / 50, Proportions(), ['stand'], 0.0, np.random.default_rng(0))
    assert (pose.joint('left_shoulder')[:, 0] < pose.joint('right_shoulder')[:, 0]).all()
    assert (pose.joint('nose')[:, 1] > pose.joint('head_centre')[:, 1]).all()
    turned = rotation('z', np.array([np.pi / 2])) @ np.array([1.0, 0, 0])
    np.testing.assert_allclose(turned[0], [0, 1, 0], atol=1e-12)


def test_tracks_have_noise_gaps_and_honest_confidence(made):
    annotations, tracks = load(made, 'train')
    error = np.linalg.norm(tracks[..., :2] - annotations['part'][..., :2], axis=-1)
    confidence = tracks[..., 2]
    assert 2 < np.median(error) < 12
    assert (confidence >= 0).all() and (confidence <= 1).all()
    assert np.mean(error[confidence > 0.7]) < 0.6 * np.mean(error[confidence < 0.4])
    assert 0.005 < (confidence < 0.36).mean() < 0.25
    rng, truth = np.random.default_rng(0), annotations['part'][:FRAMES, :, :2]
    exact = detect(rng, truth, Noise(0, 0, 0, 0, 0))
    np.testing.assert_allclose(exact[..., :2], truth)
    gaps = detect(rng, np.tile(truth, (20, 1, 1)), Noise(0, 0, 0, 0.2, 0))
    missed = (gaps[..., 2] == 0).all(1)
    assert 0.05 < missed.mean() < 0.4
    at = np.flatnonzero(missed)
    np.testing.assert_array_equal(gaps[at, :, :2], gaps[at - 1, :, :2])


@pytest.mark.parametrize('options, message', [
    (['--sequences', '0'], "'0' must be a whole number from 1"),
    (['--sequences', '2', '--test-sequences', '3'], 'is more than --sequences 2'),
    (['--noise', 'loud'], "'loud' must be a number from 0 to 20"),
    (['--frames', '1.5'], "'1.5' must be a whole number"),
])
def test_bad_options_are_named(tmp_path, capsys, options, message):
    with pytest.raises(SystemExit) as stop:
        tool.parse_args([str(tmp_path / 'out'), *options])
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_full_folder_needs_overwrite(made, tmp_path):
    with pytest.raises(SystemExit, match='not empty.*--overwrite'):
        tool.main([str(made), '--sequences', '1'])
