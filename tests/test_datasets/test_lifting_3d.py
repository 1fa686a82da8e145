"""3D lifting data: clips, three file formats, converters."""
import pickle
from types import SimpleNamespace

import numpy as np
import pytest
from mmengine.dataset import Compose

from mmpose_gss.datasets.body3d import H36MClipDataset, H36MMotionBERTDataset, Mpi3dhpClipDataset
from mmpose_gss.datasets.body3d.clips import split_clips, stretch
from mmpose_gss.datasets.body3d.safe_pickle import load_object_npz, load_pickle
from mmpose_gss.datasets.converters import convert_h36m, convert_mpi_inf_3dhp

META = ('flip_indices', 'factor', 'camera_param', 'frame_ids', 'action', 'sequence', 'keypoint_labels')


def encode(mode, root_index=0):
    codec = dict(type='MotionBERTLabel', num_keypoints=17, root_index=root_index, mode=mode)
    return [dict(type='GenerateTarget', encoder=codec), dict(type='PackPoseInputs', meta_keys=META)]


def motionbert_entry(rng, lengths=(12, 5, 9), test=False):
    """An entry of MotionBERT's pickle with videos of the given lengths."""
    count = sum(lengths)
    cameras = ['54138969', '55011271', '58860488']
    entry = {
        'joint_2d': rng.uniform(0, 1000, (count, 17, 2)), 'confidence': rng.uniform(0, 1, (count, 17, 1)),
        'joint3d_image': rng.uniform(0, 1000, (count, 17, 3)),
        'camera_name': [cameras[i] for i, n in enumerate(lengths) for _ in range(n)],
        'source': [f's_09_act_0{i + 4}_subact_02_ca_01' for i, n in enumerate(lengths) for _ in range(n)]}
    if test:
        entry['action'] = [('Eating', 'Greet', 'Phone')[i] for i, n in enumerate(lengths) for _ in range(n)]
        entry['2.5d_factor'] = rng.uniform(3, 5, count)
        entry['joints_2.5d_image'] = entry['joint3d_image'] * entry['2.5d_factor'][:, None, None]
    return entry


@pytest.fixture()
def motionbert(tmp_path):
    rng = np.random.default_rng(0)
    content = dict(train=motionbert_entry(rng), test=motionbert_entry(rng, test=True))
    path = tmp_path / 'h36m.pkl'
    path.write_bytes(pickle.dumps(content))
    return path, content


def test_clips_by_hand():
    videos = ['a'] * 7 + ['b'] * 2 + ['a'] * 3
    assert [c.tolist() for c in split_clips(videos, 3, 2)] == [
        [0, 1, 2], [2, 3, 4], [4, 5, 6], [7, 7, 8], [9, 10, 11]]
    assert [c.tolist() for c in split_clips(['a'] * 8, 3, 3)] == [[0, 1, 2], [3, 4, 5]]
    assert [c.tolist() for c in split_clips(['a'] * 8, 3, 3, keep_tail=True)] == [
        [0, 1, 2], [3, 4, 5], [5, 6, 7]]
    assert split_clips([], 3, 3) == []
    with pytest.raises(ValueError, match='at least 1 frame'):
        split_clips(videos, 0, 1)
    for rng in (None, np.random.default_rng(0)):
        picked = stretch(5, 12, rng)
        assert len(picked) == 12 and picked.min() >= 0 and picked.max() == 4 and (np.diff(picked) >= 0).all()


@pytest.mark.parametrize('subset', ['train', 'test'])
def test_motionbert_pickle_gives_its_normalised_clips(motionbert, subset):
    """Inputs, labels and scoring targets against the formulas of MotionBERT's reader and evaluation."""
    path, content = motionbert
    entry = content[subset]
    data = H36MMotionBERTDataset(str(path), subset=subset, num_frames=6, stride=3, pipeline=encode('train'))
    assert len(data) == 3 + 1 + 2
    height = np.array([1002 if name == '54138969' else 1000 for name in entry['camera_name']])[:, None, None]
    flat = entry['joint_2d'] / 1000 * 2 - np.concatenate([np.ones_like(height), height / 1000], axis=2)
    deep = entry['joint3d_image'] * 2 / 1000
    deep = deep - deep[:, :1]
    for index in range(len(data)):
        sample = data[index]
        frames = sample['data_samples'].frame_ids
        np.testing.assert_allclose(sample['inputs'], flat[frames], atol=1e-5)
        labels = sample['data_samples'].gt_instance_labels
        np.testing.assert_allclose(labels.lifting_target_label, deep[frames], atol=1e-5)
        assert (labels.lifting_target_weight == 1).all()
    confidence = entry['confidence'][:6, :, 0]
    assert data.get_data_info(0)['keypoints_visible'] == pytest.approx(confidence, abs=1e-6)
    if subset == 'test':
        data = H36MMotionBERTDataset(
            str(path), subset='test', num_frames=6, pipeline=encode('test'), test_mode=True)
        sample = data[0]['data_samples']
        truth = entry['joints_2.5d_image'][:6]
        relative = (truth - truth[:, :1]) / 1000
        np.testing.assert_allclose(sample.gt_instances.lifting_target, relative, atol=1e-5)
        assert sample.action == 'Eating' and sample.sequence == 's_09_act_04_subact_02'
        gt = H36MMotionBERTDataset(str(path), subset='test', num_frames=6, keypoint_2d='gt')
        np.testing.assert_allclose(gt[0]['keypoints'], entry['joint3d_image'][:6, :, :2], rtol=1e-6)


def test_broken_pickles_are_named(motionbert, tmp_path):
    path, content = motionbert

    def broken(name, value, subset='train'):
        entry = dict(content[subset])
        entry.pop(name) if value is None else entry.update({name: value})
        path.write_bytes(pickle.dumps({**content, subset: entry}))
        return H36MMotionBERTDataset(str(path), subset=subset, num_frames=6)

    with pytest.raises(ValueError, match="entry 'test' lacks 2.5d_factor"):
        broken('2.5d_factor', None, 'test')
    with pytest.raises(ValueError, match="camera_name of frame 0 is '1'"):
        broken('camera_name', ['1'] * 26)
    nan = content['train']['joint3d_image'].copy()
    nan[7, 3, 1] = np.nan
    with pytest.raises(ValueError, match='target of frame 7 is NaN'):
        broken('joint3d_image', nan)
    with pytest.raises(ValueError, match=r'keypoints has shape \(26, 16, 2\)'):
        broken('joint_2d', content['train']['joint_2d'][:, :16])
    with pytest.raises(FileNotFoundError, match='nowhere.pkl does not exist'):
        H36MMotionBERTDataset(str(tmp_path / 'nowhere.pkl'))
    (tmp_path / 'text.pkl').write_text('hello')
    with pytest.raises(ValueError, match='not a pickle of plain containers'):
        load_pickle(tmp_path / 'text.pkl')
    (tmp_path / 'harm.pkl').write_bytes(pickle.dumps(SimpleNamespace))
    with pytest.raises(ValueError, match='SimpleNamespace'):
        load_pickle(tmp_path / 'harm.pkl')


def test_h36m_sample_equals_its_converted_pickle(testdata, tmp_path):
    folder = testdata / 'h36m'
    npz, cameras = folder / 'test_h36m_body3d.npz', folder / 'cameras.pkl'
    out = tmp_path / 'h36m.pkl'
    counts = convert_h36m(npz, npz, cameras, out, train_2d=folder / 'test_h36m_2d_detection.npy')
    assert counts == {'train': 4, 'test': 4}
    test = dict(num_frames=5, test_mode=True, pipeline=encode('test'))
    pairs = [(H36MClipDataset(str(npz), str(cameras), **test),
              H36MMotionBERTDataset(str(out), subset='test', **test)),
             (H36MClipDataset(str(npz), str(cameras), str(folder / 'test_h36m_2d_detection.npy'),
                              num_frames=5, pipeline=encode('train')),
              H36MMotionBERTDataset(str(out), subset='train', num_frames=5, pipeline=encode('train')))]
    for ours, converted in pairs:
        assert len(ours) == len(converted) == 4  # each of the four single frames is stretched
        for a, b in zip(ours, converted):
            np.testing.assert_allclose(a['inputs'], b['inputs'], atol=1e-6)
            one, two = a['data_samples'], b['data_samples']
            np.testing.assert_allclose(one.gt_instance_labels.lifting_target_label,
                                       two.gt_instance_labels.lifting_target_label, atol=1e-5)
            assert one.sequence == two.sequence
    # The 2.5D targets are near the camera coordinates that they stand for: the factor undoes the projection.
    data = pairs[0][0]
    with np.load(npz) as archive:
        order = np.argsort(archive['imgname'])
        real = archive['S'][..., :3]
        names = archive['imgname']
    for sample in data:
        frame = list(names).index(data.table.image[sample['data_samples'].frame_ids[0]])
        camera = real[frame] - real[frame, :1]
        assert np.abs(sample['data_samples'].gt_instances.lifting_target[0] - camera).max() < 0.15
    assert len(order) == 4
    with pytest.raises(ValueError, match='no camera S1/54138969'):
        (tmp_path / 'cameras.pkl').write_bytes(pickle.dumps({}))
        H36MClipDataset(str(npz), str(tmp_path / 'cameras.pkl'))


def test_3dhp_samples(testdata, caplog):
    folder = testdata / 'mpi_inf_3dhp'
    for split in ('train', 'test'):
        path = folder / f'test_3dhp_{split}.npz'
        data = Mpi3dhpClipDataset(str(path), str(folder / f'cameras_{split}.pkl'), num_frames=4,
                                  pipeline=encode('test', 14), test_mode=True)
        with np.load(path) as archive:
            names, real, part = archive['imgname'], archive['S'][..., :3], archive['part']
        assert len(data) == 2 and (data.table.size == 2048).all()
        for sample in data:
            frame = list(names).index(data.table.image[sample['data_samples'].frame_ids[0]])
            target = sample['data_samples'].gt_instances.lifting_target
            np.testing.assert_allclose(target[0], real[frame] - real[frame, 14:15], atol=1e-5)
            np.testing.assert_allclose(sample['inputs'][0], part[frame, :, :2] / 1024 - 1, atol=1e-5)
    bare = Mpi3dhpClipDataset(str(path), num_frames=4)
    assert (bare.table.size == 2048).all() and bare.metainfo['dataset_name'] == 'mpi_inf_3dhp'


def test_3dhp_as_motionagformer_publishes_it(tmp_path):
    rng = np.random.default_rng(0)

    def arrays(frames):
        return dict(data_2d=rng.uniform(0, 1080, (frames, 17, 2)),
                    data_3d=rng.normal(0, 500, (frames, 17, 3)))

    train = {'S1 Seq1': [{'0': arrays(6), '2': arrays(5)}, 25]}
    test = {'TS1': {**arrays(4), 'valid': np.array([1, 0, 1, 1])}, 'TS5': {**arrays(3), 'valid': np.ones(3)}}
    for name, content in (('train', train), ('test', test)):
        np.savez_compressed(tmp_path / f'data_{name}_3dhp.npz', data=content)
        convert_mpi_inf_3dhp(tmp_path / f'data_{name}_3dhp.npz', tmp_path / f'{name}.npz')
    data = Mpi3dhpClipDataset(
        str(tmp_path / 'train.npz'), num_frames=3, stride=2, pipeline=encode('train', 14))
    assert len(data) == 2 + 2 and data.table.action[0] == 'S1'
    source = train['S1 Seq1'][0]['2']
    deep = source['data_3d'][2:5] * 2 / 2048
    np.testing.assert_allclose(data[3]['data_samples'].gt_instance_labels.lifting_target_label,
                               deep - deep[:, 14:15], atol=1e-5)
    data = Mpi3dhpClipDataset(str(tmp_path / 'test.npz'), num_frames=3, keep_tail=True)
    assert [clip['frame_ids'].tolist() for clip in data] == [[0, 1, 2], [1, 2, 3], [4, 5, 6]]
    assert data[0]['lifting_target_visible'][:, 0].tolist() == [1, 0, 1]
    assert data.table.size[5].tolist() == [1920, 1080]
    np.savez_compressed(tmp_path / 'bad.npz', data={'TS1': dict(data_2d=np.zeros((2, 17, 2)))})
    with pytest.raises(ValueError, match='TS1 lacks data_3d'):
        convert_mpi_inf_3dhp(tmp_path / 'bad.npz', tmp_path / 'o.npz')
    np.savez(tmp_path / 'numbers.npz', other=np.zeros(3))
    with pytest.raises(ValueError, match="no entry 'data'"):
        load_object_npz(tmp_path / 'numbers.npz', 'data')


def test_pipeline_of_a_config_flips_input_and_target_together(root, motionbert):
    from mmengine.config import Config
    path = root / 'configs/body_3d_keypoint/posemamba/h36m/posemamba-s-27frm_8xb4-120e_h36m.py'
    pipeline = Config.fromfile(str(path)).train_dataloader.dataset.pipeline
    pipeline[1].flip_prob = 1.0
    flip = [0, 4, 5, 6, 1, 2, 3, 7, 8, 9, 10, 14, 15, 16, 11, 12, 13]
    data = H36MMotionBERTDataset(str(motionbert[0]), num_frames=6)
    flipped, plain = Compose(pipeline)(data[0]), Compose(encode('train'))(data[0])
    mirror = np.array([-1.0, 1.0])
    np.testing.assert_allclose(flipped['inputs'], plain['inputs'].numpy()[:, flip] * mirror, atol=1e-5)
    label = plain['data_samples'].gt_instance_labels.lifting_target_label.numpy()
    np.testing.assert_allclose(flipped['data_samples'].gt_instance_labels.lifting_target_label,
                               label[:, flip] * np.array([-1.0, 1.0, 1.0]), atol=1e-5)
